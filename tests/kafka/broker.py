#!/usr/bin/env python3
"""Kafka brokers on loopback, each a JVM that this process starts, hurts and stops.

    broker.py run [--brokers N] [--home DIR] [--full-jit] [--secure] -- COMMAND…

runs COMMAND beside N brokers (1), with BRAID_KAFKA=host:port[,…] in its environment, and ends with its exit code. The
command may hurt the brokers through the Unix socket that BRAID_KAFKA_CONTROL names: it writes a line, "kill 1" (-9),
"stop 1", "start 1", "pause 1" or "resume 1", and gets "ok" or what went wrong once that is done. With --secure the
brokers want TLS and a user, "braid" with the password "braid-secret", by PLAIN or SCRAM-SHA-512; BRAID_KAFKA_CA names
the certificate to trust. Exit 77 if Java or Maven is not installed.
"""

import argparse
import atexit
import ctypes
import fcntl
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import kafka_install
from network import Network

CLUSTER_ID = "YnJhaWQtdGVzdHMtMDAwMQ"   # 16 bytes in base64, as Kafka wants them
USER, PASSWORD = "braid", "braid-secret"
PORTS_AT_ONCE = 100
NOT_INSTALLED = 77                      # what ctest takes for "skipped"


@dataclass(frozen=True)
class Options:
    brokers: int = 1
    heap_mb: int = 400
    full_jit: bool = False   # for measurements; else the JVM compiles only quickly, and leaves the cores to the tests
    secure: bool = False
    doors: tuple[str, ...] = ()   # names of ways to the brokers that can be cut, see Brokers.network
    # Of server.properties, on top of what is set below. {n}, {port} and {home} are the broker's own.
    settings: dict[str, str] = field(default_factory=dict)


@dataclass
class Broker:
    number: int
    home: Path
    port: int
    controller_port: int
    internal_port: int
    doors: list[tuple[int, int]]   # for each: where clients come in, and where the broker listens for it
    process: subprocess.Popen | None = None

    @property
    def log(self) -> Path:
        return self.home / "server.log"


class BrokerFailed(Exception):
    pass


