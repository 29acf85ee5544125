"""Fetches Kafka's jars into a cache outside the tree, beside Cassandra's (tests/recorder/install.py)."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSION = "3.9.1"


def cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "braid" / "kafka"


def missing_programs() -> list[str]:
    """What has to be installed before a broker can be started here: tools/setup --kafka."""
    missing = [] if shutil.which("java") else ["java"]
    if not (cache_root() / VERSION / "complete").exists() and not shutil.which("mvn"):
        missing.append("mvn")
    return missing


def jars() -> Path:
    """The directory of Kafka's jars, fetched on first use; one process fetches, the others wait."""
    lib = cache_root() / VERSION / "lib"
    done = cache_root() / VERSION / "complete"
    if done.exists():
        return lib
    lib.parent.mkdir(parents=True, exist_ok=True)
    with open(cache_root() / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return lib
        print(f"fetching Kafka {VERSION} from Maven Central", file=sys.stderr)
        shutil.rmtree(lib, ignore_errors=True)
        lib.mkdir()
        subprocess.run(
            ["mvn", "-q", "-B", "-Dstyle.color=never", "-f", str(HERE / "maven" / "pom.xml"),
             "dependency:copy-dependencies", f"-Dkafka.version={VERSION}", f"-DoutputDirectory={lib}",
             "-DincludeScope=runtime"], check=True, stdout=sys.stderr)
        if not list(lib.glob(f"kafka_2.13-{VERSION}.jar")):
            raise SystemExit(f"Maven left no kafka_2.13-{VERSION}.jar in {lib}")
        done.touch()
    return lib


def class_archive(make: Callable[[Path], None]) -> Path:
    """Where JVMs like this one find the classes of a broker that ran before them, already loaded; `make` makes it, once."""
    jvm = Path(shutil.which("java")).resolve().parents[1] / "release"
    archive = jars().parent / f"classes-{hashlib.sha256(jvm.read_bytes()).hexdigest()[:16]}.jsa"
    if not archive.exists():
        with open(cache_root() / "lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not archive.exists():
                fresh = archive.with_suffix(".new")
                fresh.unlink(missing_ok=True)
                make(fresh)
                if fresh.exists():   # JVMs start without it, too
                    fresh.rename(archive)
    return archive


def compiled(program: Path) -> Path:
    """The directory of a program's classes: compiled once, not each time that it runs."""
    source = program.read_bytes()
    classes = cache_root() / "classes" / hashlib.sha256(source + classpath().encode()).hexdigest()[:16]
    if not classes.exists():
        classes.parent.mkdir(exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=classes.parent))
        # Its compiler is in every Java; the program javac is not.
        subprocess.run(["java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-cp", classpath(), "-d", str(fresh),
                        str(program)], check=True, stdout=sys.stderr)
        try:
            fresh.rename(classes)
        except OSError:   # another was first
            shutil.rmtree(fresh)
    return classes


def classpath() -> str:
    return ":".join(str(jar) for jar in sorted(jars().glob("*.jar")))


if __name__ == "__main__":
    jars()
