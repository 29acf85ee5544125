"""Judges live streams, as `braid read` printed them: as tests/recorder/check.py does a replay's, but for what only a live
stream may have (late and overtaken writes, definitions that change on the way, truncations, gaps)."""

import contextlib
import functools
import io
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "recorder"))

from check import DELETION_KINDS, Complaints, TableCheck, canonical, check, read_lines  # noqa: E402

MICROS = 1_000_000
ROW_OPS = ("c", "u", "d")
SCHEMA_LAG_US = 15 * MICROS   # a row may be told by its old definition for so long after a column was dropped


@dataclass(frozen=True)
class Rules:
    """What a run promises beyond the usual."""
    every_write: bool = False                  # none is overtaken and none late: reorder_window covers them all
    altered: frozenset[str] = frozenset()      # tables whose definition changed on the way
    truncated: frozenset[str] = frozenset()    # tables that may have `t`
    gaps: bool = False                         # the stream may tell of gaps, and rows may be incomplete


def without_nulls_inside(value, depth: int = 0):
    """A UDT's absent field is null; neither is shown, since a field that ALTER TYPE adds is absent in older images."""
    if isinstance(value, dict):
        return {name: without_nulls_inside(part, depth + 1) for name, part in value.items() if depth == 0 or part is not None}
    if isinstance(value, list):
        return [without_nulls_inside(part, depth + 1) for part in value]
    return value


def is_control(event: dict) -> bool:
    """A line that tells of the stream and not of a row."""
    return event.get("op") not in (*ROW_OPS, "r", "t")


