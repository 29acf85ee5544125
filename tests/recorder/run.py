#!/usr/bin/env python3
"""Judges Braid on recordings: made ones, or clusters that are recorded now.

For each: `braid replay` of all nodes must pass check.py, give the same bytes with the nodes in another order and the same
transitions as the naive model, and `braid inspect commitlog` must print what Cassandra's own reader printed. Where the tables'
SSTables were kept, `braid backfill` of all nodes must pass rows.py and give what the stream ends with. Where nodes were apart,
fewer nodes must not do."""

import argparse
import contextlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import install
from check import canonical, read_lines
from model import replay as replay_by_model
from record import unpacked
from rows import has_sstables, images_of

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NODES = ("n1", "n2", "n3")


@dataclass(frozen=True)
class Case:
    """A cluster to record."""
    name: str
    arguments: tuple[str, ...]


CASES = (
    Case("5.0.6-plain", ("--version", "5.0.6")),
    Case("5.0.6-none-zstd", ("--version", "5.0.6", "--mode", "NONE", "--sstable-format", "bti", "--compressor", "Zstd")),
    Case("5.0.6-none-lz4", ("--version", "5.0.6", "--mode", "NONE", "--compressor", "LZ4")),
    Case("5.0.6-apart", ("--version", "5.0.6", "--apart")),
    Case("4.1.10-snappy", ("--version", "4.1.10", "--compressor", "Snappy")),
    Case("4.0.17-deflate", ("--version", "4.0.17", "--compressor", "Deflate", "--sync", "batch")),
)


class Judge:
    def __init__(self, braid: Path, scratch: Path):
        self.braid, self.scratch = braid, scratch
        self.faults: list[str] = []

    def judge(self, recording: Path) -> None:
        before = len(self.faults)
        self._replay_and_check(recording)
        for node in NODES:
            self._compare_dumps(recording, node)
        self._compare_with_model(recording)
        if has_sstables(recording):
            self._backfill_and_check(recording)
        meta = json.loads((recording / "meta.json").read_text(encoding="utf-8"))
        if meta["apart"]:
            self._fewer_must_not_do(recording)
        print(f"{recording.name}: {'FAILED' if len(self.faults) > before else 'passed'}", flush=True)

    def _fault(self, recording: Path, what: str) -> None:
        self.faults.append(f"{recording.name}: {what}")
        print(f"{recording.name}: {what}", file=sys.stderr, flush=True)

    def _replay(self, recording: Path, nodes: tuple[str, ...], out: Path) -> bool:
        return self._run("replay", recording, nodes, out)

    def _run(self, what: str, recording: Path, nodes: tuple[str, ...], out: Path, *more: str) -> bool:
        meta = json.loads((recording / "meta.json").read_text(encoding="utf-8"))
        shutil.rmtree(out, ignore_errors=True)
        command = [str(self.braid), what, "--out", str(out), "--now", meta["select_at"], *more]
        command += [part for node in nodes for part in ("--node", f"{node}={recording / 'nodes' / node}")]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode != 0:
            self._fault(recording, f"braid {what} of {', '.join(nodes)} ended with {ran.returncode}: {ran.stderr.strip()[-2000:]}")
        return ran.returncode == 0

    def _replay_and_check(self, recording: Path) -> None:
        out, again = self.scratch / "out", self.scratch / "again"
        if not self._replay(recording, NODES, out):
            return
        checked = _check(recording, out)
        print(f"{recording.name}: {checked.stdout.strip()}")
        if checked.returncode != 0:
            self._fault(recording, f"the stream is wrong:\n{checked.stderr.strip()}")
        if self._replay(recording, tuple(reversed(NODES)), again):
            for name in sorted({path.name for path in (*out.iterdir(), *again.iterdir())}):
                if not _same_bytes(out / name, again / name):
                    self._fault(recording, f"{name} differs when the nodes come in another order")

    def _backfill_and_check(self, recording: Path) -> None:
        """After the replay, whose streams must end with these rows."""
        out, again = self.scratch / "rows", self.scratch / "again"
        if not self._run("backfill", recording, NODES, out):
            return
        checked = _check(recording, out, "rows.py")
        print(f"{recording.name}: backfill: {checked.stdout.strip()}")
        if checked.returncode != 0:
            self._fault(recording, f"the backfill is wrong:\n{checked.stderr.strip()}")
        if self._run("backfill", recording, tuple(reversed(NODES)), again, "--memory", "1MiB"):
            for path in out.iterdir():
                if not _same_bytes(path, again / path.name):
                    self._fault(recording, f"the backfill's {path.name} differs with other memory and order of nodes")
        for path in out.iterdir():
            stream = self.scratch / "out" / path.name
            if not stream.is_file() or images_of(stream) != images_of(path):
                self._fault(recording, f"the backfill's {path.name} is not what the stream ends with")

    def _compare_with_model(self, recording: Path) -> None:
        """Every transition that the naive model sees, and no other. Events that change nothing are Braid's own business."""
        modelled = self.scratch / "model"
        shutil.rmtree(modelled, ignore_errors=True)
        replay_by_model(recording, modelled)
        for path in sorted(modelled.glob("*.ndjson")):
            ours, theirs = _transitions(self.scratch / "out" / path.name), _transitions(path)
            for what, surplus in (("only in Braid's stream", ours - theirs), ("only in the model's", theirs - ours)):
                if surplus:
                    self._fault(recording, f"{path.name}: {len(surplus)} transitions {what}, such as {min(surplus)[:700]}")

    def _compare_dumps(self, recording: Path, node: str) -> None:
        """Line by line, to name the first difference."""
        home = recording / "nodes" / node
        ran = subprocess.run([str(self.braid), "inspect", "commitlog", str(home / "cdc_raw"), "--schema", str(home / "data")],
                             capture_output=True)
        if ran.returncode != 0:
            self._fault(recording, f"braid inspect commitlog on {node} ended with {ran.returncode}: {ran.stderr.decode()[-2000:]}")
            return
        ours = ran.stdout.split(b"\n")
        theirs = (recording / "dump" / f"{node}.ndjson").read_bytes().split(b"\n")
        for number, (mine, other) in enumerate(zip(ours, theirs), 1):
            if mine != other:
                self._fault(recording, f"dump of {node}, line {number}:\n  braid     {mine.decode()[:1000]}\n  Cassandra {other.decode()[:1000]}")
                return
        if len(ours) != len(theirs):
            self._fault(recording, f"dump of {node}: {len(ours)} lines, Cassandra has {len(theirs)}")

    def _fewer_must_not_do(self, recording: Path) -> None:
        """Proves that the recording is worth something: no two nodes' logs hold everything."""
        for left_out in NODES:
            nodes = tuple(node for node in NODES if node != left_out)
            out = self.scratch / "fewer"
            if self._replay(recording, nodes, out) and _check(recording, out).returncode == 0:
                self._fault(recording, f"{' and '.join(nodes)} alone have everything")
            if (has_sstables(recording) and self._run("backfill", recording, nodes, out)
                    and _check(recording, out, "rows.py").returncode == 0):
                self._fault(recording, f"the SSTables of {' and '.join(nodes)} alone have everything")


