"""The streams of a recording (tests/recorder) as `braid replay` makes them, with the rows that SELECT gave in the end."""

import json
import subprocess
import sys
from pathlib import Path

from table import Table

RECORDER = Path(__file__).resolve().parents[1] / "recorder"


class Stream:
    def __init__(self, table: Table, events: list[bytes]):
        self.table = table
        self.events = events   # plain JSON, in their order


def streams(recording: Path, braid: Path, home: Path) -> list[Stream]:
    """Of every captured table its regular rows and, apart, its static ones. `recording`: a directory or an archive."""
    home.mkdir(parents=True, exist_ok=True)
    if not recording.is_dir():
        subprocess.run([sys.executable, RECORDER / "record.py", "unpack", recording, home], check=True, stdout=sys.stderr)
        recording = home / recording.name.removesuffix(".tar.zst")
    out = home / "replayed"
    until = json.loads((recording / "meta.json").read_text(encoding="utf-8"))["select_at"]
    nodes = [part for node in sorted((recording / "nodes").iterdir()) for part in ("--node", f"{node.name}={node}")]
    subprocess.run([braid, "replay", "--out", out, "--now", until, *nodes], check=True, capture_output=True)
    found = []
    for schema in _lines(recording / "truth" / "schema.ndjson"):
        if schema["cdc"]:
            found += _of_table(schema, recording / "truth", out)
    return found


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _of_table(schema: dict, truth: Path, out: Path) -> list[Stream]:
    name = schema["table"]
    events: dict[str, list[bytes]] = {"regular": [], "static": []}
    for line in (out / f"{name}.ndjson").read_bytes().splitlines():
        events[json.loads(line)["source"]["row"]].append(line)
    kinds = {"regular": (name, schema["partition"] + schema["clustering"], schema["regulars"])}
    if schema["statics"]:
        kinds["static"] = (f"{name}.static", schema["partition"], schema["statics"])
    found = []
    for kind, (stream, key, others) in kinds.items():
        rows = _lines(truth / f"{stream}.ndjson")
        columns = {column: schema["types"][column] for column in [*key, *others]}
        found.append(Stream(Table(stream, columns, tuple(key), rows, altered=name == "rec.altered"), events[kind]))
    return found
