#!/usr/bin/env python3
"""From recorded nodes through real brokers to Kafka's own consumer: the topics hold what SELECT had, each change once.

Environment: see streams_case.py."""

import base64
import json
import random
import signal
import time
import unittest

from pipeline import KafkaPipeline, in_pieces
from registry import Registry
from streams_case import QUICK, RECORDING, SESSION_SECONDS, StreamsCase

from braid import Braid
from fold import check_folds
from support import schemas


class StreamsTest(StreamsCase):
    def setUp(self) -> None:
        super().setUp()
        self.start_brokers()

    def test_agents_and_a_worker(self) -> None:
        pipeline = self.pipeline()
        pipeline.start_agents()
        worker = pipeline.add_worker()
        pipeline.await_sent()
        pipeline.await_taken_in()
        self.judge(pipeline)
        worker.stop()
        for agent in pipeline.agents.values():
            agent.stop()

    def test_one_stream_in_every_form(self) -> None:
        """What each form holds is tests/typed' business; here that the same changes are in all of them."""
        forms = ("json", "json-schemas", "avro")
        with Registry() as registry:
            pipeline = self.pipeline(kafka={"registry": {"url": registry.url}},
                                     settings={"streams": [{"name": form, "table": "rec.collections", "topic": f"form.{form}", "format": form}
                                                           for form in forms]})
            pipeline.start_agents()
            pipeline.add_worker()
            pipeline.await_sent()
            pipeline.await_taken_in()
            found = {form: pipeline.consume(f"form.{form}", arguments=("--binary",)) for form in forms}
            ids = {int.from_bytes(base64.b64decode(record["value"])[1:5], "big") for record in found["avro"] if record["value"]}
            for schema in ids:
                self.assertIn("Envelope", registry.ask("GET", f"/schemas/ids/{schema}")["schema"])
        self.assertGreater(len(found["json"]), 50)
        numbers = {form: [(record["headers"]["braid-sequence"], record["value"] is None) for record in found[form]] for form in forms}
        self.assertEqual(sorted(numbers["json"]), sorted(numbers["json-schemas"]))
        self.assertEqual(sorted(numbers["json"]), sorted(numbers["avro"]))
        plain = {record["headers"]["braid-sequence"]: json.loads(base64.b64decode(record["value"]))
                 for record in found["json"] if record["value"]}
        for record in found["json-schemas"]:
            if record["value"]:
                payload = json.loads(base64.b64decode(record["value"]))["payload"]
                event = plain[record["headers"]["braid-sequence"]]
                self.assertEqual((payload["op"], payload["source"]["revision"], (payload["after"] or {}).keys()),
                                 (event["op"], event["source"]["revision"], (event["after"] or {}).keys()))

    def test_a_record_that_is_none(self) -> None:
        pipeline = self.pipeline()
        pipeline.start_agents()
        pipeline.await_sent()
        pipeline.produce("kafka.mutations", 1, "who", "wrote this?")
        worker = pipeline.add_worker()
        self.assertEqual(worker.await_end(60), 1, worker.log_tail())
        self.assertRegex(worker.log_tail(), r"kafka\.mutations partition 1 offset \d+: .*on_corruption: skip")
        worker.settings["source"]["on_corruption"] = "skip"
        worker.write_config()
        worker.start()
        pipeline.await_taken_in()
        self.judge(pipeline)
        gaps = [json.loads(record["value"]) for record in pipeline.consume("kafka.gaps")]
        self.assertEqual([(gap["gap"]["reason"], gap["gap"]["state"]) for gap in gaps], [("corrupt", "open")])
        self.assertIn("kafka.mutations partition 1", gaps[0]["gap"]["detail"])

    def test_workers_that_come_before_the_agents(self) -> None:
        """Shards are restored, and wait for the first agent's word, while they move from one worker to another and back."""
        pipeline = self.pipeline(kafka=QUICK)
        first = pipeline.add_worker()
        self.await_shards(first, pipeline.shards)
        second = pipeline.add_worker()
        self.await_shards(second, pipeline.shards // 2)
        second.stop()
        self.await_shards(first, pipeline.shards)
        pipeline.start_agents()
        pipeline.await_sent()
        pipeline.await_taken_in()
        self.judge(pipeline)

    def test_killed_as_it_gives_shards_back(self) -> None:
        """The group has taken the shards from it, and nobody is given them before it says that it is done."""
        pipeline = self.pipeline(kafka=QUICK)
        pipeline.start_agents()
        first = pipeline.add_worker()
        first.kill()
        first.start("worker.gives-back:1")
        self.await_shards(first, pipeline.shards)
        second = pipeline.add_worker()
        self.assertIsNotNone(first.await_end(30), first.log_tail())
        first.start()
        self.await_alive(second)
        pipeline.await_sent()
        pipeline.await_taken_in()
        self.judge(pipeline)

    def await_shards(self, worker: Braid, count: int) -> None:
        deadline = time.monotonic() + 60
        while len(worker.status().get("inlets", [])) != count:
            worker.must_run()
            self.assertLess(time.monotonic(), deadline, worker.log_tail())
            time.sleep(0.1)
        time.sleep(2)   # so that nothing is left to be restored

    def test_a_node_that_is_gone_holds_nothing_back(self) -> None:
        pipeline = self.pipeline()
        pipeline.start_agents()
        worker = pipeline.add_worker()
        pipeline.await_sent()
        pipeline.await_taken_in()
        host = pipeline.agents["n3"].status()["nodes"][0]["host_id"]
        pipeline.agents["n3"].stop()
        time.sleep(2.5)

        def watermark() -> int:
            return min(shard["watermark_us"] for shard in worker.status()["shards"])

        stands = watermark()
        time.sleep(2)
        self.assertEqual(watermark(), stands)
        wrong = worker.command("retire", "n3")
        self.assertEqual(wrong.returncode, 2, wrong.stderr)
        retired = worker.command("retire", host)
        self.assertEqual(retired.returncode, 0, retired.stderr)
        deadline = time.monotonic() + 60
        while watermark() == stands:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def test_at_least_once(self) -> None:
        """Without transactions something may come twice, the same each time, and nothing is missing."""
        pipeline = self.pipeline(kafka={"guarantee": "at_least_once", "commit_interval": "20ms", **QUICK})
        pieces = in_pieces(pipeline.nodes, self.scratch / "away")
        pipeline.start_agents()
        worker = pipeline.add_worker()
        for piece in pieces:
            for path, aside in piece:
                aside.rename(path)
            time.sleep(0.5)
            worker.kill()
            worker.start()
        pipeline.await_sent()
        pipeline.await_taken_in()
        tables = [name for name, table in schemas(RECORDING).items() if table["cdc"]]
        out = self.scratch / "out"
        pipeline.streams(tables, out)
        for table in tables:
            once = {}
            for line in (out / f"{table}.ndjson").read_text(encoding="utf-8").split("\n"):
                if line:
                    event = json.loads(line)
                    row = event["source"]["row"], json.dumps(event["key"]), event["source"]["revision"]
                    known = once.setdefault(row, line)
                    self.assertEqual(json.loads(known)["after"], event["after"], row)
            (out / f"{table}.ndjson").write_text("".join(line + "\n" for line in once.values()), encoding="utf-8")
        count, summary, text = check_folds(self.recording, out, skipped=("expiring", "shortlived"))
        self.assertEqual(count, 0, f"{summary}\n{text[:5000]}")

    def test_killed_at_every_point_of_a_transaction(self) -> None:
        pipeline = self.pipeline(kafka={"commit_interval": "20ms", **QUICK})
        pipeline.start_agents()
        worker = pipeline.add_worker()
        worker.kill()
        for point in ("worker.state-produced", "worker.offsets-sent", "worker.committed", "shard.state-committed", "worker.finished"):
            for times in (1, 3):
                worker.start(f"{point}:{times}")
                self.assertIsNotNone(worker.await_end(30), f"{point} was not reached\n{worker.log_tail()}")
        worker.start()
        pipeline.await_sent()
        pipeline.await_taken_in()
        self.judge(pipeline)

    def test_storm(self) -> None:
        """Workers come, go, die and freeze, agents and the broker die, while the logs come piece by piece."""
        dice = self.dice()
        pipeline = self.pipeline(kafka={"commit_interval": "30ms", **QUICK})
        pieces = in_pieces(pipeline.nodes, self.scratch / "away")
        pipeline.start_agents()
        pipeline.add_worker()
        deeds = []
        while pieces or len(deeds) < 14:
            if pieces and (dice.random() < 0.5 or len(deeds) >= 14):
                for path, aside in pieces.pop(0):
                    aside.rename(path)
            deed = dice.choice(("kill worker", "kill worker", "add worker", "stop worker", "freeze worker", "kill agent", "kill broker"))
            deeds.append(deed)
            self.do(deed, pipeline, dice)
            time.sleep(dice.random() * 1.5)
        self.say(", ".join(deeds))
        for worker in pipeline.workers:
            if worker.process is None:
                worker.start()
        pipeline.await_sent()
        pipeline.await_taken_in(180)
        self.judge(pipeline)

    def do(self, deed: str, pipeline: KafkaPipeline, dice: random.Random) -> None:
        running = [worker for worker in pipeline.workers if worker.process is not None]
        idle = [worker for worker in pipeline.workers if worker.process is None]
        if deed == "kill broker":
            self.brokers.kill()
            time.sleep(dice.random())
            self.brokers.start()
        elif deed == "kill agent":
            agent = dice.choice(list(pipeline.agents.values()))
            agent.kill()
            agent.start()
        elif deed == "add worker":
            if idle:
                dice.choice(idle).start()
            elif len(pipeline.workers) < 4:
                pipeline.add_worker()
        elif running:
            worker = dice.choice(running)
            if deed == "kill worker":
                worker.kill()
                if dice.random() < 0.7:
                    worker.start()
            elif deed == "stop worker":
                self.await_alive(worker)   # before that it does not listen to signals
                worker.stop()
            else:
                worker.signal(signal.SIGSTOP)
                time.sleep(dice.choice((0.5, SESSION_SECONDS + 2)))
                worker.signal(signal.SIGCONT)


if __name__ == "__main__":
    unittest.main()
