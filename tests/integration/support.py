"""What these tests share: the program, the recordings, and what a run of the program must look like.

The program is $BRAID, or build/release/braid."""

import atexit
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "recorder"))

import cqltypes  # noqa: E402, F401  the recorder's folder comes first
from check import canonical, read_lines  # noqa: E402, F401
from record import unpack  # noqa: E402

BRAID = Path(os.environ.get("BRAID", ROOT / "build" / "release" / "braid"))
FARGO = ROOT / "examples" / "fargo"
NODES = ("n1", "n2", "n3")
ARCHIVES = {path.name.removesuffix(".tar.zst"): path for path in sorted((ROOT / "tests" / "corpus").glob("*.tar.zst"))}
SECONDS = 60


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def run(*arguments, **options) -> Ran:
    ran = subprocess.run([str(BRAID), *map(str, arguments)], capture_output=True, text=True, timeout=SECONDS, **options)
    return Ran(ran.returncode, ran.stdout, ran.stderr)


@functools.cache
def _shared_scratch() -> Path:
    path = Path(tempfile.mkdtemp(prefix="braid-integration-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@functools.cache
def recording(name: str) -> Path:
    """Unpacked, once for each program. Not to be changed."""
    return unpack(ARCHIVES[name], _shared_scratch() / "recordings")


def meta(name: str) -> dict:
    return json.loads((recording(name) / "meta.json").read_text(encoding="utf-8"))


def node_arguments(home_of_nodes: Path) -> list[str]:
    return [part for node in NODES for part in ("--node", f"{node}={home_of_nodes / node}")]


def replay_arguments(name: str) -> list[str]:
    """Of a whole recording, but for --out."""
    return ["replay", *node_arguments(recording(name) / "nodes"), "--now", meta(name)["select_at"]]


@functools.cache
def replayed(name: str, *more: str) -> Path:
    """The directory of a whole recording's streams, made once for each program and kind of run."""
    out = _shared_scratch() / "streams" / "-".join((name, *(part.strip("-") for part in more)))
    ran = run(*replay_arguments(name), *more, "--out", out)
    if ran.code != 0:
        raise AssertionError(f"braid replay of {name} ended with {ran.code}: {ran.err}")
    return out


@functools.cache
def events(name: str, table: str, *more: str) -> list[dict]:
    return [event for _, event in read_lines(replayed(name, *more) / f"{table}.ndjson")]


@functools.cache
def schemas(name: str) -> dict[str, dict]:
    """The captured tables as the database described them at the end."""
    lines = read_lines(recording(name) / "truth" / "schema.ndjson")
    return {schema["table"]: schema for _, schema in lines if schema["cdc"]}


class BraidTest(unittest.TestCase):
    """Each test has a directory of its own, `scratch`, and `out` in it for streams."""

    def setUp(self) -> None:
        scratch = tempfile.TemporaryDirectory(prefix="braid-integration-")
        self.addCleanup(scratch.cleanup)
        self.scratch = Path(scratch.name)
        self.out = self.scratch / "out"

    def assert_passes(self, ran: Ran) -> None:
        self.assertEqual(ran.code, 0, ran.err)
        self.assertEqual(ran.err, "")

    def assert_refused(self, ran: Ran, code: int, *says: str) -> None:
        """One line on stderr that says all of it, nothing on stdout, nothing in `out`."""
        self.assertEqual(ran.code, code, ran.err)
        self.assertEqual(ran.err.count("\n"), 1, f"not one line: {ran.err}")
        self.assertTrue(ran.err.startswith("braid: "), ran.err)
        for words in says:
            self.assertIn(str(words), ran.err)
        self.assertEqual(ran.out, "")
        self.assert_nothing_written()

    def assert_nothing_written(self) -> None:
        self.assertEqual([path.name for path in self.out.iterdir()] if self.out.is_dir() else [], [])

    def assert_same_files(self, one: Path, other: Path) -> None:
        self.assertEqual(sorted(path.name for path in one.iterdir()), sorted(path.name for path in other.iterdir()))
        for path in one.iterdir():
            self.assertEqual(path.read_bytes() == (other / path.name).read_bytes(), True, f"{path.name} differs")
