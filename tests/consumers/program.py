"""A program that a test starts: its log is kept, what it took is measured, and it ends with whoever started it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "kafka"))
import broker


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Failed(Exception):
    """A program ended, or was not ready, or did not do its work in time."""


class Program:
    """Starts at once. A context manager: what still runs at its end is stopped, by its own process id."""

    def __init__(self, name: str, argv: list, log: Path, user: str | None = None, ask_by: int = signal.SIGTERM):
        self.name = name
        self.log = log
        self.started = time.monotonic()
        self.ready_after = 0.0     # seconds
        self.took = 0.0            # seconds, when it has ended
        self.cpu = 0.0             # seconds
        self.peak_mib = 0          # of resident memory
        self._ask_by = ask_by
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as out:
            self._process = subprocess.Popen(
                [str(each) for each in argv], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                cwd=log.parent, user=user, group=user, extra_groups=[] if user else None, start_new_session=True,
                preexec_fn=broker._die_with_parent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def runs(self) -> bool:
        self._measure()
        if self._process.poll() is None:
            return True
        self.took = self.took or time.monotonic() - self.started
        return False

    def wait_until(self, ready, what: str, seconds: float) -> None:
        """Until ready() gives true; OSError stands for not yet."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.runs():
                raise Failed(f"{self.name} ended with {self._process.returncode} before {what}: see {self.log}\n{self.tail()}")
            try:
                if ready():
                    self.ready_after = self.ready_after or time.monotonic() - self.started
                    return
            except OSError:
                pass
            time.sleep(0.2)
        raise Failed(f"{self.name}: not {what} within {seconds:.0f} s: see {self.log}\n{self.tail()}")

    def finish(self, seconds: float) -> int:
        """Waits until it ends by itself; its exit code."""
        end = time.monotonic() + seconds
        while self.runs():
            if time.monotonic() > end:
                raise Failed(f"{self.name}: has not ended within {seconds:.0f} s: see {self.log}\n{self.tail()}")
            time.sleep(0.1)
        return self._process.returncode

    def stop(self) -> None:
        if not self.runs():
            return
        self._process.send_signal(self._ask_by)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.took = time.monotonic() - self.started

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def cost(self) -> str:
        ready = f"ready in {self.ready_after:.1f} s, " if self.ready_after else ""
        return f"{self.name}: {ready}ran {self.took:.1f} s, {self.cpu:.1f} s of CPU, {self.peak_mib} MiB"

    # The last that the kernel says of it; a process that has ended says nothing more.
    def _measure(self) -> None:
        try:
            proc = Path("/proc") / str(self._process.pid)
            for line in (proc / "status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.peak_mib = int(line.split()[1]) // 1024
            ticks = (proc / "stat").read_text().rsplit(")", 1)[1].split()[11:13]
            cpu = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
            self.cpu = max(self.cpu, cpu)
        except (OSError, IndexError):
            pass
