"""Judges the output of `braid backfill` on a recording: against the SELECT, against the ledger, and within itself."""

import sys
from pathlib import Path

from check import TableCheck, canonical, check, read_lines


class RowsCheck(TableCheck):
    """One table's rows, event by event, then as a whole."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.marks: list[str] = []

    def event(self, number: int, event: dict) -> None:
        self.events += 1
        source = event["source"]
        row, key = source["row"], canonical(event["key"])
        where = f"{row} {key} (line {number})"
        if row not in self.columns:
            return self.bad(where, f'source.row is "{row}"')
        for name, wanted in (("op", "r"), ("before", None)):
            if event[name] != wanted:
                self.bad(where, f"{name} is {event[name]!r}, not {wanted!r}")
        keyspace, table = self.name.split(".")
        for name, wanted in (("connector", "cassandra"), ("keyspace", keyspace), ("table", table), ("cause", "backfill"), ("revision", 1), ("complete", True), ("late", False), ("node", None),
                             ("segment", None), ("position", None), ("ts_ms", source["ts_us"] // 1000)):
            if source[name] != wanted:
                self.bad(where, f"source.{name} is {source[name]!r}, not {wanted!r}")
        if event["after"] is None:
            return self.bad(where, "after is null")
        self._check_key(where, event, row)
        self._check_images(where, event, row)
        if (row, key) in self.state:
            self.bad(where, "the row was given before")
        self.state[row, key] = (event["after"], 1)
        self.marks.append(source["snapshot"])
        self._check_place(where, event, row)
        self._check_written(where, event)
        self._check_origin(where, row, key, event)

    def _check_key(self, where: str, event: dict, row: str) -> None:
        if sorted(event["key"]) != sorted(self.keys[row]):
            self.bad(where, f"key has {sorted(event['key'])}, not {sorted(self.keys[row])}")

    def _check_place(self, where: str, event: dict, row: str) -> None:
        """A partition's rows stand together, its static row first."""
        partition = canonical({part: event["key"][part] for part in self.schema["partition"]})
        if partition != self.partition:
            if partition in self.closed_partitions:
                self.bad(where, "the partition's rows do not stand together")
            self.closed_partitions.add(partition)
            self.partition = partition
        elif row == "static":
            self.bad(where, "the static row does not come first")

    def _check_written(self, where: str, event: dict) -> None:
        keys = set(self.keys[event["source"]["row"]])
        filled = {name for name, value in event["after"].items() if name not in keys and value is not None}
        if not filled <= set(event["source"]["written"]):
            self.bad(where, f"{sorted(filled - set(event['source']['written']))} have values but are not in written")

    def finish(self) -> None:
        self._check_truth("regular", self.truth / f"{self.name}.ndjson")
        if self.schema["statics"]:
            self._check_truth("static", self.truth / f"{self.name}.static.ndjson")
        wanted = ["first", *["true"] * (len(self.marks) - 2), "last"] if len(self.marks) > 1 else ["last"] * len(self.marks)
        if self.marks != wanted:
            self.bad("as a whole", f"source.snapshot goes {self.marks[:3]} … {self.marks[-3:]}")


def check_rows(recording: Path, out: Path) -> tuple[int, str]:
    """Returns the number of complaints, which are printed, and a summary."""
    return check(recording, out, judge=RowsCheck)


def images_of(path: Path) -> dict[str, str]:
    """The rows that a stream, or a backfill, ends with."""
    last = {}
    for _, event in read_lines(path):
        last[canonical([event["source"]["row"], event["key"]])] = event["after"]
    return {key: canonical(after) for key, after in last.items() if after is not None}


def has_sstables(recording: Path) -> bool:
    """Whether the tables' own SSTables were kept, not only those of the schema."""
    return any(recording.glob("nodes/*/data/rec/*/*-Data.db"))


if __name__ == "__main__":
    count, summary = check_rows(Path(sys.argv[1]), Path(sys.argv[2]))
    print(summary)
    sys.exit(1 if count else 0)
