#!/usr/bin/env python3
"""Prints a recorded node's commit log by Cassandra's own reader, cell by cell; the form is in README.md."""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import install
from cluster import JAVA_MODULE_FLAGS

SOURCE = Path(__file__).resolve().parent / "dump" / "CommitLogDump.java"


def classes(version: str) -> Path:
    """The compiled program, made on first use for each version and each state of its source."""
    compiled = install.cache_root() / version / "dump"
    if not (compiled / "CommitLogDump.class").exists() or (compiled / "CommitLogDump.java").read_text() != SOURCE.read_text():
        shutil.rmtree(compiled, ignore_errors=True)
        compiled.mkdir(parents=True)
        subprocess.run(["javac", "-nowarn", "-proc:none", "-cp", install.classpath(version), "-d", str(compiled), str(SOURCE)],
                       check=True)
        shutil.copy(SOURCE, compiled)
    return compiled


def _settings(scratch: Path) -> str:
    paths = {name: str(scratch / name) for name in ("commitlog", "hints", "saved_caches", "cdc_raw")}
    settings = {
        "cluster_name": "dump", "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner", "num_tokens": 1,
        "commitlog_sync": "periodic", "commitlog_sync_period_in_ms": 10000, "endpoint_snitch": "SimpleSnitch",
        "listen_address": "127.0.0.1", "memtable_allocation_type": "heap_buffers",
        "seed_provider": [{"class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                           "parameters": [{"seeds": "127.0.0.1"}]}],
        "data_file_directories": [str(scratch / "data")], "commitlog_directory": paths["commitlog"],
        "hints_directory": paths["hints"], "saved_caches_directory": paths["saved_caches"],
        "cdc_raw_directory": paths["cdc_raw"], "auto_snapshot": False,
    }
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())


def options_of(recording: Path) -> dict:
    return json.loads((recording / "meta.json").read_text())


def dump(version: str, mode: str | None, sstable_format: str | None, schema: Path, arguments: list[str], out) -> None:
    """`schema` is a node's data directory; it is copied, since Cassandra writes to what it opens."""
    with tempfile.TemporaryDirectory(prefix="braid-dump-") as temporary:
        scratch = Path(temporary)
        shutil.copytree(schema / "system_schema", scratch / "data" / "system_schema")
        for name in ("commitlog", "hints", "saved_caches", "cdc_raw"):
            (scratch / name).mkdir()
        extra = f'storage_compatibility_mode: "{mode}"\n' if mode else ""
        extra += f'sstable: {{"selected_format": "{sstable_format}"}}\n' if sstable_format else ""
        (scratch / "cassandra.yaml").write_text(_settings(scratch) + extra)
        (scratch / "logback.xml").write_text("<configuration/>\n")
        ran = subprocess.run(
            ["java", "-Xmx1g", "-XX:+UseSerialGC", *JAVA_MODULE_FLAGS, f"-javaagent:{install.jamm(version)}",
             f"-Dcassandra.config={(scratch / 'cassandra.yaml').as_uri()}", f"-Dcassandra.storagedir={scratch}",
             f"-Dlogback.configurationFile={scratch / 'logback.xml'}",
             "-cp", f"{classes(version)}:{install.classpath(version)}", "CommitLogDump", *arguments],
            stdout=out)
        if ran.returncode != 0:
            raise SystemExit(f"CommitLogDump failed on {' '.join(arguments)}")


def dump_recorded_node(recording: Path, node: str, arguments: list[str], out) -> None:
    options = options_of(recording)
    home = recording / "nodes" / node
    dump(options["version"], options["storage_compatibility_mode"], options["sstable_format"], home / "data",
         [*arguments, str(home / "cdc_raw")], out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recording", type=Path)
    parser.add_argument("node", help="n1, n2 or n3")
    parser.add_argument("--table", action="append", default=[])
    parser.add_argument("--all", action="store_true", help="system keyspaces too")
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--repeat", type=int, default=1)
    chosen = parser.parse_args()
    arguments = [part for table in chosen.table for part in ("--table", table)]
    arguments += ["--all"] * chosen.all + ["--count"] * chosen.count + ["--repeat", str(chosen.repeat)]
    dump_recorded_node(chosen.recording, chosen.node, arguments, sys.stdout)


if __name__ == "__main__":
    main()
