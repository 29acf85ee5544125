"""Topics: makes them, and reads them as a consumer of what is committed."""

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from program import Failed


def make(brokers: str, topic: str, partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 3})
    for made in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
        made.result(30)


def read_all(brokers: str, topic: str):
    """Every record of the topic that is committed now, partition by partition."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "test", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "enable.partition.eof": True})
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
