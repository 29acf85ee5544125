#!/usr/bin/env python3
"""`braid inspect`: what is in a file, as JSON lines, against what Cassandra's own reader saw."""

import json
import shutil
import unittest

from support import ARCHIVES, FARGO, NODES, BraidTest, cqltypes, read_lines, recording, run, schemas


def load_lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


class CommitLogTest(BraidTest):
    def inspect(self, name: str, node: str, *more):
        home = recording(name) / "nodes" / node
        return run("inspect", "commitlog", home / "cdc_raw", "--schema", home / "data", *more)

    def test_counts_are_cassandras(self):
        for name in ARCHIVES:
            for node in NODES:
                with self.subTest(name=name, node=node):
                    ran = self.inspect(name, node, "--count")
                    self.assertEqual(ran.code, 0, ran.err)
                    counts = json.loads(ran.out)
                    mutations, cells = _count(recording(name) / "dump" / f"{node}.ndjson")
                    self.assertEqual((counts["mutations"], counts["cells"]), (mutations, cells))
                    self.assertGreater(counts["bytes"], cells)
                    self.assertGreater(counts["seconds"], 0)

    def test_counts_of_one_table(self):
        for table in ("rec.natives", "rec.counters"):
            ran = self.inspect("cassandra-5.0.6-plain", "n2", "--count", "--repeat", "3", "--table", table)
            self.assertEqual(ran.code, 0, ran.err)
            wanted = _count(recording("cassandra-5.0.6-plain") / "dump" / "n2.ndjson", table)
            self.assertEqual((json.loads(ran.out)["mutations"], json.loads(ran.out)["cells"]), wanted)

    def test_lines_of_one_table_are_those_among_all(self):
        name = "cassandra-5.0.6-none-zstd"
        alone = self.inspect(name, "n1", "--table", "rec.udts")
        among_all = self.inspect(name, "n1").out.splitlines()
        self.assertEqual(alone.out.splitlines(), [line for line in among_all if '"keyspace":"rec","name":"udts"' in line])

    def test_one_segment_alone(self):
        home = recording("cassandra-5.0.6-plain") / "nodes" / "n1"
        whole = self.inspect("cassandra-5.0.6-plain", "n1").out
        parts = [run("inspect", "commitlog", path, "--schema", home / "data").out for path in sorted((home / "cdc_raw").glob("*.log"))]
        self.assertEqual("".join(parts), whole)

    def test_bad_use(self):
        data = FARGO / "n1" / "data"
        self.assert_refused(run("inspect", "commitlog", "/nowhere", "--schema", data), 1, "/nowhere")
        self.assert_refused(run("inspect", "commitlog", self.scratch, "--schema", data), 1, self.scratch, "no CommitLog-*.log")
        self.assert_refused(run("inspect", "commitlog", FARGO / "n1" / "cdc_raw"), 2, "--schema")
        self.assert_refused(run("inspect", "commitlog", FARGO / "n1" / "cdc_raw", "--schema", self.scratch), 1, "no schema")
        self.assert_refused(run("inspect", "commitlog", FARGO / "n1" / "cdc_raw", "--schema", data, "--repeat", "0"), 2, "--repeat")


