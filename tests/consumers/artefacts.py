"""Fetches what the consumers need into a cache outside the tree: jars of Connect, Debezium and Flink, and Python's clients."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHON_PACKAGES = ("confluent-kafka[avro,schemaregistry]==2.16.0", "fastavro==1.13.1", "psycopg[binary]==3.3.6")
FLINK_PACKAGES = ("apache-flink-libraries==2.2.1",)
POSTGRES = Path("/usr/lib/postgresql/15/bin")


def cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "braid" / "consumers"


def jars(name: str) -> Path:
    """The directory of what maven/NAME/pom.xml lists, with all that it needs, archives unpacked; fetched when that file is new."""
    pom = HERE / "maven" / name / "pom.xml"
    lib = cache_root() / name
    done = lib / "complete.xml"
    if done.exists() and done.read_bytes() == pom.read_bytes():
        return lib
    print(f"fetching {name} from Maven Central", file=sys.stderr)
    shutil.rmtree(lib, ignore_errors=True)
    lib.mkdir(parents=True)
    subprocess.run(["mvn", "-q", "-B", "-Dstyle.color=never", "-f", str(pom), "dependency:copy-dependencies",
                    f"-DoutputDirectory={lib}", "-DincludeScope=runtime"], check=True, stdout=sys.stderr)
    for archive in lib.glob("*.tar.gz"):
        shutil.unpack_archive(archive, lib)
        archive.unlink()
    if not list(lib.rglob("*.jar")):
        raise SystemExit(f"Maven left no jars in {lib}")
    shutil.copy(pom, done)
    return lib


def _venv(name: str, packages: tuple[str, ...]) -> Path:
    venv = cache_root() / name
    done = venv / "complete.txt"
    wanted = "\n".join(packages)
    if not done.exists() or done.read_text() != wanted:
        print(f"setting up {', '.join(packages)}", file=sys.stderr)
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, stdout=sys.stderr)
        subprocess.run([str(venv / "bin" / "python3"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages],
                       check=True, stdout=sys.stderr)
        done.write_text(wanted)
    return venv


def flink() -> Path:
    """The directory that holds Flink's own lib/ and opt/."""
    return next(_venv("flink-libraries", FLINK_PACKAGES).glob("lib/python3*/site-packages/pyflink"))


def use_clients() -> None:
    """Runs the calling script again inside the virtual environment of the clients, unless it is there already."""
    venv = _venv("python", PYTHON_PACKAGES)
    if Path(sys.prefix).resolve() != venv.resolve():
        interpreter = venv / "bin" / "python3"
        os.execv(interpreter, [str(interpreter), *sys.argv])


def missing() -> list[str]:
    """What has to be installed before: tools/setup --consumers."""
    return [name for name in ("java", "mvn", str(POSTGRES / "postgres")) if not shutil.which(name)]


if __name__ == "__main__":
    for each in ("connect", "debezium-jdbc", "flink"):
        jars(each)
    flink()
    _venv("python", PYTHON_PACKAGES)
