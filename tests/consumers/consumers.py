"""What real consumers make of a topic, held against the rows that there are. Each gives what the consumer cost, in words; those
in Python how many records they read.

A table is told by its columns (name -> CQL type) and the names of its key columns; expected rows are in the event's JSON form,
with every column, as `SELECT` would give them. Topics must hold all that is expected when a scenario begins.
"""

import json
import re
from pathlib import Path

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

import flink
import topics
import shown
from connect import Connect, jdbc_sink
from postgres import Postgres
from table import Table, Wrong


def connect_jdbc(home: Path, brokers: str, streams: list[tuple[str, Table]], more: dict[str, str] | None = None) -> str:
    """Kafka Connect's JDBC sink of Debezium into PostgreSQL, for each (topic, table). The topics: `format: json-schemas`, `nested:
    json`. `more`: further properties of the sink, such as transforms."""
    names = [topic for topic, _ in streams]
    with Postgres(home) as database:
        with Connect(home, brokers, {"sink": jdbc_sink(database, names, **(more or {}))}) as connect:
            connect.wait_until_read("sink", names, 180)
        with database.connect() as session:
            for topic, table in streams:
                columns = ", ".join('"' + name + '"' for name in table.columns)
                found = session.execute(f'SELECT {columns} FROM "{topic.replace(".", "_")}"').fetchall()
                table.compare("postgres", [
                    {name: shown.of_postgres(cql, value) for (name, cql), value in zip(table.columns.items(), row)}
                    for row in found])
    return f"{connect.program.cost()}; {database.program.cost()}"


def unfit_for_jdbc(brokers: str, topic: str, table: Table) -> str:
    """Why neither the sink nor PostgreSQL can take the topic, whatever wrote it; "" if they can."""
    if len(table.key) > 32:
        return "PostgreSQL's keys have 32 columns at most"
    if any('"' in name for name in table.columns):
        return "the sink does not double a quote within a column's name"
    if any(table.columns[name] == "time" for name in table.key):
        return "the sink binds a time of day as a timestamp where it deletes, which PostgreSQL does not compare with one"
    if any(shown.is_nested(table.columns[name]) for name in table.key):
        return "PostgreSQL's keys hold no json"
    # Within nested values, which are JSON of their own, the backslash is doubled, and PostgreSQL takes it.
    nul = re.compile(rb"(?<!\\)\\u0000")
    if any(record.value() and nul.search(record.key() + record.value()) for record in topics.read_all(brokers, topic)):
        return "PostgreSQL's texts hold no NUL"
    return ""


def unwrapped() -> dict[str, str]:
    """`more` for connect_jdbc: Debezium's ExtractNewRecordState before the sink, which then sees flat rows and tombstones."""
    return {"transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
            "transforms.unwrap.delete.tombstone.handling.mode": "tombstone"}


def flink_sql(home: Path, brokers: str, streams: list[tuple[str, Table]]) -> str:
    """Flink SQL's debezium-json, building two views of each (topic, table): its rows, and how many rows there are for each value of
    its last column. The topics: `format: json`, rows complete, `truncate: rows`."""
    views = [_FlinkViews(number, topic, table) for number, (topic, table) in enumerate(streams)]
    for view in views:
        topics.make(brokers, view.rows_topic, 1)
        topics.make(brokers, view.counts_topic, 1)
    program = flink.run_sql(home, "".join(view.tables(brokers) for view in views) + "EXECUTE STATEMENT SET BEGIN\n" +
                            "".join(view.inserts() for view in views) + "END;\n", 300)
    for view in views:
        view.compare(brokers)
    return program.cost()