class SchemaTest(BraidTest):
    def test_tables_are_those_that_the_database_described(self):
        for name in ARCHIVES:
            for node in NODES:
                with self.subTest(name=name, node=node):
                    ran = run("inspect", "schema", recording(name) / "nodes" / node / "data")
                    self.assertEqual(ran.code, 0, ran.err)
                    tables = {f"{table['keyspace']}.{table['table']}": table for table in load_lines(ran.out)}
                    captured = {table for table, line in tables.items() if line["cdc"] and line["unreadable"] is None}
                    self.assertEqual(captured, set(schemas(name)))
                    for table, schema in schemas(name).items():
                        self._compare(tables[table], schema)

    def _compare(self, line: dict, schema: dict) -> None:
        columns = [column for column in line["columns"] if not column["dropped"]]
        self.assertEqual({column["name"]: _shape(column["type"], schema["udts"]) for column in columns},
                         {name: _shape(text, schema["udts"]) for name, text in schema["types"].items()})
        for kind, names in (("partition_key", "partition"), ("clustering", "clustering")):
            of_kind = sorted((column for column in columns if column["kind"] == kind), key=lambda column: column["position"])
            self.assertEqual([column["name"] for column in of_kind], schema[names])
        for kind, names in (("static", "statics"), ("regular", "regulars")):
            self.assertEqual({column["name"] for column in columns if column["kind"] == kind}, set(schema[names]))
        self.assertEqual({column["name"] for column in columns if column.get("order") == "desc"}, set(schema["descending"]))

    def test_bad_use(self):
        self.assert_refused(run("inspect", "schema", "/nowhere"), 1, "/nowhere")
        self.assert_refused(run("inspect", "schema", self.scratch), 1, self.scratch, "no schema")


class SstableTest(BraidTest):
    def test_every_kind_gives_json(self):
        """Formats nb, oa and da, and within them the schema's own tables and those of the workload."""
        for name in ("cassandra-5.0.6-plain", "cassandra-5.0.6-none-lz4", "cassandra-5.0.6-none-zstd"):
            found = sorted((recording(name) / "nodes" / "n1" / "data").glob("rec/*/*-Data.db"))
            self.assertTrue(found)
            for path in found:
                with self.subTest(path=path.relative_to(recording(name))):
                    ran = run("inspect", "sstable", path)
                    self.assert_passes(ran)
                    head, *partitions = load_lines(ran.out)
                    self.assertTrue(path.name.startswith(head["sstable"]), head)
                    self.assertTrue(partitions)
                    tokens = [partition["token"] for partition in partitions]
                    self.assertEqual(tokens, sorted(tokens))
                    self.assertTrue(all("key" in partition and "rows" in partition for partition in partitions))

    def test_bad_use(self):
        self.assert_refused(run("inspect", "sstable", "/nowhere/nb-1-big-Data.db"), 1, "/nowhere/nb-1-big-Data.db")
        other = self.scratch / "notes.txt"
        other.write_text("nothing")
        self.assert_refused(run("inspect", "sstable", other), 2, other, "nb-12-big-Data.db")

    def test_damage_is_told(self):
        source = min((recording("cassandra-5.0.6-plain") / "nodes" / "n1" / "data").glob("rec/natives-*/*-Data.db"))
        copy = self.scratch / source.parent.name
        shutil.copytree(source.parent, copy)
        content = bytearray((copy / source.name).read_bytes())
        content[len(content) // 2] ^= 0x10
        (copy / source.name).write_bytes(content)
        ran = run("inspect", "sstable", copy / source.name)
        self.assertEqual((ran.code, ran.err.count("\n")), (1, 1), ran.err)
        self.assertIn(str(copy / source.name), ran.err)


def _count(dump, table: str | None = None) -> tuple[int, int]:
    """Mutations and cells of a dump's lines, of which each is a part of a mutation."""
    mutations, cells = set(), 0
    for _, line in read_lines(dump):
        if table is None or f"{line['keyspace']}.{line['name']}" == table:
            mutations.add((line["segment"], line["position"]))
            rows = [line["static"]] if line["static"] else []
            cells += sum(len(row["cells"]) for row in (*rows, *line["rows"]) if "marker" not in row)
    return len(mutations), cells


def _shape(text: str, udts: dict) -> tuple:
    """Elements and tuples are frozen whether the type says so or not, and varchar is another name of text."""
    def of(kind: cqltypes.Type, outermost: bool) -> tuple:
        frozen = outermost and kind.frozen and kind.name in (*cqltypes.COLLECTIONS, "udt")
        return (kind.name.replace("varchar", "text"), frozen, kind.text, kind.dimension,
                tuple(of(parameter, False) for parameter in kind.parameters))

    return of(cqltypes.parse(text, udts), True)


if __name__ == "__main__":
    unittest.main()
