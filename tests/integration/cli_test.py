#!/usr/bin/env python3
"""Bad use: each mistake gives exit code 1 or 2, one line that names it and its cure, and no output at all."""

import os
import resource
import shutil
import struct
import unittest
import zlib
from pathlib import Path

from support import BRAID, FARGO, BraidTest, node_arguments, recording, run

PLAIN = "cassandra-5.0.6-plain"
FAILED, USAGE = 1, 2


def segment_header(version: int, segment: int, parameters: str) -> bytes:
    raw = parameters.encode()
    low, high = segment & 0xFFFFFFFF, segment >> 32
    checksum = zlib.crc32(struct.pack(">IIII", version, low, high, len(raw)) + raw)
    return struct.pack(">iqH", version, segment, len(raw)) + raw + struct.pack(">I", checksum)


class CommandLineTest(BraidTest):
    def setUp(self) -> None:
        super().setUp()
        self.nodes = node_arguments(FARGO)
        self.node = ["--node", f"n1={FARGO / 'n1'}"]

    def replay(self, *arguments, **options):
        return run("replay", *arguments, "--out", self.out, **options)

    def test_the_base_of_all_this_works(self):
        self.assert_passes(self.replay(*self.nodes))
        self.assertIn("vault.titles.ndjson", [path.name for path in self.out.iterdir()])

    def test_no_command(self):
        self.assert_refused(run(), USAGE, "subcommand", "--help")

    def test_unknown_command(self):
        self.assert_refused(run("frobnicate"), USAGE, "frobnicate", "--help")

    def test_unknown_option(self):
        self.assert_refused(self.replay(*self.node, "--frobnicate"), USAGE, "--frobnicate", "--help")

    def test_surplus_argument(self):
        self.assert_refused(self.replay(*self.node, "surplus"), USAGE, "surplus")

    def test_no_node(self):
        self.assert_refused(self.replay(), USAGE, "--node")

    def test_no_out(self):
        self.assert_refused(run("replay", *self.node), USAGE, "--out")

    def test_malformed_node(self):
        for node in ("n1", "=home", "n1=", ""):
            with self.subTest(node=node):
                self.assert_refused(self.replay("--node", node), USAGE, "--node", "NAME=HOME")

    def test_two_nodes_of_one_name(self):
        ran = self.replay(*self.node, "--node", f"n1={FARGO / 'n2'}")
        self.assert_refused(ran, USAGE, "two nodes are called n1", "name of its own")

    def test_malformed_now(self):
        for now in ("yesterday", "2026-02-30T00:00:00Z", "2026-11-21T07:40:51", "2026-11-21T25:00:00Z", "", "0"):
            with self.subTest(now=now):
                self.assert_refused(self.replay(*self.node, "--now", now), USAGE, "--now", "2026-11-21T07:40:51Z")

    def test_good_forms_of_now(self):
        for now in ("2026-11-21T07:40:51Z", "2026-11-21T07:40:51.5Z", "2026-11-21T08:40:51+01:00"):
            with self.subTest(now=now):
                self.assert_passes(self.replay(*self.node, "--now", now))

    def test_malformed_table(self):
        for table in ("titles", ".titles", "vault.", "."):
            with self.subTest(table=table):
                self.assert_refused(self.replay(*self.node, "--table", table), USAGE, "--table", "KEYSPACE.TABLE")

    def test_malformed_memory(self):
        for memory in ("10", "-5", "much", "1023KiB", "99999999999999999999GiB", "", "17EiB", "100TiB", "12q"):
            with self.subTest(memory=memory):
                self.assert_refused(self.replay(*self.node, f"--memory={memory}"), USAGE, "--memory", "from 1MiB")

    def test_malformed_on_corruption(self):
        self.assert_refused(self.replay(*self.node, "--on-corruption", "maybe"), USAGE, "--on-corruption", "stop", "skip")

    def test_missing_node_directory(self):
        self.assert_refused(self.replay("--node", "n1=/nowhere"), FAILED, "n1", "/nowhere", "not a directory")

    def test_node_directory_without_cdc_raw(self):
        home = self.scratch / "home"
        home.mkdir()
        self.assert_refused(self.replay("--node", f"n1={home}"), FAILED, home / "cdc_raw", "captured commit log")

    def test_node_directory_without_schema(self):
        home = self.scratch / "home"
        (home / "cdc_raw").mkdir(parents=True)
        self.assert_refused(self.replay("--node", f"n1={home}"), FAILED, home / "data", "no such directory")
        (home / "data" / "system_schema").mkdir(parents=True)
        self.assert_refused(self.replay("--node", f"n1={home}"), FAILED, home / "data", "no schema", "nodetool flush system_schema")

    def test_unknown_table(self):
        self.assert_refused(self.replay(*self.nodes, "--table", "vault.nothing"), FAILED, "vault.nothing", "no schema file")

    def test_table_that_is_not_captured(self):
        ran = self.replay(*self.nodes, "--table", "vault.audit")
        self.assert_refused(ran, FAILED, "vault.audit", "not captured", "ALTER TABLE vault.audit WITH cdc = true")

    def test_version_and_help(self):
        for arguments in (("--version",), ("--help",), ("replay", "--help"), ("inspect", "commitlog", "--help")):
            with self.subTest(arguments=arguments):
                ran = run(*arguments)
                self.assert_passes(ran)
                self.assertIn("braid" if arguments != ("inspect", "commitlog", "--help") else "--schema", ran.out)


