"""What real consumers make of a topic, held against the rows that there are. Each gives what the consumer cost, in words.

A table is told by its columns (name -> CQL type) and the names of its key columns; expected rows are in the event's JSON form,
with every column, as `SELECT` would give them. Topics must hold all that is expected when a scenario begins.
"""

import json
from pathlib import Path

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

import flink
import topics
import values
from connect import Connect, jdbc_sink
from postgres import Postgres
from table import Table, Wrong


def connect_jdbc(home: Path, brokers: str, topic: str, table: Table, more: dict[str, str] | None = None) -> str:
    """Kafka Connect's JDBC sink of Debezium into PostgreSQL. The topic: `format: json-schemas`, `nested: json`. `more`:
    further properties of the sink, such as transforms."""
    with Postgres(home) as database:
        sink = jdbc_sink(database, [topic], **{"collection.name.format": "sunk", **(more or {})})
        with Connect(home, brokers, {"sink": sink}) as connect:
            connect.wait_until_read("sink", [topic], 180)
        names = ", ".join(f'"{name}"' for name in table.columns)
        with database.connect() as session:
            found = session.execute(f"SELECT {names} FROM sunk").fetchall()
        table.compare("postgres", [
            {name: values.of_postgres(cql, value) for (name, cql), value in zip(table.columns.items(), row)} for row in found])
    return f"{connect.program.cost()}; {database.program.cost()}"


def unwrapped() -> dict[str, str]:
    """`more` for connect_jdbc: Debezium's ExtractNewRecordState before the sink, which then sees flat rows and tombstones."""
    return {"transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
            "transforms.unwrap.delete.tombstone.handling.mode": "tombstone"}


def flink_sql(home: Path, brokers: str, topic: str, table: Table, group_by: str) -> str:
    """Flink SQL's debezium-json, building two views: of the rows, and of how many have each value of the column `group_by`. The
    topic: `format: json`, its rows complete, `truncate: rows`."""
    columns = ", ".join(f"`{name}` {values.flink_type(cql)}" for name, cql in table.columns.items())
    keys = ", ".join(f"`{name}`" for name in table.key)
    group_type = values.flink_type(table.columns[group_by])
    brokers_and = f"'properties.bootstrap.servers' = '{brokers}'"
    view = f"'connector' = 'upsert-kafka', {brokers_and}, 'key.format' = 'json', 'value.format' = 'json'"
    views = {"rows": f"{topic}-view-rows", "counts": f"{topic}-view-counts"}
    for each in views.values():
        topics.make(brokers, each, 1)
    program = flink.run_sql(home, f"""
CREATE TABLE events ({columns}) WITH ('connector' = 'kafka', 'topic' = '{topic}', {brokers_and},
  'properties.isolation.level' = 'read_committed', 'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset', 'format' = 'debezium-json');
CREATE TABLE view_rows ({columns}, PRIMARY KEY ({keys}) NOT ENFORCED) WITH ({view}, 'topic' = '{views["rows"]}');
CREATE TABLE view_counts (k STRING, grouped {group_type}, n BIGINT, PRIMARY KEY (k) NOT ENFORCED)
  WITH ({view}, 'topic' = '{views["counts"]}');
EXECUTE STATEMENT SET BEGIN
INSERT INTO view_rows SELECT * FROM events;
INSERT INTO view_counts SELECT COALESCE(CAST(`{group_by}` AS STRING), 'null'), `{group_by}`, COUNT(*) FROM events GROUP BY `{group_by}`;
END;
""", 240)
    rows = _fold_upserts(brokers, views["rows"])
    table.compare("flink", [{name: values.of_flink(cql, row[name]) for name, cql in table.columns.items()} for row in rows])
    expected: dict = {}
    for row in table.rows:
        expected[row[group_by]] = expected.get(row[group_by], 0) + 1
    counts = {row["grouped"]: row["n"] for row in _fold_upserts(brokers, views["counts"])}
    if counts != expected:
        raise Wrong(f"flink: counts by {group_by} are {counts} and should be {expected}")
    return program.cost()


def python_avro(brokers: str, registry_url: str, topic: str, table: Table) -> str:
    """confluent-kafka's consumer and AvroDeserializer. The topic: `format: avro`, `nested: json`."""
    client = SchemaRegistryClient({"url": registry_url})
    deserializers = {part: AvroDeserializer(client) for part in (MessageField.KEY, MessageField.VALUE)}

    def decode(record, part: str):
        data = record.key() if part == MessageField.KEY else record.value()
        return data and deserializers[part](data, SerializationContext(record.topic(), part))

    return _python(brokers, topic, table, "avro", values.of_avro, decode)


def python_json(brokers: str, topic: str, table: Table) -> str:
    """confluent-kafka's consumer of plain JSON."""

    def decode(record, part: str):
        data = record.key() if part == MessageField.KEY else record.value()
        return data and json.loads(data)

    return _python(brokers, topic, table, "json", values.of_event, decode)


def _python(brokers: str, topic: str, table: Table, consumer: str, of_value, decode) -> str:
    rows: dict[tuple, dict] = {}
    revisions: dict[tuple, int] = {}
    records = 0
    for record in topics.read_all(brokers, topic):
        records += 1
        key = decode(record, MessageField.KEY)
        identity = tuple(repr(key[name]) for name in table.key)
        event = decode(record, MessageField.VALUE)
        if event is None:
            if identity in rows:
                raise Wrong(f"{consumer}: a tombstone for {key}, which is there")
            continue
        before = event["before"]
        if before != rows.get(identity):
            raise Wrong(f"{consumer}: before is {before} and should be {rows.get(identity)} (offset {record.offset()})")
        revision = event["source"]["revision"]
        if revision != revisions.get(identity, 0) + 1:
            raise Wrong(f"{consumer}: revision {revision} of {key} comes after {revisions.get(identity, 0)}")
        revisions[identity] = revision
        if event["after"] is None:
            del rows[identity]
        else:
            rows[identity] = event["after"]
    table.compare(consumer, [{name: of_value(cql, row[name]) for name, cql in table.columns.items()} for row in rows.values()])
    return f"{records} records"


def _fold_upserts(brokers: str, topic: str) -> list[dict]:
    rows = {}
    for record in topics.read_all(brokers, topic):
        if record.value() is None:
            rows.pop(record.key(), None)
        else:
            rows[record.key()] = json.loads(record.value())
    return list(rows.values())
