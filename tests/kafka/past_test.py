#!/usr/bin/env python3
"""Tables that were there before the pipeline, most of the nodes' logs gone: agents say what their nodes' files hold, workers make
the streams whole, while both are killed. What it uses of the environment: streams_case.py."""

import time
import unittest

from streams_case import StreamsCase

from fold import WholeFold, check_folds  # streams_case knows the folder
from support import schemas

FAST = {"backfill": {"rate": "1GiB"}}


class PastTest(StreamsCase):
    of = "cassandra-5.0.6-plain"   # its SSTables are in it

    def setUp(self) -> None:
        super().setUp()
        self.start_brokers()

    def lose_logs(self, pipeline) -> None:
        """All but the newest segment of each node that it still needs itself."""
        for home in pipeline.nodes.values():
            for segment in sorted((home / "cdc_raw").glob("*.log"))[:-1]:
                segment.unlink()

    def await_whole(self, pipeline, timeout: float = 150) -> None:
        def is_whole() -> bool:
            pipeline.must_run()
            status = [worker.status() for worker in pipeline.workers]
            shards = [inlet for each in status for inlet in each.get("inlets", []) if inlet["restored"]]
            return len(shards) == pipeline.shards and not any(each["backfills"] or each["open_gaps"] for each in status)

        self.await_that(is_whole, f"all tables whole\n{pipeline.log_tails()}", timeout)

    def await_end(self, pipeline) -> None:
        pipeline.await_sent()
        pipeline.await_taken_in()
        self.await_whole(pipeline)

    def come_to_the_end(self, pipeline) -> None:
        self.await_end(pipeline)
        self.judge(pipeline)

    def test_tables_with_a_past(self) -> None:
        pipeline = self.pipeline(settings=FAST)
        self.lose_logs(pipeline)
        pipeline.start_agents()
        pipeline.add_worker()
        self.come_to_the_end(pipeline)

    def test_who_wants_whole_rows_gets_nothing_else(self) -> None:
        pipeline = self.pipeline(settings=FAST, kafka={"topics": {"incomplete": "hold"}})
        self.lose_logs(pipeline)
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

    def test_whoever_reads_or_sends_is_killed(self) -> None:
        dice = self.dice()
        pipeline = self.pipeline(settings={"backfill": {"rate": "2MiB"}})
        self.lose_logs(pipeline)
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
