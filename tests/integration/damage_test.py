#!/usr/bin/env python3
"""Damaged logs, and replays that are interrupted: what is lost is said, and nothing half made is left."""

import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

from support import BRAID, BraidTest, node_arguments, read_lines, recording, replay_arguments, replayed, run

PLAIN, COMPRESSED = "cassandra-5.0.6-plain", "cassandra-5.0.6-none-lz4"


class DamageTest(BraidTest):
    def setUp(self) -> None:
        super().setUp()
        self.nodes = self.scratch / "nodes"

    def damage(self, name: str, spoil) -> Path:
        """Copies a recording's nodes and spoils the first segment of n1."""
        shutil.copytree(recording(name) / "nodes", self.nodes)
        segment = min((self.nodes / "n1" / "cdc_raw").glob("*.log"))
        content = bytearray(segment.read_bytes())
        segment.write_bytes(spoil(content))
        return segment

    def replay(self, *more, only: str | None = None):
        nodes = ["--node", f"n1={self.nodes / 'n1'}"] if only else node_arguments(self.nodes)
        return run("replay", *nodes, "--out", self.out, *more)

    def test_damage_stops(self):
        for name in (PLAIN, COMPRESSED):
            with self.subTest(name=name):
                shutil.rmtree(self.nodes, ignore_errors=True)
                segment = self.damage(name, _flip_in_the_middle)
                ran = self.replay()
                self.assert_refused(ran, 1, segment, "offset ", "checksum" if name == PLAIN else "cannot be read",
                                    "bytes cannot be read", "--on-corruption skip")

    def test_damage_is_skipped_and_told(self):
        """Another replica has what one has lost, so that the streams are whole all the same, but for where a write was seen."""
        for name in (PLAIN, COMPRESSED):
            with self.subTest(name=name):
                for path in (self.nodes, self.out):
                    shutil.rmtree(path, ignore_errors=True)
                segment = self.damage(name, _flip_in_the_middle)
                ran = self.replay("--on-corruption", "skip")
                self.assert_passes(ran)
                self.assertRegex(ran.out, rf"(?m)^NOT READ: {segment}: offset \d+: .*; [1-9]\d* bytes cannot be read$")
                self.assertGreater(_lines(self.out), 700)

    def test_one_node_alone_keeps_what_is_behind_the_damage(self):
        segment = self.damage(PLAIN, bytearray)
        self.assert_passes(self.replay(only="n1"))
        whole = _lines(self.out)
        # An entry of one write, which nothing else brings.
        dumped = [line for _, line in read_lines(recording(PLAIN) / "dump" / "n1.ndjson") if line["name"] == "expiring"]
        entry = next(line for line in dumped[len(dumped) // 2:] if f"-{line['segment']}.log" in segment.name
                     and line["rows"] and "liveness" in line["rows"][0] and line["rows"][0]["liveness"])
        content = bytearray(segment.read_bytes())
        content[entry["position"] - 6] ^= 0x10
        segment.write_bytes(content)
        self.assert_passes(self.replay("--on-corruption", "skip", only="n1"))
        self.assertLess(_lines(self.out), whole)
        self.assertGreater(_lines(self.out), whole - 20)

    def test_torn_end_is_told(self):
        segment = self.damage(PLAIN, lambda content: content[:300_001])
        ran = self.replay()
        self.assert_passes(ran)
        self.assertRegex(ran.out, rf"(?m)^unfinished end: {segment}: offset \d+: .*; \d+ bytes cannot be read$")

    def test_segment_that_was_only_created_is_told(self):
        for length in (0, 10):
            with self.subTest(length=length):
                shutil.rmtree(self.nodes, ignore_errors=True)
                segment = self.damage(PLAIN, lambda content, length=length: content[:length])
                ran = self.replay()
                self.assert_passes(ran)
                self.assertIn(f"unfinished end: {segment}: ", ran.out)

    def test_every_byte_of_a_header_is_guarded(self):
        """No flipped bit there makes another segment of it in silence."""
        segment = self.damage(PLAIN, bytearray)
        content = segment.read_bytes()
        for offset in range(20):
            spoiled = bytearray(content)
            spoiled[offset] ^= 0x04
            segment.write_bytes(spoiled)
            with self.subTest(offset=offset):
                self.assert_refused(self.replay(only="n1"), 1, segment)


class InterruptionTest(BraidTest):
    def interrupt(self, how: signal.Signals, after: float) -> subprocess.Popen:
        running = subprocess.Popen([str(BRAID), *self.arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(running.kill)
        deadline = time.monotonic() + 20
        while not list(self.out.glob(".braid-*")) and running.poll() is None and time.monotonic() < deadline:
            pass
        time.sleep(after)
        running.send_signal(how)
        _, running.said = running.communicate(timeout=60)
        return running

    def setUp(self) -> None:
        super().setUp()
        # Many nodes that all logged the same make a replay that lasts.
        home = recording(PLAIN) / "nodes" / "n1"
        nodes = [part for number in range(40) for part in ("--node", f"node{number}={home}")]
        self.arguments = ["replay", *nodes, "--out", str(self.out)]

    def test_interrupted_replay_leaves_nothing(self):
        for how in (signal.SIGINT, signal.SIGTERM):
            for after in (0.0, 0.05):
                with self.subTest(how=how, after=after):
                    ended = self.interrupt(how, after)
                    self.assertEqual(ended.returncode, -how)
                    self.assertEqual(ended.said, f"braid: interrupted; nothing was written to {self.out}\n")
                    self.assert_nothing_written()

    def test_killed_replay_leaves_no_stream(self):
        ended = self.interrupt(signal.SIGKILL, 0.05)
        self.assertEqual(ended.returncode, -signal.SIGKILL)
        left = [path.name for path in self.out.iterdir()]
        self.assertTrue(all(name.startswith(".braid-") for name in left), left)
        # Nobody can clean up behind a SIGKILL at once, but the next run does.
        self.assert_passes(run(*replay_arguments(PLAIN), "--out", self.out))
        for path in replayed(PLAIN).iterdir():
            self.assertEqual((self.out / path.name).read_bytes() == path.read_bytes(), True, path.name)
        self.assertEqual([path.name for path in self.out.glob(".braid-*")], [])


def _flip_in_the_middle(content: bytearray) -> bytearray:
    content[100_000] ^= 0x10
    return content


def _lines(out: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in out.glob("*.ndjson"))


if __name__ == "__main__":
    unittest.main()
