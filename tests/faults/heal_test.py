#!/usr/bin/env python3
"""A pipeline that comes when most of the nodes' logs are gone: it takes the tables from their SSTables and what is left of the
logs, killed now and then, and its streams hold in the end what SELECT had.

The program is $BRAID, or build/release/braid."""

import random
import re
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

from support import BRAID, NODES, read_lines, recording, schemas  # noqa: E402

from braid import Braid  # noqa: E402
from fold import check_folds  # noqa: E402
from judge import canonical  # noqa: E402

# Their SSTables are in them.
RECORDINGS = ("cassandra-5.0.6-plain", "cassandra-5.0.6-none-zstd", "cassandra-5.0.6-none-lz4")
SETTINGS = {"sync_slack": "1s", "schema_wait": "1s"}


class Healed(unittest.TestCase):
    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(prefix="braid-heal-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)

    def use(self, name: str) -> Braid:
        self.recording = recording(name)
        shutil.rmtree(self.scratch, ignore_errors=True)
        nodes = {node: self.scratch / "nodes" / node for node in NODES}
        for node, home in nodes.items():
            shutil.copytree(self.recording / "nodes" / node, home)
        braid = Braid(BRAID, self.scratch / "one", nodes, source=SETTINGS, settings={"backfill": {"rate": "1GiB"}})
        self.addCleanup(braid.close)
        return braid

    def lose_logs(self, braid: Braid) -> None:
        """All but the newest segment of each node that it still needs itself."""
        for node in NODES:
            segments = sorted((self.scratch / "nodes" / node / "cdc_raw").glob("*.log"))
            for segment in segments[:-1]:
                segment.unlink()

    def start_one_that_only_does_as_asked(self) -> Braid:
        braid = self.use(RECORDINGS[0])
        self.lose_logs(braid)
        braid.settings["backfill"] = {"bootstrap": "none", "gaps": "none"}
        braid.write_config()
        braid.start()
        braid.await_ready()
        return braid

    def await_whole(self, braid: Braid, timeout: float = 120) -> None:
        deadline = time.monotonic() + timeout
        while True:
            braid.must_run()
            status = braid.status()
            unfinished = [task for task in status.get("backfills", []) if task["state"] != "done"]
            if status and not status["open_gaps"] and not unfinished and status["backfills"]:
                return
            self.assertLess(time.monotonic(), deadline, f"{unfinished} {status.get('alarms')}\n{braid.log_tail()}")
            time.sleep(0.1)

    def judge(self, braid: Braid) -> str:
        out = self.scratch / "out"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        for name, table in schemas(self.recording.name).items():
            if table["cdc"]:
                braid.read(name, out / f"{name}.ndjson")
        # TTLs have run out since the recording was made.
        count, summary, text = check_folds(self.recording, out, skipped=("expiring", "shortlived"))
        self.assertEqual(count, 0, f"{summary}\n{text[:5000]}\n{braid.log_tail()}")
        return summary

    def test_takes_tables_that_were_there_before_it(self) -> None:
        for name in RECORDINGS:
            with self.subTest(recording=name):
                braid = self.use(name)
                self.lose_logs(braid)
                braid.start()
                self.await_whole(braid)
                braid.stop()
                self.assertIn(" r,", self.judge(braid))

    def test_is_killed_again_and_again(self) -> None:
        braid = self.use(RECORDINGS[0])
        self.lose_logs(braid)
        rng = random.Random(7)
        for _ in range(12):
            braid.start()
            time.sleep(rng.uniform(0.2, 1.2))
            braid.kill()
        braid.start()
        self.await_whole(braid)
        braid.stop()
        self.judge(braid)


    def command(self, braid: Braid, *arguments: str) -> str:
        ran = braid.command(*arguments)
        self.assertEqual(ran.returncode, 0, ran.stderr + braid.log_tail())
        return ran.stdout

    def sstables(self, table: str) -> list[Path]:
        keyspace, name = table.split(".")
        return [path for node in NODES for path in (self.scratch / "nodes" / node / "data" / keyspace).glob(f"{name}-*/*-*")]

    def test_verify_sees_what_differs_and_backfill_mends_it(self) -> None:
        braid = self.use(RECORDINGS[0])
        self.lose_logs(braid)
        table = "rec.keys_frozen"
        kept = {path: path.read_bytes() for path in self.sstables(table)}
        for path in kept:
            path.unlink()
        braid.start()
        self.await_whole(braid)
        self.assertIn("no difference", braid.command("verify", "--table", table).stderr)

        for path, content in kept.items():
            path.write_bytes(content)
        found = braid.command("verify", "--table", table, "--show")
        self.assertEqual(found.returncode, 1, found.stderr)
        # The others are in the logs.
        missing = int(re.search(r"(\d+) missing, 0 extra, 0 stale, 0 different", found.stderr)[1])
        self.assertGreater(missing, 0)
        out = self.scratch / "stream.ndjson"
        braid.read(table, out)
        known = sum(event["op"] != "m" for _, event in read_lines(out))
        self.assertIn('"table":"keys_frozen"', found.stdout)
        self.assertIn("done", self.command(braid, "backfill", "--table", table))
        self.assertEqual(braid.command("verify", "--table", table, "--table", "rec.wide").returncode, 0)

        for path in kept:
            path.unlink()
        found = braid.command("verify", "--table", table)
        self.assertIn(f"0 missing, {missing} extra, 0 stale, 0 different", found.stderr)
        self.assertIn("done", self.command(braid, "backfill", "--table", table))
        self.assertEqual(braid.command("verify", "--table", table).returncode, 0)
        braid.read(table, out)
        told = [(event["op"], event["source"]["cause"]) for _, event in read_lines(out) if event["op"] != "m"]
        self.assertEqual(told[known:], [("r", "backfill")] * missing + [("d", "repair")] * missing)
        braid.stop()

    def test_what_may_be_an_old_copy_is_not_believed(self) -> None:
        braid = self.use(RECORDINGS[0])
        self.lose_logs(braid)
        hidden = self.scratch / "hidden"
        commitlog = self.scratch / "nodes" / "n2" / "commitlog"
        commitlog.rename(hidden)
        commitlog.mkdir()
        braid.start()
        deadline = time.monotonic() + 60
        while not any("the node's own" in alarm for alarm in braid.status().get("alarms", [])):
            self.assertLess(time.monotonic(), deadline, braid.log_tail())
            time.sleep(0.1)
        self.assertNotIn("done", [task["state"] for task in braid.status()["backfills"]])
        commitlog.rmdir()
        hidden.rename(commitlog)
        self.command(braid, "backfill", "--table", "rec.wide")   # asks all that waits to try again
        self.await_whole(braid)
        braid.stop()

    def test_a_table_that_cannot_be_read_holds_no_other_up(self) -> None:
        braid = self.use(RECORDINGS[0])
        self.lose_logs(braid)
        table = "rec.natives"
        directory = next((self.scratch / "nodes" / "n2" / "data" / "rec").glob("natives-*"))
        hidden = self.scratch / "hidden"
        directory.rename(hidden)
        braid.start()
        deadline = time.monotonic() + 90
        states: dict[str, str] = {}
        while table not in states or any(state != "done" for name, state in states.items() if name != table):
            self.assertLess(time.monotonic(), deadline, f"{states}\n{braid.log_tail()}")
            time.sleep(0.1)
            states = {task["table"]: task["state"] for task in braid.status().get("backfills", [])}
        self.assertNotEqual(states[table], "done")
        self.assertTrue([alarm for alarm in braid.status()["alarms"] if f"no directory of {table}" in alarm])
        hidden.rename(directory)
        self.command(braid, "backfill", "--table", table)
        self.await_whole(braid)
        braid.stop()
        self.judge(braid)

    def test_one_partition_is_taken_when_asked(self) -> None:
        braid = self.start_one_that_only_does_as_asked()
        table, wanted = "rec.keys_text", {"a": "t8", "b": -105}
        is_of = lambda image: {part: image[part] for part in wanted} == wanted
        for wrong, why in (("t8, -105", "in single quotes"), ("'t8'", "2 values"), ("'t8', 3000000000", "2147483647")):
            refused = braid.command("backfill", "--table", table, "--key", wrong)
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn(why, refused.stderr)
        self.assertIn("done", self.command(braid, "backfill", "--table", table, "--key", "'t8', -105"))
        out = self.scratch / "stream.ndjson"
        braid.read(table, out)
        events = [event for _, event in read_lines(out) if event["op"] != "m"]
        taken = [event for event in events if event["op"] == "r"]
        self.assertTrue(taken)
        self.assertTrue(all(is_of(event["key"]) for event in taken))
        rows: dict[str, dict | None] = {}
        for event in events:
            if event["source"]["row"] == "regular" and is_of(event["key"]):
                rows[canonical(event["key"])] = event["after"]
        truth = [image for _, image in read_lines(self.recording / "truth" / f"{table}.ndjson") if is_of(image)]
        self.assertTrue(truth)
        self.assertEqual(sorted(canonical(image) for image in rows.values() if image is not None),
                         sorted(canonical(image) for image in truth))
        braid.stop()

    def test_is_held_and_given_up_as_asked(self) -> None:
        braid = self.start_one_that_only_does_as_asked()
        table = "rec.wide"
        half = braid.state / "requests" / f"backfill-{1:020}.new"
        half.parent.mkdir(exist_ok=True)
        half.write_text("begin 1", encoding="utf-8")
        self.command(braid, "backfill", "--table", table, "--no-wait")
        self.command(braid, "backfill", "--table", table, "--pause")
        state = lambda: [task["state"] for task in braid.status()["backfills"] if task["table"] == table]
        deadline = time.monotonic() + 60
        while state() not in (["paused"], ["done"]):
            self.assertLess(time.monotonic(), deadline, state())
            time.sleep(0.1)
        self.command(braid, "backfill", "--table", table, "--cancel")
        self.assertEqual(braid.command("backfill", "--table", "rec.nosuch").returncode, 1)
        self.assertTrue(half.exists(), "what another command is writing is not taken")
        braid.stop()


if __name__ == "__main__":
    unittest.main()
