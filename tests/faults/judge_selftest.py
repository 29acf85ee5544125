#!/usr/bin/env python3
"""Proves that judge.py complains when it must, and only then.

    judge_selftest.py RECORDING [--braid PROGRAM]

A replay's stream is a live stream in which nothing was late. It must pass; every way of spoiling it that check.py notices must be
noticed here too, and so must those that only a live stream can suffer."""

import argparse
import copy
import functools
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from judge import LiveTable, Rules, check_streams

from check import read_lines  # noqa: E402  judge knows the recorder's folder
from check_selftest import SPOILERS, DoesNotApply, Stream, complaints, spoil  # noqa: E402
from record import unpacked  # noqa: E402

EVERY_WRITE = Rules(every_write=True)


def row_of(event: dict) -> tuple[str, str]:
    return event["source"]["row"], json.dumps(event["key"], sort_keys=True)


def partition_of(event: dict, width: int) -> str:
    return json.dumps(list(event["key"].values())[:width])


def next_of_row(stream: Stream, at: int) -> int | None:
    return next((i for i in range(at + 1, len(stream.events)) if row_of(stream.events[i]) == row_of(stream.events[at])), None)


def renumber(stream: Stream) -> None:
    """The sequences as the events stand now."""
    for number, event in enumerate(stream.events, 1):
        event["sequence"] = f"1:0:{number}"


def late_copy(stream: Stream) -> None:
    """Told twice, as if the second were a fragment that came late."""
    at = stream.pick(lambda event: event["op"] != "d" and event["source"]["cause"] == "write")
    event = copy.deepcopy(stream.events[at])
    event["op"], event["before"], event["source"]["late"] = "u", event["after"], True
    event["source"]["revision"] += 1
    for later in stream.events[at + 1:]:
        if row_of(later) == row_of(event):
            later["source"]["revision"] += 1
    stream.events.insert(at + 1, event)
    renumber(stream)


def late_by_mistake(stream: Stream) -> None:
    """The newest write of all says that it is late."""
    newest = max(event["source"]["ts_us"] for event in stream.events)
    at = stream.choose([i for i, event in enumerate(stream.events) if event["source"]["ts_us"] == newest])
    if sum(event["source"]["ts_us"] == newest for event in stream.events) > 1 or stream.events[at]["source"]["cause"] != "write":
        raise DoesNotApply
    stream.events[at]["source"]["late"] = True


def out_of_order(stream: Stream) -> None:
    """Two rows of one partition: the newer write first, and the older does not say late."""
    def fits(i: int) -> bool:
        one, other = stream.events[i], stream.events[i + 1]
        return (one["source"]["row"] == other["source"]["row"] == "regular" and row_of(one) != row_of(other)
                and partition_of(one, 1) == partition_of(other, 1) and one["source"]["ts_us"] < other["source"]["ts_us"]
                and "write" == one["source"]["cause"] == other["source"]["cause"])
    at = stream.choose([i for i in range(len(stream.events) - 1) if fits(i)])
    stream.events[at], stream.events[at + 1] = stream.events[at + 1], stream.events[at]
    renumber(stream)


def sequence_goes_back(stream: Stream) -> None:
    one, other = sorted(stream.rng.sample(range(len(stream.events)), 2))
    stream.events[one]["sequence"], stream.events[other]["sequence"] = stream.events[other]["sequence"], stream.events[one]["sequence"]


def truncated_by_nobody(stream: Stream) -> None:
    event = copy.deepcopy(stream.events[-1])
    event |= {"op": "t", "key": None, "before": None, "after": None}
    stream.events.append(event)
    renumber(stream)


def gap_by_nobody(stream: Stream) -> None:
    stream.events.insert(stream.pick(), {"op": "gap", "gap": {}})


def lost_write(stream: Stream) -> None:
    """A row's only event, so that no chain breaks; its row is gone from the fold."""
    times = {}
    for i, event in enumerate(stream.events):
        times.setdefault(row_of(event), []).append(i)
    del stream.events[stream.choose([places[0] for places in times.values() if len(places) == 1])]


def overtake(stream: Stream, updates: set[int]) -> bool:
    """Leaves out an update of which a newer write wrote everything, as a live stream may. False if there is none."""
    for at, event in enumerate(stream.events):
        after = next_of_row(stream, at)
        if after is None or event["op"] != "u" or event["source"]["ts_us"] not in updates:
            continue
        newer = stream.events[after]
        if newer["op"] != "u" or newer["source"]["cause"] != "write" or newer["source"]["ts_us"] == event["source"]["ts_us"]:
            continue
        if not event["source"]["written"] or not set(event["source"]["written"]) <= set(newer["source"]["written"]):
            continue
        newer["before"] = event["before"]
        for later in stream.events[at + 1:]:
            if row_of(later) == row_of(event):
                later["source"]["revision"] -= 1
        del stream.events[at]
        return True
    return False


LIVE_SPOILERS = (late_copy, late_by_mistake, out_of_order, sequence_goes_back, truncated_by_nobody, gap_by_nobody, lost_write)


def overtaken_writes_pass(recording: Path, good: Path) -> list[str]:
    """And only where the run does not promise every write."""
    wrong, overtaken = [], 0
    ledger = [write for _, write in read_lines(recording / "truth" / "writes.ndjson")]
    updates = {write["ts_us"] for write in ledger if write["kind"] == "update"} - {
        write["ts_us"] for write in ledger if write["kind"] != "update"}
    for path in sorted(good.glob("*.ndjson")):
        stream = Stream(path, random.Random(1))
        counts = {}
        if not overtake(stream, updates):
            continue
        with tempfile.TemporaryDirectory(prefix="braid-selftest-") as temporary:
            spoiled = Path(temporary) / path.name
            stream.path = spoiled
            stream.save()
            for rules in (Rules(), EVERY_WRITE):
                counts[rules.every_write], text = complaints(
                    recording, Path(temporary), path.stem, functools.partial(LiveTable, rules=rules))
                if not rules.every_write and counts[False]:
                    wrong.append(f"an overtaken write of {path.name} does not pass: {text[:500]}")
        overtaken += counts[True] > 0
    return wrong if overtaken else [*wrong, "an overtaken write passes although every write was promised"]


def replay(braid: Path, recording: Path, out: Path) -> None:
    meta = json.loads((recording / "meta.json").read_text(encoding="utf-8"))
    nodes = [part for node in ("n1", "n2", "n3") for part in ("--node", f"{node}={recording / 'nodes' / node}")]
    subprocess.run([str(braid), "replay", *nodes, "--out", str(out), "--now", meta["select_at"]], check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path, help="a directory or .tar.zst")
    parser.add_argument("--braid", type=Path, default=Path(__file__).resolve().parents[2] / "build" / "release" / "braid")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="braid-selftest-") as temporary:
        recording, good = unpacked(arguments.recording, Path(temporary)), Path(temporary) / "good"
        replay(arguments.braid, recording, good)
        for rules in (Rules(), EVERY_WRITE):
            count, _, text = check_streams(recording, good, rules)
            if count:
                raise SystemExit(f"the good stream does not pass {rules}:\n{text}")
        unnoticed = spoil(recording, good, random.Random(arguments.seed), (*SPOILERS, *LIVE_SPOILERS), LiveTable)
        unnoticed += overtaken_writes_pass(recording, good)
    if unnoticed:
        raise SystemExit("unnoticed: " + "; ".join(unnoticed))
    print(f"{len(SPOILERS) + len(LIVE_SPOILERS)} kinds of damage, each in several tables: all noticed; overtaken writes pass")


if __name__ == "__main__":
    main()
