"""Measures `braid run` and `braid read`, end to end. bench/run calls it.

Latency: braid_live_feeder writes a node's log as Cassandra does and puts the time of each write into it; `braid read --follow` runs
beside `braid run`, and braid_live_meter notes when each line came out of it. Throughput: three nodes' logs that are there already."""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

STREAM = "bench.events"
CLOCK_TICK = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def percentile(ordered: list, part: float) -> int:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def cpu_seconds(pid: int) -> float:
    """Of all its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICK


def anonymous_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


class Pipeline:
    """`braid run` over nodes' directories of its own, made from a recording by hard links, and its readers."""

    def __init__(self, start, build: Path, recording: Path, nodes: int, *, logs: bool, tail: str, memory: str = "512MiB"):
        self.start_process, self.build = start, build
        self.directory = tempfile.TemporaryDirectory(prefix="braid-live-")
        self.root = Path(self.directory.name)
        self.port = free_port()
        self.segments = 0
        for node in range(1, nodes + 1):
            source, home = recording / "nodes" / f"n{node}", self.home(node)
            shutil.copytree(source / "data", home / "data", copy_function=os.link)
            (home / "commitlog").mkdir()
            (home / "cdc_raw").mkdir()
            if logs:
                for path in (source / "cdc_raw").iterdir():
                    os.link(path, home / "cdc_raw" / path.name)
                    self.segments += path.suffix == ".idx"   # a segment without captured writes has none, and stays
        homes = "".join(f"    - {{name: n{node}, home: {self.home(node)}}}\n" for node in range(1, nodes + 1))
        self.config = self.root / "braid.yaml"
        self.config.write_text(f"name: bench\nsource:\n  tail: {tail}\n  cdc_total_space: 64GiB\n  nodes:\n{homes}"
                               f"memory: {memory}\ndisk: 20GiB\nstate: {self.root / 'state'}\n"
                               f"http: {{listen: 127.0.0.1:{self.port}}}\n")
        self.process: subprocess.Popen | None = None
        self.log = (self.root / "run.log").open("a")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.directory.cleanup()

    def home(self, node: int) -> Path:
        return self.root / f"n{node}"

    def run(self) -> None:
        self.process = self.start_process([self.build / "braid", "run", "--config", self.config], stderr=self.log)

    def fail(self, what: str) -> None:
        raise SystemExit(f"{what}\n" + (self.root / "run.log").read_text()[-2000:])

    def wait_until_ready(self) -> None:
        while True:
            if self.process.poll() is not None:
                self.fail("braid run ended")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=1).close()
                return
            except OSError:
                time.sleep(0.005)

    def status(self) -> dict:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/status", timeout=10) as answer:
            return json.load(answer)

    def stop(self) -> float:
        """SIGTERM; the CPU seconds of its whole life."""
        self.process.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode != 0:
            self.fail("braid run failed")
        return usage.ru_utime + usage.ru_stime

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def read(self, *more, **pipes) -> subprocess.Popen:
        return self.start_process([self.build / "braid", "read", STREAM, "--config", self.config, *more], **pipes)

    def follow(self, seen: Path, events: int) -> list[subprocess.Popen]:
        """A reader of what comes from now on, and its stop-watch: ends after so many events."""
        reader = self.read("--follow", "--from", "latest", stdout=subprocess.PIPE, stderr=self.log)
        meter = self.start_process([self.build / "bench" / "braid_live_meter", seen, events], stdin=reader.stdout)
        reader.stdout.close()
        return [reader, meter]

    def feed(self, rate: int, seconds: int, sync_ms: int) -> subprocess.Popen:
        return self.start_process([self.build / "bench" / "braid_live_feeder", self.home(1), rate, seconds, sync_ms],
                                  stdout=subprocess.PIPE)


def syncs_of(feeder_output: str) -> list[tuple[int, int, int]]:
    """Segment, offset and microsecond of each."""
    return [tuple(int(word) for word in line.split()[1:]) for line in feeder_output.splitlines() if line.startswith("sync ")]


