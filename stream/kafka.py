"""A first look at Kafka, before Faust's client retries without saying much."""

from __future__ import annotations

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from stream.errors import KafkaUnreachableError, TopicMissingError

PATIENCE = 5.0


def cluster_id(brokers: str, topic: str, option: str = "--topic") -> str:
    """Which Kafka cluster answers: offsets mean something only within one. Blocks for PATIENCE
    seconds at most. option: what names the topic. Raises KafkaUnreachableError or
    TopicMissingError."""
    client = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    try:
        metadata = client.list_topics(topic, timeout=PATIENCE)
    except KafkaException as error:
        raise KafkaUnreachableError(brokers, error.args[0].str()) from error
    if metadata.topics[topic].error:
        raise TopicMissingError(topic, brokers, option)
    return str(metadata.cluster_id)
