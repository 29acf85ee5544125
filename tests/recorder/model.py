#!/usr/bin/env python3
"""The naive model: a recording's commit logs, as Cassandra's own reader printed them, to the stream they mean.

Slow, in memory, and written without a look at Braid: it proves that the judge, the ledger and the truth agree with one another."""

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import cqltypes
from ordering import ClusteringOrder, value_key

MICROS = 1_000_000
MARKERS = {"INCL_START": (None, "INCL_START"), "EXCL_START": (None, "EXCL_START"), "INCL_END": ("INCL_END", None),
           "EXCL_END": ("EXCL_END", None), "EXCL_END_INCL_START": ("EXCL_END", "INCL_START"),
           "INCL_END_EXCL_START": ("INCL_END", "EXCL_START")}


@dataclass
class Schema:
    table: str
    partition: list[str]
    clustering: list[str]
    statics: list[str]
    regulars: list[str]
    kinds: dict[str, cqltypes.Type]
    order: ClusteringOrder


@dataclass(frozen=True)
class Cell:
    state: str
    ts: int
    ldt: int | None
    value: bytes
    ttl: int = 0

    def beats(self, other: "Cell") -> bool:
        if self.ts != other.ts:
            return self.ts > other.ts
        if (self.ldt is None) != (other.ldt is None):
            return self.ldt is not None
        if (self.state == "deleted") != (other.state == "deleted"):
            return self.state == "deleted"
        return (self.ldt or 0, self.value) > (other.ldt or 0, other.value)

    def is_live(self, now: int) -> bool:
        return self.state == "live" or (self.state == "expiring" and now < self.ldt)


@dataclass
class Row:
    clustering: list[bytes]
    is_static: bool
    cells: dict[tuple[str, bytes | None], Cell] = field(default_factory=dict)
    liveness: Cell | None = None
    deleted_at: int = -2**63
    complex_deleted_at: dict[str, int] = field(default_factory=dict)
    last: dict | None = None
    revision: int = 0


@dataclass(frozen=True)
class Operation:
    """One thing that a write does. `write_ts` is that of the write it belongs to."""
    write_ts: int
    what: str                                  # cell, liveness, row, complex, partition, range
    ts: int
    row: tuple[bytes, ...] | None = None       # the clustering; None for partition and range deletions
    is_static: bool = False
    column: str = ""
    path: bytes | None = None
    cell: Cell | None = None
    bounds: tuple | None = None


def _unhex(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)


def _row_operations(row: dict, is_static: bool):
    clustering = tuple(_unhex(value) for value in row["clustering"])
    data_times = {cell[3] for cell in row["cells"]} | ({row["liveness"][0]} if row["liveness"] else set())

    def belongs_to(mfda: int) -> int:
        return mfda + 1 if mfda + 1 in data_times else mfda

    if row["deletion"]:
        ts = row["deletion"][0]
        yield Operation(belongs_to(ts), "row", ts, clustering, is_static)
    for column, ts, _ in row["complex"]:
        yield Operation(belongs_to(ts), "complex", ts, clustering, is_static, column)
    if row["liveness"]:
        ts, ttl, ldt = row["liveness"]
        yield Operation(ts, "liveness", ts, clustering, is_static, cell=Cell("expiring" if ttl else "live", ts, ldt, b""))
    for column, path, state, ts, ttl, ldt, value in row["cells"]:
        yield Operation(ts, "cell", ts, clustering, is_static, column, _unhex(path),
                        Cell(state, ts, ldt, _unhex(value) or b"", ttl))


def _ranges(rows: list[dict]):
    """Pairs of bounds with the deletion's timestamp."""
    opened = None
    for marker in (entry for entry in rows if "marker" in entry):
        end_kind, start_kind = MARKERS[marker["marker"]]
        bound = tuple(_unhex(value) for value in marker["clustering"])
        if end_kind:
            start, ts = opened
            yield ts, (start, (end_kind, bound))
        if start_kind:
            opened = ((start_kind, bound), marker.get("start", marker.get("deletion"))[0])


