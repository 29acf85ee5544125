"""What the scenarios share: a cluster that serves them all, and for each a keyspace, a ledger, a Braid and a verdict."""

import functools
import json
import random
import re
import shutil
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from braid import Braid, Unexpected
from fold import check_folds
from judge import Rules, check_streams

import cqltypes  # noqa: E402  judge knows the recorder's folder
from cluster import Cluster  # noqa: E402
from ledger import settle  # noqa: E402
from session import Session  # noqa: E402
from truth import read_dropped, write_truth  # noqa: E402
from workload import Clock, Workload  # noqa: E402

CDC_SPACE_MIB = 48
REFUSALS = re.compile(r"Rejecting mutation|CDCWriteException|CDC_WRITE_FAILURE")
SHORT_TTLS_RUN_OUT = 5


@dataclass
class Stage:
    """What a run of several scenarios has in common."""
    program: Path
    cluster: Cluster
    session: Session
    scratch: Path
    seed: int
    long: bool

    def node_homes(self) -> dict[str, Path]:
        return {node.name: node.home for node in self.cluster.nodes}


class Scene:
    """One scenario: use as a context manager. A braid that has not ended by then is killed. Its keyspace stays, since a
    later pipeline would wait for the definitions of dropped tables that it meets in the logs."""

    def __init__(self, stage: Stage, name: str, size: int, settings: dict | None = None, source: dict | None = None,
                 back: float = 20, state: Path | None = None):
        self.stage, self.name = stage, name
        self.rng = random.Random(f"{stage.seed} {name}")
        self.keyspace = f"f_{name}"
        self.home = stage.scratch / name
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self.braid = Braid(stage.program, self.home, stage.node_homes(), settings,
                           {"cdc_total_space": f"{CDC_SPACE_MIB}MiB", **(source or {})}, state)
        self.workload = Workload(stage.cluster, stage.session, self.rng.randrange(2**31), size, keyspace=self.keyspace)
        self.workload.clock = Clock(self.workload.rng, back)
        self.refusals = self._count_refusals()

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, *_) -> None:
        self.braid.close()
        self.stage.session.forget_prepared()

    def say(self, text: str) -> None:
        print(f"  {self.name}: {text}", file=sys.stderr, flush=True)

    def begin(self) -> None:
        """Braid first, so that it knows the tables' whole history."""
        self.braid.start()
        self.braid.await_ready()
        self.workload.create_schema()

    def plain_keyspace(self, *tables: str) -> None:
        """Tables of the scenario's own instead of the workload's."""
        self.stage.session.plain(f"CREATE KEYSPACE {self.keyspace} WITH replication = "
                                 "{'class': 'SimpleStrategy', 'replication_factor': 3}")
        for table in tables:
            self.stage.session.plain(f"CREATE TABLE {self.keyspace}.{table}")
        self.workload.tables.clear()

    def work_until(self, done: threading.Thread, pause: float = 0.0) -> None:
        while done.is_alive():
            self.workload.one()
            time.sleep(pause)
        done.join()

    def verdict(self, rules: Rules = Rules(), timeout: float = 40, may_fail: str = "", folds: bool = False) -> None:
        """Raises Unexpected unless the stream becomes what SELECT says, stays so, and Cassandra suffered nothing. `may_fail`: what
        the outcomes of the workload may hold. `folds`: only what the streams come to is judged, by fold.py."""
        self.judge = check_folds if folds else functools.partial(check_streams, rules=rules)
        self.braid.must_run()
        time.sleep(SHORT_TTLS_RUN_OUT)
        self.write_truth()
        out = self.home / "out"
        deadline = time.monotonic() + timeout
        while True:
            count, summary, text = self._read_and_check(out)
            if count == 0 or time.monotonic() > deadline:
                break
            time.sleep(1)
        time.sleep(1)
        self.braid.stop()
        count, summary, text = self._read_and_check(out)
        if count:
            (self.home / "complaints.txt").write_text(text, encoding="utf-8")
            raise Unexpected(f"{summary}\n{text[:6000]}\n{self.braid.log_tail()}")
        self.check_cassandra(may_fail)
        self.say(f"{summary}; {self.braid.starts} starts of braid")

    def write_truth(self) -> None:
        truth = self.home / "truth"
        _, schema = write_truth(self.stage.session, self.keyspace, truth)
        dropped = read_dropped(self.stage.session, self.keyspace, schema)
        settle(self.workload.writes, dropped, {table.qualified for table in schema if table.cdc})
        (truth / "writes.ndjson").write_text("".join(f"{write.to_line()}\n" for write in self.workload.writes), encoding="utf-8")
        (truth / "dropped.ndjson").write_text("".join(
            cqltypes.dumps({"table": drop.table, "column": drop.column, "dropped_us": drop.dropped_us}) + "\n" for drop in dropped),
            encoding="utf-8")

    def _read_and_check(self, out: Path) -> tuple[int, str, str]:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        for stream in self.streams():
            self.braid.read(stream, out / f"{stream}.ndjson")
        return self.judge(self.home, out)

    def streams(self) -> list[str]:
        lines = (self.home / "truth" / "schema.ndjson").read_text(encoding="utf-8").splitlines()
        return [schema["table"] for schema in map(json.loads, lines) if schema["cdc"]]

    def check_cassandra(self, may_fail: str) -> None:
        failed = {words: count for words, count in self.workload.outcomes.items()
                  if words.startswith("not acknowledged") and not (may_fail and re.search(may_fail, words))}
        if failed:
            raise Unexpected(f"Cassandra did not acknowledge writes: {failed}")
        if self._count_refusals() > self.refusals:
            raise Unexpected("a node refused writes for want of space in cdc_raw: see its log/system.log")

    def _count_refusals(self) -> int:
        found = 0
        for node in self.stage.cluster.nodes:
            log = node.home / "log" / "system.log"
            found += len(REFUSALS.findall(log.read_text(encoding="utf-8", errors="replace"))) if log.exists() else 0
        return found

    def events(self, table: str) -> list[dict]:
        """What a reader gets now."""
        target = self.home / f"{table}.now.ndjson"
        self.braid.read(f"{self.keyspace}.{table}", target)
        with open(target, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def await_that(self, holds, what: str, timeout: float = 60) -> None:
        """While braid runs."""
        self.await_of(lambda: self.braid.must_run() or holds(), what, timeout)

    def await_of(self, holds, what: str, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > deadline:
                raise Unexpected(f"not within {timeout:.0f} s: {what}\n{self.braid.log_tail()}")
            time.sleep(0.2)


class InBackground(threading.Thread):
    """A thread whose failure comes out of join."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self._work, self._error = work, None

    def run(self) -> None:
        try:
            self._work()
        except Exception as error:   # handed on by join
            self._error = error

    def join(self, timeout: float | None = None) -> None:
        super().join(timeout)
        if self._error is not None:
            raise self._error
