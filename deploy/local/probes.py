"""Questions to the outside, each answered within a few seconds and without an exception."""

from __future__ import annotations

import socket
from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import urlopen

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

SILENT = {"log_level": 0}


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now; port 0 always is."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 on which nothing listened a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [opened.getsockname()[1] for opened in sockets]
    finally:
        for opened in sockets:
            opened.close()


def http_answers(url: str) -> bool:
    """Whether an HTTP server answers at `url`, even if only to ask for a password."""
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except HTTPError as error:
        return error.code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    except (OSError, ValueError):
        return False


def kafka_answers(address: str) -> bool:
    """Whether a Kafka broker tells its topics at `address`."""
    try:
        AdminClient({"bootstrap.servers": address, **SILENT}).list_topics(timeout=3)
    except KafkaException:
        return False
    return True


def coordinator_answers(address: str) -> bool:
    """Whether consumer groups can be joined; asking makes Kafka's topic of committed offsets."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": "flowatlas-probe", **SILENT})
    try:
        consumer.committed([TopicPartition("flowatlas-probe", 0)], timeout=3)
    except KafkaException:
        return False
    finally:
        consumer.close()
    return True


def uncommitted(address: str, group: str, topic: str) -> int | None:
    """Messages of `topic` that `group` has not committed; None if the broker does not answer."""
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": group,
            "enable.auto.commit": False,
            **SILENT,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=3).topics[topic].partitions
        wanted = [TopicPartition(topic, partition) for partition in partitions]
        return sum(
            _behind(consumer, committed) for committed in consumer.committed(wanted, timeout=3)
        )
    except KafkaException:
        return None
    finally:
        consumer.close()


def _behind(consumer: Consumer, committed: TopicPartition) -> int:
    first, end = consumer.get_watermark_offsets(committed, timeout=3)
    done = first if committed.offset == OFFSET_INVALID else committed.offset
    return max(0, end - done)