def operations_of(line: dict):
    if line["deletion"]:
        yield Operation(line["deletion"][0], "partition", line["deletion"][0])
    if line["static"]:
        yield from _row_operations(line["static"], True)
    for row in line["rows"]:
        if "marker" not in row:
            yield from _row_operations(row, False)
    for ts, bounds in _ranges(line["rows"]):
        yield Operation(ts, "range", ts, bounds=bounds)


class Partition:
    def __init__(self, schema: Schema, key: bytes):
        self.schema = schema
        self.key = self._key_columns(key)
        self.rows: dict[tuple, Row] = {}
        self.deleted_at = -2**63
        self.ranges: list[tuple[int, tuple]] = []
        self.events: list[dict] = []
        self.clock = -2**63                    # in seconds: what ran out by then has been said

    def _key_columns(self, key: bytes) -> dict:
        raws, cursor = [key], cqltypes.Bytes(key)
        if len(self.schema.partition) > 1:
            raws = []
            while cursor.rest():
                raws.append(cursor.take(int.from_bytes(cursor.take(2), "big")))
                cursor.take(1)
        return {name: cqltypes.to_json(self.schema.kinds[name], raw) for name, raw in zip(self.schema.partition, raws)}

    def replay(self, operations: set[Operation], now: int) -> list[dict]:
        writes = defaultdict(list)
        for operation in operations - passed_over(operations, now) - said_apart(operations):
            writes[operation.write_ts].append(operation)
        for ts in sorted(writes):
            self._expire_until(ts // MICROS)
            touched = self._apply(writes[ts])
            for row in touched:
                self._emit(row, ts, max(ts // MICROS, 0), writes[ts])
        self._expire_until(now)
        return self.events

    def _row(self, operation: Operation) -> Row:
        identity = (operation.is_static, operation.row)
        if identity not in self.rows:
            self.rows[identity] = Row(list(operation.row), operation.is_static)
        return self.rows[identity]

    def _apply(self, operations: list[Operation]) -> list[Row]:
        touched: dict[int, Row] = {}
        for operation in operations:
            if operation.what == "partition":
                self.deleted_at = max(self.deleted_at, operation.ts)
                touched |= {id(row): row for row in self.rows.values()}
            elif operation.what == "range":
                self.ranges.append((operation.ts, operation.bounds))
                touched |= {id(row): row for row in self.rows.values() if self._covers(operation.bounds, row)}
            else:
                row = self._row(operation)
                touched[id(row)] = row
                self._apply_to_row(row, operation)
        return list(touched.values())

    def _apply_to_row(self, row: Row, operation: Operation) -> None:
        if operation.what == "row":
            row.deleted_at = max(row.deleted_at, operation.ts)
        elif operation.what == "complex":
            row.complex_deleted_at[operation.column] = max(row.complex_deleted_at.get(operation.column, -2**63), operation.ts)
        elif operation.what == "liveness":
            if row.liveness is None or operation.cell.beats(row.liveness):
                row.liveness = operation.cell
        elif operation.column in self.schema.kinds:
            merge = merge_counters if self.schema.kinds[operation.column].name == "counter" else merge_cells
            place = (operation.column, operation.path)
            row.cells[place] = merge(row.cells.get(place), operation.cell)

    def _covers(self, bounds: tuple, row: Row) -> bool:
        (start_kind, start), (end_kind, end) = bounds
        order = self.schema.order
        return (not row.is_static and order.row_is_after(row.clustering, start_kind, list(start))
                and not order.row_is_after(row.clustering, end_kind, list(end)))

    def _floor(self, row: Row) -> int:
        """Everything of the row at or below this timestamp is dead."""
        ranges = [ts for ts, bounds in self.ranges if self._covers(bounds, row)]
        return max([self.deleted_at, row.deleted_at, *ranges])

    def _live_cells(self, row: Row, now: int) -> dict[tuple[str, bytes | None], Cell]:
        floor = self._floor(row)
        return {place: cell for place, cell in row.cells.items() if cell.is_live(now)
                and cell.ts > max(floor, row.complex_deleted_at.get(place[0], floor))}

    def _is_marked_live(self, row: Row, now: int) -> bool:
        return row.liveness is not None and row.liveness.is_live(now) and row.liveness.ts > self._floor(row)

    def image(self, row: Row, now: int) -> dict | None:
        cells = self._live_cells(row, now)
        if not cells and not self._is_marked_live(row, now):
            return None
        schema = self.schema
        image = dict(self.key)
        if not row.is_static:
            image |= self._clustering(row)
        for column in schema.statics if row.is_static else schema.regulars:
            image[column] = column_json(schema.kinds[column], {path: cell.value for (name, path), cell in cells.items()
                                                               if name == column})
        return image

    def _clustering(self, row: Row) -> dict:
        return {name: cqltypes.to_json(self.schema.kinds[name], raw)
                for name, raw in zip(self.schema.clustering, row.clustering)}

    def _emit(self, row: Row, ts: int, now: int, operations: list[Operation], cause: str = "write") -> None:
        after = self.image(row, now)
        cells = self._live_cells(row, now)
        is_news = any(
            (o.what == "cell" and (o.column, o.path) in cells and cells[o.column, o.path].ts == o.ts)
            or (o.what == "liveness" and row.liveness == o.cell and self._is_marked_live(row, now))
            for o in operations if o.row == tuple(row.clustering) and o.is_static == row.is_static)
        if not is_news and after == row.last:
            return
        row.revision += 1
        written = [name for name in (after or row.last) if name not in self.key and name not in self.schema.clustering
                   and (any(o.column == name for o in operations) or (after or {}).get(name) != (row.last or {}).get(name))]
        self.events.append({
            "key": self.key | ({} if row.is_static else self._clustering(row)),
            "op": "c" if row.last is None else "d" if after is None else "u", "before": row.last, "after": after,
            "source": {"connector": "cassandra", "db": self.schema.table.split(".")[0],
                       "keyspace": self.schema.table.split(".")[0], "table": self.schema.table.split(".")[1],
                       "row": "static" if row.is_static else "regular", "ts_us": ts, "ts_ms": ts // 1000,
                       "revision": row.revision, "written": written, "cause": self._cause(row, operations, cause, after),
                       "complete": True, "late": False}})
        row.last = after

    @staticmethod
    def _cause(row: Row, operations: list[Operation], cause: str, after: dict | None) -> str:
        own = [o for o in operations if o.row == tuple(row.clustering)]
        if cause == "ttl" or own and after is not None:
            return cause
        whats = {o.what for o in operations}
        return ("delete" if own else "range_delete" if "range" in whats else "partition_delete")

    def _expire_until(self, now: int) -> None:
        times = sorted({cell.ldt for row in self.rows.values() for cell in [*row.cells.values(), row.liveness]
                        if cell is not None and cell.state == "expiring" and self.clock < cell.ldt <= now})
        self.clock = max(self.clock, now)
        for time in times:
            for row in self.rows.values():
                if row.last is not None and self.image(row, time) != row.last:
                    self._emit(row, time * MICROS, time, [], "ttl")


def passed_over(operations: set[Operation], now: int) -> set[Operation]:
    """Where Cassandra's tombstone of a value whose time had run out (a read repair or a hint carries it) wins over all that was
    written at that timestamp, the write that shows is the value's: the tombstone, and the others, are passed over."""
    places = defaultdict(list)
    for operation in operations:
        if operation.what == "cell":
            places[operation.row, operation.is_static, operation.column, operation.path, operation.ts].append(operation)
    return {o for rivals in places.values() for o in _losers(rivals, now)}


def said_apart(operations: set[Operation]) -> set[Operation]:
    """The deletion of what a write overwrites is 1 us older than the write. A read repair may bring a replica the deletion
    alone; it is the write's all the same."""
    return {o for o in operations if o.what in ("row", "complex") and o.write_ts == o.ts
            and replace(o, write_ts=o.ts + 1) in operations}


def _losers(rivals: list[Operation], now: int) -> list[Operation]:
    winner = rivals[0].cell
    for rival in rivals:
        winner = merge_cells(winner, rival.cell)
    made_of = [o for o in rivals if winner.state == "deleted" and o.cell.state == "expiring" and o.cell.ldt <= now
               and o.cell.ldt - o.cell.ttl == winner.ldt]
    kept = max(made_of, key=lambda o: (o.cell.ldt, o.cell.value), default=None)
    return [o for o in rivals if kept is not None and o != kept]


def merge_cells(known: Cell | None, new: Cell) -> Cell:
    if known is None or known == new:
        return new
    return new if new.beats(known) else known


def shards_of(context: bytes) -> dict[bytes, tuple[int, int]]:
    cursor = cqltypes.Bytes(context)
    headers = int.from_bytes(cursor.take(2), "big", signed=True)
    cursor.take(2 * abs(headers))
    shards = {}
    while cursor.rest():
        leader = cursor.take(16)
        shards[leader] = (int.from_bytes(cursor.take(8), "big", signed=True), int.from_bytes(cursor.take(8), "big", signed=True))
    return shards


def merge_counters(known: Cell | None, new: Cell) -> Cell:
    if new.state == "deleted" or (known and known.state == "deleted"):
        return new if known is None or new.state == "deleted" else known
    shards = shards_of(new.value)
    for leader, shard in (shards_of(known.value) if known else {}).items():
        shards[leader] = max(shard, shards.get(leader, shard))
    context = b"\x00\x00" + b"".join(leader + clock.to_bytes(8, "big", signed=True) + count.to_bytes(8, "big", signed=True)
                                     for leader, (clock, count) in sorted(shards.items()))
    return Cell("live", max(new.ts, known.ts if known else new.ts), None, context)


def column_json(kind: cqltypes.Type, cells: dict[bytes | None, bytes]):
    if not cells:
        return None
    if kind.name == "counter":
        return sum(count for _, count in shards_of(cells[None]).values())
    if not kind.is_multi_cell():
        return cqltypes.to_json(kind, cells[None])
    if kind.name == "udt":
        raws = {int.from_bytes(path, "big"): raw for path, raw in cells.items()}
        return {name: cqltypes.to_json(part, raws.get(index)) for index, (name, part) in enumerate(kind.fields)}
    path_kind = cqltypes.Type("timeuuid") if kind.name == "list" else kind.parameters[0]
    ordered = sorted(cells, key=lambda path: value_key(path_kind, path))
    if kind.name == "list":
        return [cqltypes.to_json(kind.parameters[0], cells[path]) for path in ordered]
    if kind.name == "set":
        return [cqltypes.to_json(kind.parameters[0], path) for path in ordered]
    pairs = [(cqltypes.to_json(kind.parameters[0], path), cqltypes.to_json(kind.parameters[1], cells[path])) for path in ordered]
    return dict(pairs) if kind.parameters[0].name in ("text", "ascii") else [{"key": k, "value": v} for k, v in pairs]


def read_schemas(recording: Path) -> dict[str, Schema]:
    lines = [json.loads(line) for line in (recording / "truth" / "schema.ndjson").read_text(encoding="utf-8").splitlines()]
    schemas = {}
    for line in (entry for entry in lines if entry["cdc"]):
        kinds = {name: cqltypes.parse(text, line["udts"]) for name, text in line["types"].items()}
        order = ClusteringOrder([kinds[name] for name in line["clustering"]],
                                [name in line["descending"] for name in line["clustering"]])
        schemas[line["table"]] = Schema(line["table"], line["partition"], line["clustering"], line["statics"],
                                        line["regulars"], kinds, order)
    return schemas


def replay(recording: Path, out: Path) -> None:
    meta = json.loads((recording / "meta.json").read_text())
    now = int(datetime.fromisoformat(meta["select_at"].replace("Z", "+00:00")).timestamp())
    schemas = read_schemas(recording)
    operations: dict[str, dict[bytes, set]] = {table: defaultdict(set) for table in schemas}
    for dump in sorted((recording / "dump").glob("*.ndjson")):
        for text in dump.read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            table = f"{line['keyspace']}.{line['name']}"
            if table in schemas:
                operations[table][bytes.fromhex(line["key"])].update(operations_of(line))
    out.mkdir(parents=True, exist_ok=True)
    for table, partitions in operations.items():
        with open(out / f"{table}.ndjson", "w", encoding="utf-8") as target:
            for key in sorted(partitions):
                for event in Partition(schemas[table], key).replay(partitions[key], now):
                    target.write(cqltypes.dumps(event) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path, help="with the dumps of its nodes in dump/")
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    replay(arguments.recording, arguments.out)


if __name__ == "__main__":
    main()
