"""Measures the whole pipeline on Kafka, segments to a topic of JSON, against Debezium's connector for Cassandra 5: the same
segments of one replica, the same broker, in turns. bench/run calls it."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from kafka import SHARDS, Process
from live import cpu_seconds

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "bench"
for suite in ("kafka", "consumers", "recorder"):
    sys.path.insert(0, str(ROOT / "tests" / suite))

import artefacts  # noqa: E402
import broker  # noqa: E402
from cluster import JAVA_MODULE_FLAGS  # noqa: E402

# After its last event a topic must stay as it is for so long, or it was not the last.
SETTLED_S = 3
PATIENCE_S = 60

# The best that was found: larger batches and queues, other collectors and a larger heap are slower.
CONNECTOR = """\
connector.name=debezium
topic.prefix={prefix}
cassandra.config={home}/cassandra.yaml
cassandra.driver.config.file={home}/driver.conf
cassandra.cluster.name=recorder
cassandra.node.id=n1
commit.log.relocation.dir={home}/relocated
offset.backing.store.dir={home}/offsets
offset.flush.interval.ms=1000
max.offset.flush.size=100000
snapshot.mode=NEVER
http.port={port}
max.batch.size=2048
max.queue.size=8192
key.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=false
value.converter=org.apache.kafka.connect.json.JsonConverter
value.converter.schemas.enable=false
kafka.producer.bootstrap.servers={brokers}
kafka.producer.acks=1
kafka.producer.compression.type=lz4
"""
CONNECTOR_HEAP = ("-Xmx512m", "-XX:+UseParallelGC")
DRIVER = """\
datastax-java-driver.basic {{
  contact-points = ["{address}"]
  load-balancing-policy.local-datacenter = datacenter1
}}
"""
CASSANDRA = """\
cluster_name: recorder
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
commitlog_sync: periodic
commitlog_sync_period_in_ms: 1000
cdc_enabled: true
endpoint_snitch: SimpleSnitch
listen_address: 127.0.0.1
seed_provider: [{{class_name: org.apache.cassandra.locator.SimpleSeedProvider, parameters: [{{seeds: 127.0.0.1}}]}}]
data_file_directories: ["{home}/unused/data"]
commitlog_directory: "{home}/unused/commitlog"
cdc_raw_directory: "{home}/cdc_raw"
hints_directory: "{home}/unused/hints"
saved_caches_directory: "{home}/unused/saved_caches"
"""
LOGBACK = """\
<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%-5level %date %logger - %msg%n</pattern></encoder></appender>
  <root level="WARN"><appender-ref ref="OUT"/></root>
</configuration>
"""


def peak_bytes(pid: int) -> int:
    """The greatest resident size until now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


@dataclass(frozen=True)
class Sample:
    time: float
    events: int
    cpu: float


@dataclass(frozen=True)
class Run:
    """From the processes' start until the last event could be read."""
    seconds: float
    cpu: float
    peak: int
    events: int
    event_bytes: float
    # Of the last two thirds of the events, when everything is warm.
    warm_seconds: float
    warm_cpu: float