def _check(recording: Path, out: Path, by: str = "check.py") -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(HERE / by), str(recording), str(out)],
                          capture_output=True, text=True)


def _transitions(path: Path) -> set[str]:
    found = set()
    for _, event in read_lines(path) if path.exists() else ():
        before, after = canonical(event["before"]), canonical(event["after"])
        if before != after:
            found.add(canonical([event["key"], event["source"]["row"], event["source"]["ts_us"]]) + f" {before} -> {after}")
    return found


def _same_bytes(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and one.read_bytes() == other.read_bytes()


def record(case: Case, into: Path, seed: int, size: int) -> Path:
    """In a process of its own, in which the driver's interpreter runs."""
    out = into / case.name
    subprocess.run([str(install.python()), "-W", "ignore", str(HERE / "record.py"), "record", str(out),
                    "--seed", str(seed), "--size", str(size), "--sstables", *case.arguments], check=True)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--braid", type=Path, default=ROOT / "build" / "release" / "braid")
    parser.add_argument("--recordings", type=Path, nargs="*", default=[], help="directories or .tar.zst to judge")
    parser.add_argument("--clusters", nargs="*", default=[], metavar="NAME",
                        help=f"clusters to record and judge: all, or any of {', '.join(case.name for case in CASES)}")
    parser.add_argument("--versions", nargs="*", default=[], choices=install.VERSIONS, help="all clusters of these versions")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    parser.add_argument("--size", type=int, default=1500, help="statements per cluster, about")
    parser.add_argument("--keep", type=Path, help="keep the new recordings here")
    arguments = parser.parse_args()
    known = {case.name for case in CASES}
    if set(arguments.clusters) - known - {"all"}:
        parser.error(f"unknown cluster {', '.join(sorted(set(arguments.clusters) - known - {'all'}))}")
    cases = [case for case in CASES if case.name in arguments.clusters or "all" in arguments.clusters
             or case.arguments[1] in arguments.versions]
    if not cases and not arguments.recordings:
        parser.error("nothing to judge: name --recordings, --clusters or --versions")

    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="braid-judge-")))
        judge = Judge(arguments.braid.resolve(), scratch)
        for path in arguments.recordings:
            judge.judge(unpacked(path, scratch / "unpacked"))
        into = arguments.keep or scratch / "recorded"
        for number, case in enumerate(cases):
            judge.judge(record(case, into, arguments.seed + number, arguments.size))
    count = len(arguments.recordings) + len(cases)
    failed = len({fault.split(":")[0] for fault in judge.faults})
    print(f"{count - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
