#!/usr/bin/env python3
"""The same scenarios through a pipeline in one process without Kafka (`braid run`), one in pieces (`braid capture`, `braid reconcile`),
and one in one process on Kafka (`braid run`), side by side: in the same order all tell the same events, in any order the same rows.

The program is $BRAID, or build/release/braid. $BRAID_SEED: of the orders. $BRAID_KEEP: a directory for all logs and data."""

import json
import os
import random
import shutil
import sys
import time
import unittest
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).resolve().parent
for room in ("integration", "faults"):
    sys.path.insert(0, str(HERE.parent / room))

import forged  # noqa: E402
import kafka_install  # noqa: E402
from broker import NOT_INSTALLED  # noqa: E402
from pipeline import KafkaPipeline, copied, in_pieces  # noqa: E402
from streams_case import BrokerCase  # noqa: E402

from braid import Braid, Unexpected  # noqa: E402
from fold import check_folds  # noqa: E402
from support import BRAID, recording, run, schemas  # noqa: E402

APART = "cassandra-5.0.6-apart"         # never flushed, so that its history is known; no node has everything
ALTERED = "cassandra-4.1.10-snappy"     # columns and tables came and went
EXPIRING = ("expiring", "shortlived")   # tables of which TTLs have run out since they were recorded
TRUNCATED = "rec.wide"
DROPPED = "rec.shortlived"              # in ALTERED
PAIR = ("embedded", "pieces")
SHARDS = 3
SECONDS = 60

STREAMS = [
    {"name": "everything", "tables": ["*"]},
    {"name": "some-rows", "table": "rec.natives", "where": "v_int >= 0 OR v_text IS NULL",
     "columns": {"exclude": ["v_blob", "v_varint"], "mask": {"v_ascii": "hmac", "v_text": "truncate:2", "v_bigint": "redact"}}},
    {"name": "with-statics", "table": "rec.statics", "columns": {"include": ["s", "sset", "a"], "mask": {"p": "hmac", "s": "hmac"}}},
    {"name": "no-statics", "table": "rec.statics", "where": "b != 0", "columns": {"include": ["b"]}},
    {"name": "two-tables", "tables": ["rec.counters", TRUNCATED]},
]
MASKED = ("some-rows", "with-statics")
EXCLUDED = "rec.udts.n"

Told = dict[str, dict[int, list[dict]]]   # events, by stream and shard, in order


class Side:
    """One kind of pipeline, in `home`, with nodes of its own."""

    def __init__(self, kind: str, home: Path, recorded: str, bootstrap: str, settings: dict, exclude: list[str]):
        self.kind, self.recorded, self.name = kind, recorded, f"{home.name}-{kind}"
        self.home = home / kind
        self.nodes = copied(recording(recorded), self.home)
        key = self.home / "hmac.key"
        key.write_text("the same for all of them", encoding="ascii")
        key.chmod(0o600)
        streams = [{**each, "hmac_key_file": str(key)} if each["name"] in MASKED else each for each in settings["streams"]]
        source = {"sync_slack": "100ms", "schema_wait": "200ms", "on_corruption": "skip", "exclude": exclude}
        # A worker waits for definitions that are there, and only need to be fetched.
        patient = {**source, "schema_wait": "10s"}
        # Only a pipeline without Kafka would read SSTables. What is remembered of the dead is not the subject.
        settings = {"name": self.name, "shards": SHARDS, "purge_slack": "365d", "backfill": {"bootstrap": "none", "gaps": "none"},
                    **settings, "streams": streams}
        kafka = settings.pop("kafka")
        if kind == "pieces":
            self.kafka = KafkaPipeline(BRAID, self.home, bootstrap, self.nodes, SHARDS, kafka, source, settings)
            self.capturing = self.kafka.agents
            self.merging = Braid(BRAID, self.home / "worker", self.nodes, source=patient, settings=self.kafka.settings,
                                 stage=("reconcile",))
        else:
            if kind == "whole":
                settings["kafka"] = {"brokers": bootstrap, "replicas": 1, **kafka}
            self.merging = Braid(BRAID, self.home, self.nodes, source=patient if kind == "whole" else source, settings=settings)
            self.capturing = dict.fromkeys(self.nodes, self.merging)

    @property
    def processes(self) -> set[Braid]:
        return {*self.capturing.values(), self.merging}

    def start(self) -> None:
        for process in self.processes:
            process.start()

    def close(self) -> None:
        for process in self.processes:
            process.close()

    def wait_until(self, what: str, is_so) -> None:
        deadline = time.monotonic() + SECONDS
        while not is_so():
            for process in self.processes:
                process.must_run()
            if time.monotonic() > deadline:
                told = "\n".join(f"{json.dumps(process.status())}\n{process.log_tail()}" for process in self.processes)
                raise Unexpected(f"{self.name}: not within {SECONDS} s: {what}\n{told}")
            time.sleep(0.02)

    def await_given(self, piece: "Piece") -> None:
        """All that there is of the node's log, this being its last segment, is on its way to the shards."""
        def is_given() -> bool:
            nodes = self.capturing[piece.node].status().get("nodes", [])
            told = next((node for node in nodes if node["name"] == piece.node), {})
            given = told.get("position" if self.kind == "embedded" else "acknowledged")
            return bool(given) and given == told["position"] and given["segment"] >= piece.segment and told["unread_bytes"] == 0
        self.wait_until(f"segment {piece.segment} of {piece.node} is given", is_given)

    def await_log(self, words: str) -> None:
        for process in set(self.capturing.values()):
            self.wait_until(words, lambda: words in process.log.read_text(encoding="utf-8"))   # noqa: B023

    def await_merged(self, given_us: int) -> None:
        """All that was given until then is merged: the nodes' word of how late it is stands behind it in each shard."""
        def is_merged() -> bool:
            shards = self.merging.status().get("shards", [])
            return len(shards) == SHARDS and all((shard["watermark_us"] or 0) > given_us for shard in shards)
        self.wait_until("everything given is merged", is_merged)

    def stop(self) -> None:
        for process in self.processes:
            process.stop()


