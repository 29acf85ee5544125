"""Random CQL statements with bound native bytes, and what each of them writes."""

import random
from dataclasses import dataclass, field

import cqltypes
from ledger import Write, write_of
from tables import Column, Table
from values import Values, bigint

LONG_TTL = (864_000, 900_000, 30_000_000)
SHORT_TTL = (1, 2, 4)


@dataclass
class Statement:
    cql: str
    raws: list[bytes | None]
    writes: list[Write] = field(default_factory=list)


@dataclass
class Assignment:
    cql: str
    raws: list[bytes | None]
    leaves_live_cell: bool


def _count_of(raw: bytes | None) -> int:
    return 0 if raw is None else int.from_bytes(raw[:4], "big")


class Statements:
    """Makes statements for one timestamp each. `using` says whether the statement names it itself."""

    def __init__(self, rng: random.Random):
        self.rng = rng
        self.values = Values(rng)

    def key(self, table: Table) -> list[bytes]:
        partition = [self.values.key(table.kind(c), table.key_spread) for c in table.partition]
        return partition + [self.values.key(table.kind(c), 4, may_be_empty=True) for c in table.clustering]

    def int_key(self, table: Table, p: int) -> list[bytes]:
        """A key in a partition of its own choice, for tables partitioned by one int."""
        return [p.to_bytes(4, "big", signed=True)] + self.key(table)[1:]

    def insert(self, table: Table, key: list[bytes], ts: int, using: bool) -> Statement:
        density = self.rng.choice([0.1, 0.6, 0.6, 1.0])
        chosen = [c for c in table.regulars if self.rng.random() < density]
        statics = [c for c in table.statics if self.rng.random() < 0.25]
        raws = [self._maybe_null(table, c, 0.12) for c in chosen + statics]
        names = ", ".join(c.cql_name() for c in table.primary_key + chosen + statics)
        marks = ", ".join("?" for _ in table.primary_key + chosen + statics)
        ttl = self._ttl(table)
        clause, bound = self._using(ts, using, ttl)
        live, ends = self._parted(table, chosen, raws)
        writes = [write_of(table, "regular", key, ts, "insert", live, liveness=True, ends=ends)]
        if statics:
            live, ends = self._parted(table, statics, raws[len(chosen):])
            writes.append(write_of(table, "static", key, ts, "insert", live, ends=ends))
        return Statement(f"INSERT INTO {table.qualified} ({names}) VALUES ({marks}){clause}", [*key, *raws, *bound],
                         self._settle_ttl(table, ttl, writes))

    def update(self, table: Table, key: list[bytes], ts: int, using: bool) -> Statement:
        return self._update(table, table.regulars, "regular", table.primary_key, key, ts, using)

    def update_static(self, table: Table, key: list[bytes], ts: int, using: bool) -> Statement:
        return self._update(table, table.statics, "static", table.partition, key[:len(table.partition)], ts, using)

    def delete_columns(self, table: Table, key: list[bytes], ts: int, using: bool) -> Statement:
        row = "static" if table.statics and self.rng.random() < 0.3 else "regular"
        pool = table.statics if row == "static" else table.regulars
        where = table.partition if row == "static" else table.primary_key
        targets, bound = [], []
        for column in self.rng.sample(pool, min(len(pool), self.rng.choice([1, 1, 2, 3]))):
            kind = table.kind(column)
            if kind.is_multi_cell() and kind.name in ("map", "set", "udt") and self.rng.random() < 0.5:
                target, raw = self._element(column, kind)
                targets.append(target)
                bound += raw
            else:
                targets.append(column.cql_name())
        clause, using_raws = self._using(ts, using)
        # DELETE binds what it selects before USING, and USING before WHERE
        return Statement(f"DELETE {', '.join(targets)} FROM {table.qualified}{clause} WHERE {self._equal(where)}",
                         [*bound, *using_raws, *key[:len(where)]],
                         [write_of(table, row, key, ts, "delete_columns", [])])

    def delete_row(self, table: Table, key: list[bytes], ts: int, using: bool) -> Statement:
        kind = "delete_row" if table.clustering else "delete_partition"
        return self._delete(table, f"{self._equal(table.primary_key)}", key, key, ts, using, kind)

    def delete_partition(self, table: Table, key: list[bytes], ts: int, using: bool) -> Statement:
        return self._delete(table, self._equal(table.partition), key[:len(table.partition)], key, ts, using,
                            "delete_partition")

    def delete_slice(self, table: Table, key: list[bytes], ts: int, using: bool) -> Statement:
        """A prefix, or a range after a prefix, or an IN."""
        depth = self.rng.randrange(len(table.clustering))
        prefix = table.partition + table.clustering[:depth]
        where, raws = self._equal(prefix), key[:len(prefix)]
        column = table.clustering[depth]
        kind = table.kind(column)
        one, other = self.values.key(kind, 4, True), self.values.key(kind, 4, True)
        shape = self.rng.randrange(5)
        name = column.cql_name()
        if shape == 0:
            where, raws = f"{where} AND {name} = ?", [*raws, one]
        elif shape == 1:
            where, raws = f"{where} AND {name} {self.rng.choice(['>', '>=', '<', '<='])} ?", [*raws, one]
        elif shape == 2:
            where = f"{where} AND {name} {self.rng.choice(['>', '>='])} ? AND {name} {self.rng.choice(['<', '<='])} ?"
            raws = [*raws, one, other]
        elif shape == 3:
            where, raws = f"{where} AND {name} IN (?, ?)", [*raws, one, other]
        elif depth + 1 < len(table.clustering):
            following = table.clustering[depth + 1]
            where = f"{where} AND ({name}, {following.cql_name()}) {self.rng.choice(['>', '>=', '<', '<='])} (?, ?)"
            raws = [*raws, one, self.values.key(table.kind(following), 4)]
        return self._delete(table, where, raws, key, ts, using, "delete_slice")

    def delete_between(self, table: Table, key: list[bytes], column: Column, low: bytes, high: bytes, ts: int) -> Statement:
        clause, using_raws = self._using(ts, True)
        kept = key[:len(table.partition)]
        name = column.cql_name()
        cql = f"DELETE FROM {table.qualified}{clause} WHERE {self._equal(table.partition)} AND {name} >= ? AND {name} < ?"
        return Statement(cql, [*using_raws, *kept, low, high],
                         [Write(table.qualified, "regular", write_of(table, "regular", key, ts, "", []).key, ts, "delete_slice", False)])

    def far_expiry(self, table: Table, key: list[bytes], ts: int) -> Statement:
        clause, using_raws = self._using(ts, True, 600_000_000)
        return Statement(f"INSERT INTO {table.qualified} (p, v_text) VALUES (?, ?){clause}", [*key, b"after 2038", *using_raws],
                         [write_of(table, "regular", key, ts, "insert", ["v_text"], liveness=True)])

    def _update(self, table, pool, row, where, key, ts, using) -> Statement:
        chosen = self.rng.sample(pool, min(len(pool), self.rng.choice([1, 1, 2, 3, 6])))
        made = [(column, self._assignment(table, column)) for column in chosen]
        live = [column.name for column, assignment in made if assignment.leaves_live_cell]
        ends = [column.name for column, assignment in made if not assignment.leaves_live_cell]
        ttl = self._ttl(table)
        clause, using_raws = self._using(ts, using, ttl)
        return Statement(
            f"UPDATE {table.qualified}{clause} SET {', '.join(a.cql for _, a in made)} WHERE {self._equal(where)}",
            [*using_raws, *(raw for _, a in made for raw in a.raws), *key],
            self._settle_ttl(table, ttl, [write_of(table, row, key, ts, "update", live, ends=ends)]))

    def _assignment(self, table: Table, column: Column) -> Assignment:
        kind, name = table.kind(column), column.cql_name()
        if not kind.is_multi_cell() or self.rng.random() < 0.3:
            raw = self._maybe_null(table, column, 0.15)
            return Assignment(f"{name} = ?", [raw], self._is_live(kind, raw))
        if kind.name == "udt":
            field_name, field_kind = self.rng.choice(kind.fields)
            raw = None if self.rng.random() < 0.2 else self.values.value(field_kind)
            return Assignment(f"{name}.{field_name} = ?", [raw], raw is not None)
        raw = self.values.value(kind)
        if kind.name == "list":
            shape = self.rng.randrange(4)
            if shape == 0:
                element = self.values.value(kind.parameters[0])
                return Assignment(f"{name}[?] = ?", [self.rng.randrange(3).to_bytes(4, "big"), element], True)
            if shape == 1:
                return Assignment(f"{name} = {name} - ?", [raw], False)
            return Assignment(f"{name} = {name} + ?" if shape == 2 else f"{name} = ? + {name}", [raw], _count_of(raw) > 0)
        if kind.name == "map" and self.rng.random() < 0.5:
            entry = self.values.value(kind.parameters[1])
            return Assignment(f"{name}[?] = ?", [self.values.value(kind.parameters[0]), entry], True)
        if self.rng.random() < 0.3:
            keys = self.values.value(cqltypes.Type("set", (kind.parameters[0],)))
            return Assignment(f"{name} = {name} - ?", [keys], False)
        return Assignment(f"{name} = {name} + ?", [raw], _count_of(raw) > 0)

    def _element(self, column: Column, kind: cqltypes.Type) -> tuple[str, list[bytes]]:
        if kind.name == "udt":
            return f"{column.cql_name()}.{self.rng.choice(kind.fields)[0]}", []
        return f"{column.cql_name()}[?]", [self.values.value(kind.parameters[0])]

    def _delete(self, table, where, where_raws, key, ts, using, kind) -> Statement:
        clause, using_raws = self._using(ts, using)
        return Statement(f"DELETE FROM {table.qualified}{clause} WHERE {where}", [*using_raws, *where_raws],
                         [Write(table.qualified, "regular", write_of(table, "regular", key, ts, kind, []).key, ts, kind, False)])

    def _using(self, ts: int, using: bool, ttl: int | None = None) -> tuple[str, list[bytes]]:
        parts, raws = [], []
        if using:
            parts.append("TIMESTAMP ?")
            raws.append(bigint(ts))
        if ttl is not None:
            parts.append("TTL ?")
            raws.append(ttl.to_bytes(4, "big"))
        return (f" USING {' AND '.join(parts)}" if parts else ""), raws

    def _ttl(self, table: Table) -> int | None:
        pick = self.rng.random()
        if pick < 0.06:
            return self.rng.choice(SHORT_TTL)
        if pick < 0.16:
            return self.rng.choice(LONG_TTL)
        return 0 if table.default_ttl and pick < 0.3 else None

    @staticmethod
    def _settle_ttl(table: Table, ttl: int | None, writes: list[Write]) -> list[Write]:
        for write in writes:
            write.must = write.must and not (ttl in SHORT_TTL and table.read_repair)
        return writes

    def _maybe_null(self, table: Table, column: Column, chance: float) -> bytes | None:
        return None if self.rng.random() < chance else self.values.value(table.kind(column))

    @staticmethod
    def _is_live(kind: cqltypes.Type, raw: bytes | None) -> bool:
        if raw is None:
            return False
        if not kind.is_multi_cell():
            return True
        if kind.name == "udt":
            return any(value is not None for value in cqltypes.to_json(kind, raw).values())
        return _count_of(raw) > 0

    def _parted(self, table: Table, chosen: list[Column], raws: list[bytes | None]) -> tuple[list[str], list[str]]:
        """The columns that get a value, and those that get none."""
        live = [c.name for c, raw in zip(chosen, raws) if self._is_live(table.kind(c), raw)]
        return live, [c.name for c in chosen if c.name not in live]

    @staticmethod
    def _equal(columns: list[Column]) -> str:
        return " AND ".join(f"{c.cql_name()} = ?" for c in columns)

