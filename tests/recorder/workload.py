"""The seeded workload: random statements over all tables, and what happens to schema and nodes in the middle."""

import random
import sys
import time
from collections import Counter

from cluster import Cluster
from ledger import Write, settle_batch, write_of
from session import NOT_ACKNOWLEDGED, REFUSED, Session
from statements import Statement, Statements
from tables import KEYSPACE, SAME_KEY, UDTS, Column, Table, all_tables, late_table
from values import bigint

NATIVES_EMPTY = ("int", "bigint", "boolean", "decimal", "double", "float", "inet", "timestamp", "timeuuid", "uuid", "varint")
REFUSED_KEY, NEVER_KEY, DEAD_COUNTER = 9001, 9002, 9003


def int32(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)


class Clock:
    """Distinct write timestamps ten microseconds apart: mostly now, sometimes up to `back` seconds ago."""

    def __init__(self, rng: random.Random, back: float = 20):
        self.rng = rng
        self.back = back
        self.used: set[int] = set()

    def next(self, in_order: bool = False) -> int:
        now = time.time_ns() // 10_000 * 10
        if not in_order and self.rng.random() < 0.15:
            now -= self.rng.randrange(int(self.back * 100_000)) * 10
        while now in self.used:
            now -= 10
        self.used.add(now)
        return now


