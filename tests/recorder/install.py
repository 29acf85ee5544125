"""Fetches what the recorder needs into a cache outside the tree: Cassandra's jars and the Python driver."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VERSIONS = ("4.0.17", "4.1.10", "5.0.6")
PYTHON_PACKAGES = ("cassandra-driver==3.30.1",)


def cache_root() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "braid" / "cassandra"


def jars(version: str) -> Path:
    """The directory of a version's jars, fetched on first use."""
    if version not in VERSIONS:
        raise SystemExit(f"Cassandra {version} is not one of {', '.join(VERSIONS)}")
    lib = cache_root() / version / "lib"
    done = cache_root() / version / "complete"
    if done.exists():
        return lib
    print(f"fetching Cassandra {version} from Maven Central", file=sys.stderr)
    shutil.rmtree(lib, ignore_errors=True)
    lib.mkdir(parents=True)
    subprocess.run(
        ["mvn", "-q", "-B", "-Dstyle.color=never", "-f", str(HERE / "maven" / "pom.xml"), "dependency:copy-dependencies",
         f"-Dcassandra.version={version}", f"-DoutputDirectory={lib}", "-DincludeScope=runtime"],
        check=True, stdout=sys.stderr)
    if not list(lib.glob(f"cassandra-all-{version}.jar")) or not list(lib.glob("jamm-*.jar")):
        raise SystemExit(f"Maven left no cassandra-all-{version}.jar and jamm in {lib}")
    done.touch()
    return lib


def classpath(version: str) -> str:
    return ":".join(str(jar) for jar in sorted(jars(version).glob("*.jar")))


def jamm(version: str) -> Path:
    return next(jars(version).glob("jamm-*.jar"))


def python() -> Path:
    """The interpreter of a virtual environment that has the driver, made on first use."""
    venv = cache_root() / "venv"
    interpreter = venv / "bin" / "python3"
    done = venv / ("complete-" + "-".join(PYTHON_PACKAGES).replace("==", "-"))
    if not done.exists():
        print("setting up the Python driver", file=sys.stderr)
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, stdout=sys.stderr)
        subprocess.run([str(interpreter), "-m", "pip", "install", "-q", "--disable-pip-version-check",
                        *PYTHON_PACKAGES], check=True, stdout=sys.stderr)
        done.touch()
    return interpreter


def use_driver() -> None:
    """Runs the calling script again inside the virtual environment unless it is there already."""
    venv = cache_root() / "venv"
    interpreter = python()
    if Path(sys.prefix).resolve() != venv.resolve():
        os.execv(interpreter, [str(interpreter), *sys.argv])


if __name__ == "__main__":
    python()
    for wanted in sys.argv[1:] or VERSIONS:
        jars(wanted)
