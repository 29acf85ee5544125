#!/usr/bin/env python3
"""A film's life on a real three-node cluster, and beside it Braid, whose events are shown as they come.

    examples/live/story.py --home DIR [--braid PROGRAM]

`./quickstart --live` calls it. Starts three Cassandra nodes on 127.0.0.1 to .3 (about 2.5 GB of memory), writes, kills Braid in
the middle, and stops everything that it started, also on Ctrl-C. DIR is emptied first; the logs and the state stay in it."""

import argparse
import contextlib
import importlib.machinery
import importlib.util
import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "recorder"))

import install  # noqa: E402

if __name__ == "__main__" and not {"-h", "--help"} & set(sys.argv):
    install.use_driver()

from cluster import Cluster, Options  # noqa: E402

SECONDS = 30

CONFIG = """\
# The pipeline of ./quickstart --live. docs/configuration.md has every key.
name: quickstart
source:
  nodes:
{nodes}
  tail: live                # events milliseconds after the write; synced waits for the node's disk
  sync_slack: 3s            # three times the nodes' commitlog_sync_period
state: {state}
streams:
  - {{name: titles, table: vault.titles}}
  - name: public-titles     # what the world may see: no hidden film, and not who works on it
    table: vault.titles
    where: "hidden = false"
    columns: {{exclude: [updated_by]}}
http: {{listen: "127.0.0.1:{port}"}}
"""

TABLE = ("CREATE TABLE vault.titles (id int PRIMARY KEY, title text, year int, directors list<text>, tags set<text>, "
         "hidden boolean, banner text, updated_by text) WITH cdc = true")


class NothingCame(Exception):
    pass