class SegmentHeaderTest(BraidTest):
    """Segments that are whole but of a kind that Braid does not read."""

    def setUp(self) -> None:
        super().setUp()
        self.home = self.scratch / "home"
        (self.home / "cdc_raw").mkdir(parents=True)
        (self.home / "data").symlink_to(FARGO / "n1" / "data")

    def replay(self, version: int, parameters: str, *more):
        self.segment = self.home / "cdc_raw" / f"CommitLog-{version}-1795259589698.log"
        self.segment.write_bytes(segment_header(version, 1795259589698, parameters) + bytes(4096))
        return run("replay", "--node", f"n1={self.home}", "--out", self.out, *more)

    def test_header_made_here_is_as_cassandras(self):
        real = next((recording(PLAIN) / "nodes" / "n1" / "cdc_raw").glob("*.log")).read_bytes()
        version, segment, size = struct.unpack(">iqH", real[:14])
        self.assertEqual(segment_header(version, segment, real[14:14 + size].decode()), real[:14 + size + 4])
        self.assert_passes(self.replay(7, "{}"))

    def test_older_version(self):
        self.assert_refused(self.replay(6, "{}"), FAILED, self.segment, "version 6", "upgrade")

    def test_newer_version(self):
        self.assert_refused(self.replay(9, "{}"), FAILED, self.segment, "version 9", "newer Braid")

    def test_encrypted(self):
        parameters = '{"encCipher":"AES/CBC/PKCS5Padding","keyAlias":"testing:1","encIV":"00"}'
        self.assert_refused(self.replay(7, parameters), FAILED, self.segment, "encrypted", "enabled: false")

    def test_unknown_compressor(self):
        parameters = '{"compressionClass":"BrotliCompressor"}'
        self.assert_refused(self.replay(7, parameters), FAILED, self.segment, "BrotliCompressor", "LZ4Compressor")

    def test_what_is_not_read_is_no_damage_to_skip(self):
        self.assert_refused(self.replay(9, "{}", "--on-corruption", "skip"), FAILED, self.segment, "version 9")