def seen_in(path: Path) -> list[list[int]]:
    """Of each event: when it was written, its segment and position, when it was seen."""
    return [[int(word) for word in line.split()] for line in path.read_text().splitlines()]


def delays_from_write(seen: list[list[int]]) -> list[int]:
    return sorted(at - written for written, _, _, at in seen)


def delays_from_sync(seen: list[list[int]], syncs: list[tuple[int, int, int]]) -> list[int]:
    delays = []
    for _, segment, position, at in seen:
        synced = next((us for sync_segment, offset, us in syncs if (segment, position) <= (sync_segment, offset)), None)
        if synced is not None:
            delays.append(at - synced)
    return sorted(delays)


class Live:
    def __init__(self, bench, build: Path):
        self.bench, self.build, self.chosen = bench, build, bench.chosen

    def pipeline(self, recording: Path, nodes: int, **more) -> Pipeline:
        return Pipeline(self.bench.start, self.build, recording, nodes, **more)

    def latency(self) -> None:
        rate, seconds = self.chosen.rate, self.chosen.seconds
        for tail, sync_ms in (("live", 10_000), ("synced", 1_000)):
            with self.pipeline(self.bench.logs(3), 1, logs=False, tail=tail) as pipeline:
                pipeline.run()
                pipeline.wait_until_ready()
                seen_path = pipeline.root / "seen"
                reader, meter = pipeline.follow(seen_path, rate * seconds)
                time.sleep(1)
                before = cpu_seconds(pipeline.process.pid)
                feeder = pipeline.feed(rate, seconds, sync_ms)
                fed = feeder.communicate()[0]
                if feeder.returncode != 0 or meter.wait() != 0:
                    pipeline.fail("not every write was read")
                cpu = cpu_seconds(pipeline.process.pid) - before
                read_bytes = pipeline.status()["nodes"][0]["read_bytes"]
                memory = anonymous_bytes(pipeline.process.pid)
                reader.kill()
                reader.wait()
                seen = seen_in(seen_path)
                # The first second is the process's own beginning.
                start = min(event[0] for event in seen) + 1_000_000
                seen = [event for event in seen if event[0] >= start]
            delays = delays_from_write(seen) if tail == "live" else delays_from_sync(seen, syncs_of(fed))
            p50, p90, p99, most = (percentile(delays, part) / 1000 for part in (0.5, 0.9, 0.99, 1))
            what = f"tail: {tail}, {rate} writes/s, {'written' if tail == 'live' else 'synced'} to printed"
            measured = f"p50 {p50:.1f} ms, p90 {p90:.1f}, p99 {p99:.1f}, most {most:.1f}"
            if tail == "live":
                self.bench.add(what, measured, "p50 5 ms, p99 20 ms", p50 <= 5 and p99 <= 20)
            else:
                self.bench.add(what, measured, "20 ms", p99 <= 20)
            self.bench.add(f"tail: {tail}, braid run", f"{cpu * 1e4 / (rate * seconds):.2f} s of CPU and "
                           f"{read_bytes / (rate * seconds) * 1e4 / 1e6:.1f} MB read for 10 k writes at that rate, "
                           f"{memory / 2**20:.0f} MiB anonymous memory")

    def throughput(self) -> None:
        recording, mutations = self.bench.logs(3), 3 * self.chosen.mutations
        for memory in ("512MiB", "64MiB"):
            taken, finished = [], []
            for _ in range(self.chosen.live_runs):
                with self.pipeline(recording, 3, logs=True, tail="synced", memory=memory) as pipeline:
                    os.sync()
                    start = time.monotonic()
                    pipeline.run()
                    pipeline.wait_until_ready()
                    most = 0
                    while True:
                        nodes = pipeline.status()["nodes"]
                        most = max(most, anonymous_bytes(pipeline.process.pid))
                        if sum(node["segments_removed"] for node in nodes) == pipeline.segments:
                            break
                        if pipeline.process.poll() is not None:
                            pipeline.fail("braid run ended")
                        time.sleep(0.05)
                    seconds, cpu = time.monotonic() - start, cpu_seconds(pipeline.process.pid)
                    changes = sum(shard["changes"] for shard in pipeline.status()["shards"])
                    reader = pipeline.read(stdout=subprocess.PIPE, stderr=pipeline.log)
                    counted = self.bench.start(["wc", "-l"], stdin=reader.stdout, stdout=subprocess.PIPE)
                    reader.stdout.close()
                    lines = int(counted.communicate()[0])
                    _, status, usage = os.wait4(reader.pid, 0)
                    reader.returncode = os.waitstatus_to_exitcode(status)
                    if lines != changes or reader.returncode != 0:
                        pipeline.fail(f"{changes} changes, but {lines} read")
                    read_cpu = usage.ru_utime + usage.ru_stime
                    whole = pipeline.stop()
                taken.append((cpu / mutations * 1e6, mutations / seconds, most))
                finished.append((whole / mutations * 1e6, read_cpu / lines * 1e6))
            cpu, rate, most = (statistics.median(run[i] for run in taken) for i in range(3))
            whole, read_cpu = (statistics.median(run[i] for run in finished) for i in range(2))
            self.bench.add(f"braid run, three nodes' logs, memory: {memory}",
                           f"{cpu:.2f} µs of CPU a mutation until committed ({whole:.2f} with what follows until it is stopped), "
                           f"{rate / 1e3:.0f} k mutations/s, {most / 2**20:.0f} MiB anonymous memory", "6 µs", whole <= 6)
            self.bench.add(f"braid read, memory: {memory}", f"{read_cpu:.2f} µs of CPU an event")

    def capture(self) -> None:
        for compressor in (None, "LZ4"):
            with self.pipeline(self.bench.logs(1, compressor), 1, logs=True, tail="synced") as pipeline:
                probe = json.loads(self.bench.output_of([self.build / "bench" / "braid_capture_probe", pipeline.home(1)]))
            section = self.bench.largest_section(compressor)
            ten_k = probe["mutations"] / 1e4
            self.bench.add(f"capture of one node, {compressor or 'plain'}",
                           f"{probe['anonymous_bytes'] / 2**20:.1f} MiB anonymous memory; of 10 k writes {probe['cpu_us'] / ten_k / 1e6:.4f} s "
                           f"of CPU, {probe['read_bytes'] / ten_k / 1e6:.1f} MB read", f"{32 + section / 2**20:.1f} MiB",
                           probe["anonymous_bytes"] <= (32 << 20) + section)

    def restart(self) -> None:
        """Killed with a million rows of state: from the start of the process to the first new event that a reader prints."""
        recording = self.bench.logs(1, mutations=self.chosen.restart_mutations)
        with self.pipeline(recording, 1, logs=True, tail="live") as pipeline:
            pipeline.run()
            pipeline.wait_until_ready()
            while pipeline.status()["nodes"][0]["segments_removed"] < pipeline.segments:
                time.sleep(0.1)
            times = []
            for _ in range(self.chosen.live_runs):
                pipeline.kill()
                seen_path = pipeline.root / "seen"
                reader, meter = pipeline.follow(seen_path, 2 * self.chosen.rate)
                time.sleep(0.5)
                start_us = time.time_ns() // 1000
                pipeline.run()
                feeder = pipeline.feed(self.chosen.rate, 4, 1000)
                feeder.communicate()
                if meter.wait() != 0:
                    pipeline.fail("nothing was read after the restart")
                # What was written before may come first: it does not count.
                times.append((next(at for written, _, _, at in seen_in(seen_path) if written >= start_us) - start_us) / 1e6)
                reader.kill()
                reader.wait()
        rows = self.chosen.restart_mutations * 6 // 10
        self.bench.add(f"restart after kill -9, {rows / 1e6:.2f} M rows of state",
                       f"streams again after {statistics.median(times):.2f} s (most {max(times):.2f})", "2 s", max(times) <= 2)