def await_merged(sides: list[Side]) -> None:
    given_us = time.time_ns() // 1000
    for side in sides:
        side.await_merged(given_us)


@dataclass(frozen=True)
class Piece:
    """A segment of a node's log that nobody sees yet."""
    node: str
    segment: int
    files: list[tuple[Path, Path]]   # where to, where from

    def bring_back(self) -> None:
        for path, aside in self.files:
            aside.rename(path)


def take_away(side: Side) -> list[Piece]:
    """All segments, the oldest first. Those without an index hold nothing that their node has synced, and stay away."""
    pieces = []
    for files in in_pieces(side.nodes, side.home / "away"):
        segment = files[0][0]
        if any(path.name.endswith("_cdc.idx") for path, _ in files):
            pieces.append(Piece(segment.parent.parent.name, int(segment.stem.split("-")[2]), files))
    return pieces


def without_what_differs(event: dict) -> str:
    """As text, so that the order of fields counts, but for what is of the process and its clock: the pipeline's name and epoch, and when
    the event was emitted."""
    _, shard, number = event["sequence"].split(":")
    return json.dumps({**event, "source": {**event["source"], "name": None}, "sequence": f"{shard}:{number}", "ts_ms": None})


def gap_of(event: dict, side: Side) -> str:
    """What a gap's event says, but for when it was found, its id (made of it and the node's number, and each agent counts its own
    nodes), and where the side's files are."""
    return json.dumps({**event["gap"], "id": None}).replace(str(side.home), "")


def table_id(recorded: str, table: str) -> uuid.UUID:
    for line in run("inspect", "schema", recording(recorded) / "nodes" / "n1" / "data").out.split("\n")[:-1]:
        found = json.loads(line)
        if f"{found['keyspace']}.{found['table']}" == table:
            return uuid.UUID(found["id"])
    raise AssertionError(f"{recorded} has no {table}")


def concerns(gap: dict, stream: dict) -> bool:
    """Whether a record of the gaps' topic is for the readers of the stream."""
    table = json.loads(gap["value"])["gap"]["table"]
    return table is None or any(fnmatch(table, pattern) for pattern in stream.get("tables", [stream.get("table")]))


def is_gap(event: dict) -> bool:
    return event["op"] == "m"


def number_of(event: dict) -> int:
    return int(event["sequence"].split(":")[2])


