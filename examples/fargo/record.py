#!/usr/bin/env python3
"""Records this example: a real three-node cluster of Cassandra 5.0.6 on loopback, and the story of one film in it.

Replaces n1, n2 and n3 beside this file with what the nodes logged. Takes about a minute."""

import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests" / "recorder"))

import install  # noqa: E402

if __name__ == "__main__":
    install.use_driver()

from cluster import Cluster, Options  # noqa: E402
from record import keep_schema  # noqa: E402

SCHEMA = (
    "CREATE KEYSPACE vault WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}",
    """CREATE TABLE vault.titles (id int PRIMARY KEY, title text, year int, status text, hidden boolean, directors list<text>,
       tags set<text>, ratings map<text, int>, banner text, updated_by text) WITH cdc = true AND read_repair = 'NONE'""",
    """CREATE TABLE vault.cast (title_id int, billing int, actor text, character text, title text static,
       PRIMARY KEY (title_id, billing)) WITH cdc = true AND read_repair = 'NONE'""",
    """CREATE TABLE vault.views (title_id int, viewed_at timestamp, member uuid, device text, minutes int,
       PRIMARY KEY (title_id, viewed_at, member)) WITH CLUSTERING ORDER BY (viewed_at DESC, member ASC) AND cdc = true
       AND read_repair = 'NONE'""",
    "CREATE TABLE vault.plays (title_id int PRIMARY KEY, started counter, finished counter) WITH cdc = true",
    # the rest of the house: in the same logs, but nobody asked for these
    "CREATE TABLE vault.sessions (member uuid PRIMARY KEY, cookie text, device text)",
    "CREATE TABLE vault.audit (title_id int, at timeuuid, who text, what text, PRIMARY KEY (title_id, at))",
)

MARGE, JERRY = "8d7b0f0e-5a0e-4d55-9c1f-3f5f4f0a1b01", "8d7b0f0e-5a0e-4d55-9c1f-3f5f4f0a1b02"

BEFORE_THE_OUTAGE = (
    f"INSERT INTO vault.sessions (member, cookie, device) VALUES ({MARGE}, 's3cr3t', 'tv')",
    """INSERT INTO vault.titles (id, title, year, status, hidden, directors, tags, updated_by)
       VALUES (842, 'Fargo', 1996, 'private', true, ['Joel Coen'], {'crime', 'snow'}, 'intake')""",
    """BEGIN BATCH
         INSERT INTO vault.cast (title_id, billing, actor, character, title) VALUES (842, 1, 'Frances McDormand', 'Marge Gunderson', 'Fargo');
         INSERT INTO vault.cast (title_id, billing, actor, character) VALUES (842, 2, 'William H. Macy', 'Jerry Lundegaard');
         INSERT INTO vault.cast (title_id, billing, actor, character) VALUES (842, 3, 'Steve Buscemi', 'Carl Showalter');
         INSERT INTO vault.cast (title_id, billing, actor, character) VALUES (842, 4, 'Peter Stormare', 'Gaear Grimsrud');
         INSERT INTO vault.audit (title_id, at, who, what) VALUES (842, now(), 'intake', 'cast added');
         UPDATE vault.titles SET updated_by = 'casting' WHERE id = 842;
       APPLY BATCH""",
    "INSERT INTO vault.titles (id, title, year, status, tags) VALUES (115, 'The Big Lebowski', 1998, 'public', {'comedy'})",
    "UPDATE vault.titles SET directors = directors + ['Ethan Coen'] WHERE id = 842",
    "UPDATE vault.titles SET status = 'public', hidden = false, updated_by = 'release' WHERE id = 842 IF status = 'private'",
    "UPDATE vault.titles USING TTL 3 SET banner = 'New this week' WHERE id = 842",
    f"""INSERT INTO vault.views (title_id, viewed_at, member, device, minutes)
        VALUES (842, '2026-03-08 20:15:00.000+0000', {MARGE}, 'tv', 98)""",
    f"""INSERT INTO vault.views (title_id, viewed_at, member, device, minutes)
        VALUES (842, '2026-03-09 21:40:12.500+0000', {JERRY}, 'phone', 17)""",
    "UPDATE vault.plays SET started = started + 1, finished = finished + 1 WHERE title_id = 842",
    "UPDATE vault.plays SET started = started + 1 WHERE title_id = 842",
    "UPDATE vault.titles SET ratings = {'audience': 88} WHERE id = 842",
)

