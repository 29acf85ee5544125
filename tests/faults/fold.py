"""Judges streams that begin in the middle of a table's life, or that had gaps: their fold is what SELECT says, each row's revisions
have no gap, and no row is read (op r) that is there already. What the writes between were is not asked."""

import contextlib
import io
from collections import Counter
from pathlib import Path

from judge import Complaints, canonical, is_control, read_lines, without_nulls_inside


class Fold:
    """Of one table's stream."""

    def __init__(self, schema: dict, complain: Complaints):
        self.schema, self.complain = schema, complain
        self.rows: dict[tuple[str, str], tuple[dict | None, int]] = {}   # the row's image and revision
        self.shard_of: dict[tuple[str, str], str] = {}
        self.ops: Counter = Counter()

    def bad(self, where: object, what: str) -> None:
        self.complain.add(f"{self.schema['table']} {where}: {what}")

    def event(self, number: int, event: dict) -> None:
        self.ops[event["op"]] += 1
        if is_control(event) or event["source"]["row"] == "range":
            return
        shard = event["sequence"].split(":")[1]
        if event["op"] == "t":
            # What the shard has of the table is as new.
            self.rows = {row: known for row, known in self.rows.items() if self.shard_of[row] != shard}
            return
        source = event["source"]
        row = source["row"], canonical(event["key"])
        self.shard_of[row] = shard
        last, revision = self.rows.get(row, (None, 0))
        if source["revision"] != revision + 1:
            self.bad(f"{row} (line {number})", f"revision {source['revision']} follows {revision}")
        if event["op"] == "r" and (last is not None or event["before"] is not None):
            self.bad(f"{row} (line {number})", "it is read although it is there")
        image = event["after"]
        if image is not None and "unknown" in source:
            image = {**(last or {}), **image}
        self.rows[row] = image, source["revision"]

    def compare(self, truth: Path) -> None:
        for kind, key in (("regular", self.schema["partition"] + self.schema["clustering"]), ("static", self.schema["partition"])):
            path = truth / f"{self.schema['table']}{'.static' if kind == 'static' else ''}.ndjson"
            if kind == "static" and not self.schema["statics"]:
                continue
            expected = {canonical({part: image[part] for part in key}): image for _, image in read_lines(path)}
            folded = {row: image for (of, row), (image, _) in self.rows.items() if of == kind and image is not None}
            for row in expected.keys() - folded.keys():
                self.bad(f"{kind} {row}", "SELECT has this row, the stream does not")
            for row in folded.keys() - expected.keys():
                self.bad(f"{kind} {row}", "the stream has this row, SELECT does not")
            for row in expected.keys() & folded.keys():
                one, other = (canonical(without_nulls_inside(image)) for image in (expected[row], folded[row]))
                if one != other:
                    self.bad(f"{kind} {row}", f"SELECT says {one[:400]}, the stream {other[:400]}")


class WholeFold(Fold):
    """Of a stream that holds back what is known in part: every image has all columns, and begins where the last one ended."""

    def event(self, number: int, event: dict) -> None:
        self.ops[event["op"]] += 1
        source = event["source"]
        row = source["row"], canonical(event["key"])
        last, revision = self.rows.get(row, (None, 0))
        where = f"{row} (line {number})"
        if source["revision"] <= revision:
            self.bad(where, f"revision {source['revision']} follows {revision}")
        if canonical(event["before"]) != canonical(last):
            self.bad(where, f"before is {canonical(event['before'])[:300]}, and was {canonical(last)[:300]}")
        if event["op"] != ("d" if event["after"] is None else "u" if event["before"] else event["op"]):
            self.bad(where, f"op {event['op']} does not fit")
        names = {*self.schema["partition"], *(self.schema["statics"] if row[0] == "static" else
                                             self.schema["clustering"] + self.schema["regulars"])}
        if event["after"] is not None and set(event["after"]) != names:
            self.bad(where, f"after has the columns {sorted(event['after'])}")
        self.rows[row] = event["after"], source["revision"]


def check_folds(recording: Path, out: Path, skipped: tuple[str, ...] = (), kind: type[Fold] = Fold) -> tuple[int, str, str]:
    """As judge.check_streams. Of tables whose name ends in one of `skipped` only the order is judged."""
    complain, text, ops = Complaints(), io.StringIO(), Counter()
    with contextlib.redirect_stderr(text):
        for _, schema in read_lines(recording / "truth" / "schema.ndjson"):
            if not schema["cdc"]:
                continue
            fold = kind(schema, complain)
            for number, event in read_lines(out / f"{schema['table']}.ndjson"):
                fold.event(number, event)
            if not schema["table"].endswith(skipped or ("\0",)):
                fold.compare(recording / "truth")
            ops += fold.ops
    summary = ", ".join(f"{count} {op}" for op, count in sorted(ops.items()))
    return complain.count, f"{summary}: {complain.count} complaints", text.getvalue()
