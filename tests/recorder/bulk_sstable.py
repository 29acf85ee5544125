#!/usr/bin/env python3
"""Writes an SSTable by Cassandra's own writer, without a cluster, for tests and for measuring; or reads one by Cassandra's own
scanner, visiting every cell, and prints what it counted and how long the best pass took."""

import argparse
import shutil
import subprocess
from pathlib import Path

import bulk
import install
from cluster import JAVA_MODULE_FLAGS


def run(arguments: list) -> str:
    ran = subprocess.run(
        ["java", "-Xmx2g", "-XX:+UseSerialGC", *JAVA_MODULE_FLAGS, f"-javaagent:{install.jamm(bulk.VERSION)}",
         f"-Dlogback.configurationFile={bulk.SOURCES / 'quiet.xml'}", "-cp", f"{bulk.classes()}:{install.classpath(bulk.VERSION)}",
         "BulkSstable", *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    if ran.returncode != 0:
        raise SystemExit(f"BulkSstable failed: {' '.join(map(str, arguments))}")
    return ran.stdout


def write(chosen: argparse.Namespace) -> None:
    shutil.rmtree(chosen.path, ignore_errors=True)
    run(["write", chosen.path, chosen.rows, chosen.widths, chosen.compressor, chosen.version, chosen.seed])


def count(chosen: argparse.Namespace) -> None:
    version = chosen.path.name.split("-")[0]
    print(run(["count", chosen.path, version, chosen.repeat]), end="")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True)
    writes = commands.add_parser("write")
    writes.add_argument("path", type=Path, help="a table's directory as KEYSPACE/TABLE, made anew")
    writes.add_argument("--rows", type=int, default=1_000_000)
    writes.add_argument("--widths", default="1", help="rows of the partitions in turn: 1,1,200")
    writes.add_argument("--compressor", default="LZ4", choices=["LZ4", "Snappy", "Deflate", "Zstd", "Noop", "none"])
    writes.add_argument("--version", default="oa", choices=["oa", "da"])
    writes.add_argument("--seed", type=int, default=842)
    writes.set_defaults(run=write)
    counts = commands.add_parser("count")
    counts.add_argument("path", type=Path, help="the SSTable's Data.db")
    counts.add_argument("--repeat", type=int, default=1)
    counts.set_defaults(run=count)
    chosen = parser.parse_args()
    chosen.run(chosen)


if __name__ == "__main__":
    main()
