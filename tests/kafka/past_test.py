#!/usr/bin/env python3
"""Tables that were there before the pipeline, most of the nodes' logs gone: agents say what their nodes' files hold, workers make
the streams whole, while both are killed. What it uses of the environment: streams_case.py."""

import json
import time
import unittest
from pathlib import Path

from pipeline import NAME, lose_logs
from streams_case import StreamsCase

from fold import WholeFold, check_folds  # streams_case knows the folder
from support import schemas

FAST = {"backfill": {"rate": "1GiB"}}


class PastTest(StreamsCase):
    of = "cassandra-5.0.6-plain"   # its SSTables are in it

    def setUp(self) -> None:
        super().setUp()
        self.start_brokers()

    def await_end(self, pipeline) -> None:
        pipeline.await_sent()
        pipeline.await_taken_in()
        pipeline.await_whole()

    def come_to_the_end(self, pipeline) -> None:
        self.await_end(pipeline)
        self.judge(pipeline)

    def test_tables_with_a_past(self) -> None:
        pipeline = self.pipeline(settings=FAST)
        lose_logs(pipeline.nodes)
        pipeline.start_agents()
        pipeline.add_worker()
        self.come_to_the_end(pipeline)

    def test_who_wants_whole_rows_gets_nothing_else(self) -> None:
        pipeline = self.pipeline(settings=FAST, kafka={"topics": {"incomplete": "hold"}})
        lose_logs(pipeline.nodes)
        pipeline.start_agents()
        pipeline.add_worker()
        self.await_end(pipeline)
        out = self.scratch / "out"
        # What is held back has a number, too.
        wrong = [each for each in pipeline.streams(list(schemas(self.of)), out) if not each.startswith("shard ")]
        self.assertEqual(wrong, [])
        count, summary, text = check_folds(self.recording, out, skipped=("expiring", "shortlived"), kind=WholeFold)
        self.assertEqual(count, 0, f"{summary}\n{text[:5000]}")
        self.say(summary)

    def test_a_gap_heals(self) -> None:
        """Most of what was written after the pipeline began is only in files that were not there then: the logs go unread."""
        pipeline = self.pipeline(settings=FAST)
        later = [move for home in pipeline.nodes.values() for move in self.hide(home)]
        pipeline.start_agents()
        pipeline.add_worker()
        self.await_end(pipeline)
        for agent in pipeline.agents.values():
            agent.stop()
        for path, aside in later:
            aside.rename(path)
        lose_logs(pipeline.nodes)
        pipeline.start_agents()
        self.await_that(lambda: self.gaps(pipeline, "open"), "gaps")
        self.come_to_the_end(pipeline)
        self.assertEqual(self.gaps(pipeline, "open"), self.gaps(pipeline, "closed"))

    def hide(self, home: Path) -> list[tuple[Path, Path]]:
        """Takes the SSTables and all but the oldest segment away, and gives what brings them back."""
        tables = [path for path in (home / "data" / "rec").glob("*/*") if path.is_file()]
        segments = sorted((home / "cdc_raw").glob("*.log"))[1:]
        indexes = [segment.with_name(f"{segment.stem}_cdc.idx") for segment in segments]
        moves = [(path, home / "away" / str(path.relative_to(home)).replace("/", "+"))
                 for path in (*tables, *segments, *filter(Path.exists, indexes))]
        (home / "away").mkdir()
        for path, aside in moves:
            path.rename(aside)
        return moves

    def gaps(self, pipeline, state: str) -> set[tuple[int, int]]:
        """Those that any shard has told to be in this state: shard and gap."""
        told = [(record["partition"], json.loads(record["value"])["gap"]) for record in pipeline.consume(f"{NAME}.gaps")]
        return {(partition, gap["id"]) for partition, gap in told if gap["state"] == state}

    def test_a_node_that_is_let_go_is_not_waited_for(self) -> None:
        pipeline = self.pipeline(settings=FAST)
        lose_logs(pipeline.nodes)
        pipeline.start_agents()
        pipeline.await_sent()
        host = pipeline.agents["n3"].status()["nodes"][0]["host_id"]
        pipeline.agents["n3"].stop()
        worker = pipeline.add_worker()
        self.await_that(lambda: any(task["state"] == "running" for task in worker.status().get("backfills", [])), "a table is read")
        time.sleep(3)   # what the other nodes have would be read by now
        self.assertTrue(worker.status()["backfills"])
        retired = worker.command("retire", host)
        self.assertEqual(retired.returncode, 0, retired.stderr)
        pipeline.agents["n3"].close()
        pipeline.await_whole()

    def test_whoever_reads_or_sends_is_killed(self) -> None:
        dice = self.dice()
        pipeline = self.pipeline(settings={"backfill": {"rate": "2MiB"}})
        lose_logs(pipeline.nodes)
        pipeline.start_agents()
        for _ in range(2):
            pipeline.add_worker()
        for _ in range(12):
            victim = dice.choice([*pipeline.agents.values(), *pipeline.workers])
            time.sleep(dice.random() * 2)
            victim.kill()
            time.sleep(dice.random() * 2)
            victim.start()
        self.come_to_the_end(pipeline)


if __name__ == "__main__":
    unittest.main()
