"""What tests of pipelines on Kafka share: brokers, a recording to capture, and what its streams must come to.

The program is $BRAID, or build/release/braid. $BRAID_KEEP: a directory for all logs and data. $BRAID_SEED: of storms."""

import os
import random
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
for room in ("integration", "faults"):
    sys.path.insert(0, str(HERE.parent / room))

import kafka_install  # noqa: E402
from broker import NOT_INSTALLED, Brokers, Options  # noqa: E402
from pipeline import KafkaPipeline, copied  # noqa: E402

from braid import Braid  # noqa: E402
from fold import check_folds  # noqa: E402
from support import BRAID, recording, schemas  # noqa: E402

if missing := kafka_install.missing_programs():
    print(f"no {' and no '.join(missing)}: tools/setup --kafka installs what brokers need", file=sys.stderr)
    sys.exit(NOT_INSTALLED)

RECORDING = "cassandra-5.0.6-apart"   # never flushed, so that its history is known; no node has everything

# So that what is dead is missed soon.
SESSION_SECONDS = 6
QUICK = {"properties": {"session.timeout.ms": f"{SESSION_SECONDS}000"}}


class BrokerCase(unittest.TestCase):
    """One broker, and one directory, for all tests of the class."""

    @classmethod
    def setUpClass(cls) -> None:
        if keep := os.environ.get("BRAID_KEEP"):
            cls.scratch = Path(keep) / cls.__name__
            shutil.rmtree(cls.scratch, ignore_errors=True)
        else:
            scratch = tempfile.TemporaryDirectory(prefix="braid-kafka-")
            cls.addClassCleanup(scratch.cleanup)
            cls.scratch = Path(scratch.name)
        brokers = Brokers(cls.scratch / "brokers")
        cls.brokers = brokers.__enter__()
        cls.addClassCleanup(brokers.__exit__, None, None, None)


class StreamsCase(unittest.TestCase):
    of = RECORDING

    def setUp(self) -> None:
        if keep := os.environ.get("BRAID_KEEP"):
            self.scratch = Path(keep) / self.id().rsplit(".", 1)[1]
            shutil.rmtree(self.scratch, ignore_errors=True)
        else:
            scratch = tempfile.TemporaryDirectory(prefix="braid-kafka-")
            self.addCleanup(scratch.cleanup)
            self.scratch = Path(scratch.name)
        self.recording = recording(self.of)

    def start_brokers(self, options: Options = Options()) -> None:
        brokers = Brokers(self.scratch / "brokers", options)
        self.brokers = brokers.__enter__()
        self.addCleanup(brokers.__exit__, None, None, None)

    def pipeline(self, **options) -> KafkaPipeline:
        """Not started. With doors, each process has its own, of its name."""
        if self.brokers.options.doors:
            options.setdefault("bootstrap_of", self.brokers.bootstrap_by)
        pipeline = KafkaPipeline(BRAID, self.scratch / "pipeline", self.brokers.bootstrap, copied(self.recording, self.scratch),
                                 # The recording is older than what is usually remembered of the dead.
                                 settings={"purge_slack": "365d", **options.pop("settings", {})}, **options)
        self.addCleanup(pipeline.close)
        return pipeline

    def dice(self) -> random.Random:
        seed = int(os.environ.get("BRAID_SEED", random.SystemRandom().randrange(2**31)))
        self.say(f"BRAID_SEED={seed}")
        return random.Random(seed)

    def say(self, text: str) -> None:
        print(f"{self.id().rsplit('.', 1)[1]}: {text}", flush=True)

    def judge(self, pipeline: KafkaPipeline) -> None:
        tables = [name for name, table in schemas(self.of).items() if table["cdc"]]
        out = self.scratch / "out"
        wrong = pipeline.streams(tables, out)
        self.assertEqual(wrong, [])
        # TTLs have run out since the recording was made.
        count, summary, text = check_folds(self.recording, out, skipped=("expiring", "shortlived"))
        self.assertEqual(count, 0, f"{summary}\n{text[:5000]}")
        self.say(summary)

    def await_that(self, holds, what: str, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > deadline:
                self.fail(f"not within {timeout:.0f} s: {what}")
            time.sleep(0.02)

    def await_alive(self, worker: Braid) -> None:
        worker.await_alive(30)   # before that it does not listen to signals