def _die_with_parent() -> None:
    """In the child: the kernel kills it when whoever started it is gone, even by kill -9."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_ports(count: int):
    """So many ports, none of those that the kernel gives to outgoing connections (they would be taken while a broker is
    down), and a locked file by which no other process takes them meanwhile."""
    if count > PORTS_AT_ONCE:
        raise BrokerFailed(f"{count} ports are wanted, but no more than {PORTS_AT_ONCE} are there: fewer brokers or doors")
    for first in range(19092, 31000, PORTS_AT_ONCE):
        claim = open(Path(tempfile.gettempdir()) / f"braid-kafka-ports-{first}.lock", "a")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            claim.close()
            continue
        ports = range(first, first + count)
        if all(_is_free(port) for port in ports):
            return list(ports), claim
        claim.close()
    raise BrokerFailed("no free ports between 19092 and 31000")


class Brokers:
    """Use as a context manager; every JVM is gone when it closes, also after a signal or an exception."""

    def __init__(self, home: Path, options: Options = Options(), archive_classes_to: Path | None = None):
        self.home = Path(home)
        self.options = options
        # By this a broker takes half of the CPU to start.
        self._classes = f"-XX:ArchiveClassesAtExit={archive_classes_to}" if archive_classes_to else \
            f"-XX:SharedArchiveFile={kafka_install.class_archive(_archive_classes)}"
        each = 3 + 2 * len(options.doors)
        ports, self._claim = _free_ports(each * options.brokers)
        self.brokers = [Broker(n, self.home / f"b{n}", *ports[:3], list(zip(ports[3::2], ports[4::2])))
                        for n, ports in enumerate((ports[i:i + each] for i in range(0, len(ports), each)), 1)]
        # Between clients and brokers, for those who come in by one of Options.doors.
        self.network = Network({door: [broker.doors[i] for broker in self.brokers] for i, door in enumerate(options.doors)})
        self._previous_handlers: dict[int, object] = {}

    @property
    def bootstrap(self) -> str:
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers)

    def bootstrap_by(self, door: str) -> str:
        """For clients that come by this door. They are told of no other way."""
        i = self.options.doors.index(door)
        return ",".join(f"127.0.0.1:{broker.doors[i][0]}" for broker in self.brokers)

    @property
    def certificate(self) -> Path:
        return self.home / "certificate.pem"

    def __enter__(self) -> "Brokers":
        atexit.register(self.kill_all)
        for number in (signal.SIGTERM, signal.SIGHUP):
            self._previous_handlers[number] = signal.signal(number, self._on_signal)
        self._format()
        for broker in self.brokers:
            self._launch(broker)
        for broker in self.brokers:
            self._await_ready(broker, 120)
        self.network.__enter__()
        return self

    def __exit__(self, *_):
        self.kill_all()
        self.network.__exit__()
        self._claim.close()
        atexit.unregister(self.kill_all)
        for number, handler in self._previous_handlers.items():
            signal.signal(number, handler)

    def _on_signal(self, number, _frame):
        self.kill_all()
        raise SystemExit(128 + number)

    def broker(self, number: int) -> Broker:
        return self.brokers[number - 1]

    def start(self, number: int = 1, timeout: float = 120) -> None:
        """Starts one that was stopped or killed, and waits until it serves."""
        self._launch(self.broker(number))
        self._await_ready(self.broker(number), timeout)

    def kill(self, number: int = 1) -> None:
        """kill -9."""
        self._end(self.broker(number), signal.SIGKILL, 10)

    def stop(self, number: int = 1) -> None:
        self._end(self.broker(number), signal.SIGTERM, 30)

    def await_end(self, number: int = 1, timeout: float = 60) -> int:
        """The exit code of one that ends by itself."""
        broker = self.broker(number)
        try:
            code = self._process(number).wait(timeout)
        except subprocess.TimeoutExpired:
            raise BrokerFailed(f"broker {number} still runs after {timeout:.0f} s:\n{self._log_tail(broker)}") from None
        broker.process = None
        return code

    def pause(self, number: int = 1) -> None:
        """It keeps its connections and answers nothing."""
        self._process(number).send_signal(signal.SIGSTOP)

    def resume(self, number: int = 1) -> None:
        self._process(number).send_signal(signal.SIGCONT)

    def kill_all(self) -> None:
        for broker in self.brokers:
            self._end(broker, signal.SIGKILL, 10)

    def _process(self, number: int) -> subprocess.Popen:
        process = self.broker(number).process
        if process is None:
            raise BrokerFailed(f"broker {number} does not run")
        return process

    def _end(self, broker: Broker, how: signal.Signals, timeout: float) -> None:
        if broker.process is None:
            return
        broker.process.send_signal(how)
        try:
            broker.process.wait(timeout)
        except subprocess.TimeoutExpired:
            broker.process.kill()
            broker.process.wait()
        broker.process = None

    def _format(self) -> None:
        """Lays out every broker's directory anew."""
        self.home.mkdir(parents=True, exist_ok=True)
        if self.options.secure:
            self._make_certificate()
        users = ["--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"] if self.options.secure else []
        formatting = []
        for broker in self.brokers:
            shutil.rmtree(broker.home, ignore_errors=True)
            broker.home.mkdir(parents=True)
            (broker.home / "server.properties").write_text(
                "".join(f"{name}={value}\n" for name, value in self._settings(broker).items()))
            with open(broker.log, "ab") as log:
                formatting.append(subprocess.Popen(
                    [*self._java(128, quick=True), "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID,
                     "-c", str(broker.home / "server.properties"), *users],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, preexec_fn=_die_with_parent))
        for broker, process in zip(self.brokers, formatting):
            if process.wait() != 0:
                raise BrokerFailed(f"broker {broker.number}: its directory cannot be formatted:\n{self._log_tail(broker)}")

    def _settings(self, broker: Broker) -> dict[str, str]:
        replicas = min(3, self.options.brokers)
        settings = {
            "process.roles": "broker,controller",
            "node.id": broker.number,
            "controller.quorum.voters": ",".join(f"{b.number}@127.0.0.1:{b.controller_port}" for b in self.brokers),
            "listeners": f"PLAINTEXT://127.0.0.1:{broker.port},CONTROLLER://127.0.0.1:{broker.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{broker.port}",
            "controller.listener.names": "CONTROLLER",
            "min.insync.replicas": (replicas + 1) // 2,
            "log.dirs": broker.home / "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": (replicas + 1) // 2,
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500,
            # One that was killed is taken back only when its last session has run out.
            "broker.heartbeat.interval.ms": 200,
            "broker.session.timeout.ms": 2000,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "num.recovery.threads.per.data.dir": 1,
            "background.threads": 2,
            "log.cleaner.dedupe.buffer.size": 8 << 20,
            "log.cleaner.backoff.ms": 1000,
            "controlled.shutdown.enable": "false",
        }
        if self.options.secure:
            settings.update(self._secure_settings(broker))
        elif broker.doors:
            settings.update(self._settings_of_doors(broker))
        own = {"n": broker.number, "port": broker.port, "home": broker.home}
        settings.update({name: str(value).format(**own) for name, value in self.options.settings.items()})
        return settings

    def _settings_of_doors(self, broker: Broker) -> dict[str, str]:
        """Whoever comes in by one is told of the same one at every broker."""
        own = f"PLAINTEXT://127.0.0.1:{broker.port}"
        names = [f"DOOR{i}" for i in range(len(broker.doors))]
        listening = [f"{name}://127.0.0.1:{port}" for name, (_, port) in zip(names, broker.doors)]
        told = [f"{name}://127.0.0.1:{port}" for name, (port, _) in zip(names, broker.doors)]
        return {
            "listeners": ",".join([own, *listening, f"CONTROLLER://127.0.0.1:{broker.controller_port}"]),
            "advertised.listeners": ",".join([own, *told]),
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in ("PLAINTEXT", "CONTROLLER", *names)),
            "inter.broker.listener.name": "PLAINTEXT",
        }

    def _secure_settings(self, broker: Broker) -> dict[str, str]:
        """A door with TLS and passwords for clients; brokers speak to themselves by another."""
        sasl = "listener.name.sasl_ssl"
        security = "org.apache.kafka.common.security"
        return {
            "listeners": f"SASL_SSL://127.0.0.1:{broker.port},INTERNAL://127.0.0.1:{broker.internal_port},"
                         f"CONTROLLER://127.0.0.1:{broker.controller_port}",
            "advertised.listeners": f"SASL_SSL://127.0.0.1:{broker.port},INTERNAL://127.0.0.1:{broker.internal_port}",
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "INTERNAL",
            f"{sasl}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            f"{sasl}.plain.sasl.jaas.config":
                f'{security}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
            f"{sasl}.scram-sha-512.sasl.jaas.config": f"{security}.scram.ScramLoginModule required;",
            "ssl.keystore.type": "PKCS12",
            "ssl.keystore.location": self.home / "keystore.p12",
            "ssl.keystore.password": PASSWORD,
        }

    def _make_certificate(self) -> None:
        keystore = self.home / "keystore.p12"
        keystore.unlink(missing_ok=True)
        for arguments in (["-genkeypair", "-keyalg", "EC", "-dname", "CN=broker", "-ext", "SAN=ip:127.0.0.1",
                           "-validity", "10"],
                          ["-exportcert", "-rfc", "-file", str(self.certificate)]):
            subprocess.run(["keytool", *arguments, "-alias", "broker", "-storetype", "PKCS12", "-keystore",
                            str(keystore), "-storepass", PASSWORD], check=True, capture_output=True)

    def _java(self, heap_mb: int, quick: bool) -> list[str]:
        return ["java", f"-Xms{min(heap_mb, 128)}m", f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", "-Xshare:auto", self._classes,
                "-XX:-UsePerfData", *(["-XX:TieredStopAtLevel=1"] if quick else []),
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=info", "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS", "-cp", kafka_install.classpath()]

    def _launch(self, broker: Broker) -> None:
        if broker.process is not None:
            raise BrokerFailed(f"broker {broker.number} runs already")
        # So that what an earlier run wrote is not taken for this one's.
        if broker.log.exists():
            with open(broker.home / "server.log.old", "ab") as old:
                old.write(broker.log.read_bytes())
            broker.log.unlink()
        with open(broker.log, "ab") as log:
            broker.process = subprocess.Popen(
                [*self._java(self.options.heap_mb, quick=not self.options.full_jit), "kafka.Kafka",
                 str(broker.home / "server.properties")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=broker.home,
                start_new_session=True, preexec_fn=_die_with_parent)

    def _await_ready(self, broker: Broker, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if broker.process.poll() is not None:
                code, broker.process = broker.process.returncode, None
                raise BrokerFailed(f"broker {broker.number} ended with {code} while starting:\n{self._log_tail(broker)}")
            if b"Kafka Server started" in broker.log.read_bytes():
                return
            time.sleep(0.05)
        raise BrokerFailed(f"broker {broker.number} was not ready after {timeout:.0f} s:\n{self._log_tail(broker)}")

    def _log_tail(self, broker: Broker) -> str:
        return "\n".join(broker.log.read_text(errors="replace").splitlines()[-30:])


def _archive_classes(to: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="braid-kafka-") as home, Brokers(Path(home), archive_classes_to=to) as brokers:
        brokers.stop()


def _obey(brokers: Brokers, line: str) -> str:
    try:
        what, number = line.split()
        if what not in ("kill", "stop", "start", "pause", "resume"):
            raise ValueError(what)
        getattr(brokers, what)(int(number))
        return "ok"
    except (BrokerFailed, ValueError, IndexError) as error:
        return f"{line!r}: {error}".replace("\n", " | ")


def run_beside(brokers: Brokers, command: list[str]) -> int:
    """Runs the command, serving its wishes meanwhile; gives its exit code."""
    path = str(brokers.home / "control")
    Path(path).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as door, selectors.DefaultSelector() as selector:
        door.bind(path)
        door.listen()
        selector.register(door, selectors.EVENT_READ)
        environment = {**os.environ, "BRAID_KAFKA": brokers.bootstrap, "BRAID_KAFKA_CONTROL": path}
        if brokers.options.secure:
            environment["BRAID_KAFKA_CA"] = str(brokers.certificate)
        child = subprocess.Popen(command, preexec_fn=_die_with_parent, env=environment)
        try:
            while child.poll() is None:
                for key, _ in selector.select(timeout=0.05):
                    if key.fileobj is door:
                        selector.register(door.accept()[0], selectors.EVENT_READ)
                        continue
                    wish = key.fileobj.recv(1000).decode()
                    if wish:
                        key.fileobj.sendall((_obey(brokers, wish.strip()) + "\n").encode())
                    else:
                        selector.unregister(key.fileobj)
                        key.fileobj.close()
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        return child.returncode if child.returncode >= 0 else 128 - child.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("run")
    run.add_argument("--brokers", type=int, default=1)
    run.add_argument("--home", type=Path, help="where brokers keep their data and logs; else a directory that goes")
    run.add_argument("--full-jit", action="store_true")
    run.add_argument("--secure", action="store_true")
    run.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    missing = kafka_install.missing_programs()
    if missing:
        print(f"no {' and no '.join(missing)}: tools/setup --kafka installs what brokers need", file=sys.stderr)
        return NOT_INSTALLED
    home = arguments.home or Path(tempfile.mkdtemp(prefix="braid-kafka-"))
    try:
        with Brokers(home, Options(arguments.brokers, full_jit=arguments.full_jit, secure=arguments.secure)) as brokers:
            return run_beside(brokers, arguments.command)
    except BrokerFailed as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if arguments.home is None:
            shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
