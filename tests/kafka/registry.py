#!/usr/bin/env python3
"""A real schema registry on loopback: Apicurio, a JVM that this process starts and stops, by its Confluent-compatible face.

    registry.py run -- COMMAND…

runs COMMAND with the registry's URL as BRAID_REGISTRY in its environment, and ends with its exit code. Exit 77 if Java or Maven is
not installed. Apicurio is fetched with Maven on first use, into a cache outside the tree; it keeps its schemas in memory.
"""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import broker
import kafka_install

VERSION = "2.6.13.Final"   # the newest that runs on Java 17
CONTENT = "application/vnd.schemaregistry.v1+json"


class RegistryFailed(Exception):
    pass


def program() -> Path:
    """The jar that runs; fetched on first use, while other processes wait."""
    home = kafka_install.cache_root() / f"apicurio-{VERSION}"
    jar = home / f"apicurio-registry-app-{VERSION}-runner.jar"
    done = home / "complete"
    home.mkdir(parents=True, exist_ok=True)
    with open(home / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return jar
        print(f"fetching Apicurio Registry {VERSION} from Maven Central", file=sys.stderr)
        subprocess.run(["mvn", "-q", "-B", "-Dstyle.color=never", "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
                        f"-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all", f"-DoutputDirectory={home}"],
                       check=True, stdout=sys.stderr)
        archive = home / f"apicurio-registry-app-{VERSION}-all.tar.gz"
        shutil.unpack_archive(archive, home)
        archive.unlink()
        if not jar.exists():
            raise SystemExit(f"Maven left no {jar}")
        done.touch()
    return jar


class Registry:
    """`with Registry() as registry`: it answers at registry.url, and judges what is new by `compatibility`."""

    def __init__(self, compatibility: str = "BACKWARD"):
        self.compatibility = compatibility

    def __enter__(self) -> "Registry":
        jar = program()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
        self.home = tempfile.mkdtemp(prefix="braid-registry-")
        self.log = Path(self.home) / "registry.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dquarkus.http.host=127.0.0.1",
                 f"-Dquarkus.http.port={port}", "-jar", str(jar)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.home, preexec_fn=broker._die_with_parent)
        try:
            self._wait(60)
            self.set_compatibility(self.compatibility)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

    def _wait(self, seconds: float):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                self.ask("GET", "/subjects")
                return
            except OSError:
                time.sleep(0.1)
        raise RegistryFailed(f"the registry did not start:\n{self.log.read_text()[-2000:]}")

    def ask(self, method: str, path: str, body: dict | None = None):
        """What the registry answers, as JSON; urllib's HTTPError if it is an error."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": CONTENT}, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def set_compatibility(self, level: str, subject: str | None = None):
        self.ask("PUT", "/config" if subject is None else f"/config/{subject}", {"compatibility": level})


def main() -> int:
    if len(sys.argv) < 4 or sys.argv[1:3] != ["run", "--"]:
        print(__doc__, file=sys.stderr)
        return 2
    if kafka_install.missing_programs():
        return broker.NOT_INSTALLED
    with Registry() as registry:
        return subprocess.run(sys.argv[3:], env={**os.environ, "BRAID_REGISTRY": registry.url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
