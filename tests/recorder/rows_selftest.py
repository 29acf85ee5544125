#!/usr/bin/env python3
"""Proves that rows.py complains when it must: the rows that the SELECT gave pass; every way of spoiling them is found."""

import argparse
import copy
import random
import tempfile
from collections import defaultdict
from pathlib import Path

import cqltypes
from check import canonical, read_lines
from check_selftest import (Stream, alter_a_value, alter_the_key, complaints, drop, duplicate, incomplete, leave_out_a_column,
                            spoil, wrong_revision, wrong_table, wrong_times)
from record import unpacked
from rows import RowsCheck


def event_of(schema: dict, row: str, image: dict, ts_us: int) -> dict:
    names = schema["partition"] + (schema["clustering"] if row == "regular" else [])
    keyspace, table = schema["table"].split(".")
    source = {"connector": "cassandra", "keyspace": keyspace, "table": table, "row": row, "ts_us": ts_us, "ts_ms": ts_us // 1000,
              "node": None, "segment": None, "position": None, "revision": 1,
              "written": [name for name in image if name not in names], "cause": "backfill", "complete": True, "late": False,
              "snapshot": "true"}
    return {"key": {name: image[name] for name in names}, "op": "r", "before": None, "after": image, "source": source}


def write_good(recording: Path, out: Path) -> None:
    """What a backfill gives, made of the truth."""
    truth = recording / "truth"
    times = {}
    for _, write in read_lines(truth / "writes.ndjson"):
        times[write["table"], write["row"], canonical(write["key"])] = write["ts_us"] or 0
    out.mkdir()
    for _, schema in read_lines(truth / "schema.ndjson"):
        if not schema["cdc"]:
            continue
        partitions = defaultdict(list)
        for row, name in (("static", f"{schema['table']}.static.ndjson"), ("regular", f"{schema['table']}.ndjson")):
            for _, image in read_lines(truth / name) if (truth / name).exists() else ():
                event = event_of(schema, row, image, 0)
                event["source"]["ts_us"] = ts_us = times[schema["table"], row, canonical(event["key"])]
                event["source"]["ts_ms"] = ts_us // 1000
                partitions[canonical({part: image[part] for part in schema["partition"]})].append(event)
        events = [event for partition in partitions.values() for event in partition]
        if events:
            events[0]["source"]["snapshot"] = "first"
            events[-1]["source"]["snapshot"] = "last"
        (out / f"{schema['table']}.ndjson").write_text("".join(f"{cqltypes.dumps(event)}\n" for event in events),
                                                      encoding="utf-8")


def wrong_op(stream: Stream) -> None:
    stream.events[stream.pick()]["op"] = "c"


def wrong_cause(stream: Stream) -> None:
    stream.events[stream.pick()]["source"]["cause"] = "write"


def has_an_origin(stream: Stream) -> None:
    stream.events[stream.pick()]["source"]["node"] = "n1"


def wrong_mark(stream: Stream) -> None:
    source = stream.events[stream.pick()]["source"]
    source["snapshot"] = {"first": "true", "true": "last", "last": "true"}[source["snapshot"]]


def written_forgets(stream: Stream) -> None:
    def has_a_value(event: dict) -> bool:
        return any(value is not None for name, value in event["after"].items() if name not in event["key"])
    stream.events[stream.pick(has_a_value)]["source"]["written"] = []


def partition_in_two_places(stream: Stream) -> None:
    """The first row of a partition of several goes to the end."""
    counts = defaultdict(int)
    for event in stream.events:
        counts[str(event["key"].get("p"))] += 1
    at = stream.pick(lambda event: counts[str(event["key"].get("p"))] > 2)
    marks = [event["source"]["snapshot"] for event in stream.events]
    first = next(i for i in range(len(stream.events)) if stream.events[i]["key"].get("p") == stream.events[at]["key"].get("p"))
    if stream.events[-1]["key"].get("p") == stream.events[at]["key"].get("p"):
        stream.events.insert(0, stream.events.pop())
    else:
        stream.events.append(stream.events.pop(first))
    for event, mark in zip(stream.events, marks):
        event["source"]["snapshot"] = mark


def row_that_is_not_there(stream: Stream) -> None:
    """A deleted row lives again."""
    event = copy.deepcopy(stream.events[stream.pick(lambda event: isinstance(event["key"].get("p"), int))])
    event["key"]["p"] = event["after"]["p"] = 123456789
    stream.events.insert(1, event)


SPOILERS = (drop, duplicate, alter_a_value, leave_out_a_column, alter_the_key, wrong_op, wrong_cause, wrong_revision, wrong_times,
            wrong_table, incomplete, has_an_origin, wrong_mark, written_forgets, partition_in_two_places, row_that_is_not_there)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path, help="a directory or .tar.zst")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="braid-selftest-") as temporary:
        recording = unpacked(arguments.recording, Path(temporary))
        good = Path(temporary) / "good"
        write_good(recording, good)
        count, text = complaints(recording, good, judge=RowsCheck)
        if count:
            raise SystemExit(f"the truth does not pass:\n{text}")
        unnoticed = spoil(recording, good, random.Random(arguments.seed), SPOILERS, RowsCheck)
    if unnoticed:
        raise SystemExit("unnoticed: " + "; ".join(unnoticed))
    print(f"{len(SPOILERS)} kinds of damage, each in several tables: all noticed")


if __name__ == "__main__":
    main()
