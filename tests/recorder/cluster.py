"""A Cassandra cluster of up to three nodes on loopback, each a JVM that this process starts and stops."""

import atexit
import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import install

JAVA_MODULE_FLAGS = [
    "-Djava.security.manager=allow",
    "-Djdk.attach.allowAttachSelf=true",
    "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
    "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-exports=java.base/java.lang.ref=ALL-UNNAMED",
    "--add-exports=java.management.rmi/com.sun.jmx.remote.internal.rmi=ALL-UNNAMED",
    "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
    "--add-exports=java.rmi/sun.rmi.server=ALL-UNNAMED",
    "--add-exports=java.rmi/sun.rmi.transport=ALL-UNNAMED",
    "--add-exports=java.rmi/sun.rmi.transport.tcp=ALL-UNNAMED",
    "--add-exports=java.sql/java.sql=ALL-UNNAMED",
    "--add-exports=jdk.unsupported/sun.misc=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.lang.module=ALL-UNNAMED",
    "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
    "--add-opens=java.base/java.math=ALL-UNNAMED",
    "--add-opens=java.base/java.net=ALL-UNNAMED",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.loader=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.math=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.module=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.ref=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.reflect=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.util=ALL-UNNAMED",
    "--add-opens=java.base/jdk.internal.util.jar=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.rmi/sun.rmi.transport.tcp=ALL-UNNAMED",
    "--add-opens=jdk.management/com.sun.management.internal=ALL-UNNAMED",
]

LOGBACK = """<configuration>
  <appender name="FILE" class="ch.qos.logback.core.FileAppender">
    <file>${cassandra.logdir}/system.log</file>
    <encoder><pattern>%-5level [%thread] %date{ISO8601} %F:%L - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="FILE"/></root>
</configuration>
"""

TOKENS = {
    1: (-8070450532247928832, -3458764513820540928, 1152921504606846976, 5764607523034234880),
    2: (-6533221859438799530, -1921535841011411626, 2690150177415976279, 7301836195843364182),
    3: (-4995993186629670229, -384307168202282325, 4227378850225105581, 8839064868652493485),
}


@dataclass(frozen=True)
class Options:
    version: str = "5.0.6"
    nodes: int = 3
    storage_compatibility_mode: str | None = None   # None leaves the yaml silent; "NONE" gives version 8 logs (5.0)
    compressor: str | None = None                   # LZ4, Snappy, Deflate, Zstd
    sstable_format: str | None = None               # big or bti; 5.0 with mode NONE only
    segment_mib: int = 1
    cdc: bool = True
    hints: bool = True
    sync: str = "periodic"                          # periodic, batch
    sync_ms: int = 100
    cdc_space_mib: int = 0                          # cdc_total_space; 0: Cassandra's default
    heap_mb: int = 400


@dataclass
class Ports:
    storage: int
    native: int
    jmx: int
    claim: object   # an open, locked file: no other recorder on this machine takes these ports meanwhile


@dataclass
class Node:
    number: int
    home: Path
    process: subprocess.Popen | None = None
    events: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"n{self.number}"

    @property
    def address(self) -> str:
        return f"127.0.0.{self.number}"


class ClusterFailed(Exception):
    pass


def _die_with_parent() -> None:
    """In the child: the kernel kills it when the recorder is gone, even by kill -9."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _claim(step: int):
    """A locked file, or None when another recorder holds it."""
    claim = open(Path(tempfile.gettempdir()) / f"braid-recorder-ports-{step}.lock", "a")
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        claim.close()
        return None
    return claim


def free_ports() -> Ports:
    """Cassandra's usual ports, or the same moved up together when any of them is taken."""
    for step in range(0, 20000, 100):
        claim = _claim(step)
        if claim is None:
            continue
        ports = Ports(7000 + step, 9042 + step, 7199 + step, claim)
        wanted = [(f"127.0.0.{n}", p) for n in (1, 2, 3) for p in (ports.storage, ports.native)]
        wanted += [("127.0.0.1", ports.jmx + n) for n in (1, 2, 3)]
        if all(_is_free(address, port) for address, port in wanted):
            return ports
        claim.close()
    raise ClusterFailed("no free ports for three nodes between 7000 and 29000")