class LiveTable(TableCheck):
    ALWAYS = ()

    def __init__(self, schema: dict, truth: Path, ledger: list[dict], complain: Complaints, rules: Rules = Rules()):
        super().__init__(schema, truth, ledger, complain)
        self.rules = rules
        self.is_altered = self.name in rules.altered
        self.dropped: dict[str, int] = {}
        path = truth / "dropped.ndjson"
        for _, drop in read_lines(path) if path.exists() else ():
            if drop["table"] == self.name:
                self.dropped[drop["column"]] = max(self.dropped.get(drop["column"], 0), drop["dropped_us"])
        self.sequences: dict[tuple[int, int], int] = {}
        self.shard_of: dict[tuple[str, str], int] = {}
        self.emitted_ms: dict[tuple[str, str], int] = {}
        self.restarted: set[tuple[str, str]] = set()          # rows of which a truncation forgot the revision
        self.shard = 0                                        # of the event at hand
        self.clocks: dict[tuple[int, str], tuple[int, int]] = {}   # shard, partition -> greatest ts_us of its writes, of all its events
        self.rows_by_write: dict[tuple, list[dict]] = defaultdict(list)
        self.written_at: dict[tuple[str, str, str], int] = {}   # (row, key, column) -> the newest write that named it
        self.newest_deletion: dict[tuple[str, str], int] = {}
        self.controls: list[dict] = []
        self.writes_at = defaultdict(int)
        for write in self.ledger:
            self.writes_at[write["row"], canonical(write["key"]), write["ts_us"]] += 1

    def event(self, number: int, event: dict) -> None:
        if is_control(event):
            self.controls.append(event)
            if not self.rules.gaps:
                self.bad(f"line {number}", f"the stream tells of a gap: {canonical(event)[:300]}")
            return
        self.shard = self._check_sequence(f"line {number}", event)
        if event["op"] == "t":
            return self._truncate(number, event)
        row, key = event["source"]["row"], canonical(event["key"])
        if row in self.columns:
            self.shard_of[row, key] = self.shard
            self._remember(row, key, event)
        super().event(number, event)

    def _check_sequence(self, where: str, event: dict) -> int:
        epoch, shard, number = map(int, event["sequence"].split(":"))
        if number <= self.sequences.get((epoch, shard), 0):
            self.bad(where, f"sequence {event['sequence']} follows {self.sequences[epoch, shard]}")
        self.sequences[epoch, shard] = number
        return shard

    def _remember(self, row: str, key: str, event: dict) -> None:
        source = event["source"]
        self.emitted_ms[row, key] = event["ts_ms"]
        for column in source["written"]:
            at = row, key, column
            self.written_at[at] = max(self.written_at.get(at, -2**63), source["ts_us"])
        if event["op"] == "d":
            self.newest_deletion[row, key] = max(self.newest_deletion.get((row, key), -2**63), source["ts_us"])

    def _truncate(self, number: int, event: dict) -> None:
        """What the shard has of the table is as new."""
        self.events += 1
        where = f"line {number}"
        if self.name not in self.rules.truncated:
            self.bad(where, "a truncation that nobody asked for")
        if event["before"] is not None or event["after"] is not None or event["key"] is not None:
            self.bad(where, "a truncation has no key and no images")
        for identity, (_, revision) in list(self.state.items()):
            if self.shard_of[identity] == self.shard:
                self.state[identity] = (None, revision)
                self.restarted.add(identity)
        self.clocks = {place: clock for place, clock in self.clocks.items() if place[0] != self.shard}

    def _check_envelope(self, where: str, event: dict, row: str) -> None:
        if not self.rules.gaps or event["source"]["complete"]:
            super()._check_envelope(where, event, row)

    def _check_images(self, where: str, event: dict, row: str) -> None:
        if self.rules.gaps and not event["source"]["complete"]:
            return
        if self._is_late_deletion(event):
            event = event | {"source": event["source"] | {"written": sorted(event["after"])}}
        if not self.is_altered:
            return super()._check_images(where, event, row)
        images = [image for image in (event["before"], event["after"]) if image is not None]
        for image in images:
            surplus = set(image) - set(self.columns[row]) - set(self.dropped)
            if surplus:
                self.bad(where, f"an image has {sorted(surplus)} too many")
            if canonical({part: image.get(part) for part in self.keys[row]}) != canonical(event["key"]):
                self.bad(where, "the key columns of an image are not the key")
        if len(images) == 2 and set(images[0]) != set(images[1]):
            self.bad(where, f"before and after differ in their columns: {sorted(set(images[0]) ^ set(images[1]))}")

    def _is_late_deletion(self, event: dict) -> bool:
        """Of what a row held before newer writes that are known already: it names no column, and the row lives on."""
        source = event["source"]
        return event["op"] == "u" and source["late"] and not source["written"] and source["ts_us"] in self.deletion_times

    def _check_origin(self, where: str, row: str, key: str, event: dict) -> None:
        if not self._is_late_deletion(event):
            super()._check_origin(where, row, key, event)

    def _check_order(self, where: str, event: dict) -> None:
        source = event["source"]
        place = self.shard, canonical({part: event["key"].get(part) for part in self.schema["partition"]})
        by_writes, by_all = self.clocks.get(place, (-2**63, -2**63))
        ts, is_write = source["ts_us"], source["cause"] not in ("ttl", "schema")
        # A TTL that ran out is no write: what comes after its event, and was written before that second, is late, too.
        if source["late"] and is_write and self.rules.every_write and ts < by_writes:
            self.bad(where, f"the write of {ts} is late, although the window held it")
        if not self.is_counter and is_write:
            if ts < by_writes and not source["late"]:
                self.bad(where, f"ts_us {ts} comes after {by_writes} in its partition, and does not say late")
            if ts > by_all and source["late"]:
                self.bad(where, f"ts_us {ts} says late, but its partition has only come to {by_all}")
        self.clocks[place] = (max(by_writes, ts) if is_write else by_writes, max(by_all, ts))

    def _check_chain(self, where: str, row: str, key: str, event: dict) -> None:
        last, revision = self.state.get((row, key), (None, 0))
        now = event["source"]["revision"]
        if now != revision + 1 and not (now == 1 and (row, key) in self.restarted):
            self.bad(where, f"revision {now} follows {revision}")
        self.restarted.discard((row, key))
        before = event["before"]
        if self.rules.gaps and not event["source"]["complete"]:
            return
        if (before is None) != (last is None):
            return self._differ(where, "before is not the row's last after", last, before)
        if before is not None and not self._is_seen_through(last, before):
            self._differ(where, "before is not the row's last after", last, before)

    def _is_seen_through(self, last: dict, before: dict) -> bool:
        """Whether `before` is `last` as another definition shows it: an added column is null, a dropped one is not there, one
        that was dropped and added again has lost what it held."""
        for column in last.keys() | before.keys():
            if column not in last:
                fits = before[column] is None
            elif column not in before:
                fits = column in self.dropped
            else:
                fits = _same(last[column], before[column]) or (before[column] is None and column in self.dropped)
            if not fits:
                return False
        return True

    def _check_once(self, where: str, row: str, key: str, event: dict) -> None:
        """A write's first event may be late itself; every further one is a fragment that brings something, and late."""
        identity = row, key, event["source"]["ts_us"]
        self.seen[identity] += 1
        if self.seen[identity] == 1:
            return
        if not event["source"]["late"] and not self.is_counter:
            self.bad(where, f"a second event for the write of {identity[2]}, not marked late")
        elif self.writes_at[identity] <= 1 and canonical(event["before"]) == canonical(event["after"]):
            self.bad(where, f"a second event for the write of {identity[2]} that changes nothing")

    def final_state(self) -> dict:
        """As the last definition shows it."""
        return {identity: (self._through_the_last(identity, after), revision)
                for identity, (after, revision) in self.state.items()}

    def _through_the_last(self, identity: tuple[str, str], after: dict | None) -> dict | None:
        if after is None or not self.is_altered:
            return after
        columns = self.columns[identity[0]]
        told_us = self.emitted_ms[identity] * 1000
        return {name: None if told_us < self.dropped.get(name, 0) else after.get(name) for name in columns}

    def _differ(self, where: str, what: str, expected: dict | None, actual: dict | None) -> None:
        """Only what differs beyond what a definition's change may do: see _is_seen_through."""
        if expected is not None and actual is not None and _same(expected, actual, 0):
            return
        if expected is not None and actual is not None and what.startswith("the fold") and self.is_altered:
            row, key = where.split(" ", 1)
            told_us = self.emitted_ms[row, key] * 1000
            forgiven = {name for name, dropped in self.dropped.items()
                        if name in expected and expected[name] is None and told_us < dropped + SCHEMA_LAG_US}
            if all(name in forgiven or _same(expected.get(name), actual.get(name)) for name in expected.keys() | actual.keys()):
                return
        super()._differ(where, what, expected, actual)

    def _not_once(self, row: str, key: str, ts: int, kind: str) -> None:
        """Several are judged as they come. None is right for a write that was overtaken: all of it is in the shadow of newer
        writes, which may have been seen first."""
        if self.seen[row, key, ts]:
            return
        if self.rules.every_write or not self._is_overtaken(row, key, ts):
            self.bad(f"{row} {key}", f"{kind} at {ts} does not show, and nothing newer covers all of it")

    @functools.cached_property
    def _ledger_by_row(self) -> dict[tuple[str, str], list[dict]]:
        by_row = defaultdict(list)
        for write in self.ledger:
            by_row[write["row"], canonical(write["key"])].append(write)
        return by_row

    def _is_overtaken(self, row: str, key: str, ts: int) -> bool:
        mine = next(w for w in self._ledger_by_row[row, key] if w["ts_us"] == ts and w["must"])
        if self.newest_deletion.get((row, key), -2**63) >= ts or self._is_deleted(mine):
            return True
        newer = [w for w in self._ledger_by_row[row, key] if w["ts_us"] is None or w["ts_us"] > ts]
        has_marker = row == "regular" and mine["kind"] in ("insert", "lwt_insert")
        if has_marker and not any(w["kind"].split(" ")[0] in ("insert", "lwt_insert") for w in newer):
            return False
        return all(self.written_at.get((row, key, column), -2**63) >= ts
                   or any(column in (*w["columns"], *w.get("ends", ())) for w in newer)
                   or any(w["kind"].startswith("delete_columns") for w in newer) for column in mine["columns"])

    def _is_deleted(self, mine: dict) -> bool:
        partition = [mine["key"].get(part) for part in self.schema["partition"]]
        return any(w["kind"].split(" ")[0] in (*DELETION_KINDS, "lwt_delete") and (w["ts_us"] is None or w["ts_us"] >= mine["ts_us"])
                   and [w["key"].get(part) for part in self.schema["partition"]] == partition for w in self.ledger)


def _same(one, other, depth: int = 1) -> bool:
    """Of two columns' values; with `depth` 0 of two images."""
    return canonical(without_nulls_inside(one, depth)) == canonical(without_nulls_inside(other, depth))


def check_streams(recording: Path, out: Path, rules: Rules) -> tuple[int, str, str]:
    """The number of complaints, a summary, and the complaints. `recording` has truth/, `out` a file for each stream."""
    text = io.StringIO()
    with contextlib.redirect_stderr(text):
        count, summary = check(recording, out, None, functools.partial(LiveTable, rules=rules))
        count += _check_sequences(out)
    return count, summary, text.getvalue()


def _check_sequences(out: Path) -> int:
    """No number is given to two events, whatever their tables."""
    complain, owner = Complaints(), {}
    for path in sorted(out.glob("*.ndjson")):
        for number, event in read_lines(path):
            if not is_control(event):
                other = owner.setdefault(event["sequence"], path.name)
                if other != path.name:
                    complain.add(f"{path.name}, line {number}: sequence {event['sequence']} is in {other} too")
    return complain.count
