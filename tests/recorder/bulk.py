#!/usr/bin/env python3
"""Writes large, plain commit logs by Cassandra's own code, without a cluster, for measuring: OUT/nodes/n1 … as a recording has
them. Every node holds the same mutations with the same timestamps, in slightly different orders. One run takes seconds a million."""

import argparse
import json
import shutil
import subprocess
from pathlib import Path

import install
from cluster import JAVA_MODULE_FLAGS

SOURCES = Path(__file__).resolve().parent / "bulk"
VERSION = "5.0.6"
START_US = 1763712000000000


def classes() -> Path:
    """The compiled programs, made on first use for each state of their sources."""
    compiled = install.cache_root() / VERSION / "bulk"
    sources = sorted(SOURCES.glob("*.java"))
    if any(not (compiled / source.name).exists() or (compiled / source.name).read_text() != source.read_text() for source in sources):
        shutil.rmtree(compiled, ignore_errors=True)
        compiled.mkdir(parents=True)
        subprocess.run(["javac", "-nowarn", "-proc:none", "-cp", install.classpath(VERSION), "-d", str(compiled), *map(str, sources)],
                       check=True)
        for source in sources:
            shutil.copy(source, compiled)
    return compiled


def settings(home: Path, compressor: str | None, mode: str | None) -> str:
    values = {
        "cluster_name": "bulk", "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner", "num_tokens": 1,
        "commitlog_sync": "periodic", "commitlog_sync_period_in_ms": 1000, "commitlog_segment_size_in_mb": 32,
        "commitlog_total_space_in_mb": 1 << 20, "cdc_enabled": True, "cdc_total_space_in_mb": 1 << 20,
        "endpoint_snitch": "SimpleSnitch", "listen_address": "127.0.0.1", "memtable_allocation_type": "heap_buffers",
        "seed_provider": [{"class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                           "parameters": [{"seeds": "127.0.0.1"}]}],
        "data_file_directories": [str(home / "data")], "commitlog_directory": str(home / "commitlog"),
        "cdc_raw_directory": str(home / "cdc_raw"), "hints_directory": str(home / "scratch" / "hints"),
        "saved_caches_directory": str(home / "scratch" / "saved_caches"), "auto_snapshot": False,
    }
    if compressor:
        values["commitlog_compression"] = [{"class_name": f"{compressor}Compressor"}]
    if mode:
        values["storage_compatibility_mode"] = mode
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items())


def write_node(out: Path, node: int, chosen: argparse.Namespace) -> None:
    home = out / "nodes" / f"n{node}"
    scratch = home / "scratch"
    for directory in ("data", "commitlog", "cdc_raw", "scratch/hints", "scratch/saved_caches"):
        (home / directory).mkdir(parents=True)
    (scratch / "cassandra.yaml").write_text(settings(home, chosen.compressor, chosen.mode))
    (scratch / "logback.xml").write_text("<configuration/>\n")
    ran = subprocess.run(
        ["java", "-Xmx1500m", "-XX:+UseSerialGC", *JAVA_MODULE_FLAGS, f"-javaagent:{install.jamm(VERSION)}",
         f"-Dcassandra.config={(scratch / 'cassandra.yaml').as_uri()}", f"-Dcassandra.storagedir={home}",
         f"-Dlogback.configurationFile={scratch / 'logback.xml'}", "-cp", f"{classes()}:{install.classpath(VERSION)}",
         "BulkLog", str(chosen.mutations), str(chosen.seed), str(node), str(chosen.window), str(START_US), str(chosen.gap_us)])
    if ran.returncode != 0:
        raise SystemExit(f"BulkLog failed for n{node}")
    shutil.rmtree(scratch)
    shutil.rmtree(home / "commitlog")   # the same bytes once more
    (home / "commitlog").mkdir()
    for table in (home / "data" / "system").iterdir():
        if not table.name.startswith("local-"):
            shutil.rmtree(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--mutations", type=int, default=600_000)
    parser.add_argument("--nodes", type=int, default=1, choices=[1, 2, 3])
    parser.add_argument("--window", type=int, default=5000, help="mutations among which nodes differ in order")
    parser.add_argument("--gap-us", type=int, default=20, help="between the timestamps of two mutations")
    parser.add_argument("--mode", choices=["NONE"])
    parser.add_argument("--compressor", choices=["LZ4", "Snappy", "Deflate", "Zstd"])
    parser.add_argument("--seed", type=int, default=842)
    chosen = parser.parse_args()
    shutil.rmtree(chosen.out, ignore_errors=True)
    for node in range(1, chosen.nodes + 1):
        write_node(chosen.out, node, chosen)
    (chosen.out / "meta.json").write_text(json.dumps(
        {"version": VERSION, "storage_compatibility_mode": chosen.mode, "sstable_format": None, "compressor": chosen.compressor,
         "mutations": chosen.mutations, "nodes": chosen.nodes, "seed": chosen.seed}) + "\n")


if __name__ == "__main__":
    main()
