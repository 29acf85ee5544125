"""The scenarios: each hurts a live pipeline in its own way, and then asks for the verdict."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples" / "live"))

import story as live_story  # noqa: E402
from braid import Unexpected, fill  # noqa: E402
from judge import Rules  # noqa: E402
from logs import write_a_past, write_where_logs_go  # noqa: E402
from on_kafka import kafka, past  # noqa: E402
from scene import CDC_SPACE_MIB, InBackground, Scene, Stage  # noqa: E402

from ledger import Write  # noqa: E402  judge knows the recorder's folder
from workload import int32  # noqa: E402

SOURCE = Path(__file__).resolve().parents[2] / "src"
FAILPOINT_SECONDS = 60
RETENTION = "timeline.retain."   # only where something is old enough to go


OF_STAGES_ON_KAFKA = ("agent.", "worker.")   # tests/kafka kills those


def failpoints() -> list[str]:
    """Every place at which a pipeline in one process can have itself killed, from its source. Nothing a command says depends on them."""
    names = set()
    for path in SOURCE.rglob("*.cc"):
        if not path.name.endswith("_test.cc"):
            names |= set(re.findall(r'Failpoint\("([a-z0-9_.-]+)"\)', path.read_text(encoding="utf-8")))
    return sorted(name for name in names if not name.startswith(OF_STAGES_ON_KAFKA))


def kill(stage: Stage) -> None:
    """Killed at random and at every failpoint, while a reader that started early is far behind."""
    with Scene(stage, "kill", 0, settings={"disk": "64MiB"}) as scene:
        scene.begin()
        scene.workload.fixed_scenes()
        scene.await_that(lambda: scene.events("natives"), "the first events")
        target = scene.home / "followed.ndjson"
        reader = scene.braid.follow(f"{scene.keyspace}.natives", target)
        try:
            scene.await_that(lambda: target.stat().st_size > 0, "the reader's first events")
            reader.send_signal(signal.SIGSTOP)
            scene.work_until(_start(lambda: _torment(scene, 300 if stage.long else 20)), 0.005)
            # A process that a thread starts dies with the thread.
            scene.braid.start()
            scene.workload.end_counters()
            reader.send_signal(signal.SIGCONT)
            scene.verdict()
            _reader_has_all(scene, target, reader)
        finally:
            reader.kill()
            reader.wait()
        _forget(scene)


def _start(work) -> InBackground:
    thread = InBackground(work)
    thread.start()
    return thread


def _torment(scene: Scene, kills: int) -> None:
    """Leaves Braid dead."""
    for _ in range(kills):
        # Often before it is up, now and then when it has run for a while.
        time.sleep(scene.rng.choice([0.05, 0.2, 0.5, 1.0, 2.0]) * scene.rng.random())
        scene.braid.kill()
        scene.braid.start()
    scene.braid.kill()
    for name in failpoints():
        if not name.startswith(RETENTION):
            _die_at(scene, f"{name}:{scene.rng.randrange(1, 3)}")


def _die_at(scene: Scene, failpoint: str) -> None:
    scene.braid.start(failpoint)
    code = scene.braid.await_end(FAILPOINT_SECONDS)
    if code != -signal.SIGKILL:
        raise Unexpected(f"failpoint {failpoint}: {'not reached' if code is None else f'braid ended with {code}'}\n"
                         f"{scene.braid.log_tail()}")


def _forget(scene: Scene) -> None:
    """Retention lets the oldest events go, and is killed on the way; what stays is the end of what was there."""
    whole = [scene.home / "out" / f"{stream}.ndjson" for stream in scene.streams()]
    numbers = {json.loads(line)["sequence"] for path in whole for line in path.read_bytes().splitlines()}
    scene.braid.settings["retention"] = "1s"
    scene.braid.write_config()
    # Each kill has all that can go: what one lets go is not there for the next.
    before = scene.home / "before"
    scene.braid.state.rename(before)
    for name in failpoints():
        if name.startswith(RETENTION):
            shutil.rmtree(scene.braid.state, ignore_errors=True)
            shutil.copytree(before, scene.braid.state)
            _die_at(scene, name)
            _keeps_the_end(scene, numbers)


def _keeps_the_end(scene: Scene, numbers: set[str]) -> None:
    kept = set()
    for stream in scene.streams():
        target = scene.home / "kept.ndjson"
        scene.braid.read(stream, target)
        kept |= {json.loads(line)["sequence"] for line in target.read_bytes().splitlines()}
    if not kept < numbers:
        raise Unexpected(f"of {len(numbers)} events retention kept {len(kept)}, {len(kept - numbers)} of them unknown")
    for shard in {_place(sequence)[0] for sequence in kept}:
        oldest = min(number for place, number in map(_place, kept) if place == shard)
        if lost := [sequence for sequence in numbers - kept if _place(sequence)[0] == shard and _place(sequence)[1] > oldest]:
            raise Unexpected(f"retention let go of {min(lost)}, which is newer than {oldest} of shard {shard}")


def _place(sequence: str) -> tuple[str, int]:
    """The shard and the number."""
    return sequence.rpartition(":")[0], int(sequence.rpartition(":")[2])


def _reader_has_all(scene: Scene, target: Path, reader) -> None:
    wanted = (scene.home / "out" / f"{scene.keyspace}.natives.ndjson").read_bytes()
    deadline = time.monotonic() + 60
    while len(target.read_bytes()) < len(wanted) and time.monotonic() < deadline:
        time.sleep(0.2)
    if reader.poll() is not None:
        raise Unexpected(f"the reader that was paused ended with {reader.returncode}")
    # Partitions interleave as they come; what one holds keeps its order.
    if sorted(target.read_bytes().splitlines()) != sorted(wanted.splitlines()):
        raise Unexpected("the reader that was paused has not what a reader that comes later has")


def node(stage: Stage) -> None:
    """A node is killed and comes back to hints; another time past them, and is repaired."""
    with Scene(stage, "node", 0) as scene:
        cluster, workload = stage.cluster, scene.workload
        scene.begin()
        size = 600 if stage.long else 250
        workload.statements(size)
        cluster.kill_node(3)   # in the middle: the log's last period is lost on n3, and requests may fail
        workload.statements(20)
        cluster.await_agreement()
        stage.session.await_up([n.address for n in cluster.running()])
        workload.statements(size)
        workload.return_third()
        workload.statements(size)
        scene.say("n3 down past hints")
        for number in (1, 2):
            cluster.nodetool(number, "disablehandoff")
        workload.kill_third()
        workload.statements(size)
        workload.return_third()
        for number in (1, 2):
            cluster.nodetool(number, "enablehandoff")
        workload.statements(size)
        scene.say("repair")
        tables = [name for name in workload.tables if name != "plain"] if stage.long else ["natives", "statics", "collections", "udts"]
        repair = _start(lambda: cluster.nodetool(3, "repair", "-full", scene.keyspace, *tables))
        scene.work_until(repair, 0.02)
        workload.end_counters()
        scene.verdict(may_fail="Timeout|Unavailable|NoHostAvailable|Failure|OperationTimedOut", timeout=150)


def skew(stage: Stage) -> None:
    """Clients' clocks are seconds apart; the window puts their writes in order, so that each of them shows."""
    settings = {"reorder_window": "3s", "publish_when": "quorum"}
    with Scene(stage, "skew", 0, settings=settings, source={"tail": "live"}, back=1.5) as scene:
        scene.begin()
        scene.workload.fixed_scenes()
        scene.workload.statements(3000 if stage.long else 1000)
        scene.workload.end_counters()
        scene.verdict(Rules(every_write=True))


