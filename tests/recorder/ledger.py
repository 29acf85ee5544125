"""The ledger: every write that a coordinator acknowledged, and whether the stream must show it."""

from collections import defaultdict
from dataclasses import dataclass, field

import cqltypes
from tables import Table

DELETIONS = ("delete_row", "delete_slice", "delete_partition", "delete_columns", "delete_element")
COVERING = ("delete_row", "delete_slice", "delete_partition")


@dataclass
class Write:
    """What one statement wrote to one row. `must`: the stream shows it exactly once."""
    table: str
    row: str                                   # regular or static
    key: dict
    ts_us: int | None
    kind: str
    must: bool
    columns: list[str] = field(default_factory=list)   # those of which it leaves a live cell
    liveness: bool = False                             # it writes the row's own marker
    forbidden: bool = False                            # no event at all for this key (and time, when it has one)
    ends: list[str] = field(default_factory=list)      # columns that it names and of which it leaves nothing alive

    def to_line(self) -> str:
        return cqltypes.dumps({
            "table": self.table, "row": self.row, "key": self.key, "ts_us": self.ts_us, "kind": self.kind,
            "must": self.must, "forbidden": self.forbidden, "columns": self.columns, "ends": self.ends})

    def identity(self) -> tuple:
        return self.table, self.row, cqltypes.dumps(self.key)


def write_of(table: Table, row: str, raws: list[bytes], ts_us: int | None, kind: str, columns: list[str],
             liveness: bool = False, ends: list[str] | None = None) -> Write:
    named = table.primary_key if row == "regular" else table.partition
    key = {column.name: cqltypes.to_json(table.kind(column), raw) for column, raw in zip(named, raws)}
    return Write(table.qualified, row, key, ts_us, kind, liveness or bool(columns), columns, liveness, ends=ends or [])


def settle_batch(writes: list[Write]) -> None:
    """Within one mutation an older write to the same row, or one that a deletion covers, may leave no trace."""
    newest: dict[tuple, int] = defaultdict(lambda: -2**63)
    for write in writes:
        newest[write.identity()] = max(newest[write.identity()], write.ts_us)
    deletions = [w for w in writes if w.kind in COVERING]
    for write in writes:
        covered = any(d.table == write.table and d.ts_us >= write.ts_us for d in deletions if d is not write)
        if covered or write.ts_us < newest[write.identity()]:
            write.must = False


@dataclass(frozen=True)
class DroppedColumn:
    table: str
    column: str
    dropped_us: int
    exists_again: bool


def settle(writes: list[Write], dropped: list[DroppedColumn], final_tables: set[str]) -> None:
    """Takes `must` back where the end of the workload showed that a write need not appear."""
    for write in writes:
        for drop in dropped:
            if drop.table != write.table or drop.column not in write.columns:
                continue
            if not drop.exists_again or write.ts_us is None or write.ts_us <= drop.dropped_us + 2000:
                write.columns.remove(drop.column)
                write.must = write.must and (write.liveness or bool(write.columns))
        if write.table not in final_tables:
            write.must = False
    _settle_ties(writes)


def _settle_ties(writes: list[Write]) -> None:
    """Among writes of one timestamp a deletion or a null wins, so that nothing is sure but a row's own marker."""
    groups: dict[tuple, list[Write]] = defaultdict(list)
    for write in writes:
        groups[(*write.identity(), write.ts_us)].append(write)
    for group in groups.values():
        is_deleted = any(write.kind in DELETIONS for write in group)
        if len(group) > 1 and (is_deleted or not any(write.liveness for write in group)):
            for write in group:
                write.must = False
