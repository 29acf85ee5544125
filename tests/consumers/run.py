#!/usr/bin/env python3
"""Gives real consumers streams, and holds what they have in the end against the rows that there should be.

    run.py [--brokers HOST:PORT] [--only NAME …] [--keep DIR] [--changes N] [--seed N]
    run.py [--brokers HOST:PORT] [--only NAME …] [--keep DIR] --recording PATH --braid PROGRAM [--live | --past]

The first proves the harness, by a stream made by hand. The second takes the events that `braid replay` makes of a recording or,
with --live, what agents and a worker make of its nodes; with --past, when most of the nodes' logs are gone.
Exit 77 if something is not installed that a consumer needs. Without --brokers a broker is started. Logs stay in DIR, or in the system's temporary directory if something fails.
"""

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
import time
import zlib
from pathlib import Path

import artefacts

MISSING = artefacts.missing()
if MISSING:
    print(f"no {' and no '.join(MISSING)}: tools/setup --consumers installs what real consumers need", file=sys.stderr)
    sys.exit(77)
artefacts.use_clients()

import fastavro
import made
import recording
import consumers
import topics
from program import Failed
from table import Table, Wrong

import broker
import registry
from live import Live


class Scenarios:
    """Of one kind of stream. ALL are their names; `run` gives what a scenario says of its cost."""

    def __init__(self, brokers: str, home: Path):
        self.brokers, self.home = brokers, home
        self.mark = f"test-{time.time_ns()}"

    def topic(self, name: str, records) -> str:
        topic = f"{self.mark}-{name}"
        topics.fill(self.brokers, topic, records)
        return topic


class OfMadeStreams(Scenarios):
    ALL = ("python_json", "python_json_notices", "python_avro", "connect_jdbc", "connect_jdbc_unwrapped", "flink_sql")

    def __init__(self, brokers: str, home: Path, options):
        super().__init__(brokers, home)
        self.changes, rows = made.history(options.seed, options.changes)
        self.table = Table(made.TABLE, made.COLUMNS, made.KEY, rows)
        self.says = f"{len(rows)} rows after {len(self.changes)} changes"

    def _records(self, encode, changes=None):
        for change in changes or self.changes:
            key, value = encode(change)
            yield key, value, change.key["id"]
            if change.op == "d":
                yield key, None, change.key["id"]

    def run(self, name: str) -> str:
        return getattr(self, name)(name)

    def python_json(self, name: str) -> str:
        return _records(consumers.python_json(self.brokers, self.topic(name, self._records(made.plain)), self.table))

    def python_json_notices(self, name: str) -> str:
        """One change that is lost, one that comes twice, two of one row in the wrong order."""
        lost = self.changes[:-1]
        twice = self.changes[:5] + self.changes[4:]
        first = next(i for i, change in enumerate(self.changes) if change.revision == 2)
        swapped = [self.changes[first], *self.changes[:first], *self.changes[first + 1:]]
        for number, spoiled in enumerate((lost, twice, swapped)):
            topic = self.topic(f"{name}-{number}", self._records(made.plain, spoiled))
            try:
                consumers.python_json(self.brokers, topic, self.table)
            except Wrong:
                continue
            raise Wrong(f"{name}: spoiled stream {number} was not noticed")
        return "3 spoiled streams"

    def python_avro(self, name: str) -> str:
        with registry.Registry() as schemas:
            encode = made.Avro(fastavro, schemas, self.mark.replace("-", "_")).encode
            return _records(consumers.python_avro(self.brokers, schemas.url, self.topic(name, self._records(encode)), self.table))

    def connect_jdbc(self, name: str, more: dict[str, str] | None = None) -> str:
        topic = self.topic(name, self._records(lambda change: made.connect(change, self.mark)))
        return consumers.connect_jdbc(self.home / name, self.brokers, [(topic, self.table)], more)

    def connect_jdbc_unwrapped(self, name: str) -> str:
        return self.connect_jdbc(name, consumers.unwrapped())

    def flink_sql(self, name: str) -> str:
        return consumers.flink_sql(self.home / name, self.brokers, [(self.topic(name, self._records(made.plain)), self.table)])


