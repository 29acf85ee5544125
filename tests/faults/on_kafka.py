"""The scenario on Kafka: an agent beside each node, workers, and a broker; all of them die, freeze and come back under load,
and what Kafka's own consumer reads must be what SELECT says."""

import contextlib
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kafka"))

from braid import Braid, Unexpected  # noqa: E402
from broker import Brokers  # noqa: E402
from fold import check_folds  # noqa: E402
from judge import Rules, check_streams  # noqa: E402
from logs import write_a_past, write_where_logs_go  # noqa: E402
from pipeline import KafkaPipeline  # noqa: E402
from scene import CDC_SPACE_MIB, SHORT_TTLS_RUN_OUT, InBackground, Scene, Stage  # noqa: E402

SESSION_SECONDS = 6   # for so long the group waits for a worker that says nothing
KILLS = ("agent", "agent", "agents", "worker", "worker", "broker")


def kafka(stage: Stage) -> None:
    """Agents, workers and the broker are killed, a worker freezes past its session, and workers go from two to three to one."""
    with contextlib.ExitStack() as stack:
        scene = stack.enter_context(Scene(stage, "kafka", 0))
        brokers = stack.enter_context(Brokers(scene.home / "brokers"))
        pipeline = KafkaPipeline(stage.program, scene.home / "pipeline", brokers.bootstrap, stage.node_homes(),
                                 kafka={"commit_interval": "50ms", "properties": {"session.timeout.ms": f"{SESSION_SECONDS}000"}},
                                 source={"cdc_total_space": f"{CDC_SPACE_MIB}MiB", "sync_slack": "3s"})
        stack.callback(pipeline.close)
        pipeline.start_agents()
        for _ in range(2):
            pipeline.add_worker()
        for agent in pipeline.agents.values():
            agent.await_ready()   # the tables are made under their eyes, so that their whole history is known
        scene.workload.create_schema()
        over = threading.Event()
        load = InBackground(lambda: _write_until(scene, over))
        load.start()
        # Processes die with the thread that starts them: so this one hurts, and the other one writes.
        storm = _Storm(scene, brokers, pipeline)
        try:
            for _ in range(5 if stage.long else 1):
                storm.blow()
        finally:
            over.set()
            load.join()
        scene.workload.end_counters()
        _verdict(scene, pipeline)


def past(stage: Stage) -> None:
    """Agents and workers come late, to tables that were flushed here and not there, and are killed while they take them, under
    load. Then the agents are away while logs are lost, and the gap heals."""
    with contextlib.ExitStack() as stack:
        scene = stack.enter_context(Scene(stage, "past", 0))
        brokers = stack.enter_context(Brokers(scene.home / "brokers"))
        size = 600 if stage.long else 150
        write_a_past(scene, size)
        pipeline = KafkaPipeline(stage.program, scene.home / "pipeline", brokers.bootstrap, stage.node_homes(),
                                 kafka={"commit_interval": "50ms", "properties": {"session.timeout.ms": f"{SESSION_SECONDS}000"}},
                                 source={"cdc_total_space": f"{CDC_SPACE_MIB}MiB", "sync_slack": "3s"},
                                 settings={"backfill": {"rate": "1MiB"}})
        stack.callback(pipeline.close)
        pipeline.start_agents()
        for _ in range(2):
            pipeline.add_worker()
        over = threading.Event()
        load = InBackground(lambda: _write_until(scene, over, fixed=False))
        load.start()
        try:
            for _ in range(30 if stage.long else 8):
                time.sleep(scene.rng.uniform(0.5, 2.5))
                victim = scene.rng.choice([*pipeline.agents.values(), *pipeline.workers])
                victim.kill()
                victim.start()
            pipeline.await_whole()
        finally:
            over.set()
            load.join()
        scene.say("taken in; now a gap")
        for agent in pipeline.agents.values():
            agent.kill()
        write_where_logs_go(scene, size)
        scene.workload.statements(20)
        pipeline.start_agents()
        scene.await_of(lambda: any(worker.status().get("open_gaps") for worker in pipeline.workers), "a gap is found")
        scene.workload.statements(size)
        pipeline.await_whole()
        scene.workload.end_counters()
        _verdict(scene, pipeline, check_folds)


def _write_until(scene: Scene, over: threading.Event, fixed: bool = True) -> None:
    if fixed:
        scene.workload.fixed_scenes()
    while not over.is_set():
        scene.workload.one()
        time.sleep(0.005)


