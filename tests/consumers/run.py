#!/usr/bin/env python3
"""Proves the harness of real consumers: each is given a stream made by hand, and must end with its rows.

    run.py [--brokers HOST:PORT] [--only NAME …] [--changes N] [--seed N] [--keep DIR]

Without --brokers a broker is started. The consumers' logs stay in DIR, or in the system's temporary directory if something fails.
"""

import argparse
import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path

import artefacts

artefacts.use_clients()

import fastavro
import made
import scenarios
import topics
from confluent_kafka import Producer
from program import Failed
from table import Table, Wrong

import broker
import registry

PARTITIONS = 3
RUBBISH = b"what no reader of committed records ever sees"


def fill(brokers: str, topic: str, changes: list[made.Change], encode) -> None:
    """In transactions, some of which are aborted: as a worker that guarantees exactly_once writes it."""
    topics.make(brokers, topic, PARTITIONS)
    producer = Producer({"bootstrap.servers": brokers, "transactional.id": topic, "linger.ms": 5, "log_level": 3})
    producer.init_transactions(30)
    batch = max(len(changes) // 7, 1)
    for start in range(0, len(changes), batch):
        producer.begin_transaction()
        for partition in range(PARTITIONS):
            producer.produce(topic, RUBBISH, RUBBISH, partition=partition)
        producer.flush(30)
        producer.abort_transaction(30)
        producer.begin_transaction()
        for change in changes[start:start + batch]:
            key, value = encode(change)
            partition = change.key["id"] % PARTITIONS
            producer.produce(topic, value, key, partition=partition)
            if change.op == "d":
                producer.produce(topic, None, key, partition=partition)
        producer.commit_transaction(30)


def run_scenarios(home: Path, brokers: str, options) -> list[str]:
    changes, rows = made.history(options.seed, options.changes)
    table = Table(made.TABLE, made.COLUMNS, made.KEY, rows)
    mark = f"made-{time.time_ns()}"

    def topic(name, encode):
        fill(brokers, f"{mark}-{name}", changes, encode)
        return f"{mark}-{name}"

    with contextlib.ExitStack() as stack:
        schemas = None if options.only and "python_avro" not in options.only else stack.enter_context(registry.Registry())
        all_of_them = {
            "python_json": lambda _: scenarios.python_json(brokers, topic("json", made.plain), table),
            "python_avro": lambda _: scenarios.python_avro(
                brokers, schemas.url, topic("avro", made.Avro(fastavro, schemas, mark.replace("-", "_")).encode), table),
            "connect_jdbc": lambda at: scenarios.connect_jdbc(
                at, brokers, topic("jdbc", lambda change: made.connect(change, mark)), table),
            "connect_jdbc_unwrapped": lambda at: scenarios.connect_jdbc(
                at, brokers, topic("unwrapped", lambda change: made.connect(change, mark)), table, scenarios.unwrapped()),
            "flink_sql": lambda at: scenarios.flink_sql(at, brokers, topic("flink", made.plain), table, "hidden"),
        }
        failed = []
        for name, scenario in all_of_them.items():
            if options.only and name not in options.only:
                continue
            started = time.monotonic()
            try:
                cost = scenario(home / name)
                print(f"{name}: {len(rows)} rows after {len(changes)} changes, in {time.monotonic() - started:.1f} s ({cost})", flush=True)
            except (Wrong, Failed) as error:
                failed.append(name)
                print(f"{name}: {error}", file=sys.stderr)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brokers")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    home = options.keep or Path(tempfile.mkdtemp(prefix="braid-consumers."))
    home.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        brokers = options.brokers
        if not brokers:
            brokers = stack.enter_context(broker.Brokers(home / "broker")).bootstrap
        failed = run_scenarios(home, brokers, options)
    if failed:
        print(f"failed: {', '.join(failed)}; logs are in {home}", file=sys.stderr)
        return 1
    if not options.keep:
        shutil.rmtree(home, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
