"""What the roles rely on in a Kafka broker, held against the embedded broker and Apache Kafka."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.local import probes
from deploy.local.broker import EmbeddedBroker
from deploy.local.kafka import ApacheKafka
from deploy.local.supervisor import SupervisedProcess

TOPIC = "flows"
GROUPS = count()


@dataclass(frozen=True)
class Read:
    """A message as the tests compare it."""

    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


def plain(message: Any) -> Read:
    assert message.error() is None
    return Read(
        *(message.partition(), message.offset(), message.key(), message.value()),
        headers=message.headers() or [],
    )


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(params=["embedded", "kafka"])
def address(request: pytest.FixtureRequest) -> str:
    broker: EmbeddedBroker | ApacheKafka = request.getfixturevalue(request.param)
    return broker.address


def produce(address: str, values: list[bytes], key: bytes = b"node-a") -> list[Read]:
    """Send as the agents do and return the delivered messages, failing on any that was not."""
    delivered: list[Read] = []
    producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "acks": "all"})
    for sequence, value in enumerate(values):
        producer.produce(
            TOPIC,
            value,
            key,
            headers=[("sequence", b"%d" % sequence), ("node", key)],
            on_delivery=lambda _, message: delivered.append(plain(message)),
        )
    assert producer.flush(20) == 0
    return delivered


def consumer(address: str, group: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": address,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            # The embedded broker gives members that left this long before the next may join.
            "session.timeout.ms": 6000,
        }
    )


def read(source: Consumer, amount: int, partition: int) -> list[Read]:
    messages: list[Read] = []
    deadline = time.monotonic() + 20
    while len(messages) < amount and time.monotonic() < deadline:
        fetched = map(plain, source.consume(100, timeout=0.5))
        messages += [message for message in fetched if message.partition == partition]
    return messages[:amount]


def test_every_declared_topic_is_there(address: str) -> None:
    there = AdminClient({"bootstrap.servers": address}).list_topics(timeout=10).topics
    assert there.keys() >= {"flows", "flows.dead", "names", "inventory"}
    assert sorted(there[TOPIC].partitions) == [0, 1, 2, 3]


def test_messages_of_an_idempotent_producer_round_trip_with_key_and_headers(address: str) -> None:
    sent = produce(address, [b"first", b"\x00\xff" * 50_000, b""])
    source = consumer(address, "unused")
    source.assign([TopicPartition(TOPIC, sent[0].partition, sent[0].offset)])
    received = read(source, 3, sent[0].partition)
    source.close()
    assert [message.value for message in received] == [b"first", b"\x00\xff" * 50_000, b""]
    assert {message.key for message in received} == {b"node-a"}
    assert [message.headers for message in received] == [
        [("sequence", sequence), ("node", b"node-a")] for sequence in (b"0", b"1", b"2")
    ]


def test_messages_of_one_key_get_offsets_without_gaps_in_one_partition(address: str) -> None:
    sent = produce(address, [b"x"] * 500)
    assert len({message.partition for message in sent}) == 1
    assert [message.offset - sent[0].offset for message in sent] == list(range(500))


def test_a_consumer_group_resumes_after_what_it_committed(address: str) -> None:
    group = f"resuming-{next(GROUPS)}"
    sent = produce(address, [b"%d" % n for n in range(20)], key=b"node-resume")
    partition = sent[0].partition
    first = consumer(address, group)
    first.subscribe([TOPIC])
    assert read(first, 1, partition), "it never became a member"
    position = TopicPartition(TOPIC, partition, sent[12].offset)
    first.commit(offsets=[position], asynchronous=False)
    first.close()

    second = consumer(address, group)
    second.subscribe([TOPIC])
    resumed = read(second, 8, partition)
    second.close()
    assert [message.value for message in resumed] == [b"%d" % n for n in range(12, 20)]


def test_the_lag_of_a_group_is_what_it_has_not_committed(address: str) -> None:
    group = f"lagging-{next(GROUPS)}"
    sent = produce(address, [b"x"] * 10, key=b"node-lag")
    before = probes.uncommitted(address, group, TOPIC)
    source = consumer(address, group)
    end = TopicPartition(TOPIC, sent[-1].partition, sent[-1].offset + 1)
    source.commit(offsets=[end], asynchronous=False)
    source.close()
    after = probes.uncommitted(address, group, TOPIC)
    assert before is not None
    assert after is not None
    assert before - after == end.offset


def test_a_faust_worker_reads_the_topic(address: str, tmp_path: Path) -> None:
    produce(address, [b"for faust"])
    command = [sys.executable, "-m", "faust", "-A", "tests.contract.faust_echo", "worker"]
    worker = SupervisedProcess(
        "faust", command, tmp_path, restart=False, environment={"BROKER": address}
    )
    worker.start()
    try:
        worker.wait_until(lambda: "read for faust" in worker.log_file.read_text(), 30)
    finally:
        worker.stop()