class OfRecording(Scenarios):
    ALL = ("python_json", "flink_sql")

    def __init__(self, brokers: str, home: Path, options):
        super().__init__(brokers, home)
        path = recording.unpacked(options.recording, home)
        streams = recording.streams(path, options.braid.resolve(), home)
        self.streams = [(self.topic(stream.table.name, self._records(stream.events)), stream.table) for stream in streams]
        self.says = f"{sum(len(stream.events) for stream in streams)} events in {len(streams)} streams"

    @staticmethod
    def _records(events):
        for event in events:
            parsed = json.loads(event)
            key = json.dumps(parsed["key"], ensure_ascii=False).encode()
            # Rows of one partition key go to one partition, as Braid's do.
            partition = zlib.crc32(json.dumps(next(iter(parsed["key"].values()))).encode())
            yield key, event, partition
            if parsed["op"] == "d":
                yield key, None, partition

    def run(self, name: str) -> str:
        if name == "flink_sql":
            return consumers.flink_sql(self.home / name, self.brokers, self.streams)
        return _records(sum(consumers.python_json(self.brokers, topic, table) for topic, table in self.streams))


class OfPipeline(Scenarios):
    FORMS = {"python_json": "json", "python_avro": "avro", "connect_jdbc": "connect", "flink_sql": "json"}
    ALL = tuple(FORMS)

    def __init__(self, brokers: str, home: Path, options, stack: contextlib.ExitStack):
        super().__init__(brokers, home)
        self.schemas = stack.enter_context(registry.Registry("BACKWARD"))
        forms = {self.FORMS[name] for name in options.only or self.ALL}
        self.live = stack.enter_context(Live(home, brokers, self.schemas.url, options.braid.resolve(), options.recording, forms,
                                              options.past))
        self.says = f"{len(self.live.tables)} streams"

    def run(self, name: str) -> str:
        streams = self.live.streams(self.FORMS[name])
        if name == "connect_jdbc":
            fit = [(topic, table) for topic, table in streams if not consumers.unfit_for_jdbc(self.brokers, topic, table)]
            cost = consumers.connect_jdbc(self.home / name, self.brokers, fit)
            return f"{len(fit)} of them: {', '.join(table.name for _, table in fit)}; {cost}"
        if name == "flink_sql":
            return consumers.flink_sql(self.home / name, self.brokers, streams)
        if name == "python_avro":
            return _records(sum(consumers.python_avro(self.brokers, self.schemas.url, topic, table) for topic, table in streams))
        return _records(sum(consumers.python_json(self.brokers, topic, table) for topic, table in streams))


def _records(count: int) -> str:
    return f"{count} records"


def run_all(kind: Scenarios, only: list[str] | None) -> list[str]:
    failed = []
    for name in only or kind.ALL:
        started = time.monotonic()
        try:
            cost = kind.run(name)
            print(f"{name}: {kind.says}, in {time.monotonic() - started:.1f} s ({cost})", flush=True)
        except (Wrong, Failed) as error:
            failed.append(name)
            print(f"{name}: {error}", file=sys.stderr, flush=True)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--recording", type=Path)
    parser.add_argument("--braid", type=Path)
    parser.add_argument("--live", action="store_true")
    parser.add_argument("--past", action="store_true")
    options = parser.parse_args()
    if (options.recording is None) != (options.braid is None):
        parser.error("--recording and --braid go together")
    home = options.keep or Path(tempfile.mkdtemp(prefix="braid-consumers."))
    home.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        brokers = options.brokers or stack.enter_context(broker.Brokers(home / "broker")).bootstrap
        if options.live or options.past:
            kind = OfPipeline(brokers, home, options, stack)
        else:
            kind = (OfRecording if options.recording else OfMadeStreams)(brokers, home, options)
        failed = run_all(kind, options.only)
    if failed:
        print(f"failed: {', '.join(failed)}; logs are in {home}", file=sys.stderr)
        return 1
    if not options.keep:
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