class Workload:
    def __init__(self, cluster: Cluster, session: Session, seed: int, size: int, read_repair: bool = True,
                 keyspace: str = KEYSPACE, flushes: bool = False):
        """Without `read_repair` no table has it, so that nothing but hints and the log tells nodes of each other's writes.
        With `flushes` nodes flush and compact in the middle, so that they have SSTables of every age."""
        self.cluster, self.session, self.size, self.read_repair = cluster, session, size, read_repair
        self.rng = random.Random(seed)
        self.clock = Clock(self.rng)
        self.make = Statements(self.rng)
        self.keyspace = keyspace
        self.tables = {table.name: table for table in all_tables(cluster.options.version, keyspace)}
        self.dropped_tables: list[str] = []
        self.writes: list[Write] = []
        self.outcomes: Counter = Counter()
        self.recent: list[tuple[Table, list[bytes], int]] = []
        self.consistency = "QUORUM"
        self.last_refused = False
        self.flushes = flushes

    def create_schema(self) -> None:
        self.session.plain(f"CREATE KEYSPACE {self.keyspace} WITH replication = "
                            "{'class': 'SimpleStrategy', 'replication_factor': 3}")
        for name, fields in UDTS.items():
            self.session.plain(f"CREATE TYPE {self.keyspace}.{name} ({', '.join(f'{f} {t}' for f, t in fields)})")
        for table in self.tables.values():
            self.create_table(table)

    def create_table(self, table: Table) -> None:
        table.read_repair = table.read_repair and self.read_repair
        self.session.plain(table.create())

    def run_with_changes(self) -> None:
        """Schema changes, a kill and a return, in the middle of statements."""
        self.fixed_scenes()
        for act in (self.add_columns, self.drop_columns, self.add_again, self.kill_third, self.return_third):
            self.statements(self.size // 6)
            self.flush_one()
            print(f"  {len(self.writes)} writes; then {act.__name__}", file=sys.stderr)
            act()
        self.statements(self.size - 5 * (self.size // 6))
        self.end_counters()

    def run_apart(self) -> None:
        """Each node in turn is down while the others write, and each in turn is the only one up."""
        self.fixed_scenes()
        self.statements(self.size // 7)
        for down in ((1,), (2,), (3,), (2, 3), (1, 3), (1, 2)):
            self.only_down(down)
            self.consistency = "ONE" if len(down) == 2 else "QUORUM"
            print(f"  down: {', '.join(f'n{n}' for n in down)}", file=sys.stderr)
            self.statements(self.size // 7)
            self.flush_one()
        self.only_down(())
        self.consistency = "QUORUM"

    def flush_one(self) -> None:
        """A node flushes, and one of three then compacts all it has: it drops what its newer data cover."""
        if not self.flushes:
            return
        number = self.rng.choice(self.cluster.running()).number
        self.cluster.nodetool(number, "flush", self.keyspace)
        if self.rng.random() < 1 / 3:
            self.cluster.nodetool(number, "compact", self.keyspace)

    def only_down(self, down: tuple[int, ...]) -> None:
        time.sleep(0.5)   # the log's sync period: what was acknowledged is on disk
        running = {node.number for node in self.cluster.running()}
        for number in sorted({1, 2, 3} - set(down) - running):
            self.cluster.start_node(number)
        for number in sorted(running & set(down)):
            self.cluster.kill_node(number)
        self.cluster.await_agreement()
        self.session.await_up([node.address for node in self.cluster.running()])

    def statements(self, count: int) -> None:
        for _ in range(count):
            self.one()

    def one(self) -> None:
        pick = self.rng.random()
        nodes_up = len(self.cluster.running())
        if pick < 0.08:
            self.batch(self.same_partition_parts())
        elif pick < 0.14:
            self.batch(self.scattered_parts())
        elif pick < 0.18 and nodes_up > 1:
            self.lightweight()
        elif pick < 0.26:
            self.count()
        elif pick < 0.30 and self.recent:
            self.tie()
        elif pick < 0.32:
            self.overlapping_slices()
        else:
            self.plain_statement()

    def plain_statement(self) -> None:
        table = self.rng.choice([t for t in self.tables.values() if not t.counter])
        ts, using = self.clock.next(), self.rng.random() < 0.7
        key = self.make.key(table)
        self.run(self.any_statement(table, key, ts, using), ts, using)
        self.recent = [*self.recent[-20:], (table, key, ts)]

    def any_statement(self, table: Table, key: list[bytes], ts: int, using: bool) -> Statement:
        kinds = {"insert": 40, "delete_row": 5, "delete_partition": 1}
        if table.regulars:
            kinds |= {"update": 38, "delete_columns": 7}
        if table.statics:
            kinds["update_static"] = 10
        if table.clustering:
            kinds["delete_slice"] = 4
        kind = self.rng.choices(list(kinds), list(kinds.values()))[0]
        return getattr(self.make, kind)(table, key, ts, using)

    def tie(self) -> None:
        """A second write to a recent row with the very same timestamp."""
        table, key, ts = self.rng.choice(self.recent)
        if table.name in self.tables and table.regulars:
            kind = self.rng.choice(["insert", "update", "update", "delete_columns", "delete_row"])
            self.run(getattr(self.make, kind)(table, key, ts, True), ts, True)

    def same_partition_parts(self) -> list[tuple[Table, list[bytes]]]:
        """Rows of one partition key: several tables (one mutation of several parts), or one table several times."""
        p = self.rng.randrange(-2, 4)
        if self.rng.random() < 0.4:
            table = self.tables[self.rng.choice([n for n in SAME_KEY if n != "natives"])]
            return [(table, self.make.int_key(table, p)) for _ in range(self.rng.randrange(2, 5))]
        return [(self.tables[name], self.make.int_key(self.tables[name], p))
                for name in self.rng.sample(SAME_KEY, self.rng.randrange(2, 5))]

    def scattered_parts(self) -> list[tuple[Table, list[bytes]]]:
        pool = [t for t in self.tables.values() if not t.counter]
        return [(table, self.make.key(table)) for table in self.rng.sample(pool, self.rng.randrange(2, 4))]

    def overlapping_slices(self) -> None:
        """Range deletions that meet or overlap in one mutation, with timestamps of their own: boundaries in the log."""
        table = self.tables[self.rng.choice(["statics", "collections", "wide", "keys_text"])]
        key = self.make.key(table)
        column = table.clustering[0]
        made = []
        for _ in range(self.rng.randrange(2, 5)):
            ts = self.clock.next()
            low, high = (self.make.values.key(table.kind(column), 4) for _ in range(2))
            made.append(self.make.delete_between(table, key, column, low, high, ts))
        self.run_batch("BEGIN UNLOGGED BATCH", made, None)

    def batch(self, parts: list[tuple[Table, list[bytes]]]) -> None:
        ts = self.clock.next() if self.rng.random() < 0.5 else None
        made = []
        for table, key in parts:
            made.append(self.any_statement(table, key, ts or self.clock.next(), ts is None))
        self.run_batch("BEGIN BATCH" if self.rng.random() < 0.5 else "BEGIN UNLOGGED BATCH", made, ts)

    def run_batch(self, header: str, made: list[Statement], ts: int | None) -> None:
        """With one timestamp for all, or None where each statement names its own."""
        writes = [write for statement in made for write in statement.writes]
        settle_batch(writes)
        raws = [raw for statement in made for raw in statement.raws]
        using = " USING TIMESTAMP ?" if ts is not None else ""
        self.run(Statement(f"{header}{using} {'; '.join(statement.cql for statement in made)}; APPLY BATCH",
                           raws if ts is None else [bigint(ts), *raws], writes), 0, True)

    def count(self) -> None:
        table = self.tables["counters"]
        key = self.make.key(table)
        ts = self.clock.next(in_order=True)
        amounts = [bigint(self.rng.choice([0, 1, -1, 5, 2**40, self.rng.randrange(-1000, 1000)])) for _ in range(2)]
        shape = self.rng.randrange(4)
        if shape == 0:
            made = Statement(f"UPDATE {table.qualified} SET sc = sc + ? WHERE p = ?", [amounts[0], key[0]],
                             [write_of(table, "static", key, ts, "count", ["sc"])])
        elif shape == 1:
            made = Statement(f"UPDATE {table.qualified} SET n = n + ?, m = m - ? WHERE p = ? AND c = ?", [*amounts, *key],
                             [write_of(table, "regular", key, ts, "count", ["n", "m"])])
        else:
            made = Statement(f"UPDATE {table.qualified} SET n = n + ? WHERE p = ? AND c = ?", [amounts[0], *key],
                             [write_of(table, "regular", key, ts, "count", ["n"])])
        self.run(made, ts, False)

    def lightweight(self) -> None:
        table = self.tables[self.rng.choice(["natives", "statics", "keys_text", "altered"])]
        key, shape = self.make.key(table), self.rng.randrange(3)
        where = " AND ".join(f"{c.cql_name()} = ?" for c in table.primary_key)
        column = self.rng.choice([c for c in table.regulars if not table.kind(c).is_multi_cell()
                                  and c.type_text != "duration"])
        raw = self.make.values.value(table.kind(column))
        if shape == 0:
            names = ", ".join(c.cql_name() for c in [*table.primary_key, column])
            cql = f"INSERT INTO {table.qualified} ({names}) VALUES ({', '.join('?' * (len(key) + 1))}) IF NOT EXISTS"
            raws, write = [*key, raw], write_of(table, "regular", key, None, "lwt_insert", [column.name], liveness=True)
        elif shape == 1:
            cql = f"UPDATE {table.qualified} SET {column.cql_name()} = ? WHERE {where} IF EXISTS"
            raws, write = [raw, *key], write_of(table, "regular", key, None, "lwt_update", [column.name])
        else:
            cql, raws = f"DELETE FROM {table.qualified} WHERE {where} IF EXISTS", key
            write = Write(table.qualified, "regular", write_of(table, "regular", key, None, "", []).key, None, "lwt_delete", False)
        rows = self.execute(cql, raws, 0)
        if not rows or rows[0]["[applied]"] != b"\x01":
            self.outcomes["condition not met"] += rows is not None
            return
        if write.columns:
            write.ts_us = self._ballot_time(table, key, column, where)
        write.must = write.must and write.ts_us is not None
        self.writes.append(write)

    def _ballot_time(self, table: Table, key: list[bytes], column: Column, where: str) -> int | None:
        """The write timestamp that the transaction gave, unless a client's own hides it."""
        rows = self.execute(f"SELECT WRITETIME({column.cql_name()}) AS at FROM {table.qualified} WHERE {where}", key, 0)
        at = int.from_bytes(rows[0]["at"], "big", signed=True) if rows and rows[0]["at"] else 0
        return at if at not in self.clock.used and abs(at - time.time_ns() // 1000) < 60_000_000 else None

    def run(self, made: Statement, ts: int, using: bool) -> None:
        rows = self.execute(made.cql, made.raws, 0 if using else ts)
        if rows is None:
            for write in made.writes:
                write.must, write.kind = False, write.kind + " (refused or not acknowledged)"
            if self.last_refused:
                return
        self.writes += made.writes

    def execute(self, cql: str, raws: list[bytes | None], ts: int) -> list | None:
        coordinator = self.rng.choice(self.cluster.running()).address
        self.last_refused = False
        try:
            rows = self.session.execute(cql, raws, self.consistency, ts, coordinator)
            self.outcomes["acknowledged"] += 1
            return rows
        except REFUSED as error:
            self.last_refused = True
            self.outcomes[f"refused: {str(error)[:160]}"] += 1
        except NOT_ACKNOWLEDGED as error:
            self.outcomes[f"not acknowledged: {type(error).__name__}"] += 1
        return None

    def fixed_scenes(self) -> None:
        """What chance would not bring: forbidden keys, empty values, negative and far timestamps, static-only partitions."""
        natives, statics = self.tables["natives"], self.tables["statics"]
        self.execute(f"UPDATE {natives.qualified} SET v_int = ? WHERE p = ? IF v_int = ?", [int32(1), int32(REFUSED_KEY), int32(5)], 0)
        self._forbid(natives, REFUSED_KEY, "lwt_refused")
        ts = self.clock.next()
        self.run(Statement(f"DELETE FROM {natives.qualified} USING TIMESTAMP ? WHERE p = ?", [bigint(ts), int32(NEVER_KEY)]), ts, True)
        self.run(Statement(f"UPDATE {natives.qualified} SET v_int = ? WHERE p = ?", [None, int32(NEVER_KEY)]), self.clock.next(), False)
        self._forbid(natives, NEVER_KEY, "delete_of_nothing")
        columns = [Column(f"v_{name}", name) for name in NATIVES_EMPTY]
        self._insert(natives, 9010, columns, [b""] * len(columns), self.clock.next())
        for p, ts in ((9011, -5), (9012, 0), (9013, 1), (9014, -(2**40))):
            self._insert(natives, p, [Column("v_text", "text")], [b"early"], ts)
        self._insert(natives, 9015, [Column("v_blob", "blob"), Column("v_text", "text")], [b"", b""], self.clock.next())
        self._insert(natives, 9016, [Column("v_text", "text")], [b"long " * 20_000], self.clock.next())
        far = self.make.far_expiry(natives, [int32(9017)], self.clock.next())   # after 2038: only version 8 logs can say so
        self.run(far, 0, True)
        key = self.make.int_key(statics, 9020)
        for _ in range(3):
            self.run(self.make.update_static(statics, key, ts := self.clock.next(), True), ts, True)

    def _insert(self, table: Table, p: int, columns: list[Column], raws: list[bytes], ts: int) -> None:
        names = ", ".join(["p", *(c.cql_name() for c in columns)])
        self.run(Statement(f"INSERT INTO {table.qualified} ({names}) VALUES ({', '.join('?' * (len(raws) + 1))}) USING TIMESTAMP ?",
                           [int32(p), *raws, bigint(ts)],
                           [write_of(table, "regular", [int32(p)], ts, "insert", [c.name for c in columns], liveness=True)]), ts, True)

    def _forbid(self, table: Table, p: int, kind: str) -> None:
        write = write_of(table, "regular", [int32(p)], None, kind, [])
        write.forbidden = True
        self.writes.append(write)

    def end_counters(self) -> None:
        """A counter that is deleted must not be counted again, so a row of its own dies at the end."""
        table = self.tables["counters"]
        for row in (b"stays", b"goes"):
            ts = self.clock.next(in_order=True)
            self.run(Statement(f"UPDATE {table.qualified} SET n = n + ? WHERE p = ? AND c = ?",
                               [bigint(7), int32(DEAD_COUNTER), row],
                               [write_of(table, "regular", [int32(DEAD_COUNTER), row], ts, "count", ["n"])]), ts, False)
        time.sleep(0.05)
        ts = self.clock.next(in_order=True)
        key = [int32(DEAD_COUNTER), b"goes"]
        self.run(Statement(f"DELETE FROM {table.qualified} WHERE p = ? AND c = ?", key,
                           [write_of(table, "regular", key, ts, "delete_row", [])]), ts, False)

    def alter(self, name: str, change: str) -> None:
        time.sleep(0.1)
        self.session.plain(f"ALTER TABLE {self.keyspace}.{name} {change}")
        self.session.forget_prepared()
        time.sleep(0.1)

    def add_columns(self) -> None:
        self.alter("altered", "ADD (extra text, more map<text, int>)")
        self.alter("altered", "ADD s2 int static")
        altered = self.tables["altered"]
        altered.regulars += [Column("extra", "text"), Column("more", "map<text, int>")]
        altered.statics.append(Column("s2", "int"))
        table = late_table(self.keyspace)
        self.create_table(table)
        self.tables[table.name] = table

    def drop_columns(self) -> None:
        for name in ("gone", "again", "lost"):
            self.alter("altered", f"DROP {name}")
        altered = self.tables["altered"]
        altered.regulars = [c for c in altered.regulars if c.name not in ("gone", "again", "lost")]

    def add_again(self) -> None:
        self.alter("altered", "ADD (again text, lost set<int>)")
        self.tables["altered"].regulars += [Column("again", "text"), Column("lost", "set<int>")]
        self.alter("wide", "ADD (w77 text, w78 frozen<list<int>>)")
        self.tables["wide"].regulars += [Column("w77", "text"), Column("w78", "frozen<list<int>>")]
        self.session.plain(f"ALTER TYPE {self.keyspace}.person ADD nick text")
        self.session.forget_prepared()
        for table in self.tables.values():
            table.udts = {**UDTS, "person": [*UDTS["person"], ("nick", "text")]}
        self.session.plain(f"DROP TABLE {self.keyspace}.shortlived")
        self.dropped_tables.append(self.tables.pop("shortlived").qualified)

    def kill_third(self) -> None:
        self.cluster.kill_node(3)
        self.cluster.await_agreement()
        self.session.await_up([node.address for node in self.cluster.running()])

    def return_third(self) -> None:
        self.cluster.start_node(3)
        self.cluster.await_agreement()
        self.session.await_up([node.address for node in self.cluster.running()])

    def summary(self) -> dict:
        return {"writes": len(self.writes), "must": sum(w.must for w in self.writes), **self.outcomes}

