"""A pipeline on Kafka: agents beside the nodes of a recording, workers, and what Kafka's own consumer finds in the topics."""

import json
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
for room in ("integration", "faults", "recorder"):
    sys.path.insert(0, str(HERE.parent / room))

from braid import Braid, Unexpected  # noqa: E402
from support import NODES  # noqa: E402

import kafka_install  # noqa: E402

NAME = "kafka"


class KafkaPipeline:
    """Everything is in `home`; `nodes` are directories of nodes. Close it. Each process has a directory agent-NODE or worker-N, by
    whose name `bootstrap_of` says which brokers it is told of."""

    def __init__(self, program: Path, home: Path, bootstrap: str, nodes: dict[str, Path], shards: int = 4,
                 kafka: dict | None = None, source: dict | None = None, settings: dict | None = None,
                 bootstrap_of: Callable[[str], str] | None = None):
        self.program, self.home, self.bootstrap = program, home, bootstrap
        self.shards = shards
        self.settings = {"name": NAME, "shards": shards, **(settings or {}),
                         "kafka": {"brokers": bootstrap, "replicas": 1, **(kafka or {})}}
        self.bootstrap_of = bootstrap_of or (lambda _: bootstrap)
        source = {"sync_slack": "1s", "schema_wait": "1s", **(source or {})}
        self.nodes, self.source = nodes, source
        self.agents = {node: self._process(f"agent-{node}", "capture", "--node", node) for node in nodes}
        self.workers: list[Braid] = []

    def _process(self, name: str, *stage: str) -> Braid:
        settings = {**self.settings, "kafka": {**self.settings["kafka"], "brokers": self.bootstrap_of(name).split(",")}}
        return Braid(self.program, self.home / name, self.nodes, source=self.source, settings=settings, stage=stage)

    def add_worker(self) -> Braid:
        worker = self._process(f"worker-{len(self.workers)}", "reconcile")
        self.workers.append(worker)
        worker.start()
        return worker

    def start_agents(self) -> None:
        for agent in self.agents.values():
            agent.start()

    def running(self) -> list[Braid]:
        """All that were started and not ended."""
        return [process for process in (*self.agents.values(), *self.workers) if process.process is not None]

    def must_run(self) -> None:
        for process in self.running():
            process.must_run()

    def log_tails(self) -> str:
        return "\n".join(f"{process.home.name}:\n{process.log_tail(12)}" for process in (*self.agents.values(), *self.workers))

    def close(self) -> None:
        for process in (*self.agents.values(), *self.workers):
            process.close()

    def await_sent(self, timeout: float = 120) -> None:
        """All that the nodes logged is acknowledged by the broker."""
        deadline = time.monotonic() + timeout
        for node, agent in self.agents.items():
            while True:
                agent.must_run()
                status = agent.status()
                outlet, here = status.get("outlet"), [each for each in status.get("nodes", []) if each["name"] == node]
                if outlet and here and here[0]["unread_bytes"] == 0 and outlet["queued"] == 0 and here[0]["position"]:
                    break
                if time.monotonic() > deadline:
                    raise Unexpected(f"agent {node} has not sent everything: {status}\n{agent.log_tail()}")
                time.sleep(0.05)

    def await_taken_in(self, timeout: float = 180) -> None:
        """The workers that run have committed all of the mutations topic as it is now."""
        deadline = time.monotonic() + timeout
        quiet = 0
        while quiet < 3:
            inlets = {}
            for worker in self.workers:
                if worker.process is not None:
                    worker.must_run()
                    inlets.update({each["shard"]: each for each in worker.status().get("inlets", [])})
            # The agents' word of how far they are comes every second, so an end never stands still for long.
            done = len(inlets) == self.shards and all(each["restored"] and each["next_offset"] > 0 and
                                                      each["end_offset"] - each["next_offset"] <= 20 for each in inlets.values())
            quiet = quiet + 1 if done else 0
            if time.monotonic() > deadline:
                logs = "\n".join(worker.log_tail() for worker in self.workers)
                raise Unexpected(f"not everything is taken in: {inlets}\n{logs}")
            time.sleep(0.3)

    def await_whole(self, timeout: float = 240) -> None:
        """Nothing is left to be read of any table's past, and no gap is open."""
        deadline = time.monotonic() + timeout
        while True:
            self.must_run()
            told = [worker.status() for worker in self.workers if worker.process is not None]
            shards = [inlet for each in told for inlet in each.get("inlets", []) if inlet["restored"]]
            left = [task for each in told for task in (*each.get("backfills", []), *each.get("open_gaps", []))]
            if len(shards) == self.shards and not left:
                return
            if time.monotonic() > deadline:
                raise Unexpected(f"not all of the past is read: {left}\n{self.log_tails()}")
            time.sleep(0.1)

    def _java(self, program: str, *arguments: str) -> str:
        """Kafka's own client, unmodified."""
        source = HERE / f"{program}.java"
        ran = subprocess.run(["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp",
                              f"{kafka_install.compiled(source)}:{kafka_install.classpath()}",
                              program, self.bootstrap, *arguments],
                             capture_output=True, encoding="utf-8", timeout=180)
        if ran.returncode != 0:
            raise Unexpected(f"{program} ended with {ran.returncode}: {ran.stderr[-2000:]}")
        return ran.stdout

    def produce(self, topic: str, partition: int, key: str, value: str) -> None:
        self._java("Produce", topic, str(partition), key, value)

    def consume(self, *topics: str, arguments: tuple[str, ...] = ()) -> list[dict]:
        """Every record that a reader of committed ones sees."""
        return [json.loads(line) for line in self._java("Consume", *arguments, *topics).split("\n") if line]

    def streams(self, tables: list[str], out: Path, prefix: str = NAME) -> list[str]:
        """Writes each table's events to out/TABLE.ndjson, in the order of each shard, as a reader of its two topics would have
        them, and gives what is wrong with the records themselves. Topics are PREFIX.TABLE."""
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        wrong: list[str] = []
        of_table = defaultdict(list)
        numbers = defaultdict(list)
        topics = [f"{prefix}.{table}{kind}" for table in tables for kind in ("", ".static")]
        deleted: dict[tuple, str] = {}
        for record in self.consume(*topics, f"{NAME}.gaps"):
            where = f"{record['topic']}/{record['partition']}@{record['offset']}"
            place = record["topic"], record["partition"], record["key"]
            if record["value"] is None:
                if deleted.pop(place, None) != record["headers"]["braid-sequence"]:
                    wrong.append(f"{where}: a tombstone that follows no delete")
                continue
            event = json.loads(record["value"])
            if record["headers"].get("braid-sequence") != event["sequence"]:
                wrong.append(f"{where}: header {record['headers']}, but the event's sequence is {event['sequence']}")
            epoch, shard, number = map(int, event["sequence"].split(":"))
            numbers[epoch, shard].append(number)
            if record["topic"].endswith(".gaps"):
                continue
            if shard != record["partition"]:
                wrong.append(f"{where}: of shard {shard}")
            if (record["key"] is None) != (event["key"] is None) or (record["key"] and json.loads(record["key"]) != event["key"]):
                wrong.append(f"{where}: its key is {record['key']}, but the event's {event['key']}")
            if event["op"] == "d" and event["source"]["row"] != "range":
                deleted[place] = event["sequence"]
            table = f"{event['source']['keyspace']}.{event['source']['table']}"
            if record["topic"] != f"{prefix}.{table}{'.static' if event['source']['row'] == 'static' else ''}":
                wrong.append(f"{where}: an event of {table}, row {event['source']['row']}")
            of_table[table].append((shard, number, record["value"]))
        wrong += [f"a delete of {place} has no tombstone" for place in deleted]
        for (epoch, shard), found in numbers.items():
            if sorted(found) != list(range(1, len(found) + 1)):
                twice = {number for number in found if found.count(number) > 1} if len(found) < 20000 else len(found) - len(set(found))
                wrong.append(f"shard {shard}, epoch {epoch}: the numbers of its {len(found)} events are not 1 to {len(found)}; "
                             f"twice {sorted(twice)[:10] if isinstance(twice, set) else twice}, greatest {max(found)}")
        if len({shard for _, shard in numbers}) != len(numbers):
            wrong.append(f"a shard has more than one epoch: {sorted(numbers)}")
        for table in tables:
            lines = [line for *_, line in sorted(of_table[table])]
            (out / f"{table}.ndjson").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        return wrong