def schema(stage: Stage) -> None:
    """Tables change, come, go and are truncated under load."""
    with Scene(stage, "schema", 0) as scene:
        workload = scene.workload
        scene.begin()
        size = 400 if stage.long else 150
        truncated = ("statics", "collections", "keys_text")
        for act in (workload.add_columns, workload.drop_columns, workload.add_again):
            workload.statements(size)
            scene.say(act.__name__)
            act()
            _truncate(scene, truncated[0])
            truncated = truncated[1:]
        workload.statements(size)
        workload.end_counters()
        names = {f"{scene.keyspace}.{name}" for name in ("altered", "wide")}
        scene.verdict(Rules(altered=frozenset(names), truncated=frozenset(
            f"{scene.keyspace}.{name}" for name in ("statics", "collections", "keys_text"))))


def _truncate(scene: Scene, table: str) -> None:
    """What was written just before may be cut away before it is seen."""
    scene.workload.statements(20)
    scene.stage.session.plain(f"TRUNCATE {scene.keyspace}.{table}")
    for write in scene.workload.writes:
        if write.table == f"{scene.keyspace}.{table}":
            write.must = False
    scene.workload.statements(20)


def ttl(stage: Stage) -> None:
    """TTLs of seconds, refreshed just before they run out: no row may seem to die; those that are let go die once."""
    with Scene(stage, "ttl", 0) as scene:
        scene.braid.start()
        scene.braid.await_ready()
        scene.plain_keyspace("short (p int, c int, v text, PRIMARY KEY (p, c)) WITH cdc = true")
        rows = [_ShortLived(scene, number) for number in range(120 if stage.long else 40)]
        kills = iter(range(10 if stage.long else 3))
        ends = time.monotonic() + (60 if stage.long else 20)
        while any(row.rounds for row in rows):
            for row in rows:
                row.step()
            if time.monotonic() > ends - 10 and next(kills, None) is not None:
                ends += 2
                scene.braid.kill()
                scene.braid.start()
            time.sleep(0.01)
        time.sleep(6)
        scene.verdict()
        told: dict[int, list[str]] = {}
        for event in scene.events("short"):
            told.setdefault(event["key"]["p"], []).append(event["op"] + event["source"]["cause"][0])
        for row in rows:
            if row.is_certain and told.get(row.number) != row.wanted:
                raise Unexpected(f"row {row.number} with TTL {row.ttl}: expected {row.wanted}, came {told.get(row.number)}")
        scene.say(f"{sum(row.is_certain for row in rows)} of {len(rows)} rows refreshed in time for sure")


