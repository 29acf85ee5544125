"""`braid run`, or a stage of it, as a process that is started, killed and asked, and the other commands beside it."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

SECONDS = 60


class Unexpected(Exception):
    """The program did what it must not do; the message says what and where its log is."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fill(volume: Path) -> Path:
    """Takes all the space that is left, again and again until it is, since files may still shrink."""
    ballast = volume / "ballast"
    with open(ballast, "ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return ballast


def _die_with_parent() -> None:
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Braid:
    """One pipeline in a directory of its own: configuration, state, logs. All methods may be called from any thread."""

    def __init__(self, program: Path, home: Path, nodes: dict[str, Path], settings: dict | None = None,
                 source: dict | None = None, state: Path | None = None, stage: tuple[str, ...] = ("run",)):
        self.program, self.home, self.stage = program, home, stage
        self.state = state or home / "state"
        self.config = home / "braid.yaml"
        self.log = home / "run.log"
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        self.starts = 0
        self._lock = threading.RLock()
        home.mkdir(parents=True, exist_ok=True)
        self.settings = {
            "name": "faults",
            "source": {"kind": "cassandra", "nodes": [{"name": name, "home": str(path)} for name, path in nodes.items()],
                       **(source or {})},
            "memory": "128MiB", "state": str(self.state), "shards": 2, "http": {"listen": f"127.0.0.1:{self.port}"},
            **(settings or {})}
        self.write_config()

    def write_config(self) -> None:
        """JSON is YAML, too."""
        self.config.write_text(json.dumps(self.settings, indent=1) + "\n", encoding="utf-8")

    def start(self, failpoint: str | None = None) -> None:
        with self._lock:
            environment = {name: value for name, value in os.environ.items() if name != "BRAID_FAILPOINT"}
            if failpoint:
                environment["BRAID_FAILPOINT"] = failpoint
            with open(self.log, "ab") as log:
                log.write(f"--- start {self.starts} at {time.time():.3f}, failpoint {failpoint}\n".encode())
                log.flush()
                self.process = subprocess.Popen([str(self.program), *self.stage, "--config", str(self.config)], stdin=subprocess.DEVNULL,
                                                stdout=log, stderr=log, env=environment, preexec_fn=_die_with_parent)
            self.starts += 1

    def kill(self) -> None:
        with self._lock:
            self.must_run()
            self.process.kill()
            self.process.wait()
            self.process = None

    def signal(self, number: int) -> None:
        with self._lock:
            self.must_run()
            self.process.send_signal(number)

    def stop(self, timeout: float = SECONDS) -> None:
        """SIGTERM; what was read is committed, and the exit code 0."""
        with self._lock:
            self.must_run()
            self.process.terminate()
            try:
                code = self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                code = f"nothing within {timeout} s of SIGTERM"
            self.process = None
        if code != 0:
            raise Unexpected(f"braid {self.stage[0]} ended with {code} on SIGTERM:\n{self.log_tail()}")

    def close(self) -> None:
        with self._lock:
            if self.process is not None:
                self.process.kill()
                self.process.wait()
                self.process = None

    def is_running(self) -> bool:
        with self._lock:
            return self.process is not None and self.process.poll() is None

    def must_run(self) -> None:
        if self.process is None or self.process.poll() is not None:
            code = None if self.process is None else self.process.returncode
            raise Unexpected(f"braid {self.stage[0]} ended by itself with {code}:\n{self.log_tail()}")

    def await_end(self, timeout: float) -> int | None:
        """The exit code, negative of a signal, or None if it still runs."""
        process = self.process
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        with self._lock:
            self.process = None
        return code

    def log_tail(self, lines: int = 25) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def await_ready(self, timeout: float = SECONDS) -> None:
        deadline = time.monotonic() + timeout
        while True:
            self.must_run()
            code, text = self.http("/readyz")
            if code == 200:
                return
            if time.monotonic() > deadline:
                raise Unexpected(f"not ready after {timeout:.0f} s: {code} {text.strip()}\n{self.log_tail()}")
            time.sleep(0.05)

    def await_alive(self, timeout: float = SECONDS) -> None:
        """Until it answers: before that it does not listen to signals."""
        deadline = time.monotonic() + timeout
        while self.http("/livez")[0] != 200:
            self.must_run()
            if time.monotonic() > deadline:
                raise Unexpected(f"no answer after {timeout:.0f} s\n{self.log_tail()}")
            time.sleep(0.05)

    def http(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def status(self) -> dict:
        code, text = self.http("/status")
        return json.loads(text) if code == 200 else {}

    def command(self, *arguments: str, timeout: float = SECONDS) -> subprocess.CompletedProcess:
        return subprocess.run([str(self.program), *arguments, "--config", str(self.config)], capture_output=True, text=True,
                              timeout=timeout)

    def read(self, stream: str, target: Path, timeout: float = SECONDS) -> None:
        """All of the stream, up to the committed end."""
        with open(target, "wb") as out:
            ran = subprocess.run([str(self.program), "read", stream, "--config", str(self.config)], stdout=out,
                                 stderr=subprocess.PIPE, text=True, timeout=timeout, errors="replace")
        if ran.returncode != 0:
            raise Unexpected(f"braid read {stream} ended with {ran.returncode}: {ran.stderr.strip()[-1000:]}")

    def follow(self, stream: str, target: Path) -> subprocess.Popen:
        """A reader that stays; the caller ends it."""
        with open(target, "wb") as out, open(self.home / "follow.log", "ab") as log:
            return subprocess.Popen([str(self.program), "read", stream, "--config", str(self.config), "--follow"],
                                    stdout=out, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=_die_with_parent)
