"""Topics: makes them, and reads them as a consumer of what is committed."""

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from program import Failed


def make(brokers: str, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 3})
    for made in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
        made.result(30)


PARTITIONS = 3
RUBBISH = b"what no reader of committed records ever sees"


def fill(brokers: str, topic: str, records) -> None:
    """Makes a topic of `records`, (key, value or None, a number that picks the partition), in transactions, some of which are
    aborted: as a worker that guarantees exactly_once writes it."""
    make(brokers, topic, PARTITIONS)
    producer = Producer({"bootstrap.servers": brokers, "transactional.id": topic, "linger.ms": 5, "log_level": 3})
    producer.init_transactions(30)
    records = list(records)
    batch = max(len(records) // 7, 1)
    for start in range(0, max(len(records), 1), batch):
        producer.begin_transaction()
        for partition in range(PARTITIONS):
            producer.produce(topic, RUBBISH, RUBBISH, partition=partition)
        producer.flush(30)
        producer.abort_transaction(30)
        producer.begin_transaction()
        for key, value, number in records[start:start + batch]:
            producer.produce(topic, value, key, partition=number % PARTITIONS)
        producer.commit_transaction(30)


def read_all(brokers: str, topic: str):
    """Every record of the topic that is committed now, partition by partition."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "test", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "enable.partition.eof": True, "fetch.wait.max.ms": 20})
    try:
        for partition in consumer.list_topics(topic, 10).topics[topic].partitions:
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
            while True:
                record = consumer.poll(20)
                if record is None:
                    raise Failed(f"{topic}: nothing comes of partition {partition}")
                if record.error():
                    if record.error().code() != KafkaError._PARTITION_EOF:
                        raise Failed(f"{topic}: {record.error()}")
                    break
                yield record
    finally:
        consumer.close()
