#!/usr/bin/env python3
"""Records segments of a few kilobytes, one for each log version and compressor, small enough to be damaged at every byte.

OUT/NAME gets the segment with its index, what Cassandra's own reader sees in it (dump.ndjson) and the schema (data/)."""

import argparse
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import install

if __name__ == "__main__":
    install.use_driver()

from cluster import Cluster, Options  # noqa: E402
from dump import dump  # noqa: E402
from record import keep_schema  # noqa: E402


@dataclass(frozen=True)
class Tiny:
    name: str
    version: str
    compressor: str | None
    mode: str | None = None


TINY = (
    Tiny("v7-plain", "4.0.17", None),
    Tiny("v7-lz4", "4.1.10", "LZ4"),
    Tiny("v7-snappy", "5.0.6", "Snappy"),
    Tiny("v7-deflate", "4.0.17", "Deflate"),
    Tiny("v8-zstd", "5.0.6", "Zstd", "NONE"),
    Tiny("v8-plain", "5.0.6", None, "NONE"),
)

SCHEMA = (
    "CREATE KEYSPACE tiny WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}",
    "CREATE TYPE tiny.point (x int, y text)",
    """CREATE TABLE tiny.t (p int, c1 text, c2 int, s text static, v text, n bigint, l list<text>, t set<int>, m map<text, int>, u point,
       PRIMARY KEY (p, c1, c2)) WITH CLUSTERING ORDER BY (c1 ASC, c2 DESC) AND cdc = true""",
    "CREATE TABLE tiny.counts (p int PRIMARY KEY, n counter) WITH cdc = true",
    "CREATE TABLE tiny.other (p int PRIMARY KEY, v text)",
)

STATEMENTS = (
    """INSERT INTO tiny.t (p, c1, c2, s, v, n, l, t, m, u) VALUES (1, 'a', 1, 'static', 'value', 5, ['x', 'y'], {1, 2}, {'k': 7},
       {x: 3, y: 'why'})""",
    "UPDATE tiny.t USING TTL 1000 SET v = 'passing', n = null WHERE p = 1 AND c1 = 'a' AND c2 = 2",
    "UPDATE tiny.t SET l = l + ['z'], t = t - {1}, m['j'] = 8, u.x = 4 WHERE p = 1 AND c1 = 'a' AND c2 = 1",
    "DELETE v, l FROM tiny.t WHERE p = 1 AND c1 = 'a' AND c2 = 1",
    "DELETE FROM tiny.t WHERE p = 1 AND c1 = 'a' AND c2 = 2",
    """BEGIN UNLOGGED BATCH
         DELETE FROM tiny.t USING TIMESTAMP 1700000000000001 WHERE p = 2 AND c1 >= 'a' AND c1 < 'm';
         DELETE FROM tiny.t USING TIMESTAMP 1700000000000002 WHERE p = 2 AND c1 >= 'g' AND c1 < 't';
         INSERT INTO tiny.t (p, c1, c2, v) VALUES (2, 'h', 1, 'between');
         INSERT INTO tiny.other (p, v) VALUES (2, 'not captured');
       APPLY BATCH""",
    "DELETE FROM tiny.t WHERE p = 3",
    "UPDATE tiny.counts SET n = n + 4 WHERE p = 1",
)


def record(tiny: Tiny, out: Path) -> None:
    from session import Session

    options = Options(version=tiny.version, nodes=1, compressor=tiny.compressor, storage_compatibility_mode=tiny.mode)
    with tempfile.TemporaryDirectory(prefix="braid-recorder-") as home, Cluster(Path(home), options) as cluster:
        cluster.start()
        node = cluster.node(1)
        with Session([node.address], cluster.ports.native) as session:
            for statement in SCHEMA:
                session.plain(statement)
        cluster.kill_node(1)
        before = set((node.home / "cdc_raw").iterdir())
        cluster.start_node(1)   # what follows goes to a segment that holds next to nothing else
        with Session([node.address], cluster.ports.native) as session:
            for statement in STATEMENTS:
                session.plain(statement)
        time.sleep(0.5)
        cluster.nodetool(1, "flush", "system", "local")
        cluster.nodetool(1, "compact", "system_schema")
        time.sleep(0.5)
        cluster.kill_all()
        keep(tiny, node.home, before, out)


def keep(tiny: Tiny, home: Path, before: set[Path], out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for index in set((home / "cdc_raw").glob("*_cdc.idx")) - before:
        segment = index.with_name(index.name.replace("_cdc.idx", ".log"))
        shutil.copy(index, out)
        shutil.copy(segment, out)
        with open(out / "dump.ndjson", "wb") as target:
            dump(tiny.version, tiny.mode, None, home / "data", [str(segment)], target)
    keep_schema(home, out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(tiny.name for tiny in TINY)}; without any, all")
    chosen = parser.parse_args()
    for tiny in TINY:
        if tiny.name in chosen.names or not chosen.names:
            print(f"recording {tiny.name}", file=sys.stderr)
            record(tiny, chosen.out / tiny.name)


if __name__ == "__main__":
    main()
