#!/usr/bin/env python3
"""`braid run` on Kafka, killed now and then, and `braid read` of what it writes: exactly what Kafka's own consumer sees, once, from
any place.

The program is $BRAID, or build/release/braid. $BRAID_KEEP: a directory for all logs and data."""

import json
import signal
import subprocess
import sys
import time
import unittest
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
for room in ("integration", "faults"):
    sys.path.insert(0, str(HERE.parent / room))

import forged  # noqa: E402
import kafka_install  # noqa: E402
from broker import NOT_INSTALLED  # noqa: E402
from pipeline import NAME, KafkaPipeline, copied, in_pieces  # noqa: E402
from streams_case import BrokerCase  # noqa: E402

from braid import Braid, Unexpected  # noqa: E402
from fold import check_folds  # noqa: E402
from support import BRAID, events, recording, schemas  # noqa: E402

RECORDING = "cassandra-5.0.6-apart"
TABLES = sorted(schemas(RECORDING))
EXPIRING = ("expiring", "shortlived")   # TTLs have run out since the recording was made
TYPED = "rec.wide"
PREFIX = f"{NAME}.everything"
STREAMS = [
    {"name": "everything", "tables": ["*"]},
    {"name": "typed", "table": TYPED, "format": "json-schemas"},
    {"name": "avro", "table": TYPED, "topic": "in-avro", "format": "avro"},
]
# Nobody asks the registry: the stream is only read, by a configuration of its own.
REGISTRY = {"url": "http://127.0.0.1:9"}


def place_of(event: dict) -> tuple[str, int]:
    """The topic and partition in which an event of `everything` is."""
    source = event["source"]
    static = ".static" if source["row"] == "static" else ""
    return f"{PREFIX}.{source['keyspace']}.{source['table']}{static}", int(event["sequence"].split(":")[1])


def bring_back(pieces: list) -> None:
    for piece in pieces:
        for path, aside in piece:
            aside.rename(path)


def by_place(lines: list[str]) -> dict:
    places = defaultdict(list)
    for line in lines:
        places[place_of(json.loads(line))].append(line)
    return dict(places)


def fold(found: list[dict]) -> dict:
    rows = {}
    for event in found:
        if event["op"] == "m" or event["source"]["row"] == "range":
            continue
        row = event["source"]["row"], json.dumps(event["key"], sort_keys=True)
        rows[row] = event["after"]
    return {row: after for row, after in rows.items() if after is not None}