class _ShortLived:
    """A row that is written again and again shortly before it would expire; in the end it is left to, or made to stay."""

    def __init__(self, scene: Scene, number: int):
        self.scene, self.number = scene, number
        self.ttl = scene.rng.randrange(2, 6)
        self.rounds = scene.rng.randrange(3, 6)
        self.stays = scene.rng.random() < 0.4
        self.is_certain = True
        self.wanted: list[str] = []
        self.due = 0.0
        self.expires = 0

    def step(self) -> None:
        if not self.rounds or time.time() < self.due:
            return
        last = self.rounds == 1
        lives = 0 if last and self.stays else self.ttl
        table, before = f"{self.scene.keyspace}.short", time.time()
        ts = int(before * 1_000_000)
        self.scene.stage.session.execute(f"UPDATE {table} USING TTL ? SET v = ? WHERE p = ? AND c = 0",
                                         [int32(lives), b"round %d" % self.rounds, int32(self.number)], timestamp=ts)
        self.scene.workload.writes.append(
            Write(table, "regular", {"p": self.number, "c": 0}, ts, "update", must=True, columns=["v"]))
        # The node takes the second at which it works on the request, somewhere between.
        self.is_certain = self.is_certain and (not self.expires or time.time() < self.expires)
        self.wanted.append("uw" if self.wanted else "cw")
        self.expires = int(before) + self.ttl
        self.due = self.expires - self.scene.rng.uniform(0.2, 0.7)
        self.rounds -= 1
        if last and not self.stays:
            self.wanted.append("dt")


def disk(stage: Stage) -> None:
    """Braid's own disk is full for a while; then for so long that cdc_raw must be guarded. Cassandra never notices."""
    with contextlib.ExitStack() as stack:
        scene = stack.enter_context(Scene(stage, "disk", 0, state=stage.scratch / "disk" / "volume" / "state"))
        volume = scene.home / "volume"
        volume.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(volume)], capture_output=True, text=True)
        if mounted.returncode != 0:
            print(f"disk: SKIPPED, a small tmpfs cannot be mounted here: {mounted.stderr.strip()}", flush=True)
            return
        stack.callback(subprocess.run, ["umount", "--lazy", str(volume)], check=True)
        stack.callback(scene.braid.close)
        scene.braid.start()
        scene.braid.await_ready()
        scene.plain_keyspace("bulk (p int, c int, b blob, PRIMARY KEY (p, c)) WITH cdc = true")
        writer = _Bulk(scene)
        writer.write(30)
        scene.await_that(lambda: len(scene.events("bulk")) == 30, "the first 30 rows are told")

        ballast = fill(volume)
        writer.write(60)
        scene.await_that(lambda: scene.braid.status().get("alarms"), "an alarm about the full disk")
        scene.say(f"full: {scene.braid.status()['alarms'][0][:150]}")
        scene.braid.kill()   # it comes back to a disk that is still full
        writer.write(20)
        ballast.unlink()
        scene.braid.start()
        scene.await_that(lambda: len(scene.events("bulk")) == 110, "all 110 rows are told once there is space")
        scene.await_that(lambda: not scene.braid.status().get("alarms", ["?"]), "no alarm stays")

        ballast = fill(volume)
        # What is let go can only be told once there is space; a braid that is killed before must find out again.
        written = writer.write_until(lambda: any(node["gaps"] for node in scene.braid.status().get("nodes", [])), 3 * CDC_SPACE_MIB)
        scene.say(f"cdc_raw was guarded after {written} rows")
        writer.write(100)
        scene.braid.kill()
        ballast.unlink()
        scene.braid.start()
        scene.await_that(lambda: scene.braid.status().get("open_gaps"), "the gaps are recorded")
        first = writer.rows
        writer.write(20)
        scene.await_that(lambda: {event["key"]["c"] for event in scene.events("bulk") if event["key"]}
                         >= set(range(first, writer.rows)), "what is written after the gap is told")
        gaps = [event["gap"] for event in scene.events("bulk") if event["op"] == "m"]
        if {gap["node"] for gap in gaps} != {"n1", "n2", "n3"} or not {gap["reason"] for gap in gaps} <= {"overflow", "lost_segment"}:
            raise Unexpected(f"the stream tells of {gaps}")
        rows = [event["key"]["c"] for event in scene.events("bulk") if event["key"]]
        if len(rows) != len(set(rows)):
            raise Unexpected("a row is told twice")
        scene.say(f"{len(rows)} of {writer.rows} rows, {len(gaps)} gaps")
        scene.braid.stop()
        scene.check_cassandra("")


