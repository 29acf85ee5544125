#!/usr/bin/env python3
"""Backfills of recorded SSTables: of snapshots and backups, of damaged files, of tables that are not there. Whether the rows
are right, the recorder's own judge says (tests/recorder/run.py, a test of its own)."""

import shutil
import unittest
from pathlib import Path

from support import NODES, BraidTest, meta, node_arguments, read_lines, recording, run

PLAIN, ZSTD = "cassandra-5.0.6-plain", "cassandra-5.0.6-none-zstd"
TABLE = "rec.collections"


class BackfillTest(BraidTest):
    """What both kinds of tests below need."""
    name = PLAIN

    def setUp(self) -> None:
        super().setUp()
        self.nodes = self.scratch / "nodes"
        shutil.copytree(recording(self.name) / "nodes", self.nodes)

    def backfill(self, *more, out: Path | None = None, nodes=None):
        return run("backfill", *(nodes or node_arguments(self.nodes)), "--now", meta(self.name)["select_at"], "--out",
                   out or self.out, *more)

    def rows(self, *more, nodes=None) -> dict[str, bytes]:
        """What a backfill that must succeed writes, by file."""
        out = self.scratch / "rows"
        shutil.rmtree(out, ignore_errors=True)
        ran = self.backfill(*more, out=out, nodes=nodes)
        self.assert_passes(ran)
        self.said = ran.out
        return {path.name: path.read_bytes() for path in out.iterdir()}

    def directory(self, node: str, table: str = TABLE) -> Path:
        return next((self.nodes / node / "data" / "rec").glob(f"{table.partition('.')[2]}-*"))

    def move(self, node: str, to: str, generations=lambda name: True) -> None:
        """Moves files of the table at a node into a folder within its directory."""
        directory = self.directory(node)
        (directory / to).mkdir(parents=True)
        for path in [path for path in directory.iterdir() if path.is_file() and generations(path.name)]:
            path.rename(directory / to / path.name)

    def largest(self, node: str, component: str) -> Path:
        return max(self.directory(node).glob(f"*-{component}"), key=lambda path: path.stat().st_size)

    def flip(self, path: Path, at: float) -> None:
        content = bytearray(path.read_bytes())
        content[int(len(content) * at)] ^= 0x10
        path.write_bytes(content)


class FilesTest(BackfillTest):
    def test_summary_counts_the_lines_and_nothing_is_touched(self):
        before = {path: path.stat().st_mtime_ns for path in self.nodes.rglob("*")}
        rows = self.rows()
        for name, content in rows.items():
            self.assertRegex(self.said, rf"(?m)^ +{content.count(10)}  .*/{name}$")
        self.assertEqual({path: path.stat().st_mtime_ns for path in self.nodes.rglob("*")}, before)

    def test_two_runs_give_the_same_bytes(self):
        self.assertEqual(self.rows(), self.rows("--memory", "1MiB"))

    def test_one_table_is_what_it_is_among_all(self):
        alone = self.rows("--table", TABLE)
        self.assertEqual(list(alone), [f"{TABLE}.ndjson"])
        among_all = self.rows()[f"{TABLE}.ndjson"]
        self.assertEqual([_without_sequence(line) for line in alone[f"{TABLE}.ndjson"].splitlines()],
                         [_without_sequence(line) for line in among_all.splitlines()])

    def test_time_decides_what_has_expired(self):
        now = self.rows("--table", "rec.expiring")["rec.expiring.ndjson"]
        later = self.scratch / "later"
        self.assert_passes(run("backfill", *node_arguments(self.nodes), "--table", "rec.expiring", "--now",
                               "2090-01-01T00:00:00Z", "--out", later))
        self.assertLess((later / "rec.expiring.ndjson").read_bytes().count(10), now.count(10))

    def test_snapshot(self):
        whole = self.rows("--table", TABLE)
        for node in NODES:
            self.move(node, "snapshots/nightly")
        self.assertEqual(self.rows("--table", TABLE, "--snapshot", "nightly"), whole)
        self.assertEqual(set(self.rows("--table", TABLE).values()), {b""})

    def test_a_snapshot_that_no_node_has(self):
        self.assert_refused(self.backfill("--table", TABLE, "--snapshot", "nightly"), 1, TABLE, "snapshot nightly")
        self.assert_refused(self.backfill("--snapshot", "nightly"), 1, "snapshot nightly")

    def test_a_snapshot_of_one_table(self):
        for node in NODES:
            self.move(node, "snapshots/nightly")
        ran = self.backfill("--snapshot", "nightly")
        self.assert_passes(ran)
        self.assertNotIn(f"no files: {TABLE}:", ran.out)
        self.assertIn("no files: rec.natives: no node has a directory of the snapshot nightly", ran.out)

    def test_backups_are_read_besides(self):
        whole = self.rows("--table", TABLE)
        for node in NODES:
            newest = max(path.name.rsplit("-", 1)[0] for path in self.directory(node).glob("*-Data.db"))
            self.move(node, "backups", lambda name, newest=newest: name.startswith(f"{newest}-"))
        self.assertEqual(self.rows("--table", TABLE, "--backups"), whole)
        self.assertNotEqual(self.rows("--table", TABLE), whole)

    def test_a_node_without_the_table_is_named(self):
        whole = self.rows("--table", TABLE)
        shutil.rmtree(self.directory("n2"))
        self.assertEqual(self.rows("--table", TABLE), whole)
        self.assertIn(f"no files: {TABLE}: node n2 has no directory of it", self.said)

    def test_a_table_that_no_node_has(self):
        for node in NODES:
            shutil.rmtree(self.directory(node))
        self.assert_refused(self.backfill("--table", TABLE), 1, TABLE, "no node has a directory")
        self.assertNotIn(f"{TABLE}.ndjson", self.rows())
        self.assertIn(f"no files: {TABLE}: no node has a directory", self.said)

    def test_a_table_that_is_not_captured_must_be_named(self):
        schema = [schema for _, schema in read_lines(recording(self.name) / "truth" / "schema.ndjson") if not schema["cdc"]]
        self.assertTrue(schema)
        name = schema[0]["table"]
        self.assertEqual(list(self.rows("--table", name)), [f"{name}.ndjson"])
        self.assertNotIn(f"{name}.ndjson", self.rows())