def _tool(name: str):
    """A program of tools/ as a module."""
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(ROOT / "tools" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class Braid:
    """`braid run`, and a `braid read --follow` for each stream."""

    def __init__(self, program: Path, home: Path, node_homes: dict[str, Path]):
        self.program, self.config = program, home / "braid.yaml"
        self.log = home / "braid.log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        nodes = "\n".join(f"    - {{name: {name}, home: {path}}}" for name, path in node_homes.items())
        self.config.write_text(CONFIG.format(nodes=nodes, state=home / "state", port=port), encoding="utf-8")
        self.running: subprocess.Popen | None = None
        self.readers: list[subprocess.Popen] = []
        self.events: dict[str, queue.Queue] = {}

    def start(self) -> None:
        with open(self.log, "ab") as log:
            self.running = subprocess.Popen([str(self.program), "run", "--config", str(self.config)], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True)

    def command(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([str(self.program), *arguments, "--config", str(self.config)], capture_output=True, text=True)

    def await_running(self) -> None:
        for _ in range(SECONDS * 10):
            if self.running.poll() is not None:
                break
            if self.command("status").returncode == 0:
                return
            time.sleep(0.1)
        raise NothingCame(f"braid run does not come up; its log is {self.log}:\n{self.log.read_text(encoding='utf-8')[-2000:]}")

    def follow(self, stream: str) -> None:
        with open(self.log, "ab") as log:
            reader = subprocess.Popen([str(self.program), "read", stream, "--config", str(self.config), "--follow"],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        self.readers.append(reader)
        came = self.events[stream] = queue.Queue()

        def take() -> None:
            for line in reader.stdout:
                came.put((time.time(), json.loads(line)))
        threading.Thread(target=take, daemon=True).start()

    def kill(self) -> None:
        self.running.kill()
        self.running.wait()

    def stop(self) -> None:
        """All by their ids."""
        for process in (*self.readers, self.running):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


class Story:
    def __init__(self, session, braid: Braid, out=sys.stdout):
        self.session, self.braid, self.out = session, braid, out
        self.show = _tool("show-stream")
        self.paper = self.show.Paper(out)

    def say(self, text: str = "") -> None:
        print(self.paper.paint(text, "1") if text else "", file=self.out, flush=True)

    def write(self, cql: str, **expected: int) -> None:
        """Writes, and shows that many events of each stream (with _ for -)."""
        print(f"cql> {self.paper.paint(cql, '36')}", file=self.out, flush=True)
        self.session.plain(cql)
        written = time.time()
        for stream, count in expected.items():
            self.expect(stream.replace("_", "-"), count, written)

    def expect(self, stream: str, count: int, since: float = 0) -> None:
        for _ in range(count):
            try:
                came, event = self.braid.events[stream].get(timeout=SECONDS)
            except queue.Empty:
                raise NothingCame(f"no event of {stream} within {SECONDS} s; the log of braid is {self.braid.log}") from None
            after = f", {max(came - since, 0) * 1000:.0f} ms after the write was acknowledged" if since else ""
            print(self.paper.dim(f"  {stream}{after}:"), file=self.out)
            self.show.show_event(event, self.paper)
        self.out.flush()

    def tell(self) -> None:
        session, braid = self.session, self.braid
        self.say("Braid starts beside them. It gets three directories and nothing else: no address, no password, no query.")
        braid.start()
        braid.await_running()
        session.plain("CREATE KEYSPACE vault WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 3}")
        self.write(TABLE)
        for stream in ("titles", "public-titles"):
            braid.follow(stream)
        self.say("\nA film comes in. Three replicas log it; the stream has it once. The public may not see it yet.")
        self.write("INSERT INTO vault.titles (id, title, year, directors, tags, hidden, updated_by) VALUES (842, 'Fargo', 1996, "
                   "['Joel Coen'], {'crime', 'snow'}, true, 'intake')", titles=1)
        self.write("UPDATE vault.titles SET directors = directors + ['Ethan Coen'], updated_by = 'casting' WHERE id = 842", titles=1)
        self.say("\nIt is made public: an update for those who see everything, a new film for the others.")
        self.write("UPDATE vault.titles SET hidden = false, updated_by = 'release' WHERE id = 842", titles=1, public_titles=1)
        self.say("\nkill -9. While Braid is dead, somebody writes.")
        braid.kill()
        self.write("UPDATE vault.titles SET tags = tags + {'oscar'}, year = 1997 WHERE id = 842")
        self.write("UPDATE vault.titles SET year = 1996 WHERE id = 842")
        self.say("It starts again: nothing is lost, nothing comes twice.")
        braid.start()
        for stream in ("titles", "public-titles"):
            self.expect(stream, 2)
        self.say("\nA banner for three seconds. No log says that it is over; the stream does.")
        self.write("UPDATE vault.titles USING TTL 3 SET banner = 'Tonight!' WHERE id = 842", titles=1, public_titles=1)
        self.expect("titles", 1)
        self.expect("public-titles", 1)
        self.say("\nThe licence ends.")
        self.write("DELETE FROM vault.titles WHERE id = 842", titles=1, public_titles=1)
        for stream, came in braid.events.items():
            if not came.empty():
                raise NothingCame(f"{stream} has an event that nobody wrote: {came.get()[1]}")
        self.say("\n$ braid status")
        print(braid.command("status").stdout, file=self.out, flush=True)

    def your_turn(self) -> None:
        """On a terminal: CQL lines, until an empty one."""
        self.say("Your turn: type CQL, such as INSERT INTO vault.titles (id, title) VALUES (1, 'Brazil'). An empty line ends.")
        while cql := input("cql> ").strip().rstrip(";"):
            try:
                self.session.plain(cql)
            except Exception as error:   # whatever the driver says of a wrong statement
                print(f"  {error}", file=self.out)
                continue
            time.sleep(0.5)
            for stream, came in self.braid.events.items():
                while not came.empty():
                    print(self.paper.dim(f"  {stream}:"), file=self.out)
                    self.show.show_event(came.get()[1], self.paper)


def tell(cluster: Cluster, session, program: Path, home: Path, out=sys.stdout) -> None:
    """The story on a cluster that runs. Raises NothingCame if an event is missing or one too many."""
    braid = Braid(program, home, {node.name: node.home for node in cluster.nodes})
    try:
        story = Story(session, braid, out)
        story.tell()
        if out is sys.stdout and sys.stdin.isatty() and out.isatty():
            story.your_turn()
    finally:
        braid.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--braid", type=Path, default=ROOT / "build" / "release" / "braid")
    arguments = parser.parse_args()
    from session import Session

    home = arguments.home.resolve()
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    print("Starting three Cassandra nodes: about a minute.", flush=True)
    try:
        with contextlib.ExitStack() as stack:
            cluster = stack.enter_context(Cluster(home / "nodes", Options(sync_ms=1000)))
            cluster.start()
            session = stack.enter_context(Session([node.address for node in cluster.nodes], cluster.ports.native))
            session.await_up([node.address for node in cluster.nodes])
            tell(cluster, session, arguments.braid.resolve(), home)
        print(f"Everything is stopped. The nodes' files, the configuration and the state are in {os.path.relpath(home)}")
    except NothingCame as error:
        sys.exit(f"quickstart: {error}")
    except (KeyboardInterrupt, EOFError):
        print("\nEverything is stopped.")


if __name__ == "__main__":
    main()
