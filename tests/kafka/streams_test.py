#!/usr/bin/env python3
"""From recorded nodes through real brokers to Kafka's own consumer: the topics hold what SELECT had, each change once.

The program is $BRAID, or build/release/braid."""

import random
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
for room in ("integration", "faults"):
    sys.path.insert(0, str(HERE.parent / room))

from broker import Brokers  # noqa: E402
from pipeline import KafkaPipeline, copied  # noqa: E402

from fold import check_folds  # noqa: E402
from support import BRAID, recording, schemas  # noqa: E402

RECORDING = "cassandra-5.0.6-apart"   # never flushed, so that its history is known; no node has everything


class StreamsTest(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(prefix="braid-kafka-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.recording = recording(RECORDING)
        brokers = Brokers(self.scratch / "brokers")
        self.brokers = brokers.__enter__()
        self.addCleanup(brokers.__exit__, None, None, None)

    def pipeline(self, **options) -> KafkaPipeline:
        pipeline = KafkaPipeline(BRAID, self.scratch / "pipeline", self.brokers.bootstrap, copied(self.recording, self.scratch),
                                 **options)
        self.addCleanup(pipeline.close)
        return pipeline

    def judge(self, pipeline: KafkaPipeline) -> None:
        tables = [name for name, table in schemas(RECORDING).items() if table["cdc"]]
        out = self.scratch / "out"
        wrong = pipeline.streams(tables, out)
        self.assertEqual(wrong, [])
        # TTLs have run out since the recording was made.
        count, summary, text = check_folds(self.recording, out, skipped=("expiring", "shortlived"))
        self.assertEqual(count, 0, f"{summary}\n{text[:5000]}")
        print(f"{self.id().rsplit('.', 1)[1]}: {summary}", flush=True)

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


if __name__ == "__main__":
    unittest.main()
