"""Kafka Connect, standalone, with Debezium's JDBC sink and transforms as its plugins."""

import json
import urllib.error
import urllib.request
from pathlib import Path

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

import artefacts
import topics
from program import Failed, Program, free_port

LOG4J = """log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %c{1}: %m%n
log4j.logger.org.apache.kafka.clients.consumer.ConsumerConfig=WARN
log4j.logger.org.apache.kafka.connect.runtime.isolation=WARN
"""


class Connect:
    """`with Connect(DIR, BROKERS, {NAME: connector's properties}) as connect`: a worker with these connectors, running."""

    def __init__(self, home: Path, brokers: str, connectors: dict[str, dict[str, str]]):
        self.home = home.resolve()
        self.brokers = brokers
        self.connectors = connectors
        self.port = free_port()

    def __enter__(self) -> "Connect":
        lib, plugin = artefacts.jars("connect"), artefacts.jars("debezium-jdbc")
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "log4j.properties").write_text(LOG4J)
        plugins = self.home / "plugins"
        plugins.mkdir(exist_ok=True)
        if not (plugins / "debezium-jdbc").exists():
            (plugins / "debezium-jdbc").symlink_to(plugin)
        self._write("worker.properties", {
            "bootstrap.servers": self.brokers,
            "listeners": f"HTTP://127.0.0.1:{self.port}",
            "plugin.path": str(plugins),
            "plugin.discovery": "hybrid_warn",
            "key.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "offset.storage.file.filename": str(self.home / "offsets"),
            "offset.flush.interval.ms": "1000",
            "consumer.isolation.level": "read_committed",
        })
        for name, properties in self.connectors.items():
            self._write(f"{name}.properties", {"name": name, **properties})
        self.program = Program(
            "Kafka Connect",
            ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j.configuration=file:{self.home / 'log4j.properties'}",
             "-cp", f"{lib}/*", "org.apache.kafka.connect.cli.ConnectStandalone", self.home / "worker.properties",
             *(self.home / f"{name}.properties" for name in self.connectors)],
            self.home / "connect.log")
        try:
            self.program.wait_until(self._all_run, "running its connectors", 120)
        except BaseException:
            self.program.stop()
            raise
        return self

    def __exit__(self, *_):
        self.program.stop()

    def wait_until_read(self, name: str, read_topics: list[str], seconds: float) -> None:
        """Until the sink has committed that it is through with all that is in the topics now. Failed says why if it stopped."""
        # A sink never says that it is past a transaction's marker: the records count.
        ends = {}
        for topic in read_topics:
            for record in topics.read_all(self.brokers, topic):
                ends[topic, record.partition()] = record.offset() + 1
        admin = AdminClient({"bootstrap.servers": self.brokers})

        def read():
            self._all_run()
            group = ConsumerGroupTopicPartitions(f"connect-{name}", [TopicPartition(*each) for each in ends])
            answer = admin.list_consumer_group_offsets([group])[group.group_id].result(10)
            at = {(each.topic, each.partition): each.offset for each in answer.topic_partitions}
            return all(at[each] >= end for each, end in ends.items())

        self.program.wait_until(read, f"through with {', '.join(read_topics)}", seconds)

    def _all_run(self) -> bool:
        return all(self._state(name) for name in self.connectors)

    def _state(self, name: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/connectors/{name}/status", timeout=5) as answer:
                status = json.load(answer)
        except urllib.error.HTTPError:
            return False  # not known yet
        for each in (status["connector"], *status["tasks"]):
            if each["state"] == "FAILED":
                raise Failed(f"{name}: {each.get('trace', each)}\nsee {self.program.log}")
        return bool(status["tasks"]) and all(task["state"] == "RUNNING" for task in status["tasks"])

    def _write(self, name: str, properties: dict[str, str]) -> None:
        (self.home / name).write_text("".join(f"{key}={value}\n" for key, value in properties.items()))


def jdbc_sink(database, read_topics: list[str], **more: str) -> dict[str, str]:
    """Properties of Debezium's sink into `database`, a Postgres: rows are put and removed by their keys."""
    return {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "tasks.max": "1",
        "topics": ",".join(read_topics),
        "connection.url": database.jdbc_url,
        "connection.username": database.user,
        "connection.password": "none",
        "insert.mode": "upsert",
        "delete.enabled": "true",
        "primary.key.mode": "record_key",
        "schema.evolution": "basic",
        "quote.identifiers": "true",
        "database.time_zone": "UTC",
        **more,
    }
