#!/usr/bin/env python3
"""Proves that check.py complains when it must: a good stream passes; every way of spoiling it is found.

The good stream is the naive model's, or any directory of a replay that passes."""

import argparse
import contextlib
import copy
import io
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

import cqltypes
from check import TableCheck, check
from model import replay
from record import unpacked


class DoesNotApply(Exception):
    """The stream has no event that this damage could befall."""


class Stream:
    """One table's file as a list of events that a spoiler may change."""

    def __init__(self, path: Path, rng: random.Random):
        self.path, self.rng = path, rng
        with open(path, encoding="utf-8") as lines:   # str.splitlines would also split at U+2028 inside a value
            self.events = [json.loads(line) for line in lines]

    def save(self) -> None:
        self.path.write_text("".join(cqltypes.dumps(event) + "\n" for event in self.events), encoding="utf-8")

    def pick(self, fits=lambda event: True) -> int:
        return self.choose([i for i, event in enumerate(self.events) if fits(event)])

    def choose(self, candidates: list):
        if not candidates:
            raise DoesNotApply
        return self.rng.choice(candidates)


def drop(stream: Stream) -> None:
    del stream.events[stream.pick()]


def drop_the_last_of_a_row(stream: Stream) -> None:
    last = {json.dumps(event["key"]) + event["source"]["row"]: i for i, event in enumerate(stream.events)}
    del stream.events[stream.choose(list(last.values()))]


def duplicate(stream: Stream) -> None:
    at = stream.pick()
    stream.events.insert(at, copy.deepcopy(stream.events[at]))


def duplicate_with_matching_images(stream: Stream) -> None:
    """A copy that a consumer could not tell from a write: everything fits but the write itself."""
    at = stream.pick(lambda event: event["op"] != "d")
    event = copy.deepcopy(stream.events[at])
    event["op"], event["before"] = "u", event["after"]
    event["source"]["revision"] += 1
    for later in stream.events[at + 1:]:
        if (later["key"], later["source"]["row"]) == (event["key"], event["source"]["row"]):
            later["source"]["revision"] += 1
    stream.events.insert(at + 1, event)


def swap_neighbours_of_a_row(stream: Stream) -> None:
    def has_next(i: int) -> bool:
        one, other = stream.events[i], stream.events[i + 1]
        return (one["key"], one["source"]["row"]) == (other["key"], other["source"]["row"])
    at = stream.choose([i for i in range(len(stream.events) - 1) if has_next(i)])
    stream.events[at], stream.events[at + 1] = stream.events[at + 1], stream.events[at]


def alter_a_value(stream: Stream) -> None:
    event = stream.events[stream.pick(lambda event: event["after"])]
    column = stream.choose([name for name in event["after"] if name not in event["key"]])
    event["after"][column] = "altered"


def leave_out_a_column(stream: Stream) -> None:
    event = stream.events[stream.pick(lambda event: event["after"])]
    del event["after"][stream.choose([name for name in event["after"] if name not in event["key"]])]


def alter_before(stream: Stream) -> None:
    event = stream.events[stream.pick(lambda event: event["before"])]
    event["before"][stream.choose([name for name in event["before"] if name not in event["key"]])] = "altered"


def alter_the_key(stream: Stream) -> None:
    event = stream.events[stream.pick()]
    event["key"][stream.choose(list(event["key"]))] = "altered"


def wrong_op(stream: Stream) -> None:
    event = stream.events[stream.pick()]
    event["op"] = {"c": "u", "u": "d", "d": "c"}[event["op"]]


def wrong_revision(stream: Stream) -> None:
    stream.events[stream.pick()]["source"]["revision"] += 1


def wrong_times(stream: Stream) -> None:
    """All of them, since a conditional write whose time nobody learned excuses one."""
    for event in stream.events:
        event["source"]["ts_us"] += 3


def wrong_table(stream: Stream) -> None:
    stream.events[stream.pick()]["source"]["table"] = "other"


def incomplete(stream: Stream) -> None:
    stream.events[stream.pick()]["source"]["complete"] = False


def written_forgets(stream: Stream) -> None:
    def changes(event: dict) -> bool:
        return event["op"] == "u" and event["source"]["cause"] == "write" and event["before"] != event["after"]
    stream.events[stream.pick(changes)]["source"]["written"] = []


SPOILERS = (drop, drop_the_last_of_a_row, duplicate, duplicate_with_matching_images, swap_neighbours_of_a_row, alter_a_value,
            leave_out_a_column, alter_before, alter_the_key, wrong_op, wrong_revision, wrong_times, wrong_table, incomplete,
            written_forgets)


def complaints(recording: Path, out: Path, only: str | None = None, judge=TableCheck) -> tuple[int, str]:
    text = io.StringIO()
    with contextlib.redirect_stderr(text):
        count, _ = check(recording, out, only, judge)
    return count, text.getvalue()


def spoil(recording: Path, good: Path, rng: random.Random, spoilers=SPOILERS, judge=TableCheck) -> list[str]:
    """The names of the spoilers that went unnoticed."""
    unnoticed = []
    sizes = {path: path.stat().st_size for path in good.glob("*.ndjson")}
    tables = sorted(sizes, key=lambda path: -sizes[path])[:5]
    for spoiler in spoilers:
        applied = 0
        for table in tables:
            with tempfile.TemporaryDirectory(prefix="braid-selftest-") as temporary, contextlib.suppress(DoesNotApply):
                shutil.copy(table, temporary)
                stream = Stream(Path(temporary) / table.name, rng)
                spoiler(stream)
                stream.save()
                applied += 1
                if complaints(recording, Path(temporary), table.stem, judge)[0] == 0:
                    unnoticed.append(f"{spoiler.__name__} in {table.name}")
        if applied == 0:
            unnoticed.append(f"{spoiler.__name__}, which fitted no table")
    for name in sorted(path.name for path in tables):
        with tempfile.TemporaryDirectory(prefix="braid-selftest-") as temporary:
            bad = Path(temporary) / "bad"
            shutil.copytree(good, bad, ignore=shutil.ignore_patterns(name))
            if complaints(recording, bad, judge=judge)[0] == 0:
                unnoticed.append(f"{name} missing")
    return unnoticed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path, help="a directory or .tar.zst")
    parser.add_argument("--out", type=Path, help="a replay that passes, instead of the model's stream")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="braid-selftest-") as temporary:
        recording = unpacked(arguments.recording, Path(temporary))
        good = arguments.out or Path(temporary) / "good"
        if not arguments.out:
            replay(recording, good)
        count, text = complaints(recording, good)
        if count:
            raise SystemExit(f"the good stream does not pass:\n{text}")
        unnoticed = spoil(recording, good, random.Random(arguments.seed))
    if unnoticed:
        raise SystemExit("unnoticed: " + "; ".join(unnoticed))
    print(f"{len(SPOILERS)} kinds of damage, each in several tables: all noticed")


if __name__ == "__main__":
    main()