class Cluster:
    """Use as a context manager; every JVM is gone when it closes, also after a signal or an exception."""

    def __init__(self, home: Path, options: Options):
        self.home = Path(home)
        self.options = options
        self.ports = free_ports()
        self.nodes = [Node(n, self.home / f"n{n}") for n in range(1, options.nodes + 1)]
        self._previous_handlers: dict[int, object] = {}

    def __enter__(self) -> "Cluster":
        atexit.register(self.kill_all)
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._previous_handlers[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_):
        self.kill_all()
        self.ports.claim.close()
        atexit.unregister(self.kill_all)
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, number, _frame):
        self.kill_all()
        raise SystemExit(128 + number)

    def node(self, number: int) -> Node:
        return self.nodes[number - 1]

    def running(self) -> list[Node]:
        return [node for node in self.nodes if node.process is not None]

    def start(self) -> None:
        """Starts all nodes one after another, since tokens and schema settle best that way."""
        for node in self.nodes:
            self._lay_out(node)
            self.start_node(node.number)
        self.await_agreement()

    def await_agreement(self, timeout: float = 120) -> None:
        """Waits until every running node sees exactly the running nodes as up."""
        deadline = time.monotonic() + timeout
        waiting = [node.number for node in self.running()]
        while waiting:
            up = [line for line in self.nodetool(waiting[0], "status").splitlines() if line.startswith("UN ")]
            if len(up) == len(self.running()):
                waiting.pop(0)
            elif time.monotonic() > deadline:
                raise ClusterFailed(f"n{waiting[0]} sees {len(up)} of {len(self.running())} nodes up")

    def start_node(self, number: int, timeout: float = 240) -> None:
        node = self.node(number)
        log = open(node.home / "stdout.log", "ab")
        node.process = subprocess.Popen(
            self._command(node), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            cwd=node.home, start_new_session=True, preexec_fn=_die_with_parent)
        log.close()
        self._await_native_transport(node, timeout)

    def kill_node(self, number: int) -> None:
        """kill -9."""
        self._end(self.node(number), signal.SIGKILL, 10)

    def stop_node(self, number: int) -> None:
        self._end(self.node(number), signal.SIGTERM, 60)

    def stop(self) -> None:
        for node in self.running():
            self.stop_node(node.number)

    def kill_all(self) -> None:
        for node in self.running():
            self._end(node, signal.SIGKILL, 10)

    def nodetool(self, number: int, *arguments: str) -> str:
        ran = subprocess.run(
            ["java", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xmx128m", *JAVA_MODULE_FLAGS,
             f"-Dcassandra.config={(self.node(number).home / 'cassandra.yaml').as_uri()}",
             f"-Dcassandra.storagedir={self.home / 'nodetool'}",
             f"-Dlogback.configurationFile={self.home / 'nodetool-logback.xml'}",
             "-cp", install.classpath(self.options.version), "org.apache.cassandra.tools.NodeTool",
             "-h", "127.0.0.1", "-p", str(self.ports.jmx + number), *arguments],
            capture_output=True, text=True, timeout=300)
        if ran.returncode != 0:
            raise ClusterFailed(f"nodetool {' '.join(arguments)} on n{number}: {ran.stdout}{ran.stderr}")
        return ran.stdout

    def _end(self, node: Node, how: signal.Signals, timeout: float) -> None:
        if node.process is None:
            return
        node.process.send_signal(how)
        try:
            node.process.wait(timeout)
        except subprocess.TimeoutExpired:
            node.process.kill()
            node.process.wait()
        node.process = None

    def _lay_out(self, node: Node) -> None:
        shutil.rmtree(node.home, ignore_errors=True)
        for part in ("data", "commitlog", "cdc_raw", "hints", "saved_caches", "log", "tmp"):
            (node.home / part).mkdir(parents=True)
        (node.home / "logback.xml").write_text(LOGBACK)
        (node.home / "cassandra-topology").write_text("")
        (self.home / "nodetool-logback.xml").write_text("<configuration/>\n")
        (node.home / "cassandra.yaml").write_text(self._yaml(node))

    def _yaml(self, node: Node) -> str:
        options = self.options
        settings = {
            "cluster_name": "recorder",
            "num_tokens": 4,
            "initial_token": ",".join(str(token) for token in TOKENS[node.number]),
            "auto_bootstrap": False,
            "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
            "data_file_directories": [str(node.home / "data")],
            "commitlog_directory": str(node.home / "commitlog"),
            "cdc_enabled": options.cdc,
            "cdc_raw_directory": str(node.home / "cdc_raw"),
            "hints_directory": str(node.home / "hints"),
            "saved_caches_directory": str(node.home / "saved_caches"),
            "hinted_handoff_enabled": options.hints,
            "hints_flush_period_in_ms": 1000,
            "max_hints_delivery_threads": 2,
            "commitlog_sync": options.sync,
            "commitlog_segment_size_in_mb": options.segment_mib,
            "endpoint_snitch": "SimpleSnitch",
            "seed_provider": [{"class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                               "parameters": [{"seeds": self._seed_list()}]}],
            "listen_address": node.address,
            "rpc_address": node.address,
            "storage_port": self.ports.storage,
            "native_transport_port": self.ports.native,
            "start_native_transport": True,
            "concurrent_reads": 8,
            "concurrent_writes": 8,
            "concurrent_counter_writes": 8,
            "concurrent_compactors": 1,
            "memtable_allocation_type": "heap_buffers",
            "memtable_heap_space_in_mb": 64,
            "memtable_offheap_space_in_mb": 64,
            "file_cache_size_in_mb": 32,
            "read_request_timeout_in_ms": 30000,
            "range_request_timeout_in_ms": 60000,
            "write_request_timeout_in_ms": 30000,
            "counter_write_request_timeout_in_ms": 30000,
            "cas_contention_timeout_in_ms": 10000,
            "truncate_request_timeout_in_ms": 60000,
            "request_timeout_in_ms": 60000,
            "auto_snapshot": False,
            "snapshot_before_compaction": False,
        }
        if options.sync == "periodic":
            settings["commitlog_sync_period_in_ms"] = options.sync_ms
        if options.cdc_space_mib:
            settings["cdc_total_space_in_mb"] = options.cdc_space_mib
        if options.compressor:
            settings["commitlog_compression"] = [{"class_name": f"{options.compressor}Compressor"}]
        if options.storage_compatibility_mode:
            settings["storage_compatibility_mode"] = options.storage_compatibility_mode
        if options.sstable_format:
            settings["sstable"] = {"selected_format": options.sstable_format}
        return "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items())

    def _seed_list(self) -> str:
        return ",".join(f"{node.address}:{self.ports.storage}" for node in self.nodes)

    def _command(self, node: Node) -> list[str]:
        return [
            "java", f"-Xms{self.options.heap_mb}m", f"-Xmx{self.options.heap_mb}m", "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Xss512k", "-XX:-UsePerfData",
            *JAVA_MODULE_FLAGS,
            f"-javaagent:{install.jamm(self.options.version)}",
            f"-Djava.io.tmpdir={node.home / 'tmp'}",
            f"-Dcassandra.config={(node.home / 'cassandra.yaml').as_uri()}",
            f"-Dcassandra.storagedir={node.home}",
            f"-Dcassandra.logdir={node.home / 'log'}",
            f"-Dlogback.configurationFile={node.home / 'logback.xml'}",
            f"-Dcassandra.jmx.local.port={self.ports.jmx + node.number}",
            "-Dcassandra.ring_delay_ms=2000",
            "-Dcassandra.skip_wait_for_gossip_to_settle=0",
            "-Dcassandra-foreground=yes",
            "-cp", install.classpath(self.options.version),
            "org.apache.cassandra.service.CassandraDaemon",
        ]

    def _await_native_transport(self, node: Node, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if node.process.poll() is not None:
                code, node.process = node.process.returncode, None
                raise ClusterFailed(f"{node.name} ended with {code} while starting:\n{self._log_tail(node)}")
            try:
                socket.create_connection((node.address, self.ports.native), timeout=1).close()
                return
            except OSError:
                time.sleep(0.25)
        raise ClusterFailed(f"{node.name} was not ready after {timeout:.0f} s:\n{self._log_tail(node)}")

    def _log_tail(self, node: Node) -> str:
        text = ""
        for name in ("stdout.log", "log/system.log"):
            path = node.home / name
            if path.exists():
                text += "\n".join(path.read_text(errors="replace").splitlines()[-30:]) + "\n"
        return text
