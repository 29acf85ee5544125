#!/usr/bin/env python3
"""Opens the SSTables of a table again and again while Cassandra's storage engine flushes and compacts it as fast as it can, in two
data directories, and judges each set: whether what had been flushed before is in it, and what had been deleted is not back. A
minute and a half for all; needs a release build."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import bulk
import install
from cluster import JAVA_MODULE_FLAGS

JUDGE = Path(__file__).resolve().parent.parent.parent / "build" / "release" / "bench" / "braid_sstable_live"
TABLE = "bench/live-5a1c395eb41f11e59f22ba0be0483c18"
RUNS = (   # SSTable version, compaction
    ("oa", "{'class': 'SizeTieredCompactionStrategy', 'min_threshold': 2}"),
    ("da", "{'class': 'LeveledCompactionStrategy', 'sstable_size_in_mb': 1}"),
    ("nb", "{'class': 'UnifiedCompactionStrategy', 'scaling_parameters': 'L4', 'min_sstable_size': '1KiB', 'base_shard_count': 4}"),
)


def settings(home: Path, version: str) -> str:
    lines = bulk.settings(home, None, None if version == "nb" else "NONE").splitlines(True)
    lines = [line for line in lines if not line.startswith("data_file_directories")]
    lines.append(f'data_file_directories: ["{home / "data"}", "{home / "data2"}"]\n')
    if version == "da":
        lines.append('sstable: {"selected_format": "bti"}\n')
    return "".join(lines)


def run(home: Path, version: str, compaction: str, seconds: int) -> bool:
    for name in ("data", "data2", "commitlog", "cdc_raw", "scratch/hints", "scratch/saved_caches"):
        (home / name).mkdir(parents=True)
    (home / "scratch" / "cassandra.yaml").write_text(settings(home, version))
    told = home / "flushed"
    engine = subprocess.Popen(
        ["java", "-Xmx700m", "-XX:+UseSerialGC", *JAVA_MODULE_FLAGS, f"-javaagent:{install.jamm(bulk.VERSION)}",
         f"-Dcassandra.config={(home / 'scratch' / 'cassandra.yaml').as_uri()}", f"-Dcassandra.storagedir={home}",
         f"-Dlogback.configurationFile={bulk.SOURCES / 'quiet.xml'}", "-cp", f"{bulk.classes()}:{install.classpath(bulk.VERSION)}",
         "LiveTable", str(told), str(seconds), compaction])
    try:
        judged = subprocess.run([JUDGE, told, str(seconds), home / "data" / TABLE, home / "data2" / TABLE])
        return judged.returncode == 0 and engine.wait(timeout=60) == 0
    finally:
        engine.kill()
        engine.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=25, help="of each run")
    parser.add_argument("--version", choices=[version for version, _ in RUNS], help="only this SSTable version")
    chosen = parser.parse_args()
    good = True
    for version, compaction in RUNS:
        if chosen.version in (None, version):
            home = Path(tempfile.mkdtemp(prefix="braid-live-"))
            print(f"{version}, {compaction}", flush=True)
            good = run(home, version, compaction, chosen.seconds) and good
            shutil.rmtree(home, ignore_errors=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
