"""The nodes' logs, taken on and lost."""

import time

from scene import Scene

from workload import int32  # scene knows the recorder's folder


def segments(node, directory: str) -> list[int]:
    return sorted(int(path.stem.rpartition("-")[2]) for path in (node.home / directory).glob("*.log"))


def make_filler(scene: Scene) -> None:
    """A table that is not captured, for begin_segments."""
    scene.stage.session.plain(f"CREATE TABLE {scene.keyspace}.filler (p int PRIMARY KEY, b blob)")


def begin_segments(scene: Scene) -> None:
    """Writes until every node has gone on to new segments."""
    nodes = scene.stage.cluster.nodes
    before = {node.name: segments(node, "commitlog")[-1] for node in nodes}
    number = 0
    while any(segments(node, "commitlog")[-1] < before[node.name] + 2 for node in nodes):
        scene.stage.session.execute(f"INSERT INTO {scene.keyspace}.filler (p, b) VALUES (?, ?)",
                                    [int32(number), scene.rng.randbytes(100_000)], timestamp=time.time_ns() // 1000)
        number += 1


def lose_logs(scene: Scene) -> None:
    """Of cdc_raw only the two newest segments stay: the one that is written to, and the one to come."""
    for node in scene.stage.cluster.nodes:
        kept = segments(node, "cdc_raw")[-2:]
        for path in (node.home / "cdc_raw").iterdir():
            if int(path.name.removesuffix("_cdc.idx").removesuffix(".log").rpartition("-")[2]) not in kept:
                path.unlink(missing_ok=True)


def write_where_logs_go(scene: Scene, size: int) -> None:
    """Writes, and flushes and loses the logs of it: what is gone from cdc_raw alone would still be read in the commitlog directory."""
    scene.workload.statements(size)
    for _ in range(2):
        begin_segments(scene)
        for node in scene.stage.cluster.nodes:
            scene.stage.cluster.nodetool(node.number, "flush")
    lose_logs(scene)


def write_a_past(scene: Scene, size: int) -> None:
    """Tables that were flushed here and not there, and whose logs are gone."""
    scene.workload.create_schema()
    make_filler(scene)
    scene.workload.fixed_scenes()
    for number, commands in ((1, ("flush",)), (2, ("flush", "compact")), (3, ())):
        scene.workload.statements(size)
        for command in commands:
            scene.stage.cluster.nodetool(number, command, scene.keyspace)
    # What was logged before that is still there, and counts no more.
    scene.stage.session.plain(f"TRUNCATE {scene.keyspace}.collections")
    scene.workload.statements(size)
    begin_segments(scene)
    lose_logs(scene)