class _FlinkViews:
    """The SQL of one topic's two views, and what they must hold in the end."""

    def __init__(self, number: int, topic: str, table: Table):
        self.number, self.topic, self.table = number, topic, table
        self.rows_topic, self.counts_topic = f"{topic}-view-rows", f"{topic}-view-counts"
        self.group = list(table.columns)[-1]

    def tables(self, brokers: str) -> str:
        columns = ", ".join(f"`{name}` {shown.flink_type(cql)}" for name, cql in self.table.columns.items())
        keys = ", ".join(f"`{name}`" for name in self.table.key)
        servers = f"'properties.bootstrap.servers' = '{brokers}'"
        upserts = f"'connector' = 'upsert-kafka', {servers}, 'key.format' = 'json', 'value.format' = 'json'"
        return f"""
CREATE TABLE events{self.number} ({columns}) WITH ('connector' = 'kafka', 'topic' = '{self.topic}', {servers},
  'properties.isolation.level' = 'read_committed', 'scan.startup.mode' = 'earliest-offset',
  'scan.bounded.mode' = 'latest-offset', 'format' = 'debezium-json');
CREATE TABLE rows{self.number} ({columns}, PRIMARY KEY ({keys}) NOT ENFORCED) WITH ({upserts}, 'topic' = '{self.rows_topic}');
CREATE TABLE counts{self.number} (k STRING, grouped {shown.flink_type(self.table.columns[self.group])}, n BIGINT,
  PRIMARY KEY (k) NOT ENFORCED) WITH ({upserts}, 'topic' = '{self.counts_topic}');
"""

    def inserts(self) -> str:
        # A key has no null; 'v' tells texts from it.
        return f"""INSERT INTO rows{self.number} SELECT * FROM events{self.number};
INSERT INTO counts{self.number} SELECT COALESCE('v' || CAST(`{self.group}` AS STRING), ''), `{self.group}`, COUNT(*)
  FROM events{self.number} GROUP BY `{self.group}`;
"""

    def compare(self, brokers: str) -> None:
        rows = _fold_upserts(brokers, self.rows_topic)
        columns = self.table.columns
        self.table.compare("flink", [{name: shown.of_flink(cql, row[name]) for name, cql in columns.items()} for row in rows])
        cql = columns[self.group]
        expected: dict[str, int] = {}
        for row in self.table.rows:
            value = repr(shown.of_event(cql, row[self.group]))
            expected[value] = expected.get(value, 0) + 1
        counts = {repr(shown.of_flink(cql, row["grouped"])): row["n"] for row in _fold_upserts(brokers, self.counts_topic)}
        if counts != expected:
            raise Wrong(f"flink: {self.table.name}: counts by {self.group} are {counts} and should be {expected}")


def python_avro(brokers: str, registry_url: str, topic: str, table: Table) -> int:
    """confluent-kafka's consumer and AvroDeserializer. The topic: `format: avro`, `nested: json`."""
    client = SchemaRegistryClient({"url": registry_url})
    deserializers = {part: AvroDeserializer(client) for part in (MessageField.KEY, MessageField.VALUE)}

    def decode(record, part: str):
        data = record.key() if part == MessageField.KEY else record.value()
        return data and deserializers[part](data, SerializationContext(record.topic(), part))

    return _python(brokers, topic, table, "avro", lambda name, row: shown.of_avro(table.columns[name], row[shown.avro_name(name)]),
                   decode)


def python_json(brokers: str, topic: str, table: Table) -> int:
    """confluent-kafka's consumer of plain JSON."""

    def decode(record, part: str):
        data = record.key() if part == MessageField.KEY else record.value()
        return data and json.loads(data)

    return _python(brokers, topic, table, "json", lambda name, row: shown.of_event(table.columns[name], row[name]), decode)


def _python(brokers: str, topic: str, table: Table, consumer: str, value_of, decode) -> int:
    """`value_of` gives a column's comparable value from the row or key that `decode` gave."""
    def image(row):
        # A column that is not there was not yet, or is no more.
        return row and {name: value_of(name, row) for name in table.columns if not table.altered or name in row}

    rows: dict[tuple, dict] = {}
    revisions: dict[tuple, int] = {}
    records = 0
    for record in topics.read_all(brokers, topic):
        records += 1
        key = decode(record, MessageField.KEY)
        identity = tuple(repr(value_of(name, key)) for name in table.key)
        event = decode(record, MessageField.VALUE)
        if event is None:
            if identity in rows:
                raise Wrong(f"{consumer}: a tombstone for {key}, which is there")
            continue
        before = image(event["before"])
        if before != rows.get(identity) and not table.altered:
            raise Wrong(f"{consumer}: before is {before} and should be {rows.get(identity)} (offset {record.offset()})")
        revision = event["source"]["revision"]
        # Who wants whole rows does not hear of what was before a row became one.
        begins = event["op"] == "r" or (table.with_past and identity not in revisions)
        if revision != revisions.get(identity, 0) + 1 and not begins:
            raise Wrong(f"{consumer}: revision {revision} of {key} comes after {revisions.get(identity, 0)}")
        revisions[identity] = revision
        if event["after"] is None:
            del rows[identity]
        else:
            rows[identity] = image(event["after"])
    table.compare(consumer, [{name: row.get(name) for name in table.columns} for row in rows.values()])
    return records


def _fold_upserts(brokers: str, topic: str) -> list[dict]:
    rows = {}
    for record in topics.read_all(brokers, topic):
        if record.value() is None:
            rows.pop(record.key(), None)
        else:
            rows[record.key()] = json.loads(record.value())
    return list(rows.values())