class BothTest(BrokerCase):
    def sides(self, recorded: str, streams: list[dict], kinds: tuple[str, ...] = PAIR, kafka: dict | None = None,
              exclude: tuple[str, ...] = (), suffix: str = "", **settings) -> list[Side]:
        home = self.scratch / (self.id().rsplit(".", 1)[1].replace("_", "-") + suffix)
        settings = {"streams": streams, "kafka": kafka or {}, **settings}
        sides = [Side(kind, home, recorded, self.brokers.bootstrap, settings, list(exclude)) for kind in kinds]
        for side in sides:
            self.addCleanup(side.close)
        return sides

    # What was told.

    def told(self, sides: list[Side]) -> dict[Side, Told]:
        """Whoever is asked must have ended. Of what is in Kafka by its own consumer."""
        in_kafka = [side for side in sides if side.kind != "embedded"]
        whose = {topic: (side, stream) for side in in_kafka for topic, stream in self.topics(side).items()}
        records = defaultdict(list)
        for record in next(side.kafka for side in sides if side.kind == "pieces").consume(*whose):
            if record["value"] is not None:
                records[whose[record["topic"]]].append(record)
        told: dict[Side, Told] = defaultdict(dict)
        for side in sides:
            for stream in side.merging.settings["streams"]:
                name = stream["name"]
                if side in in_kafka:
                    gaps = [record for record in records[side, "gaps"] if concerns(record, stream)]
                    told[side][name] = self.of_topics(records[side, name] + gaps)
                else:
                    told[side][name] = self.of_timeline(side, name)
        return told

    def topics(self, side: Side) -> dict[str, str]:
        """Every topic that the side's streams may have, and which stream's it is."""
        topics = {f"{side.name}.gaps": "gaps"}
        for stream in side.merging.settings["streams"]:
            tables = [""] if "table" in stream else [f".{table}" for table in {*schemas(side.recorded), DROPPED}]
            for table in tables:
                for kind in ("", ".static"):
                    topics[f"{side.name}.{stream['name']}{table}{kind}"] = stream["name"]
        return topics

    def of_timeline(self, side: Side, stream: str) -> dict[int, list[dict]]:
        path = side.home / f"{stream}.ndjson"
        side.merging.read(stream, path)
        shards = defaultdict(list)
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
            event = json.loads(line)
            shards[int(event["sequence"].split(":")[1])].append(event)
        for shard, found in shards.items():
            self.assert_rising(found, f"{side.name} {stream}, shard {shard}")
        return dict(shards)

    def of_topics(self, records: list[dict]) -> dict[int, list[dict]]:
        """Of several topics as one: by number."""
        shards = defaultdict(list)
        topics = defaultdict(list)
        for record in records:
            event = json.loads(record["value"])
            shard = int(event["sequence"].split(":")[1])
            self.assertEqual(record["partition"], shard, record)
            self.assertEqual(record["headers"], {"braid-sequence": event["sequence"]})
            if event["op"] not in ("m", "t"):
                self.assertEqual(json.loads(record["key"]), event["key"])
            topics[record["topic"], shard].append(event)
            shards[shard].append(event)
        for place, found in topics.items():
            self.assert_rising(found, str(place))
        return {shard: sorted(found, key=number_of) for shard, found in shards.items()}

    def assert_rising(self, found: list[dict], where: str) -> None:
        numbers = [number_of(event) for event in found]
        self.assertEqual(numbers, sorted(set(numbers)), where)

    # The same order.

    def run_in_order(self, sides: list[Side], forge=lambda nodes: None, midway=lambda: None) -> None:
        """The oldest segment of all first, and each only when those before it are with all pipelines: so every shard of each is
        given the same, in the same order. (Between two of one node it may be told of its progress more or less often.)

        TTLs have run out long ago. What the first segment holds is merged before any shard knows how late it is, and runs out
        when the first watermark comes; what others hold is dead when it comes. Both are the same for all, if nobody is given the
        second segment before it has the watermark."""
        pieces = []
        for side in sides:
            forge(side.nodes)
            pieces.append(take_away(side))
            pieces[-1][0].bring_back()
            side.start()
        for number, step in enumerate(zip(*pieces, strict=True)):
            if number == len(pieces[0]) // 2:
                midway()
            for piece in step:
                if number > 0:
                    piece.bring_back()
            for side, piece in zip(sides, step, strict=True):
                side.await_given(piece)
            if number == 0:
                await_merged(sides)
        await_merged(sides)
        for side in sides:
            side.stop()

    def assert_same(self, told: dict[Side, Told]) -> None:
        """Numbers have no hole in `everything`, so that a gap stands at the same place in all."""
        embedded, *others = told
        for other in others:
            for shard, found in told[other]["everything"].items():
                self.assertEqual([number_of(event) for event in found], list(range(1, len(found) + 1)), f"{other.name}, shard {shard}")
            for stream, shards in told[other].items():
                expected = told[embedded][stream]
                # A reader of a timeline hears of each gap once, one of topics from each shard.
                gaps = sorted(gap_of(event, embedded) for found in expected.values() for event in found if is_gap(event))
                for shard in range(SHARDS):
                    where, found = f"{other.name}, {stream}, shard {shard}", shards.get(shard, [])
                    self.assertEqual(gaps, sorted(gap_of(event, other) for event in found if is_gap(event)), where)
                    self.assert_same_events(expected.get(shard, []), found, where)

    def assert_same_events(self, expected: list[dict], found: list[dict], where: str) -> None:
        one, other = ([without_what_differs(event) for event in events if not is_gap(event)] for events in (expected, found))
        first = next((i for i, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), min(len(one), len(other)))
        self.assertEqual(one[first:first + 1], other[first:first + 1], f"{where}: event {first} of {len(one)} and {len(other)}")

    def kinds_of_events(self, told: Told) -> Counter:
        """What was tested at all."""
        kinds = Counter()
        for shards in told["everything"].values():
            for event in shards:
                source = event["source"]
                kinds[event["op"]] += 1
                if event["op"] == "m":
                    continue
                kinds[source["cause"]] += 1
                kinds["static"] += source["row"] == "static"
                kinds["late"] += bool(source.get("late"))
                kinds["incomplete"] += not source.get("complete", True)
        print(f"{self.id().rsplit('.', 1)[1]}: {dict(sorted(kinds.items()))}", flush=True)
        return kinds

    def test_same_order_of_a_known_history(self) -> None:
        """And in the middle of it all nodes truncate a table, each by itself, and one log cannot be read."""
        table = table_id(APART, TRUNCATED)

        def forge(nodes: dict[str, Path]) -> None:
            for number, home in enumerate(nodes.values()):
                forged.truncation(home / "cdc_raw", 1795260749000 + 10 * number, table, 1795260749000000)
            forged.damaged(nodes["n2"] / "cdc_raw", 1795260823000)

        sides = self.sides(APART, STREAMS, (*PAIR, "whole"), {"topics": {"truncate": "event"}}, (EXCLUDED,))
        self.run_in_order(sides, forge)
        told = self.told(sides)
        kinds = self.kinds_of_events(told[sides[0]])
        self.assert_same(told)
        for kind in ("c", "u", "d", "t", "m", "static", "late", "incomplete", "ttl", "range_delete", "partition_delete"):
            self.assertGreater(kinds[kind], 0, f"there is no {kind}: it is not tested")
        for stream, shards in told[sides[0]].items():
            self.assertGreater(sum(map(len, shards.values())), 20, stream)

    def test_same_order_while_the_schema_changes(self) -> None:
        """At first nobody knows of a column that was dropped: what was written of it waits in vain, and is a gap. Some tables have a
        past that no log holds. In the middle the column is known at last, and a table is gone."""
        sides = self.sides(ALTERED, STREAMS)
        whole = recording(ALTERED) / "nodes" / "n3" / "data" / "system_schema"   # as it was flushed, not compacted
        oldest = sorted(whole.glob("columns-*/*-Data.db"))[0].name.removesuffix("Data.db")
        later = [path for path in sorted(whole.glob("*/*.*")) if "dropped_columns-" in str(path) or
                 path.parent.name.startswith(("columns-", "tables-")) and not path.name.startswith(oldest)]
        for side in sides:
            for home in side.nodes.values():
                schema = home / "data" / "system_schema"
                shutil.rmtree(schema)
                shutil.copytree(whole, schema)
                for path in later:
                    (schema / path.relative_to(whole)).unlink()
                for table in ("natives", "statics", "counters"):
                    forged.past(home, f"rec.{table}", table_id(ALTERED, f"rec.{table}"))

        def alter() -> None:
            for side in sides:
                for home in side.nodes.values():
                    for path in later:
                        shutil.copyfile(path, home / "data" / "system_schema" / path.relative_to(whole))
            for side in sides:
                side.await_log("schema: rec.altered has changed")
                side.await_log(f"schema: {DROPPED} was dropped")

        self.run_in_order(sides, midway=alter)
        told = self.told(sides)
        kinds = self.kinds_of_events(told[sides[0]])
        self.assert_same(told)
        for kind in ("c", "u", "d", "m", "static", "incomplete"):
            self.assertGreater(kinds[kind], 0, f"there is no {kind}: it is not tested")

    # Any order.

    def run_in_any_order(self, sides: list[Side], dice: random.Random) -> float:
        """Each node's segments come in order, but each side gets the nodes' in an interleaving of its own. Gives how long it took
        until all was given.

        All sides have a watermark before any of it: what has run out since it was recorded is dead when it comes, whatever the
        order."""
        pieces = {side: take_away(side) for side in sides}
        for side in sides:
            side.start()
        await_merged(sides)
        for side in sides:
            nodes = [piece.node for piece in pieces[side]]
            dice.shuffle(nodes)
            of_node = {node: iter([piece for piece in pieces[side] if piece.node == node]) for node in side.nodes}
            pieces[side] = [next(of_node[node]) for node in nodes]
            print(f"{side.name}: {' '.join(nodes)}", flush=True)
        began = time.monotonic()
        waiting = {side: list(some) for side, some in pieces.items()}
        while any(waiting.values()):
            waiting[dice.choice([side for side in sides if waiting[side]])].pop(0).bring_back()
            time.sleep(dice.random() * 0.06)
        for side in sides:
            for last in {piece.node: piece for piece in pieces[side]}.values():
                side.await_given(last)
        took = time.monotonic() - began
        await_merged(sides)
        for side in sides:
            side.stop()
        return took

    def folded(self, side: Side, told: Told) -> dict[tuple, dict]:
        """The rows that it folds to, by table, row and key. They are what SELECT said, and no revision is missing."""
        lines, rows = defaultdict(list), {}
        for found in told["everything"].values():
            for event in found:
                source = event["source"]
                table = f"{source['keyspace']}.{source['table']}"
                lines[table].append(json.dumps(event) + "\n")
                row = table, source["row"], json.dumps(event["key"])
                rows[row] = event["after"]
        out = side.home / "out"
        out.mkdir()
        for table in schemas(side.recorded):
            (out / f"{table}.ndjson").write_text("".join(lines[table]), encoding="utf-8")
        count, summary, text = check_folds(recording(side.recorded), out, skipped=EXPIRING)
        print(f"{side.name}: {summary}", flush=True)
        self.assertEqual(count, 0, f"{side.name}: {text[:3000]}")
        return {row: image for row, image in rows.items() if image is not None}

    def test_any_order(self) -> None:
        """As they come: which writes are told depends on the order, since one that comes after what supersedes it is not; what they
        fold to does not. Within a window all are told, in their own order: so the events of each row are the same."""
        window_s = 4
        as_they_come = self.sides(APART, STREAMS[:1])
        in_window = self.sides(APART, STREAMS[:1], suffix="-window", reorder_window=f"{window_s}s")
        took = self.run_in_any_order([*as_they_come, *in_window], self.dice())
        told = self.told([*as_they_come, *in_window])
        folded = [self.folded(side, told[side]) for side in told]
        for other in folded[1:]:
            self.assertEqual(folded[0], other)
        if took > window_s / 2:
            self.skipTest(f"the machine is too busy: the logs came within {took:.1f} s, and the window is {window_s} s")
        expected, found = (self.rows_of(told[side]["everything"]) for side in in_window)
        self.assertEqual(expected.keys(), found.keys())
        for row, events in expected.items():
            self.assertEqual(events, found[row], row)

    @staticmethod
    def rows_of(shards: dict[int, list[dict]]) -> dict[tuple, list[str]]:
        """The events of each row but for their numbers, which say how the rows' events come among one another, and where the write
        was read: each pipeline numbers the nodes as it comes to know them, and the least of several copies is told."""
        rows = defaultdict(list)
        for found in shards.values():
            for event in found:
                source = {**event["source"], **dict.fromkeys(("node", "segment", "position"))}
                row = source["keyspace"], source["table"], source["row"], json.dumps(event["key"])
                rows[row].append(without_what_differs({**event, "source": source, "sequence": "::"}))
        return rows

    def dice(self) -> random.Random:
        seed = int(os.environ.get("BRAID_SEED", random.SystemRandom().randrange(2**31)))
        print(f"{self.id().rsplit('.', 1)[1]}: seed {seed}", flush=True)
        return random.Random(seed)


if __name__ == "__main__":
    if missing := kafka_install.missing_programs():
        print(f"no {' and no '.join(missing)}: tools/setup --kafka installs what brokers need", file=sys.stderr)
        sys.exit(NOT_INSTALLED)
    unittest.main(verbosity=2)
