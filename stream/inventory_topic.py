"""Topic `inventory` from its beginning: all of it, then what comes."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from threading import Event, Thread
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from stream import inventory_metrics as metrics
from stream import records
from stream.kafka import cluster_id
from stream.records import MalformedRecordError, Record

log = logging.getLogger(__name__)

BATCH = 10_000
WAIT_SECONDS = 0.2
MOST_WAITING = 100_000
"""Changes that are read ahead of who takes them."""


class Change(NamedTuple):
    """`record` is None where the topic forgets the object. `time` is when it was published, Unix
    ms, which is when it was found to be so."""

    key: str
    record: Record | None
    time: int


class Message(NamedTuple):
    key: str
    value: bytes | None
    time: int


class InventoryTopic:
    """A consumer of its own, of all partitions and without a group. Not for several threads."""

    def __init__(self, brokers: str, topic: str) -> None:
        self._brokers, self._topic = brokers, topic
        self._behind: set[int] = set()
        self._stopping = False
        self.caught_up = False
        """Whether everything was read that was there at the start; it stays so."""

    def open(self) -> None:
        """Blocks for seconds. Raises KafkaUnreachableError or TopicMissingError."""
        cluster_id(self._brokers, self._topic)
        self._consumer = Consumer(
            {
                "bootstrap.servers": self._brokers,
                "group.id": "flowatlas-inventory-reader",  # librdkafka wants one; it is not joined
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "queued.max.messages.kbytes": 16_384,
                "log_level": 2,
            }
        )
        metadata = self._consumer.list_topics(self._topic)
        self._behind = set(metadata.topics[self._topic].partitions)
        self._consumer.assign([TopicPartition(self._topic, n, 0) for n in self._behind])

    def poll(self) -> list[Message]:
        """What has come since; waits WAIT_SECONDS at most. An unreachable Kafka gives nothing."""
        found = []
        for message in self._consumer.consume(BATCH, WAIT_SECONDS):
            if error := message.error():
                if error.code() == KafkaError._PARTITION_EOF:
                    self._behind.discard(message.partition())
                elif error.fatal():
                    raise KafkaException(error)
                continue
            key = (message.key() or b"").decode(errors="replace")
            found.append(Message(key, message.value(), message.timestamp()[1]))
        self.caught_up = not self._behind
        return found

    def lag(self) -> int:
        """Messages that Kafka had, when it was last asked for some, and that were not read."""
        lag = 0
        for place in self._consumer.position(self._consumer.assignment()):
            _, end = self._consumer.get_watermark_offsets(place, cached=True)
            lag += max(0, end - max(0, place.offset))
        return lag

    def read(self) -> Iterator[Message]:
        """Everything that is there now, unless it is stopped."""
        while not (self.caught_up or self._stopping):
            yield from self.poll()

    def stop(self) -> None:
        """Ends read(), from any thread."""
        self._stopping = True

    def close(self) -> None:
        self._consumer.close()


class InventoryReader:
    """Reads and decodes in a thread; who takes the changes applies them when it suits."""

    def __init__(self, brokers: str, topic: str) -> None:
        self._source = InventoryTopic(brokers, topic)
        self._changes: deque[Change] = deque()
        self._stopping = Event()
        self._caught_up = Event()
        self._current = 0
        self.failure: BaseException | None = None
        self._thread = Thread(target=self._run, name="inventory", daemon=True)

    def start(self) -> None:
        """Blocks for seconds. Raises KafkaUnreachableError or TopicMissingError."""
        self._source.open()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    @property
    def caught_up(self) -> bool:
        """Whether all that was in the topic at the start has been taken."""
        return self._caught_up.is_set() and not self._changes

    @property
    def current(self) -> int:
        """Unix ms up to which the topic was complete when it was last read; 0 if nobody said."""
        return self._current

    def take(self, most: int = BATCH) -> list[Change]:
        """The next changes in order, without waiting. Raises what ended the reading."""
        if self.failure:
            raise self.failure
        taken: list[Change] = []
        while self._changes and len(taken) < most:
            taken.append(self._changes.popleft())
        metrics.waiting.set(len(self._changes))
        return taken

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                if len(self._changes) >= MOST_WAITING:
                    self._stopping.wait(WAIT_SECONDS)
                    continue
                self._changes.extend(self._decoded(self._source.poll()))
                metrics.waiting.set(len(self._changes))
                metrics.lag.set(self._source.lag())
                if self._source.caught_up:
                    self._caught_up.set()
        except BaseException as error:
            self.failure = error
        finally:
            self._source.close()

    def _decoded(self, messages: list[Message]) -> Iterator[Change]:
        metrics.messages.inc(len(messages))
        for key, value, moment in messages:
            try:
                record = records.decode(key, value) if value is not None else None
            except MalformedRecordError as error:
                metrics.malformed.inc()
                log.error("record not used, its last good version stays: %s", error)
                continue
            if isinstance(record, records.Watch):
                self._current = max(self._current, record.current)
                metrics.current.set(self._current / 1000)
            elif record is not None or value is None:
                yield Change(key, record, moment)
        metrics.read.set(time.time())
