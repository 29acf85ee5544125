#!/usr/bin/env python3
"""Brokers that fail: one of three at a time, one whose disk is full, and all of them for long.

Environment: see streams_case.py. $BRAID_OUTAGE_SECONDS: how long Kafka is away in the midst of work (15)."""

import json
import os
import subprocess
import time
import unittest

from broker import BrokerFailed, Options
from network import Way
from pipeline import KafkaPipeline, bring, in_pieces
from streams_case import QUICK, StreamsCase

from braid import Braid, fill

OUTAGE_SECONDS = float(os.environ.get("BRAID_OUTAGE_SECONDS", "15"))
AT_START_SECONDS = min(OUTAGE_SECONDS, 60)
VOLUME = "128m"
CDC_SPACE_MIB = 4
# What a process may take more while Kafka is away: its queues, and what librdkafka says of each failure.
MORE_BYTES = 96 << 20


class BrokersTest(StreamsCase):
    def test_one_of_three_brokers_at_a_time(self) -> None:
        """Each holds a part of the partitions, of the transactions and the group; the other two go on without it."""
        dice = self.dice()
        self.start_brokers(Options(brokers=3))
        pipeline = self.pipeline(kafka={"replicas": 3, "commit_interval": "30ms", **QUICK})
        pieces = in_pieces(pipeline.nodes, self.scratch / "away")
        pipeline.start_agents()
        for _ in range(2):
            pipeline.add_worker()
        bring(pieces, len(pieces) // 4)
        pipeline.await_sent()
        for number in dice.sample((1, 2, 3), 3):
            self.brokers.kill(number)
            bring(pieces, len(pieces) // 3)
            # Nobody waits for the one that is gone.
            since = time.monotonic()
            pipeline.await_sent()
            pipeline.await_taken_in()
            self.say(f"went on {time.monotonic() - since:.1f} s after broker {number} was killed")
            self.brokers.start(number)
            time.sleep(2)
        bring(pieces, len(pieces))
        pipeline.await_sent()
        pipeline.await_taken_in()
        self.judge(pipeline)

    def test_a_brokers_disk_is_full(self) -> None:
        """It ends, and ends again, until there is room. Agents keep what it has not got, whoever dies meanwhile."""
        volume = self.scratch / "volume"
        volume.mkdir(parents=True)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={VOLUME}", "tmpfs", str(volume)], capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"a small tmpfs cannot be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(volume)], check=True)
        self.start_brokers(Options(settings={"log.dirs": f"{volume}/b{{n}}"}))
        pipeline = self.pipeline(kafka={"commit_interval": "30ms", **QUICK})
        pieces = in_pieces(pipeline.nodes, self.scratch / "away")
        pipeline.start_agents()
        workers = [pipeline.add_worker() for _ in range(2)]
        bring(pieces, len(pieces) // 3)
        pipeline.await_sent()
        ballast = fill(volume)
        bring(pieces, len(pieces) // 2)
        self.brokers.await_end()
        time.sleep(3)   # what was acknowledged before is let go
        kept = self.in_cdc_raw(pipeline)
        workers[0].kill()
        pipeline.agents["n1"].kill()
        with self.assertRaises(BrokerFailed):
            self.brokers.start()
        workers[0].start()
        pipeline.agents["n1"].start()
        bring(pieces, len(pieces))
        time.sleep(5)
        pipeline.must_run()
        self.assertGreater(len(kept), 0)
        self.assertLessEqual(kept, self.in_cdc_raw(pipeline), "something was let go that no broker had")
        ballast.unlink()
        self.brokers.start()
        pipeline.await_sent()
        pipeline.await_taken_in()
        self.judge(pipeline)

    def test_kafka_is_away(self) -> None:
        """At first no broker is there; later none answers, for longer than anyone waits. All go on by themselves."""
        self.start_brokers(Options(doors=("all",)))
        self.brokers.kill()
        pipeline = self.pipeline(kafka={"commit_interval": "30ms", **QUICK}, bootstrap_of=lambda _: self.brokers.bootstrap_by("all"))
        pieces = in_pieces(pipeline.nodes, self.scratch / "away")
        bring(pieces, len(pieces) // 3)
        everything = self.in_cdc_raw(pipeline)
        pipeline.start_agents()
        for _ in range(2):
            pipeline.add_worker()
        self.stand(pipeline, AT_START_SECONDS)
        self.assertEqual(self.in_cdc_raw(pipeline), everything)
        self.brokers.start()
        pipeline.await_sent()
        pipeline.await_taken_in()
        self.await_that(lambda: not everything & self.in_cdc_raw(pipeline), "what the broker has is let go")

        self.brokers.network.cut("all", Way.BOTH)
        bring(pieces, len(pieces))
        everything = self.in_cdc_raw(pipeline)
        self.assertTrue(everything)
        self.stand(pipeline, OUTAGE_SECONDS)
        self.assertEqual(self.in_cdc_raw(pipeline), everything)
        for agent in pipeline.agents.values():
            self.assertNotEqual(agent.http("/readyz")[0], 200)
            self.assertIn("cdc_raw is guarded", " ".join(agent.status()["alarms"]))
        self.brokers.network.heal("all")
        pipeline.await_sent()
        pipeline.await_taken_in()
        self.await_that(lambda: not everything & self.in_cdc_raw(pipeline), "what the broker has is let go")
        self.await_that(lambda: not any(process.status().get("alarms", ["?"]) for process in pipeline.running()), "no alarm stays")
        self.judge(pipeline)

    def test_kafka_is_away_for_too_long(self) -> None:
        """cdc_raw would be full, and Cassandra refuse writes: what is let go is told of as gaps, and all that is left comes."""
        self.start_brokers()
        self.brokers.kill()
        pipeline = self.pipeline(kafka=QUICK, source={"cdc_total_space": f"{CDC_SPACE_MIB}MiB"})
        everything = self.in_cdc_raw(pipeline)
        pipeline.start_agents()
        pipeline.add_worker()
        # At nine tenths of the space it is guarded.
        let_go = {node for node, home in pipeline.nodes.items()
                  if sum(path.stat().st_size for path in (home / "cdc_raw").iterdir()) > CDC_SPACE_MIB * 0.9 * (1 << 20)}
        self.assertTrue(0 < len(let_go) < len(pipeline.nodes), let_go)
        self.await_that(lambda: {name for name, _ in everything - self.in_cdc_raw(pipeline)} == let_go, "some segments are let go")
        left = self.in_cdc_raw(pipeline)
        self.assertEqual({name for name, _ in left}, set(pipeline.nodes))
        self.brokers.start()
        pipeline.await_sent()
        pipeline.await_taken_in()
        gaps = [each["gap"] for each in map(json.loads, (record["value"] for record in pipeline.consume("kafka.gaps")))]
        self.assertEqual({gap["node"] for gap in gaps}, let_go)
        self.assertLessEqual({gap["reason"] for gap in gaps}, {"overflow"})
        self.await_that(lambda: not left & self.in_cdc_raw(pipeline), "what is left is sent")

    def stand(self, pipeline: KafkaPipeline, seconds: float) -> None:
        """Nobody gives up, and nobody grows."""
        took = None
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pipeline.must_run()
            time.sleep(min(1, seconds / 10))
            took = took or {process.home: _resident(process) for process in pipeline.running()}
        for process in pipeline.running():
            self.assertLess(_resident(process) - took[process.home], MORE_BYTES, process.home)

    @staticmethod
    def in_cdc_raw(pipeline: KafkaPipeline) -> set[tuple[str, str]]:
        """Segments, by node and name, that are complete: agents let go of no others."""
        return {(node, path.name) for node, home in pipeline.nodes.items() for path in (home / "cdc_raw").glob("*_cdc.idx")
                if "COMPLETED" in path.read_text(encoding="ascii")}


def _resident(process: Braid) -> int:
    return process.status().get("resident_bytes", 0)


if __name__ == "__main__":
    unittest.main()