class DamageTest(BackfillTest):
    def test_damage_stops(self):
        data = self.largest("n1", "Data.db")
        self.flip(data, 0.5)
        self.assert_refused(self.backfill(), 1, data, "offset", "nodetool scrub", "--on-corruption skip")

    def test_other_replicas_have_what_is_damaged_in_one(self):
        whole = self.rows("--table", TABLE)
        data = self.largest("n1", "Data.db")
        for at in (0.5, 0.001, 0.999):
            with self.subTest(at=at):
                shutil.copy(recording(self.name) / "nodes" / data.relative_to(self.nodes), data)
                self.flip(data, at)
                self.assertEqual(self.rows("--table", TABLE, "--on-corruption", "skip"), whole)
                self.assertRegex(self.said, rf"(?m)^NOT READ: {data}: .*offset.*passed over; rows with tokens after "
                                            r"-?\d+ up to -?\d+ rest on other copies alone$")

    def test_a_file_that_was_cut(self):
        whole = self.rows("--table", TABLE)
        data = self.largest("n1", "Data.db")
        content = data.read_bytes()
        for size in (len(content) - 1, len(content) // 2, 1, 0):
            with self.subTest(size=size):
                data.write_bytes(content[:size])
                self.assert_refused(self.backfill("--table", TABLE), 1, data)
                self.assertEqual(self.rows("--table", TABLE, "--on-corruption", "skip"), whole)
                self.assertRegex(self.said, rf"(?m)^NOT READ: {data}")

    def test_a_damaged_file_alone_gives_the_rest(self):
        alone = ["--node", f"n1={self.nodes / 'n1'}"]
        whole = self.rows("--table", TABLE, nodes=alone)[f"{TABLE}.ndjson"].splitlines()
        self.flip(self.largest("n1", "Data.db"), 0.5)
        rest = self.rows("--table", TABLE, "--on-corruption", "skip", nodes=alone)[f"{TABLE}.ndjson"].splitlines()
        self.assertTrue(rest)
        keys = [line.partition(b',"op"')[0] for line in whole]
        self.assertTrue({line.partition(b',"op"')[0] for line in rest} <= set(keys))

    def test_a_file_without_its_statistics(self):
        whole = self.rows()
        statistics = self.largest("n1", "Statistics.db")
        self.flip(statistics, 0.3)
        self.assert_refused(self.backfill(), 1, statistics)
        self.assertEqual(self.rows("--on-corruption", "skip"), whole)
        self.assertRegex(self.said, rf"(?m)^NOT READ: {statistics}.*nothing of it was read; rows with tokens after")
        statistics.unlink()
        self.assert_refused(self.backfill(), 1, "Statistics.db")
        self.assertEqual(self.rows("--on-corruption", "skip"), whole)


class DamageOfTriesTest(DamageTest):
    """The same of SSTables in format bti."""
    name = ZSTD


def _without_sequence(line: bytes) -> bytes:
    front, _, rest = line.partition(b'"sequence":"')
    return front + rest.partition(b'"')[2]


if __name__ == "__main__":
    unittest.main()
