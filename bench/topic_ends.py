#!/usr/bin/env python3
"""Tells how far a topic has come, for bench/peer.py.

    topic_ends.py BROKERS TOPIC PARTITIONS

makes the topic unless PARTITIONS is 0, and prints a line every 50 ms: the time (monotonic, in seconds) and the sum of its
partitions' ends, as a reader of what is committed sees them. When its standard input ends it reads the topic, prints "count
EVENTS BYTES" (keys and values), and deletes it."""

import os
import select
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "consumers"))

import artefacts  # noqa: E402

EVERY_S = 0.05


def end_of(admin, topic: str) -> int:
    from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
    from confluent_kafka.admin import OffsetSpec
    known = admin.list_topics(timeout=10).topics.get(topic)
    if known is None or not known.partitions:
        return 0
    wanted = {TopicPartition(topic, partition): OffsetSpec.latest() for partition in known.partitions}
    try:
        answers = admin.list_offsets(wanted, isolation_level=IsolationLevel.READ_COMMITTED)
        return sum(answer.result(10).offset for answer in answers.values())
    except KafkaException:   # no leader yet
        return 0


def main() -> None:
    artefacts.use_clients()
    from confluent_kafka.admin import AdminClient

    from topics import make, read_all
    brokers, topic, partitions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if partitions:
        make(brokers, topic, partitions)
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 3})
    while True:
        end = end_of(admin, topic)
        print(f"{time.monotonic()} {end}", flush=True)
        readable, _, _ = select.select([sys.stdin], [], [], EVERY_S)
        if readable and not os.read(sys.stdin.fileno(), 1):
            break
    events = size = 0
    for record in read_all(brokers, topic):
        events += 1
        size += len(record.key() or b"") + len(record.value() or b"")
    print(f"count {events} {size}", flush=True)
    for deleted in admin.delete_topics([topic]).values():
        deleted.result(30)


if __name__ == "__main__":
    main()
