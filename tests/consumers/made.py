"""A small stream made by hand, in each form in which Braid writes one: what proves the consumers' harness without Braid."""

import base64
import datetime
import io
import json
import random
import uuid


TABLE = "vault.titles"
KEY = ("id", "season")
COLUMNS = {
    "id": "int", "season": "text", "at": "time", "big": "varint", "cover": "blob", "day": "date", "facts": "map<text, int>",
    "hidden": "boolean", "lasts": "duration", "made": "timestamp", "rating": "double", "score": "decimal",
    "tags": "list<text>", "title": "text", "uid": "uuid", "year": "bigint",
}
CONNECT_TYPES = {
    "int": ("int32", None), "bigint": ("int64", None), "boolean": ("boolean", None), "double": ("double", None),
    "text": ("string", None), "varint": ("string", None), "decimal": ("string", None), "blob": ("bytes", None),
    "date": ("int32", "io.debezium.time.Date"), "time": ("int64", "io.debezium.time.NanoTime"),
    "timestamp": ("string", "io.debezium.time.ZonedTimestamp"), "duration": ("string", "io.debezium.time.Interval"),
    "uuid": ("string", "io.debezium.data.Uuid"),
}
AVRO_TYPES = {"int32": "int", "int64": "long", "boolean": "boolean", "double": "double", "string": "string", "bytes": "bytes"}


class Change:
    def __init__(self, op: str, before: dict | None, after: dict | None, revision: int, number: int):
        self.op, self.before, self.after, self.revision, self.number = op, before, after, revision, number

    @property
    def key(self) -> dict:
        row = self.after or self.before
        return {name: row[name] for name in KEY}