class _Storm:
    def __init__(self, scene: Scene, brokers: Brokers, pipeline: KafkaPipeline):
        self.scene, self.brokers, self.pipeline, self.rng = scene, brokers, pipeline, scene.rng

    def blow(self) -> None:
        """Begins with two workers and ends with one."""
        kills = list(KILLS)
        self.rng.shuffle(kills)
        self._kill(kills[:2])
        self._more_workers(3)
        self._kill(kills[2:4])
        self._freeze()
        self._kill(kills[4:])
        self._fewer_workers()
        self._kill(["worker"])

    def _kill(self, kinds: list[str]) -> None:
        for kind in kinds:
            time.sleep(self.rng.uniform(0.2, 2))
            self.scene.say(f"kill {kind}")
            if kind == "broker":
                self.brokers.kill()
                time.sleep(self.rng.uniform(0, 3))
                self.brokers.start()
                continue
            one = self.rng.choice(self._running() if kind == "worker" else list(self.pipeline.agents.values()))
            killed = [one] if kind != "agents" else list(self.pipeline.agents.values())
            for process in killed:
                process.kill()
            time.sleep(self.rng.choice((0, self.rng.uniform(0, 2))))
            for process in killed:
                process.start()

    def _running(self) -> list[Braid]:
        return [worker for worker in self.pipeline.workers if worker.process is not None]

    def _more_workers(self, count: int) -> None:
        while len(self._running()) < count:
            away = [worker for worker in self.pipeline.workers if worker.process is None]
            if away:
                self.rng.choice(away).start()
            else:
                self.pipeline.add_worker()
        self.scene.say(f"{count} workers")

    def _freeze(self) -> None:
        """The group gives its shards to others; what it still holds of a transaction must come to nothing."""
        worker = self.rng.choice(self._running())
        self.scene.say("freeze worker")
        worker.signal(signal.SIGSTOP)
        time.sleep(SESSION_SECONDS + self.rng.uniform(0.5, 2))
        worker.signal(signal.SIGCONT)

    def _fewer_workers(self) -> None:
        """To one: one says good-bye, the others do not, and their shards are free when their sessions have run out."""
        leaving = self._running()
        self.rng.shuffle(leaving)
        leaving.pop()
        leaving[0].await_alive()
        leaving[0].stop()
        for worker in leaving[1:]:
            worker.kill()
        self.scene.say("one worker")


def _by_rules(home: Path, out: Path) -> tuple[int, str, str]:
    return check_streams(home, out, Rules())


def _verdict(scene: Scene, pipeline: KafkaPipeline, judge=_by_rules) -> None:
    time.sleep(SHORT_TTLS_RUN_OUT)
    scene.write_truth()
    deadline = time.monotonic() + 60
    while True:
        pipeline.must_run()
        wrong, summary = _read_and_check(scene, pipeline, judge)
        if not wrong or time.monotonic() > deadline:
            break
        time.sleep(1)
    for process in pipeline.running():
        process.await_alive()
        process.stop()
    wrong, summary = _read_and_check(scene, pipeline, judge)
    if wrong:
        (scene.home / "complaints.txt").write_text(wrong, encoding="utf-8")
        raise Unexpected(f"{summary}\n{wrong[:6000]}\n{pipeline.log_tails()}")
    scene.check_cassandra("")
    starts = [sum(each.starts for each in some) for some in (pipeline.agents.values(), pipeline.workers)]
    scene.say(f"{summary}; {starts[0]} starts of agents, {starts[1]} of workers")


def _read_and_check(scene: Scene, pipeline: KafkaPipeline, judge) -> tuple[str, str]:
    """What is wrong, and a summary. A shard's numbers are those of all its tables, also of other scenarios'."""
    mine = scene.streams()
    captured = [f"{row['keyspace_name'].decode()}.{row['table_name'].decode()}" for row in scene.stage.session.execute(
        "SELECT keyspace_name, table_name, cdc FROM system_schema.tables") if row["cdc"] == b"\x01"]
    out = scene.home / "out"
    records = pipeline.streams(captured, out)
    for table in set(captured) - set(mine):
        (out / f"{table}.ndjson").unlink()
    count, summary, text = judge(scene.home, out)
    return "\n".join([*records, text] if count or records else []), summary