class _Bulk:
    """Rows of a hundred kilobytes that nothing compresses."""

    def __init__(self, scene: Scene):
        self.scene, self.rows = scene, 0

    def write(self, count: int) -> None:
        for _ in range(count):
            ts = time.time_ns() // 1000
            self.scene.stage.session.execute(f"INSERT INTO {self.scene.keyspace}.bulk (p, c, b) VALUES (?, ?, ?)",
                                             [int32(self.rows % 16), int32(self.rows), self.scene.rng.randbytes(100_000)], timestamp=ts)
            self.rows += 1
            time.sleep(0.02)

    def write_until(self, done, most: int) -> int:
        """At most `most` mebibytes."""
        before = self.rows
        while not done():
            if self.rows - before > most * 10:
                raise Unexpected(f"{most} MiB on each node, and nothing guards cdc_raw\n{self.scene.braid.log_tail()}")
            self.write(5)
        return self.rows - before


def heal(stage: Stage) -> None:
    """Braid comes late, to tables that were flushed here and not there; it is killed while it takes them, under load. Then it
    is away while the nodes' logs are lost, and heals the gap."""
    with Scene(stage, "heal", 0, settings={"backfill": {"rate": "256KiB"}}) as scene:
        cluster, workload = stage.cluster, scene.workload
        size = 600 if stage.long else 200
        write_a_past(scene, size)
        scene.braid.start()
        scene.work_until(_start(lambda: _kill_often(scene, 30 if stage.long else 8)), 0.01)
        scene.braid.start()
        _await_backfills(scene)
        _verify(scene)
        scene.say("taken in; now a gap")

        scene.braid.kill()
        workload.statements(size)
        # The word of it is lost with the logs.
        stage.session.plain(f"TRUNCATE {scene.keyspace}.keys_text")
        write_where_logs_go(scene, size)
        workload.statements(20)
        scene.braid.start()
        scene.await_that(lambda: any(task["cause"] == "gap" for task in scene.braid.status().get("backfills", [])), "a gap is found")
        workload.statements(size)
        _await_backfills(scene)
        workload.end_counters()
        _verify(scene)
        scene.verdict(folds=True)


def _kill_often(scene: Scene, kills: int) -> None:
    """Leaves Braid dead."""
    for _ in range(kills):
        time.sleep(scene.rng.uniform(0.05, 0.8))
        scene.braid.kill()
        scene.braid.start()
    scene.braid.kill()


def _await_backfills(scene: Scene) -> None:
    def whole() -> bool:
        status = scene.braid.status()
        tasks = status.get("backfills", [])
        return bool(tasks) and not status["open_gaps"] and all(task["state"] == "done" for task in tasks)

    scene.await_that(whole, "everything is backfilled", timeout=120)


def _verify(scene: Scene) -> None:
    tables = [argument for stream in ("natives", "statics", "wide", "collections", "counters")
              for argument in ("--table", f"{scene.keyspace}.{stream}")]
    ran = scene.braid.command("verify", *tables, "--show")
    if ran.returncode != 0:
        raise Unexpected(f"braid verify ended with {ran.returncode}: {ran.stderr}{ran.stdout[:3000]}")


def story(stage: Stage) -> None:
    """What ./quickstart --live shows to a newcomer, on the cluster that is there."""
    home = stage.scratch / "story"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    with open(home / "shown.txt", "w", encoding="utf-8") as shown:
        try:
            live_story.tell(stage.cluster, stage.session, stage.program, home, shown)
        except live_story.NothingCame as error:
            raise Unexpected(f"{error}\n{(home / 'shown.txt').read_text(encoding='utf-8')}") from None


SCENARIOS = {scenario.__name__: scenario for scenario in (story, kafka, past, kill, node, skew, schema, ttl, heal, disk)}
