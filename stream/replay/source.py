"""A topic of Kafka, read again between given offsets, beside whoever else reads it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from stream.dead_letter import Headers
from stream.decode import Message
from stream.replay.errors import KafkaReadError

AT_ONCE = 100
FETCHED_AHEAD_KB = 16_384
PATIENCE = 0.05
TIMEOUT = 20.0


@dataclass(frozen=True)
class Place:
    """How far a group has come in a partition; `note` is what it wrote beside the offset."""

    offset: int
    note: str = ""


class Source:
    """One topic. All calls block for Kafka and raise KafkaReadError."""

    def __init__(self, brokers: str, topic: str, group: str) -> None:
        self._topic = topic
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": FETCHED_AHEAD_KB,
                "log_level": 0,
            }
        )

    def close(self) -> None:
        self._consumer.close()

    def bounds(self) -> dict[int, tuple[int, int]]:
        """By partition: the first offset there is, and the one that the next message will get."""
        try:
            found = self._consumer.list_topics(self._topic, timeout=TIMEOUT).topics[self._topic]
            return {
                partition: self._consumer.get_watermark_offsets(
                    TopicPartition(self._topic, partition), timeout=TIMEOUT
                )
                for partition in sorted(found.partitions)
            }
        except KafkaException as error:
            raise KafkaReadError(error.args[0].str()) from error

    def offsets_at(self, moment: datetime) -> dict[int, int]:
        """By partition: the first message sent then or later, or the end."""
        time = int(moment.timestamp() * 1000)
        bounds = self.bounds()
        wanted = [TopicPartition(self._topic, partition, time) for partition in bounds]
        try:
            found = self._consumer.offsets_for_times(wanted, timeout=TIMEOUT)
        except KafkaException as error:
            raise KafkaReadError(error.args[0].str()) from error
        ends = {partition: high for partition, (_, high) in bounds.items()}
        return {
            place.partition: place.offset if place.offset >= 0 else ends[place.partition]
            for place in found
        }

    def committed(self) -> dict[int, Place]:
        """Of the group; partitions without a commit are left out."""
        wanted = [TopicPartition(self._topic, partition) for partition in self.bounds()]
        try:
            found = self._consumer.committed(wanted, timeout=TIMEOUT)
        except KafkaException as error:
            raise KafkaReadError(error.args[0].str()) from error
        return {
            place.partition: Place(place.offset, place.metadata or "")
            for place in found
            if place.offset >= 0
        }

    def commit(self, places: dict[int, Place]) -> None:
        """Only for a group that has no members."""
        offsets = [
            TopicPartition(self._topic, partition, place.offset, place.note)
            for partition, place in places.items()
        ]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            raise KafkaReadError(error.args[0].str()) from error

    def read(self, spans: dict[int, tuple[int, int]]) -> Iterator[list[Message]]:
        """The messages from the first offset up to and without the second one of each partition;
        of a partition in order, of several as they come."""
        left = {partition: end for partition, (first, end) in spans.items() if first < end}
        self._consumer.assign(
            [TopicPartition(self._topic, partition, spans[partition][0]) for partition in left]
        )
        try:
            while left:
                fetched = self._fetch()
                yield [_message(raw) for raw in fetched if self._is_within(raw, left)]
                self._pass_over_finished(left, fetched)
        finally:
            self._consumer.unassign()

    def _fetch(self) -> list[KafkaMessage]:
        """Kafka's client fills what it returns as long as it is given time, so that is short."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            if fetched := self._consumer.consume(AT_ONCE, timeout=PATIENCE):
                return fetched
        raise KafkaReadError(f"no message of {self._topic} within {TIMEOUT:g} s")

    def _is_within(self, raw: KafkaMessage, left: dict[int, int]) -> bool:
        error = raw.error()
        if error and error.code() != KafkaError._PARTITION_EOF:
            raise KafkaReadError(error.str())
        offset, partition = cast(int, raw.offset()), cast(int, raw.partition())
        return not error and offset < left.get(partition, -1)

    def _pass_over_finished(self, left: dict[int, int], fetched: list[KafkaMessage]) -> None:
        """An offset need not have a message, so a later one, or the end, tells too."""
        for raw in fetched:
            partition, offset = cast(int, raw.partition()), cast(int, raw.offset())
            reached = offset if raw.error() else offset + 1
            if reached >= left.get(partition, reached + 1):
                del left[partition]
                self._consumer.incremental_unassign([TopicPartition(self._topic, partition)])


def sent_at(message: Message) -> datetime:
    return datetime.fromtimestamp(message.timestamp, UTC)


def _message(raw: KafkaMessage) -> Message:
    return Message(
        cast(str, raw.topic()),
        cast(int, raw.partition()),
        cast(int, raw.offset()),
        raw.timestamp()[1] / 1000,
        raw.key(),
        raw.value() or b"",
        [(name, value or b"") for name, value in cast(Headers, raw.headers() or [])],
    )
