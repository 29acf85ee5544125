#!/usr/bin/env python3
"""One Cassandra node that knows the table of the logs that bench/run makes, for a reader that asks a cluster for its schema.

    peer_node.py DIRECTORY

prints "HOST:PORT" when it can be asked, and stops the node when its standard input ends."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "recorder"))

import install  # noqa: E402

KEYSPACE = "CREATE KEYSPACE bench WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}"
# As tests/recorder/bulk/BulkLog.java has it, the id too: mutations in a log name it.
TABLE = ("CREATE TABLE bench.events (id uuid, at timeuuid, actor text, count bigint, flag boolean, note text, price double, "
         "rating int, seen timestamp, title text, PRIMARY KEY (id, at)) "
         "WITH cdc = true AND ID = 5a1c395e-b41f-11e5-9f22-ba0be0483c18")


def main() -> None:
    install.use_driver()
    from cluster import Cluster, Options
    from session import Session
    with Cluster(Path(sys.argv[1]), Options(nodes=1)) as cluster:
        cluster.start()
        address, port = cluster.node(1).address, cluster.ports.native
        with Session([address], port) as session:
            session.plain(KEYSPACE)
            session.plain(TABLE)
        print(f"{address}:{port}", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
