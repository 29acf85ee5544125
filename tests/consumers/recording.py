"""A recording (tests/recorder): its tables with the rows that SELECT gave in the end, and their streams as `braid replay` makes them."""

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


def unpacked(recording: Path, home: Path) -> Path:
    """Its directory, whether `recording` is that or an archive, which is unpacked in `home`."""
    if recording.is_dir():
        return recording
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, RECORDER / "record.py", "unpack", recording, home], check=True, stdout=subprocess.DEVNULL)
    return home / recording.name.removesuffix(".tar.zst")


def tables(recording: Path) -> list[Table]:
    """Of every captured table its regular rows and, apart, "TABLE.static", its static ones."""
    found = []
    for schema in _lines(recording / "truth" / "schema.ndjson"):
        if not schema["cdc"]:
            continue
        kinds = [(schema["table"], schema["partition"] + schema["clustering"], schema["regulars"])]
        if schema["statics"]:
            kinds.append((f"{schema['table']}.static", schema["partition"], schema["statics"]))
        for name, key, others in kinds:
            columns = {column: schema["types"][column] for column in [*key, *others]}
            found.append(Table(name, columns, tuple(key), _lines(recording / "truth" / f"{name}.ndjson"),
                               altered=schema["table"] == "rec.altered"))
    return found


def streams(recording: Path, braid: Path, home: Path) -> list[Stream]:
    """What `braid replay` makes of it, apart as `tables`."""
    out = home / "replayed"
    until = json.loads((recording / "meta.json").read_text(encoding="utf-8"))["select_at"]
    nodes = [part for node in sorted((recording / "nodes").iterdir()) for part in ("--node", f"{node.name}={node}")]
    subprocess.run([braid, "replay", "--out", out, "--now", until, *nodes], check=True, capture_output=True)
    found = []
    for table in tables(recording):
        kind = "static" if table.name.endswith(".static") else "regular"
        lines = (out / f"{table.name.removesuffix('.static')}.ndjson").read_bytes().splitlines()
        found.append(Stream(table, [line for line in lines if json.loads(line)["source"]["row"] == kind]))
    return found


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]
