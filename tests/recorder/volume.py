#!/usr/bin/env python3
"""Records a large, plain log for measuring: one table, 60% inserts of eight columns and 40% updates of two.

The result has a recording's nodes/ and meta.json but no truth. Each statement of a batch goes to a partition of its own, so
that each is a mutation of its own in the log."""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
import uuid
from dataclasses import asdict
from pathlib import Path

import install

if __name__ == "__main__":
    install.use_driver()

from cluster import Cluster, Options  # noqa: E402

BATCH = 100
INSERT = "INSERT INTO bench.events (id, at, actor, count, flag, note, price, rating, seen, title) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
UPDATE = "UPDATE bench.events SET rating = ?, note = ? WHERE id = ? AND at = ?"
SCHEMA = """CREATE TABLE bench.events (id uuid, at timeuuid, actor text, count bigint, flag boolean, note text, price double,
            rating int, seen timestamp, title text, PRIMARY KEY (id, at)) WITH cdc = true"""


class Events:
    def __init__(self, seed: int, rows: int):
        self.rng = random.Random(seed)
        self.keys = [(self.rng.randbytes(16), uuid.UUID(bytes=self.rng.randbytes(16), version=1).bytes) for _ in range(rows)]

    def text(self, length: int) -> bytes:
        return self.rng.randbytes(length // 2).hex().encode()

    def batch(self, inserts: int) -> tuple[str, list[bytes]]:
        statements, raws = [], []
        for number, (key, at) in enumerate(self.rng.sample(self.keys, BATCH)):
            if number < inserts:
                statements.append(INSERT)
                raws += [key, at, self.text(12), self.rng.randbytes(8), b"\x01", self.text(20), self.rng.randbytes(8),
                         self.rng.randbytes(4), self.rng.randbytes(8), self.text(24)]
            else:
                statements.append(UPDATE)
                raws += [self.rng.randbytes(4), self.text(20), key, at]
        return f"BEGIN UNLOGGED BATCH {'; '.join(statements)}; APPLY BATCH", raws


def record(out: Path, options: Options, mutations: int, seed: int) -> None:
    from record import keep_files
    from session import Session

    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="braid-recorder-") as home, Cluster(Path(home), options) as cluster:
        cluster.start()
        with Session([node.address for node in cluster.nodes], cluster.ports.native) as session:
            session.await_up([node.address for node in cluster.nodes])
            session.plain("CREATE KEYSPACE bench WITH replication = {'class': 'SimpleStrategy', "
                          f"'replication_factor': {options.nodes}}}")
            session.plain(SCHEMA)
            events = Events(seed, max(1000, mutations // 2))
            for done in range(0, mutations, BATCH):
                session.execute(*events.batch(BATCH * 6 // 10))
                if sys.stderr.isatty() and done % 10_000 == 0:
                    print(f"\r{done} of {mutations} mutations", end="", file=sys.stderr)
        time.sleep(1)
        for node in cluster.nodes:
            cluster.nodetool(node.number, "flush", "system_schema")
        cluster.kill_all()
        keep_files(cluster, out, None)
    for node in (out / "nodes").iterdir():
        shutil.rmtree(node / "commitlog")   # the same bytes once more
    (out / "meta.json").write_text(json.dumps({"mutations": mutations, "seed": seed, "apart": False, **asdict(options)}) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--mutations", type=int, default=600_000)
    parser.add_argument("--nodes", type=int, default=1, choices=[1, 3])
    parser.add_argument("--version", default="5.0.6", choices=install.VERSIONS)
    parser.add_argument("--mode", choices=["NONE"])
    parser.add_argument("--compressor", choices=["LZ4", "Snappy", "Deflate", "Zstd"])
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    options = Options(version=chosen.version, nodes=chosen.nodes, storage_compatibility_mode=chosen.mode,
                      compressor=chosen.compressor, segment_mib=32, sync_ms=1000, heap_mb=1500)
    record(chosen.out, options, chosen.mutations, chosen.seed)


if __name__ == "__main__":
    main()
