#!/usr/bin/env python3
"""`braid run` on the logs of a cluster that is gone: what needs no living node.

The program is $BRAID, or build/release/braid."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from support import BRAID, NODES, read_lines, recording, schemas  # noqa: E402

from braid import Braid, fill  # noqa: E402
from judge import Rules, check_streams  # noqa: E402

# Whose tables' whole history is in the logs, and no SSTable: compressed logs, a node that was down and came back; and
# uncompressed ones, of which each has what the others miss.
RECORDINGS = (WHOLE, _) = ("cassandra-4.1.10-snappy", "cassandra-5.0.6-apart")
SLACK = {"sync_slack": "1s", "schema_wait": "1s"}


class LiveOnRecording(unittest.TestCase):
    """Each test has nodes of its own, since Braid removes what it has read."""

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(prefix="braid-faults-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.use(WHOLE)

    def use(self, name: str) -> None:
        self.recording = recording(name)
        self.tables = list(schemas(name))
        shutil.rmtree(self.scratch / "nodes", ignore_errors=True)
        self.nodes = {node: self.scratch / "nodes" / node for node in NODES}
        for node, home in self.nodes.items():
            shutil.copytree(self.recording / "nodes" / node, home)

    def braid(self, name: str = "one", state: Path | None = None, **source: str) -> Braid:
        braid = Braid(BRAID, self.scratch / name, self.nodes, source={**SLACK, **source}, state=state)
        self.addCleanup(braid.close)
        return braid

    def await_that(self, braid: Braid, holds, what: str, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while not holds():
            braid.must_run()
            self.assertLess(time.monotonic(), deadline, f"not within {timeout} s: {what}\n{braid.log_tail()}")
            time.sleep(0.1)

    def read_all(self, braid: Braid) -> Path:
        out = self.scratch / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        for stream in self.tables:
            braid.read(stream, out / f"{stream}.ndjson")
        return out

    def complaints(self, braid: Braid, rules: Rules) -> tuple[int, str, str]:
        return check_streams(self.recording, self.read_all(braid), rules)

    def assert_converges(self, braid: Braid, rules: Rules) -> None:
        count, summary, text = 1, "", ""
        self.await_that(braid, lambda: braid.http("/livez")[0] == 200, "it runs")
        deadline = time.monotonic() + 60
        while count and time.monotonic() < deadline:
            braid.must_run()
            count, summary, text = self.complaints(braid, rules)
        braid.stop()
        count, summary, text = self.complaints(braid, rules)
        self.assertEqual(count, 0, f"{summary}\n{text[:5000]}\n{braid.log_tail()}")

    # The definitions in the files are the last ones from the start: no column comes or goes on the way.
    RULES = Rules(altered=frozenset({"rec.altered", "rec.wide"}))

    def test_stream_of_finished_logs(self) -> None:
        for name in RECORDINGS:
            with self.subTest(name):
                self.use(name)
                braid = self.braid(name)
                braid.start()
                self.assert_converges(braid, self.RULES)

    def test_kills_while_catching_up(self) -> None:
        braid = self.braid()
        for milliseconds in (30, 60, 90, 120, 150, 200, 300):
            braid.start()
            time.sleep(milliseconds / 1000)
            braid.kill()
        braid.start()
        self.assert_converges(braid, self.RULES)

    def test_second_braid_on_one_state_is_refused(self) -> None:
        first = self.braid()
        first.start()
        self.await_that(first, lambda: first.http("/livez")[0] == 200, "it runs")
        second = self.braid("two", state=first.state)
        second.start()
        self.assertEqual(second.await_end(20), 1)
        self.assertIn("another braid", second.log_tail())
        self.assertIn(str(first.state), second.log_tail())
        self.assert_converges(first, self.RULES)

    def test_wrong_configuration_is_refused(self) -> None:
        for settings, words in (({"tail": "synced"}, "the key 'tail' does not belong"), ({"memory": "1MiB"}, "memory"), ({"shards": 0}, "shards"),
                                ({"streams": [{"name": "x", "table": "rec.natives", "where": "nosuch = 1"}]}, "nosuch")):
            with self.subTest(words):
                braid = Braid(BRAID, self.scratch / "wrong", self.nodes, settings=settings)
                self.addCleanup(braid.close)
                braid.start()
                self.assertEqual(braid.await_end(20), 2, braid.log_tail())
                self.assertIn(words, braid.log_tail())
                self.assertEqual(braid.command("validate").returncode, 2)
                shutil.rmtree(braid.home)

    def damage(self) -> Path:
        """A byte in the middle of what n2 logged: the others logged the same writes."""
        first = min((self.nodes["n2"] / "cdc_raw").glob("CommitLog-*.log"))
        content = bytearray(first.read_bytes())
        middle = len(content.rstrip(b"\0")) // 2
        content[middle] ^= 0x40
        first.unlink()   # the link in commitlog/ keeps what it was
        first.write_bytes(content)
        return first

    def test_corrupt_segment_stops(self) -> None:
        damaged = self.damage()
        braid = self.braid()
        for _ in range(2):
            braid.start()
            self.assertEqual(braid.await_end(30), 1, braid.log_tail())
            self.assertIn(damaged.name, braid.log_tail())
        self.assertTrue(damaged.exists())

    def test_corrupt_segment_is_skipped_with_a_gap(self) -> None:
        damaged = self.damage()
        braid = self.braid(on_corruption="skip")
        braid.start()
        self.await_that(braid, lambda: braid.status().get("open_gaps"), "a gap is open")
        self.assertEqual({gap["node"] for gap in braid.status()["open_gaps"]}, {"n2"})
        self.assertIn(damaged.name, json.dumps(braid.status()["open_gaps"]))
        self.assert_converges(braid, Rules(altered=self.RULES.altered, gaps=True))
        lines = read_lines(self.scratch / "out" / "rec.natives.ndjson")
        told = [event["gap"]["reason"] for _, event in lines if event["op"] == "m"]
        self.assertEqual(set(told), {"corrupt"})

    def test_a_disk_without_a_byte_to_spare_is_waited_for(self) -> None:
        volume = self.scratch / "volume"
        volume.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(volume)], capture_output=True).returncode != 0:
            self.skipTest("a small tmpfs cannot be mounted here")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(volume)], check=True)
        braid = self.braid(state=volume / "state")
        braid.start()
        self.await_that(braid, lambda: braid.http("/livez")[0] == 200, "it runs")
        ballast = fill(volume)
        self.await_that(braid, lambda: braid.status().get("alarms"), "an alarm about the full disk")
        time.sleep(1)
        braid.must_run()
        ballast.unlink()
        self.await_that(braid, lambda: not braid.status().get("alarms", ["?"]), "no alarm stays")
        braid.stop()

    def test_follower_wakes_and_ends_on_sigterm(self) -> None:
        braid = self.braid()
        braid.start()
        target = self.scratch / "followed.ndjson"
        self.await_that(braid, lambda: braid.command("read", "rec.natives").stdout, "the first events")
        follower = braid.follow("rec.natives", target)
        self.addCleanup(follower.kill)
        self.await_that(braid, lambda: target.stat().st_size > 0, "the follower's first events")
        follower.send_signal(signal.SIGTERM)
        self.assertEqual(follower.wait(20), 0)
        braid.stop()


if __name__ == "__main__":
    unittest.main()