def history(seed: int, changes: int) -> tuple[list[Change], list[dict]]:
    """Changes of rows that come, change and go, and the rows that are there in the end; values in the event's JSON form."""
    pick = random.Random(seed)
    rows: dict[tuple, dict] = {}
    revisions: dict[tuple, int] = {}
    made = []
    for number in range(changes):
        key = (pick.randrange(changes // 10 + 1), pick.choice(("one", "two", "dreißig")))
        before = rows.get(key)
        revisions[key] = revisions.get(key, 0) + 1
        if before and pick.random() < 0.3:
            made.append(Change("d", rows.pop(key), None, revisions[key], number))
            continue
        after = _row(pick, key)
        rows[key] = after
        made.append(Change("u" if before else "c", before, after, revisions[key], number))
    return made, list(rows.values())


def _row(pick: random.Random, key: tuple) -> dict:
    def perhaps(value):
        return value if pick.random() < 0.8 else None

    return {
        "id": key[0], "season": key[1], "at": perhaps("%02d:07:40.5" % pick.randrange(24)), "big": perhaps(str(pick.getrandbits(100))),
        "cover": perhaps(base64.b64encode(pick.randbytes(5)).decode()), "day": perhaps("2026-%02d-21" % pick.randint(1, 12)),
        "facts": perhaps({"a \"b\"": pick.randrange(9)}), "hidden": perhaps(pick.random() < 0.5),
        "lasts": perhaps({"months": pick.randrange(30), "days": pick.randrange(40), "nanoseconds": pick.randrange(10**9) * 1000}),
        "made": perhaps("2026-11-21T07:40:51.%03dZ" % pick.randrange(1000)), "rating": perhaps(pick.random()),
        "score": perhaps("1.50"), "tags": perhaps(["tv", "ü'\n"]), "title": perhaps(f"Fargo {pick.randrange(1000)}"),
        "uid": perhaps(str(uuid.UUID(int=pick.getrandbits(128)))), "year": perhaps(pick.getrandbits(62)),
    }


def plain(change: Change) -> tuple[bytes, bytes]:
    """docs/formats/event.md."""
    source = {"connector": "cassandra", "version": "0", "name": "made", "db": "vault", "keyspace": "vault", "table": "titles",
              "row": "regular", "ts_us": change.number * 1000, "ts_ms": change.number, "revision": change.revision,
              "complete": True, "late": False, "snapshot": "false"}
    value = {"key": change.key, "op": change.op, "before": change.before, "after": change.after, "source": source,
             "transaction": None, "sequence": f"1:0:{change.number}", "ts_ms": change.number}
    return json.dumps(change.key).encode(), json.dumps(value).encode()


def _typed(cql: str, value):
    """A value as typed forms have it, which JSON can write."""
    if value is None:
        return None
    if "<" in cql:
        return json.dumps(value)
    if cql == "date":
        return (datetime.date.fromisoformat(value) - datetime.date(1970, 1, 1)).days
    if cql == "time":
        return int(value[:2]) * 3600 * 10**9 + (7 * 60 + 40) * 10**9 + 5 * 10**8
    if cql == "duration":
        micros = value["nanoseconds"] // 1000
        return f"P{value['months'] // 12}Y{value['months'] % 12}M{value['days']}DT0H0M{micros // 10**6}.{micros % 10**6:06d}S"
    return value


def _row_typed(row: dict | None) -> dict | None:
    return row and {name: _typed(COLUMNS[name], value) for name, value in row.items()}


def _column_schema(name: str) -> dict:
    cql = COLUMNS[name]
    kind, meaning = ("string", "io.debezium.data.Json") if "<" in cql else CONNECT_TYPES[cql]
    return {"type": kind, "optional": name not in KEY, "field": name, **({"name": meaning, "version": 1} if meaning else {})}


def connect(change: Change, topic: str) -> tuple[bytes, bytes]:
    """Kafka Connect's JSON, each with its schema."""
    row = [_column_schema(name) for name in COLUMNS]
    value_struct = {"type": "struct", "fields": row, "optional": True, "name": f"{topic}.Value"}
    source = {"type": "struct", "optional": False, "name": f"{topic}.Source", "field": "source", "fields": [
        {"type": kind, "optional": False, "field": field} for field, kind in
        (("connector", "string"), ("name", "string"), ("db", "string"), ("table", "string"), ("ts_ms", "int64"),
         ("revision", "int64"))]}
    schema = {"type": "struct", "optional": False, "name": f"{topic}.Envelope", "version": 1, "fields": [
        {**value_struct, "field": "before"}, {**value_struct, "field": "after"}, source,
        {"type": "string", "optional": False, "field": "op"}, {"type": "int64", "optional": True, "field": "ts_ms"}]}
    key_schema = {"type": "struct", "optional": False, "name": f"{topic}.Key", "fields": [_column_schema(name) for name in KEY]}
    value = {"before": _row_typed(change.before), "after": _row_typed(change.after), "op": change.op, "ts_ms": change.number,
             "source": {"connector": "cassandra", "name": "made", "db": "vault", "table": "titles", "ts_ms": change.number,
                        "revision": change.revision}}
    return (json.dumps({"schema": key_schema, "payload": change.key}).encode(),
            json.dumps({"schema": schema, "payload": value}).encode())


class Avro:
    """Avro, its schemas being registered for a topic. `fastavro`: the module, which others do without."""

    def __init__(self, fastavro, registry, topic: str):
        def field(name):
            kind = _column_schema(name)["type"]
            return {"name": name, "type": AVRO_TYPES[kind]} if name in KEY else \
                {"name": name, "type": ["null", AVRO_TYPES[kind]], "default": None}

        row = {"type": "record", "name": "Value", "namespace": topic, "fields": [field(name) for name in COLUMNS]}
        source = {"type": "record", "name": "Source", "namespace": topic, "fields": [
            {"name": "table", "type": "string"}, {"name": "revision", "type": "long"}]}
        self._schemas = [
            {"type": "record", "name": "Key", "namespace": topic, "fields": [field(name) for name in KEY]},
            {"type": "record", "name": "Envelope", "namespace": topic, "fields": [
                {"name": "before", "type": ["null", row], "default": None},
                {"name": "after", "type": ["null", f"{topic}.Value"], "default": None},
                {"name": "source", "type": source}, {"name": "op", "type": "string"}]}]
        self._ids = [registry.ask("POST", f"/subjects/{topic}-{part}/versions", {"schema": json.dumps(schema)})["id"]
                     for part, schema in zip(("key", "value"), self._schemas)]
        self._fastavro = fastavro
        self._schemas = [fastavro.parse_schema(schema) for schema in self._schemas]

    def encode(self, change: Change) -> tuple[bytes, bytes]:
        def binary(row):
            return row and {name: base64.b64decode(value) if COLUMNS[name] == "blob" and value else value
                            for name, value in _row_typed(row).items()}

        value = {"before": binary(change.before), "after": binary(change.after), "op": change.op,
                 "source": {"table": "titles", "revision": change.revision}}
        return self._framed(0, change.key), self._framed(1, value)

    def _framed(self, which: int, datum: dict) -> bytes:
        out = io.BytesIO()
        out.write(b"\0" + self._ids[which].to_bytes(4, "big"))
        self._fastavro.schemaless_writer(out, self._schemas[which], datum)
        return out.getvalue()