class ConfigurationTest(BraidTest):
    """What `braid validate` finds out from the tables that the nodes have, and words that belong to files alone."""

    def configuration(self, source: str = "", top: str = "") -> Path:
        nodes = "".join(f"    - {{name: {home.name}, home: {home}}}\n" for home in sorted((recording(PLAIN) / "nodes").iterdir()))
        path = self.scratch / "braid.yaml"
        path.write_text(f"name: movies\nsource:\n  nodes:\n{nodes}{source}state: {self.scratch / 'state'}\n{top}", encoding="utf-8")
        return path

    def validate(self, source: str = "", top: str = ""):
        return run("validate", "--config", self.configuration(source, top))

    def test_good(self):
        ran = self.validate("  exclude: [rec.wide.w00]\n", "streams: [{name: s, table: rec.wide}]\n")
        self.assert_passes(ran)
        self.assertIn("is good: 3 nodes, 17 captured tables, 1 stream\n", ran.out)

    def test_excluded_key_column(self):
        self.assert_refused(self.validate("  exclude: [rec.wide.p]\n"), USAGE, "exclude: rec.wide.p is a key column")

    def test_what_is_not_there_is_told_of(self):
        for source, top, says in (("  exclude: [rec.wide.nosuch]\n", "", "rec.wide has no column nosuch"),
                                  ("  exclude: [rec.nosuch.c]\n", "", "there is no table rec.nosuch"),
                                  ("", "streams: [{name: s, tables: ['nosuch.*']}]\n", "no captured table fits nosuch.*")):
            with self.subTest(says):
                ran = self.validate(source, top)
                self.assertEqual((ran.code, ran.err.count("\n")), (0, 1), ran.err)
                self.assertIn(says, ran.err)
                self.assertIn("is good", ran.out)

    def test_every_stream_is_looked_at(self):
        ran = self.validate(top="streams:\n  - {name: one, table: rec.wide, where: 'nosuch = 1'}\n"
                                "  - {name: two, table: rec.wide, columns: {exclude: [p]}}\n")
        self.assertEqual((ran.code, ran.out, ran.err.count("\n")), (USAGE, "", 2), ran.err)
        self.assertIn("stream one", ran.err)
        self.assertIn("stream two", ran.err)

    def test_backfill_of_streams_takes_no_words_of_files(self):
        for words in (("--name", "x"), ("--on-corruption", "skip"), ("--now", "2026-11-21T07:40:51Z"), ("--memory", "64MiB")):
            with self.subTest(words):
                ran = run("backfill", "--config", self.configuration(), "--table", "rec.wide", *words)
                self.assert_refused(ran, USAGE, words[0], "excludes --config")

    def test_snapshot_that_nobody_has(self):
        ran = run("backfill", *node_arguments(recording(PLAIN) / "nodes"), "--out", self.out, "--snapshot", "nosuch")
        self.assert_refused(ran, FAILED, "no node has a snapshot nosuch", "nodetool listsnapshots")

    def test_range_of_tokens(self):
        for tokens in ("5", "5:3", "a:b", ":"):
            with self.subTest(tokens):
                ran = run("backfill", "--config", self.configuration(), "--table", "rec.wide", "--token-range", tokens)
                self.assert_refused(ran, USAGE, "--token-range", "AFTER:THROUGH", "smaller first")


class OutputTest(BraidTest):
    """Places to write to that refuse."""

    def test_out_is_a_file(self):
        self.out.write_text("in the way")
        ran = run("replay", *node_arguments(FARGO), "--out", self.out)
        self.assertEqual((ran.code, ran.err.count("\n")), (FAILED, 1), ran.err)
        self.assertIn(str(self.out), ran.err)
        self.assertEqual(self.out.read_text(), "in the way")

    def test_out_that_cannot_be_made(self):
        ran = run("replay", *node_arguments(FARGO), "--out", "/dev/null/streams")
        self.assert_refused(ran, FAILED, "/dev/null/streams", "cannot make the output directory")

    @unittest.skipIf(os.geteuid() == 0 and not Path("/proc/self").is_dir(), "root may write everywhere")
    def test_out_that_is_not_writable(self):
        place = Path("/proc/self") if os.geteuid() == 0 else self.scratch / "locked"
        if os.geteuid() != 0:
            place.mkdir(mode=0o555)
        ran = run("replay", *node_arguments(FARGO), "--out", place)
        self.assertEqual((ran.code, ran.err.count("\n")), (FAILED, 1), ran.err)
        self.assertIn(str(place), ran.err)

    def test_full_disk(self):
        """Stood in for by the size that a file may have: of the streams, then of the sort's own files."""
        arguments = ["replay", *node_arguments(recording(PLAIN) / "nodes"), "--out", self.out]
        for name, cure, more in (("rec.altered.ndjson", "choose another --out", ()),
                                 (".braid-", "name a directory on a larger disk", ("--memory", "1MiB"))):
            with self.subTest(name=name):
                ran = run(*arguments, *more, preexec_fn=_files_of_at_most_20_kb)
                self.assert_refused(ran, FAILED, self.out / name, "cannot write", cure)

    def test_old_streams_stay_when_a_run_fails(self):
        self.assert_passes(run("replay", *node_arguments(FARGO), "--out", self.out))
        before = {path.name: path.read_bytes() for path in self.out.iterdir()}
        broken = self.scratch / "broken"
        shutil.copytree(FARGO, broken)
        (broken / "n3" / "cdc_raw" / "CommitLog-9-1895259589698.log").write_bytes(segment_header(9, 1895259589698, "{}"))
        self.assertEqual(run("replay", *node_arguments(broken), "--out", self.out).code, FAILED)
        self.assertEqual({path.name: path.read_bytes() for path in self.out.iterdir()}, before)


def _files_of_at_most_20_kb() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


if __name__ == "__main__":
    if not BRAID.is_file():
        raise SystemExit(f"{BRAID} is not there; build it, or name it in $BRAID")
    unittest.main()