class KafkaPeer:
    def __init__(self, bench, program: Path):
        self.bench, self.program = bench, program
        self.mutations = bench.chosen.peer_mutations
        self.scratch = Path()
        self.brokers = ""
        self.turn = 0

    def start(self, command: list, **more) -> subprocess.Popen:
        return self.bench.start(command, **more)

    def run(self) -> None:
        logs = self.bench.logs(1, mutations=self.mutations)
        jar = next(artefacts.jars("debezium-cassandra").glob("*.jar"))
        with tempfile.TemporaryDirectory(prefix="braid-bench-peer-") as scratch:
            self.scratch = Path(scratch)
            with broker.Brokers(self.scratch / "brokers", broker.Options(heap_mb=1024, full_jit=True)) as brokers:
                self.brokers = brokers.bootstrap
                runs: dict[str, list[Run]] = {"Debezium": [], "Braid, an agent and a worker": [], "Braid, one process": []}
                # The node only tells the connector the schema; in turns, so that a machine that gets slower does so for all.
                with self.node() as address:
                    for _ in range(self.bench.chosen.runs):
                        runs["Debezium"].append(self.debezium(logs, jar, address))
                        runs["Braid, an agent and a worker"].append(self.braid(logs, [["capture", "--node", "n1"], ["reconcile"]]))
                        runs["Braid, one process"].append(self.braid(logs, [["run"]]))
                self.tell(runs)

    def tell(self, runs: dict[str, list[Run]]) -> None:
        def median(which: str, figure) -> float:
            return statistics.median(figure(run) for run in runs[which])

        def rate(run: Run) -> float:
            return self.mutations / run.seconds

        def cost(run: Run) -> float:
            return run.cpu / self.mutations * 1e6

        def warm_rate(run: Run) -> float:
            return self.mutations * 2 / 3 / run.warm_seconds

        def warm_cost(run: Run) -> float:
            return run.warm_cpu / (self.mutations * 2 / 3) * 1e6

        for who in runs:
            measured = (f"{median(who, rate) / 1e3:.0f} k mutations/s, {median(who, cost):.1f} µs of CPU each; when warm "
                        f"{median(who, warm_rate) / 1e3:.0f} k, {median(who, warm_cost):.1f} µs; "
                        f"{median(who, lambda run: run.peak) / 2**20:.0f} MiB resident; {median(who, lambda run: run.events):.0f} events "
                        f"of {median(who, lambda run: run.event_bytes):.0f} bytes")
            if who == "Debezium":
                self.bench.add(f"Kafka, segments to JSON: {who}", measured)
                continue
            faster, cheaper = median(who, rate) / median("Debezium", rate), median(who, cost) / median("Debezium", cost)
            warm_faster = median(who, warm_rate) / median("Debezium", warm_rate)
            warm_cheaper = median(who, warm_cost) / median("Debezium", warm_cost)
            self.bench.add(f"Kafka, segments to JSON: {who}",
                           f"{measured}: **{faster:.2f} times Debezium's rate at {cheaper:.2f} of its CPU** (warm {warm_faster:.2f}, "
                           f"{warm_cheaper:.2f})", "1, 0.5", faster >= 1 and cheaper <= 0.5)

    def home(self, logs: Path) -> Path:
        """A directory of its own for a run, with the segments as cdc_raw."""
        self.turn += 1
        home = self.scratch / f"turn-{self.turn}"
        home.mkdir()
        shutil.copytree(logs / "nodes" / "n1" / "cdc_raw", home / "cdc_raw", copy_function=shutil.copy)
        os.sync()
        return home

    def node(self) -> "Node":
        return Node(self.scratch / "cassandra")

    def debezium(self, logs: Path, jar: Path, address: str) -> Run:
        home = self.home(logs)
        prefix = f"debezium-{self.turn}"
        values = {"home": home, "prefix": prefix, "port": 0, "brokers": self.brokers, "address": address}
        for directory in ("offsets", "unused"):
            (home / directory).mkdir()
        (home / "connector.properties").write_text(CONNECTOR.format(**values))
        (home / "driver.conf").write_text(DRIVER.format(**values))
        (home / "cassandra.yaml").write_text(CASSANDRA.format(**values))
        (home / "logback.xml").write_text(LOGBACK)
        command = ["java", *CONNECTOR_HEAP, *JAVA_MODULE_FLAGS, f"-Dlogback.configurationFile={home / 'logback.xml'}",
                   f"-Dcassandra.storagedir={home / 'unused'}", "-cp", jar, "io.debezium.connector.cassandra.CassandraConnectorTask",
                   home / "connector.properties"]

        def start() -> list[subprocess.Popen]:
            with open(home / "log", "ab") as log:
                return [self.start(command, stdout=log, stderr=log)]

        return self.measure(home, f"{prefix}.bench.events", SHARDS, start)

    def braid(self, logs: Path, stages: list[list[str]]) -> Run:
        home = self.home(logs)
        shutil.copytree(logs / "nodes" / "n1" / "data", home / "data")
        (home / "commitlog").mkdir()
        name = f"braid-{self.turn}"
        config = {"name": name, "shards": SHARDS, "kafka": {"brokers": self.brokers, "replicas": 1},
                  "source": {"nodes": [{"name": "n1", "home": str(home)}], "cdc_total_space": "64GiB", "sync_slack": "1s"}}
        processes = [Process(self, home / stage[0], stage, config) for stage in stages]

        def start() -> list[subprocess.Popen]:
            for process in processes:
                process.start()
            return [process.process for process in processes]

        return self.measure(home, f"{name}.bench.events", 0, start)

    def measure(self, home: Path, topic: str, partitions: int, start) -> Run:
        watch = subprocess.Popen([sys.executable, HERE / "topic_ends.py", self.brokers, topic, str(partitions)], text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        watch.stdout.readline()
        begun = time.monotonic()
        processes = start()
        samples = [Sample(begun, 0, 0)]
        moved = begun
        while samples[-1].events < self.mutations * 0.99 or time.monotonic() - moved < SETTLED_S:
            at, _, events = watch.stdout.readline().partition(" ")
            if any(process.poll() is not None for process in processes) or float(at) - moved > PATIENCE_S:
                raise SystemExit(f"it has ended, or nothing comes any more, after {samples[-1].events} events: {home}\n" +
                                 "\n".join(log.read_text()[-3000:] for log in home.glob("**/log")))
            if int(events) != samples[-1].events:
                moved = float(at)
                samples.append(Sample(moved, int(events), sum(cpu_seconds(process.pid) for process in processes)))
        peak = sum(peak_bytes(process.pid) for process in processes)
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
        watch.stdin.close()
        *_, last = watch.stdout.read().splitlines()
        watch.wait()
        _, counted, size = last.split()
        if int(counted) < self.mutations * 0.99:
            raise SystemExit(f"{topic}: {counted} events of {self.mutations} mutations")
        shutil.rmtree(home)
        end = samples[-1]
        warm = next(sample for sample in samples if sample.events >= end.events / 3)
        share = (end.events - warm.events) / end.events * 1.5   # a little less than two thirds
        run = Run(end.time - begun, end.cpu, peak, int(counted), int(size) / int(counted), (end.time - warm.time) / share,
                  (end.cpu - warm.cpu) / share)
        print(f"{topic}: {run}", file=sys.stderr)
        return run


class Node:
    """A context: the address of a Cassandra node that knows the table."""

    def __init__(self, home: Path):
        self.home = home
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> str:
        self.process = subprocess.Popen([sys.executable, HERE / "peer_node.py", self.home], text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        address = self.process.stdout.readline().strip()
        if not address:
            raise SystemExit("Cassandra does not start")
        return address

    def __exit__(self, *_) -> None:
        self.process.stdin.close()
        self.process.wait()
