#!/usr/bin/env python3
"""Judges the output of `braid replay` on a recording: against the SELECT, against the ledger, and within itself."""

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

OPS = {"c": (False, True), "u": (True, True), "d": (True, False)}   # whether before and after are there
DELETION_KINDS = ("delete_row", "delete_slice", "delete_partition")


def load(line: str):
    """JSON with exact integers; -0 stays apart from 0, and a key that stands twice in an object is an error."""
    def integer(text: str):
        return -0.0 if text == "-0" else int(text)

    def unique(pairs):
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError(f"a key stands twice in {line[:200]}")
        return dict(pairs)

    return json.loads(line, parse_int=integer, object_pairs_hook=unique)


def normal(value):
    """Equal numbers become equal texts, however they were written."""
    if isinstance(value, float):
        is_negative_zero = value == 0 and str(value).startswith("-")
        return int(value) if value.is_integer() and not is_negative_zero else value
    if isinstance(value, list):
        return [normal(element) for element in value]
    if isinstance(value, dict):
        return {name: normal(element) for name, element in value.items()}
    return value


def canonical(value) -> str:
    return json.dumps(normal(value), sort_keys=True, ensure_ascii=False)


def read_lines(path: Path):
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield number, load(line)
            except ValueError as error:
                raise SystemExit(f"{path}:{number}: not one JSON object: {error}") from error


class Complaints:
    def __init__(self, shown: int = 40):
        self.count, self.shown = 0, shown

    def add(self, text: str) -> None:
        self.count += 1
        if self.count <= self.shown:
            print(text, file=sys.stderr)


