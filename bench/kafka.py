"""Measures the pipeline on Kafka, end to end, beside one real broker on the same machine. bench/run calls it.

An agent alone, then a worker alone on what the agents have sent; how long a shard takes to come back, and to be restored."""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from live import anonymous_bytes, cpu_seconds, free_port

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "kafka"))

import broker  # noqa: E402

SHARDS = 4


class Process:
    """One stage, in a directory of its own."""

    def __init__(self, bench, home: Path, stage: list[str], config: dict):
        self.bench, self.home, self.stage = bench, home, stage
        self.port = free_port()
        home.mkdir(parents=True, exist_ok=True)
        self.config = home / "braid.yaml"
        self.config.write_text(json.dumps({**config, "state": str(home / "state"), "memory": "512MiB",
                                           "http": {"listen": f"127.0.0.1:{self.port}"}}))
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        with open(self.home / "log", "ab") as log:
            self.process = self.bench.start([self.bench.program, *self.stage, "--config", self.config], stdout=log, stderr=log)

    def status(self) -> dict:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status", timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return {}

    def until(self, done) -> dict:
        while True:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.stage[0]} ended:\n{(self.home / 'log').read_text()[-2000:]}")
            status = self.status()
            if status and done(status):
                return status
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


class KafkaBench:
    def __init__(self, bench, program: Path):
        self.bench, self.program = bench, program

    def start(self, command: list, **more) -> subprocess.Popen:
        return self.bench.start(command, **more)

    def run(self) -> None:
        logs = self.bench.logs(3)
        mutations = self.bench.chosen.mutations
        with tempfile.TemporaryDirectory(prefix="braid-bench-kafka-") as scratch:
            home = Path(scratch)
            nodes = []
            for node in ("n1", "n2", "n3"):
                source, target = logs / "nodes" / node, home / "nodes" / node
                shutil.copytree(source / "data", target / "data", copy_function=shutil.copy)
                (target / "commitlog").mkdir()
                shutil.copytree(source / "cdc_raw", target / "cdc_raw")
                nodes.append({"name": node, "home": str(target)})
            with broker.Brokers(home / "brokers", broker.Options(heap_mb=1024, full_jit=True)) as brokers:
                config = {"name": "bench", "shards": SHARDS, "kafka": {"brokers": brokers.bootstrap, "replicas": 1},
                          "source": {"nodes": nodes, "cdc_total_space": "64GiB", "sync_slack": "1s"}}
                self.agents(home, config, mutations)
                self.workers(home, config, mutations)

    def agents(self, home: Path, config: dict, mutations: int) -> None:
        rates, costs, memory = [], [], 0
        for node in config["source"]["nodes"]:
            agent = Process(self, home / f"agent-{node['name']}", ["capture", "--node", node["name"]], config)
            start = time.monotonic()
            agent.start()
            agent.until(lambda status: status.get("outlet") and status["outlet"]["acknowledged"] >= mutations)
            rates.append(mutations / (time.monotonic() - start))
            costs.append(cpu_seconds(agent.process.pid) / mutations * 1e6)
            memory = max(memory, anonymous_bytes(agent.process.pid))
            agent.stop()
        rate, cost = statistics.median(rates), statistics.median(costs)
        self.bench.add("Kafka: agent alone, acknowledged, from its start", f"{rate / 1e3:.0f} k mutations/s")
        self.bench.add("Kafka: agent's CPU", f"{cost:.2f} µs a mutation", "17.4 / 8 = 2.2", cost <= 2.2)
        self.bench.add("Kafka: agent's anonymous memory", f"{memory / 2**20:.0f} MiB", "48", memory <= 48 << 20)

    def workers(self, home: Path, config: dict, mutations: int) -> None:
        costs = {}
        for guarantee in ("exactly_once", "at_least_once"):
            # The same mutations for both: what they make of them is their own.
            kafka = {**config["kafka"], "guarantee": guarantee, "group": guarantee, "mutations": {"topic": "bench.mutations"},
                     "schemas": {"topic": "bench.schemas"}}
            worker = Process(self, home / f"worker-{guarantee}", ["reconcile"], {**config, "name": f"bench-{guarantee}", "kafka": kafka})
            start = time.monotonic()
            worker.start()
            status = worker.until(self.is_done)
            seconds = time.monotonic() - start
            taken = sum(shard["mutations"] for shard in status["shards"])
            costs[guarantee] = cpu_seconds(worker.process.pid) / taken * 1e6
            self.bench.add(f"Kafka: worker, {guarantee.replace('_', ' ')}, three replicas' copies",
                           f"{taken / seconds / 1e3:.0f} k mutations/s, {costs[guarantee]:.2f} µs of CPU each, "
                           f"{anonymous_bytes(worker.process.pid) >> 20} MiB anonymous", "8 µs", costs[guarantee] <= 8)
            if guarantee == "exactly_once":
                self.moves(worker)
            worker.stop()
        ratio = costs["exactly_once"] / costs["at_least_once"]
        self.bench.add("Kafka: exactly once against at least once", f"{ratio:.2f} times its CPU", "1.15", ratio <= 1.15)

    @staticmethod
    def is_done(status: dict) -> bool:
        inlets = status.get("inlets") or []
        return len(inlets) == SHARDS and all(inlet["restored"] and 0 < inlet["end_offset"] <= inlet["next_offset"] for inlet in inlets)

    def moves(self, worker: Process) -> None:
        worker.process.kill()
        worker.process.wait()
        start = time.monotonic()
        worker.start()
        worker.until(self.is_done)
        back = time.monotonic() - start
        self.bench.add("Kafka: killed, back with its state on disk", f"{back:.1f} s", "5", back <= 5)
        worker.process.kill()
        worker.process.wait()
        shutil.rmtree(worker.home / "state" / "worker" / "shards")
        start = time.monotonic()
        worker.start()
        status = worker.until(self.is_done)
        seconds = time.monotonic() - start
        restored = sum(inlet["restored_bytes"] for inlet in status["inlets"])
        rate = restored / seconds / 1e6
        self.bench.add("Kafka: restored from the changelog, from the process's start",
                       f"{rate:.0f} MB/s ({restored / 1e6:.0f} MB in {seconds:.1f} s)", "50", rate >= 50)