# n3 is down, and nobody keeps hints: only n1 and n2 ever see this
DURING_THE_OUTAGE = (
    "UPDATE vault.titles SET ratings['critics'] = 95, tags = tags + {'oscar'} WHERE id = 842",
)

AFTER_THE_OUTAGE = (
    "UPDATE vault.titles SET title = 'Fargo (Restored)', updated_by = 'archive' WHERE id = 842",
    f"""INSERT INTO vault.views (title_id, viewed_at, member, device, minutes)
        VALUES (842, '2026-11-20 19:00:00.000+0000', {MARGE}, 'tv', 98)""",
    "UPDATE vault.plays SET started = started + 1, finished = finished + 1 WHERE title_id = 842",
    "DELETE FROM vault.cast WHERE title_id = 842 AND billing = 4",
    "DELETE FROM vault.views WHERE title_id = 842 AND viewed_at < '2026-03-10 00:00:00.000+0000'",
    "UPDATE vault.titles SET tags = tags - {'snow'} WHERE id = 842",
    """BEGIN BATCH
         DELETE FROM vault.titles WHERE id = 842;
         DELETE FROM vault.cast WHERE title_id = 842;
         INSERT INTO vault.audit (title_id, at, who, what) VALUES (842, now(), 'rights', 'licence ended');
       APPLY BATCH""",
)

# a clerk's queue was stuck: this arrives last and is two hours old by its own timestamp
FROM_A_STUCK_QUEUE = "UPDATE vault.titles USING TIMESTAMP {} SET year = 1997, updated_by = 'clerk' WHERE id = 115"


def play(cluster: Cluster) -> None:
    from session import Session

    with Session([node.address for node in cluster.nodes], cluster.ports.native) as session:
        session.await_up([node.address for node in cluster.nodes])
        for statement in (*SCHEMA, *BEFORE_THE_OUTAGE):
            session.plain(statement)
        time.sleep(1)   # the log's sync period: what n3 has seen is on its disk
        cluster.kill_node(3)
        cluster.await_agreement()
        session.await_up([node.address for node in cluster.running()])
        for statement in DURING_THE_OUTAGE:
            session.plain(statement)
        cluster.start_node(3)
        cluster.await_agreement()
        session.await_up([node.address for node in cluster.nodes])
        for statement in AFTER_THE_OUTAGE:
            session.plain(statement)
        two_hours_ago = int((time.time() - 7200) * 1_000_000)
        session.plain(FROM_A_STUCK_QUEUE.format(two_hours_ago))
        time.sleep(1)


def keep(cluster: Cluster) -> None:
    """Of each node: the CDC segments that hold something, and the files that say what its tables are and who it is."""
    for node in cluster.nodes:
        target = HERE / node.name
        shutil.rmtree(target, ignore_errors=True)
        (target / "cdc_raw").mkdir(parents=True)
        for index in (node.home / "cdc_raw").glob("*_cdc.idx"):
            shutil.copy(index, target / "cdc_raw")
            shutil.copy(index.with_name(index.name.replace("_cdc.idx", ".log")), target / "cdc_raw")
        keep_schema(node.home, target)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="braid-fargo-") as home:
        with Cluster(Path(home), Options(hints=False)) as cluster:
            cluster.start()
            play(cluster)
            for node in cluster.nodes:
                cluster.nodetool(node.number, "flush")
                cluster.nodetool(node.number, "compact", "system_schema")
                cluster.nodetool(node.number, "compact", "system", "local")
            cluster.kill_all()
            keep(cluster)


if __name__ == "__main__":
    main()
