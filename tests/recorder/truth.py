"""What the database itself says at the end: every row of every captured table, in the event's JSON forms."""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import cqltypes
from ledger import DroppedColumn
from session import Session


@dataclass
class TableSchema:
    """Read back from the database, not from what the workload meant to create."""
    keyspace: str
    name: str
    cdc: bool = False
    partition: list[str] = field(default_factory=list)
    clustering: list[str] = field(default_factory=list)
    statics: list[str] = field(default_factory=list)
    regulars: list[str] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)
    descending: list[str] = field(default_factory=list)

    @property
    def qualified(self) -> str:
        return f"{self.keyspace}.{self.name}"

    def to_json(self, udts: dict) -> dict:
        return {"table": self.qualified, "cdc": self.cdc, "partition": self.partition, "clustering": self.clustering,
                "descending": self.descending, "statics": self.statics, "regulars": self.regulars, "types": self.types,
                "udts": udts}


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode()


def _texts(raw: bytes | None) -> list[str]:
    return cqltypes.to_json(cqltypes.parse("list<text>", {}), raw) or []


def read_udts(session: Session, keyspace: str) -> dict[str, list[tuple[str, str]]]:
    rows = session.execute("SELECT type_name, field_names, field_types FROM system_schema.types WHERE keyspace_name = ?",
                           [keyspace.encode()])
    return {_text(row["type_name"]): list(zip(_texts(row["field_names"]), _texts(row["field_types"]))) for row in rows}


def read_schema(session: Session, keyspace: str) -> list[TableSchema]:
    tables = {}
    for row in session.execute("SELECT table_name, cdc FROM system_schema.tables WHERE keyspace_name = ?", [keyspace.encode()]):
        tables[_text(row["table_name"])] = TableSchema(keyspace, _text(row["table_name"]), row["cdc"] == b"\x01")
    rows = session.execute("SELECT table_name, column_name, kind, position, clustering_order, type FROM system_schema.columns "
                           "WHERE keyspace_name = ?", [keyspace.encode()])
    lists = {"partition_key": "partition", "clustering": "clustering", "static": "statics", "regular": "regulars"}
    for row in sorted(rows, key=lambda row: int.from_bytes(row["position"], "big", signed=True)):
        table, column = tables[_text(row["table_name"])], _text(row["column_name"])
        getattr(table, lists[_text(row["kind"])]).append(column)
        table.types[column] = _text(row["type"])
        if _text(row["clustering_order"]) == "desc":
            table.descending.append(column)
    return list(tables.values())


def read_dropped(session: Session, keyspace: str, schema: list[TableSchema]) -> list[DroppedColumn]:
    existing = {(table.name, column) for table in schema for column in table.types}
    rows = session.execute("SELECT table_name, column_name, dropped_time FROM system_schema.dropped_columns "
                           "WHERE keyspace_name = ?", [keyspace.encode()])
    return [DroppedColumn(f"{keyspace}.{_text(row['table_name'])}", _text(row["column_name"]),
                          int.from_bytes(row["dropped_time"], "big", signed=True) * 1000,
                          (_text(row["table_name"]), _text(row["column_name"])) in existing) for row in rows]


def _rows(session: Session, table: TableSchema, udts) -> list[dict]:
    kinds = {name: cqltypes.parse(text, udts) for name, text in table.types.items()}
    found = session.execute(f'SELECT * FROM {table.keyspace}."{table.name}"', consistency="ALL")
    return [{name: (cqltypes.to_json(kinds[name], raw), raw) for name, raw in row.items()} for row in found]


def read_table(session: Session, table: TableSchema, udts) -> tuple[list[dict], list[dict]]:
    """Regular rows and static rows. A partition that has only static data shows as one row without clustering values."""
    regular, static = [], {}
    for row in _rows(session, table, udts):
        image = {name: value for name, (value, _) in row.items()}
        partition = {name: image[name] for name in table.partition}
        if any(row[name][1] is not None for name in table.statics):
            static[cqltypes.dumps(partition)] = partition | {name: image[name] for name in table.statics}
        if all(row[name][1] is not None for name in table.clustering):
            regular.append({name: image[name] for name in (*table.partition, *table.clustering, *table.regulars)})
    return regular, list(static.values())


def write_truth(session: Session, keyspace: str, directory: Path) -> tuple[float, list[TableSchema]]:
    """Returns the wall clock of the reading and the schema that it saw."""
    directory.mkdir(parents=True, exist_ok=True)
    schema, udts = read_schema(session, keyspace), read_udts(session, keyspace)
    read_at = time.time()
    lines: dict[str, list[str]] = defaultdict(list)
    for table in schema:
        if table.cdc:
            regular, static = read_table(session, table, udts)
            lines[f"{table.qualified}.ndjson"] = [cqltypes.dumps(row) for row in regular]
            if table.statics:
                lines[f"{table.qualified}.static.ndjson"] = [cqltypes.dumps(row) for row in static]
    for name, rows in lines.items():
        (directory / name).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    (directory / "schema.ndjson").write_text(
        "".join(f"{cqltypes.dumps(table.to_json(udts))}\n" for table in schema), encoding="utf-8")
    return read_at, schema