class ReadTest(BrokerCase):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        settings = {"purge_slack": "365d", "streams": STREAMS[:2]}
        cls.pipeline = KafkaPipeline(BRAID, cls.scratch / "pipeline", cls.brokers.bootstrap,
                                     copied(recording(RECORDING), cls.scratch), settings=settings,
                                     source={"on_corruption": "skip"},
                                     # Records that do not wait for a commit are there when a worker dies, and are aborted.
                                     kafka={"commit_interval": "20ms", "properties": {"session.timeout.ms": "6000", "linger.ms": "0"}})
        cls.addClassCleanup(cls.pipeline.close)
        cls.whole = Braid(BRAID, cls.scratch / "pipeline" / "whole", cls.pipeline.nodes, source=cls.pipeline.source,
                          settings=cls.pipeline.settings)
        cls.pipeline.agents = dict.fromkeys(cls.pipeline.nodes, cls.whole)
        cls.pipeline.workers = [cls.whole]
        cls.stream_it()

    @classmethod
    def stream_it(cls) -> None:
        """`braid run` dies at several points, as by kill -9; reads on, piece by piece, while transactions are open, aborted and
        committed."""
        cls.refused_early = cls.whole.command("read", "everything")
        cls.followed = cls.scratch / "followed.ndjson"
        follower = cls.whole.follow("everything", cls.followed)
        cls.addClassCleanup(follower.kill)
        cls.pieces, cls.position = [], "earliest"
        pieces = in_pieces(cls.pipeline.nodes, cls.scratch / "away")
        for point in ("worker.offsets-sent:1", "agent.acked:1", "worker.state-produced:2", "worker.offsets-sent:3"):
            bring_back(pieces[:1])
            del pieces[:1]
            cls.whole.start(point)
            cls.read_on()
            if cls.whole.await_end(30) is None:
                raise Unexpected(f"{point} was not reached\n{cls.whole.log_tail()}")
            cls.read_on()
        cls.whole.start()
        for piece in pieces:
            bring_back([piece])
            cls.read_on()
        cls.pipeline.await_sent()
        cls.pipeline.await_taken_in()
        cls.status = cls.whole.status()
        cls.whole.await_ready()
        cls.read_on()
        cls.open_gap()
        cls.read_on()
        cls.whole.stop()
        cls.read_on()
        topics = [f"{PREFIX}.{table}{kind}" for table in TABLES for kind in ("", ".static")]
        cls.records = cls.pipeline.consume(*topics)
        cls.uncommitted = cls.pipeline.consume(*topics, arguments=("--uncommitted",))
        cls.gaps = cls.gap_records()
        cls.typed_records = cls.pipeline.consume(f"{NAME}.typed", f"{NAME}.typed.static")
        cls.follower_end = cls.end_of(follower)

    @classmethod
    def open_gap(cls) -> None:
        """A segment of which only the beginning can be read appears beside the others; every shard tells of it."""
        cdc_raw = cls.pipeline.nodes["n1"] / "cdc_raw"
        newest = max(int(path.stem.split("-")[2]) for path in cdc_raw.glob("*.log"))
        forged.damaged(cdc_raw, newest + 1000)
        deadline = time.monotonic() + 60
        while len(cls.gap_records()) < cls.pipeline.shards:
            cls.whole.must_run()
            if time.monotonic() > deadline:
                raise Unexpected(f"there is no gap\n{cls.whole.log_tail()}")
            time.sleep(0.5)

    @classmethod
    def gap_records(cls) -> list[dict]:
        return cls.pipeline.consume(f"{NAME}.gaps")

    @classmethod
    def end_of(cls, follower: subprocess.Popen) -> int:
        """Of one that has everything: its file no longer grows."""
        wanted = sum(1 for record in cls.records if record["value"] is not None) + 1   # and the gap
        deadline = time.monotonic() + 30
        while cls.followed.read_bytes().count(b"\n") < wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        follower.send_signal(signal.SIGINT)
        return follower.wait(20)

    @classmethod
    def read_on(cls) -> None:
        if not cls.pieces and "has no topic" in cls.whole.command("read", "everything").stderr:
            return
        lines, cls.position = cls.read("everything", cls.position)
        cls.pieces.append(lines)

    @classmethod
    def read(cls, stream: str, start: str = "earliest", reader: Braid | None = None) -> tuple[list[str], str]:
        """The lines, and the position at the end."""
        ran = (reader or cls.whole).command("read", stream, "--from", start)
        if ran.returncode != 0:
            raise Unexpected(f"braid read {stream} --from {start} ended with {ran.returncode}: {ran.stderr}")
        return ran.stdout.split("\n")[:-1], ran.stderr.split("--from ")[1].strip()

    def reader(self, name: str, **settings) -> Braid:
        """A configuration to read by."""
        return Braid(BRAID, self.scratch / f"reader-{name}", self.pipeline.nodes, source=self.pipeline.source,
                     settings={**self.pipeline.settings, **settings})

    def expected(self, wanted=lambda record: True) -> dict:
        """What records of `everything` say, by topic and partition."""
        places = defaultdict(list)
        for record in self.records:
            if record["value"] is not None and wanted(record):
                places[record["topic"], record["partition"]].append(record["value"])
        return dict(places)

    def assert_lines(self, lines: list[str], expected: dict, gap: bool = True) -> None:
        """Of each partition exactly these, and of the gap one word."""
        gaps = [line for line in lines if json.loads(line)["op"] == "m"]
        self.assertEqual(len(gaps), 1 if gap else 0)
        self.assertLessEqual(set(gaps), {record["value"] for record in self.gaps})
        found = by_place([line for line in lines if line not in gaps])
        self.assertEqual({place: len(some) for place, some in found.items()},
                         {place: len(some) for place, some in expected.items()})
        self.assertEqual(found, expected)

    def test_the_streams_are_what_replay_folds_to(self) -> None:
        out = self.scratch / "out"
        self.assertEqual(self.pipeline.streams(TABLES, out, PREFIX), [])
        count, summary, text = check_folds(recording(RECORDING), out, skipped=EXPIRING)
        self.assertEqual(count, 0, f"{summary}\n{text[:5000]}")
        for table in TABLES:
            if table.split(".")[1] in EXPIRING:
                continue
            found = [json.loads(line) for line in (out / f"{table}.ndjson").read_text(encoding="utf-8").split("\n") if line]
            self.assertEqual(fold(found), fold(events(RECORDING, table)), table)

    def test_everything_is_read_once(self) -> None:
        self.assertGreater(len(self.uncommitted), len(self.records), "no transaction was aborted: nothing is tested")
        lines, _ = self.read("everything")
        self.assert_lines(lines, self.expected())

    def test_read_in_pieces_from_printed_positions(self) -> None:
        self.assertGreater(sum(1 for piece in self.pieces if piece), 2)
        self.assert_lines([line for piece in self.pieces for line in piece], self.expected())
        self.assertEqual(self.read("everything", self.position), ([], self.position))

    def test_followed_from_before_there_was_a_topic(self) -> None:
        self.assertEqual(self.follower_end, 0)
        self.assert_lines(self.followed.read_text(encoding="utf-8").split("\n")[:-1], self.expected())

    def test_both_show_in_one_status(self) -> None:
        self.assertEqual({node["name"] for node in self.status["nodes"]}, set(self.pipeline.nodes))
        self.assertGreater(self.status["outlet"]["acknowledged"], 0)
        self.assertEqual(len(self.status["inlets"]), self.pipeline.shards)
        self.assertEqual(len(self.status["shards"]), self.pipeline.shards)

    def test_from_latest(self) -> None:
        self.assertEqual(self.read("everything", "latest"), ([], self.position))

    def starts_at(self, time_ms: int) -> dict:
        """The offset of each partition's first record of that time or later."""
        starts: dict = {}
        for record in self.records:
            place = record["topic"], record["partition"]
            if record["timestamp"] >= time_ms:
                starts.setdefault(place, record["offset"])
        return starts

    def test_from_a_time(self) -> None:
        times = sorted(record["timestamp"] // 1000 for record in self.records)
        for seconds in {times[len(times) // 2], times[0], times[-1] + 1}:
            starts = self.starts_at(seconds * 1000)
            text = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            lines, _ = self.read("everything", text)
            self.assert_lines(lines, self.expected(
                lambda record: record["offset"] >= starts.get((record["topic"], record["partition"]), 1 << 62)))  # noqa: B023

    def test_from_a_sequence(self) -> None:
        values = [record for record in self.records if record["value"] is not None]
        for record in (values[0], values[len(values) // 2], values[-1]):
            sequence = record["headers"]["braid-sequence"]
            _, shard, number = map(int, sequence.split(":"))
            starts = self.starts_at(record["timestamp"])

            def is_behind(other: dict) -> bool:
                if other["partition"] == shard:   # noqa: B023
                    return int(other["headers"]["braid-sequence"].split(":")[2]) >= number   # noqa: B023
                return other["offset"] >= starts.get((other["topic"], other["partition"]), 1 << 62)   # noqa: B023

            lines, _ = self.read("everything", sequence)
            self.assertIn(record["value"], lines)
            self.assert_lines(lines, self.expected(is_behind))

    def test_a_table_without_configured_streams(self) -> None:
        settings = {name: value for name, value in self.pipeline.settings.items() if name != "streams"}
        settings["name"] = PREFIX   # whose topics are named like those of `everything`; it has no gaps
        reader = Braid(BRAID, self.scratch / "reader-table", self.pipeline.nodes, settings=settings)
        lines, position = self.read("rec.statics", reader=reader)
        self.assert_lines(lines, self.expected(lambda record: record["topic"].startswith(f"{PREFIX}.rec.statics")), gap=False)
        self.assertIn(f"{PREFIX}.rec.statics.static", {place[0] for place in by_place(lines)})
        self.assertEqual(self.read("rec.statics", position, reader), ([], position))

    def test_json_with_schemas(self) -> None:
        lines, _ = self.read("typed")
        self.assertGreater(len(lines), 0)
        lines = [line for line in lines if json.loads(line)["op"] != "m"]
        payloads = [json.loads(record["value"])["payload"] for record in self.typed_records if record["value"] is not None]
        self.assertEqual(sorted(json.dumps(json.loads(line)) for line in lines), sorted(map(json.dumps, payloads)))

    def assert_refused(self, ran: subprocess.CompletedProcess, *says: str) -> None:
        self.assertIn(ran.returncode, (1, 2), ran.stderr)
        self.assertEqual(ran.stdout, "")
        self.assertEqual(ran.stderr.count("\n"), 1, ran.stderr)
        for words in says:
            self.assertIn(words, ran.stderr)

    def test_what_cannot_be_read(self) -> None:
        self.assert_refused(self.refused_early, "has no topic of the stream everything", "--follow")
        read = self.whole.command
        self.assert_refused(read("read", "nothing"), "no stream named nothing")
        self.assert_refused(read("read", "typed", "--from", self.position), "position is of a stream with the topic")
        self.assert_refused(read("read", "everything", "--from", "1:1,2,3,4"), "not one of a stream in Kafka")
        self.assert_refused(read("read", "everything", "--from", "k9/x:1"), "version k9")
        topic = f"{PREFIX}.rec.wide"
        self.assert_refused(read("read", "everything", "--from", f"k1/{topic}:999999,0,0,0"), topic, "made anew")
        self.assert_refused(read("read", "everything", "--from", f"k1/{topic}:0,0,0,0,0"), topic, "5 partitions")
        self.assert_refused(read("read", "everything", "--from", "7:0:1"), "another timeline")
        self.assert_refused(read("read", "everything", "--from", "1:0:999999999"), "999999999")
        avro = self.reader("avro", streams=STREAMS, kafka={**self.pipeline.settings["kafka"], "registry": REGISTRY})
        self.assert_refused(avro.command("read", "avro"), "Avro", "kafka-avro-console-consumer", "in-avro")

    def test_what_cannot_run(self) -> None:
        """With topics that do not fit neither half goes on, and the error comes out."""
        other = Braid(BRAID, self.scratch / "other", self.pipeline.nodes, source=self.pipeline.source,
                      settings={**self.pipeline.settings, "shards": 3})
        other.start()
        self.addCleanup(other.close)
        self.assertEqual(other.await_end(30), 2, other.log_tail())
        self.assertIn("partitions", other.log_tail())


if __name__ == "__main__":
    if missing := kafka_install.missing_programs():
        print(f"no {' and no '.join(missing)}: tools/setup --kafka installs what brokers need", file=sys.stderr)
        sys.exit(NOT_INSTALLED)
    unittest.main(verbosity=2)