class TableCheck:
    """One table's stream, event by event, then as a whole."""

    ALWAYS = (("late", False),)   # more that is true of every event's source

    def __init__(self, schema: dict, truth: Path, ledger: list[dict], complain: Complaints):
        self.schema, self.truth, self.complain = schema, truth, complain
        self.name = schema["table"]
        self.is_counter = any(text == "counter" for text in schema["types"].values())
        self.columns = {"regular": schema["partition"] + schema["clustering"] + schema["regulars"],
                        "static": schema["partition"] + schema["statics"]}
        self.keys = {"regular": schema["partition"] + schema["clustering"], "static": schema["partition"]}
        self.ledger = [write for write in ledger if write["table"] == self.name]
        self.state: dict[tuple[str, str], tuple[dict | None, int]] = {}   # the row's last after and revision
        self.seen: Counter = Counter()
        self.events_of_row: Counter = Counter()
        self.partition: str | None = None
        self.closed_partitions: set[str] = set()
        self.clock = 0
        self.events = 0
        self._index_ledger()

    def _index_ledger(self) -> None:
        self.ledger_times: dict[tuple[str, str], set] = defaultdict(set)
        self.deletion_times: set = set()
        for write in self.ledger:
            self.ledger_times[write["row"], canonical(write["key"])].add(write["ts_us"])
            if write["kind"].split(" ")[0] in DELETION_KINDS:
                self.deletion_times.add(write["ts_us"])

    def bad(self, where: str, what: str) -> None:
        self.complain.add(f"{self.name} {where}: {what}")

    def event(self, number: int, event: dict) -> None:
        self.events += 1
        source, where = event["source"], f"line {number}"
        row = source["row"]
        if row not in self.columns:
            return self.bad(where, f'source.row is "{row}", which a whole history never needs')
        key = canonical(event["key"])
        where = f"{row} {key} (line {number})"
        self._check_envelope(where, event, row)
        self._check_images(where, event, row)
        self._check_order(where, event)
        self._check_chain(where, row, key, event)
        self.state[row, key] = (event["after"], source["revision"])
        self.events_of_row[row, key] += 1
        if source["cause"] in ("ttl", "schema"):
            if canonical(event["before"]) == canonical(event["after"]):
                self.bad(where, f"a {source['cause']} event that changes nothing")
        else:
            self._check_origin(where, row, key, event)
            self._check_once(where, row, key, event)

    def _check_chain(self, where: str, row: str, key: str, event: dict) -> None:
        last, revision = self.state.get((row, key), (None, 0))
        if canonical(event["before"]) != canonical(last):
            self._differ(where, "before is not the row's last after", last, event["before"])
        if event["source"]["revision"] != revision + 1:
            self.bad(where, f"revision {event['source']['revision']} follows {revision}")

    def _check_once(self, where: str, row: str, key: str, event: dict) -> None:
        ts = event["source"]["ts_us"]
        self.seen[row, key, ts] += not event["source"]["late"]
        if self.seen[row, key, ts] > 1:
            self.bad(where, f"a second event for the write of {ts}, not marked late")

    def _check_envelope(self, where: str, event: dict, row: str) -> None:
        source = event["source"]
        keyspace, table = self.name.split(".")
        for name, wanted in (("connector", "cassandra"), ("db", keyspace), ("keyspace", keyspace), ("table", table),
                             ("complete", True), ("ts_ms", source["ts_us"] // 1000), *self.ALWAYS):
            if source.get(name) != wanted:
                self.bad(where, f"source.{name} is {source.get(name)!r}, not {wanted!r}")
        if "unknown" in source:
            self.bad(where, "source.unknown is there although the history is whole")
        if sorted(event["key"]) != sorted(self.keys[row]):
            self.bad(where, f"key has {sorted(event['key'])}, not {sorted(self.keys[row])}")
        if event["op"] not in OPS:
            self.bad(where, f"op {event['op']!r} of a row")
        elif OPS[event["op"]] != (event["before"] is not None, event["after"] is not None):
            self.bad(where, f"op {event['op']} with before {'set' if event['before'] else 'null'} "
                            f"and after {'set' if event['after'] else 'null'}")

    def _check_images(self, where: str, event: dict, row: str) -> None:
        for name in ("before", "after"):
            image = event[name]
            if image is None:
                continue
            if sorted(image) != sorted(self.columns[row]):
                missing, surplus = set(self.columns[row]) - set(image), set(image) - set(self.columns[row])
                self.bad(where, f"{name} misses {sorted(missing)} and has {sorted(surplus)} too many")
            elif canonical({part: image[part] for part in self.keys[row]}) != canonical(event["key"]):
                self.bad(where, f"the key columns of {name} are not the key")
        written = event["source"]["written"]
        if not set(written) <= set(self.columns[row]):
            self.bad(where, f"written names {sorted(set(written) - set(self.columns[row]))}, which the table does not have")
        if event["op"] == "u" and event["source"]["cause"] == "write":
            changed = {column for column in event["after"] if column in (event["before"] or {})
                       and canonical(event["after"][column]) != canonical(event["before"][column])}
            if not changed <= set(written):
                self.bad(where, f"{sorted(changed - set(written))} changed but are not in written")

    def _check_order(self, where: str, event: dict) -> None:
        partition = canonical({part: event["key"].get(part) for part in self.schema["partition"]})
        ts = event["source"]["ts_us"]
        if partition != self.partition:
            if partition in self.closed_partitions:
                self.bad(where, "the partition's events do not stand together")
            self.closed_partitions.add(partition)
            self.partition, self.clock = partition, ts
        elif not self.is_counter and event["source"]["cause"] != "schema":
            if ts < self.clock and not event["source"]["late"]:
                self.bad(where, f"ts_us {ts} comes after {self.clock} in its partition")
            self.clock = max(self.clock, ts)

    def _check_origin(self, where: str, row: str, key: str, event: dict) -> None:
        """Somebody wrote this: the timestamp is in the ledger, as it is or as that of an overwrite's deletion."""
        ts = event["source"]["ts_us"]
        known = self.ledger_times.get((row, key), set())
        if ts in known or ts + 1 in known or None in known:
            return
        if event["source"]["cause"] in ("range_delete", "partition_delete", "delete") and ts in self.deletion_times:
            return
        self.bad(where, f"nobody wrote at {ts}")

    def finish(self) -> None:
        self._check_truth("regular", self.truth / f"{self.name}.ndjson")
        if self.schema["statics"]:
            self._check_truth("static", self.truth / f"{self.name}.static.ndjson")
        self._check_ledger()

    def final_state(self) -> dict[tuple[str, str], tuple[dict | None, int]]:
        return self.state

    def _check_truth(self, row: str, path: Path) -> None:
        expected = {canonical({part: image[part] for part in self.keys[row]}): image for _, image in read_lines(path)}
        folded = {key: after for (kind, key), (after, _) in self.final_state().items() if kind == row and after is not None}
        for key in expected.keys() - folded.keys():
            self.bad(f"{row} {key}", "SELECT has this row, the stream does not")
        for key in folded.keys() - expected.keys():
            self.bad(f"{row} {key}", "the stream has this row, SELECT does not")
        for key in expected.keys() & folded.keys():
            if canonical(expected[key]) != canonical(folded[key]):
                self._differ(f"{row} {key}", "the fold is not what SELECT says", expected[key], folded[key])

    def _differ(self, where: str, what: str, expected: dict | None, actual: dict | None) -> None:
        if expected is None or actual is None:
            return self.bad(where, f"{what}: expected {canonical(expected)[:300]}, is {canonical(actual)[:300]}")
        for column in sorted(expected.keys() | actual.keys()):
            one, other = canonical(expected.get(column, "(left out)")), canonical(actual.get(column, "(left out)"))
            if one != other:
                self.bad(where, f"{what}: column {column}: expected {one[:300]}, is {other[:300]}")

    def _check_ledger(self) -> None:
        wanted = {(write["row"], canonical(write["key"]), write["ts_us"]): write["kind"]
                  for write in self.ledger if write["must"]}
        for (row, key, ts), kind in wanted.items():
            if self.seen[row, key, ts] != 1:
                self._not_once(row, key, ts, kind)
        for write in self.ledger:
            row, key = write["row"], canonical(write["key"])
            if write["forbidden"] and (self.seen[row, key, write["ts_us"]] if write["ts_us"] else self.events_of_row[row, key]):
                self.bad(f"{row} {key}", f"{write['kind']} must not show, but does")

    def _not_once(self, row: str, key: str, ts: int, kind: str) -> None:
        self.bad(f"{row} {key}", f"{kind} at {ts} shows {self.seen[row, key, ts]} times, not once")


def check(recording: Path, out: Path, only: str | None = None, judge=TableCheck) -> tuple[int, str]:
    """Of all tables, or only of one; `judge` makes the check of a table. Returns the number of complaints, which are
    printed, and a summary."""
    complain = Complaints()
    truth = recording / "truth"
    schemas = [schema for _, schema in read_lines(truth / "schema.ndjson") if only in (None, schema["table"])]
    ledger = [write for _, write in read_lines(truth / "writes.ndjson")]
    captured = {f"{schema['table']}.ndjson" for schema in schemas if schema["cdc"]}
    written = {path.name for path in out.glob("*.ndjson")}
    for name in sorted(written - captured):
        complain.add(f"{name} is there, but no such table is captured")
    events = 0
    for schema in schemas:
        if schema["cdc"]:
            path = out / f"{schema['table']}.ndjson"
            if path.name not in written:
                complain.add(f"{path.name} is missing")
                continue
            table = judge(schema, truth, ledger, complain)
            for number, event in read_lines(path):
                table.event(number, event)
            table.finish()
            events += table.events
    must = sum(write["must"] for write in ledger)
    return complain.count, f"{len(captured)} tables, {events} events, {must} writes that must show: {complain.count} complaints"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path)
    parser.add_argument("out", type=Path, help="the directory that braid replay wrote")
    arguments = parser.parse_args()
    count, summary = check(arguments.recording, arguments.out)
    print(summary)
    sys.exit(1 if count else 0)


if __name__ == "__main__":
    main()