def copied(recording: Path, home: Path) -> dict[str, Path]:
    """The nodes of a recording, to be captured from."""
    nodes = {node: home / "nodes" / node for node in NODES}
    for node, directory in nodes.items():
        shutil.copytree(recording / "nodes" / node, directory)
    return nodes


def lose_logs(nodes: dict[str, Path]) -> None:
    """Of what is to be captured only each node's newest segment is left: the rest is in its SSTables and its own commit log."""
    for home in nodes.values():
        for segment in sorted((home / "cdc_raw").glob("*.log"))[:-1]:
            segment.unlink()


def in_pieces(nodes: dict[str, Path], away: Path) -> list[list[tuple[Path, Path]]]:
    """Takes the nodes' segments away and gives, for each, what brings it back (where to, where from): the oldest first."""
    bring = []
    for node, home in nodes.items():
        (away / node).mkdir(parents=True)
        for segment in sorted((home / "cdc_raw").glob("*.log")):
            index = segment.with_name(segment.name.removesuffix(".log") + "_cdc.idx")
            copy = home / "commitlog" / segment.name
            pairs = [(path, away / node / f"{path.parent.name}-{path.name}") for path in (segment, index, copy) if path.exists()]
            for path, aside in pairs:
                path.rename(aside)
            bring.append((segment.name, pairs))
    return [pairs for _, pairs in sorted(bring, key=lambda each: each[0])]


def bring(pieces: list[list[tuple[Path, Path]]], count: int) -> None:
    """The first `count` pieces, which are then none of `pieces` any more."""
    for piece in pieces[:count]:
        for path, aside in piece:
            aside.rename(path)
    del pieces[:count]
