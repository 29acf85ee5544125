#!/usr/bin/env python3
"""Records one cluster: starts it, runs the workload, keeps the logs, the schema's files and the truth."""

import argparse
import datetime
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import install

if __name__ == "__main__" and len(sys.argv) > 1 and sys.argv[1] == "record":
    install.use_driver()

from cluster import Cluster, Options  # noqa: E402  the driver's interpreter comes first


def record(out: Path, options: Options, seed: int, size: int, apart: bool = False, sstables: bool = False) -> None:
    import workload as workloads
    from ledger import settle
    from session import Session
    from tables import KEYSPACE
    from truth import read_dropped, write_truth
    import cqltypes

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    print(f"recording {out.name}: Cassandra {options.version}, seed {seed}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="braid-recorder-") as home, Cluster(Path(home), options) as cluster:
        cluster.start()
        with Session([node.address for node in cluster.nodes], cluster.ports.native) as session:
            session.await_up([node.address for node in cluster.nodes])
            workload = workloads.Workload(cluster, session, seed, size, read_repair=not apart, flushes=sstables)
            workload.create_schema()
            workload.run_apart() if apart else workload.run_with_changes()
            time.sleep(6)   # the longest of the short TTLs has run out
            read_at, schema = write_truth(session, KEYSPACE, out / "truth")
            settle(workload.writes, read_dropped(session, KEYSPACE, schema), {t.qualified for t in schema if t.cdc})
            summary = workload.summary()
        (out / "truth" / "writes.ndjson").write_text(
            "".join(f"{write.to_line()}\n" for write in workload.writes), encoding="utf-8")
        finish(cluster, sstables)
        keep_files(cluster, out, KEYSPACE if sstables else None)
    meta = {"seed": seed, "size": size, "apart": apart, "select_at": rfc3339(read_at), "keyspace": KEYSPACE,
            **asdict(options), "outcomes": summary}
    (out / "meta.json").write_text(cqltypes.dumps(meta) + "\n", encoding="utf-8")
    dump_logs(out)
    print(cqltypes.dumps(summary), file=sys.stderr)


def dump_logs(out: Path) -> None:
    """What Cassandra's own reader sees, for the comparison with Braid's."""
    from dump import dump_recorded_node

    (out / "dump").mkdir()
    for node in sorted(path.name for path in (out / "nodes").iterdir()):
        with open(out / "dump" / f"{node}.ndjson", "wb") as target:
            dump_recorded_node(out, node, [], target)


def rfc3339(seconds: float) -> str:
    """Rounded up, so that what had expired for the SELECT has expired for whoever is told this time."""
    return datetime.datetime.fromtimestamp(int(seconds) + 1, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def finish(cluster: Cluster, sstables: bool) -> None:
    """The schema's many small SSTables become few on the first two nodes; the third keeps them, and its log stays unflushed
    unless its SSTables are wanted. All end as by a power cut."""
    time.sleep(0.5)
    for node in cluster.nodes[:2]:
        cluster.nodetool(node.number, "flush")
        cluster.nodetool(node.number, "compact", "system_schema")
    cluster.nodetool(3, "flush", *([] if sstables else ["system_schema"]))
    cluster.kill_all()


def keep_files(cluster: Cluster, out: Path, with_sstables_of: str | None) -> None:
    for node in cluster.nodes:
        kept = out / "nodes" / node.name
        for part in ("cdc_raw", "commitlog", "data/system_schema"):
            _copy(node.home / part, kept / part)
        for local in (node.home / "data" / "system").glob("local-*"):
            _copy(local, kept / "data" / "system" / local.name)
        if with_sstables_of:
            _copy(node.home / "data" / with_sstables_of, kept / "data" / with_sstables_of)


def keep_schema(home: Path, kept: Path) -> None:
    """Only what says which tables there are and whose host it is, without the indexes of the SSTables."""
    wanted = [f"system_schema/{table}-*" for table in ("keyspaces", "tables", "columns", "types", "dropped_columns", "views")]
    for pattern in (*wanted, "system/local-*"):
        for component in ("Data.db", "Statistics.db", "CompressionInfo.db", "Digest.crc32", "TOC.txt"):
            for file in (home / "data").glob(f"{pattern}/*-{component}"):
                target = kept / file.relative_to(home)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("backups", "snapshots"))


def pack(directory: Path, archive: Path) -> None:
    """Deterministic, hard; zero padding and the copies of three nodes cost next to nothing."""
    tar = ["tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "-C", str(directory.parent),
           "-cf", "-", directory.name]
    with open(archive, "wb") as target:
        packing = subprocess.Popen(tar, stdout=subprocess.PIPE)
        subprocess.run(["zstd", "-q", "--ultra", "-22", "--long=27", "-c"], stdin=packing.stdout, stdout=target, check=True)
        if packing.wait() != 0:
            raise SystemExit(f"tar failed on {directory}")


def unpack(archive: Path, parent: Path) -> Path:
    """Returns the recording's directory, named as the archive."""
    parent.mkdir(parents=True, exist_ok=True)
    unpacking = subprocess.Popen(["zstd", "-q", "-d", "--long=27", "-c", str(archive)], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-C", str(parent), "-xf", "-"], stdin=unpacking.stdout, check=True)
    if unpacking.wait() != 0:
        raise SystemExit(f"zstd failed on {archive}")
    return parent / archive.name.removesuffix(".tar.zst")


def unpacked(path: Path, into: Path) -> Path:
    """The recording's directory, whether `path` is that or an archive."""
    return path if path.is_dir() else unpack(path, into)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("record", help="run a cluster and record it")
    one.add_argument("out", type=Path)
    one.add_argument("--version", default="5.0.6", choices=install.VERSIONS)
    one.add_argument("--mode", choices=["NONE", "UPGRADING", "CASSANDRA_4"], help="storage_compatibility_mode (5.0)")
    one.add_argument("--compressor", choices=["LZ4", "Snappy", "Deflate", "Zstd"])
    one.add_argument("--sstable-format", choices=["big", "bti"])
    one.add_argument("--sync", choices=["periodic", "batch"], default="periodic")
    one.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    one.add_argument("--size", type=int, default=1500, help="statements, about")
    one.add_argument("--apart", action="store_true", help="each node in turn is down, without hints")
    one.add_argument("--sstables", action="store_true", help="keep the tables' SSTables too")
    packing = commands.add_parser("pack")
    packing.add_argument("directory", type=Path)
    packing.add_argument("archive", type=Path)
    unpacking = commands.add_parser("unpack")
    unpacking.add_argument("archive", type=Path)
    unpacking.add_argument("parent", type=Path)
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    if arguments.command == "pack":
        pack(arguments.directory, arguments.archive)
    elif arguments.command == "unpack":
        print(unpack(arguments.archive, arguments.parent))
    else:
        options = Options(version=arguments.version, storage_compatibility_mode=arguments.mode,
                          compressor=arguments.compressor, sstable_format=arguments.sstable_format,
                          hints=not arguments.apart, sync=arguments.sync)
        record(arguments.out, options, arguments.seed, arguments.size, arguments.apart, arguments.sstables)


if __name__ == "__main__":
    main()
