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
from stream.errors import StreamError
from stream.kafka import cluster_id
from stream.records import MalformedRecordError, Record

log = logging.getLogger(__name__)

BATCH = 10_000
WAIT_SECONDS = 0.2
TIMEOUT = 5.0
MOST_WAITING = 20_000
"""Changes that are read ahead of who takes them."""
AGAIN_SECONDS = 10.0
"""Until a topic that was not there is looked for again."""


class Change(NamedTuple):
    """`record` is None where the topic forgets the object. `time` is when it was published, Unix
    ms, which is when it was found to be so; `partition` and `offset` are where."""

    key: str
    record: Record | None
    time: int
    partition: int = 0
    offset: int = 0


class Message(NamedTuple):
    key: str
    value: bytes | None
    time: int
    partition: int
    offset: int


class InventoryTopic:
    """A consumer of its own, of all partitions and without a group. Offsets that compaction took
    away are passed over. Not for several threads."""

    def __init__(self, brokers: str, topic: str, option: str = "--topic") -> None:
        """option: of the command, that names the topic."""
        self._brokers, self._topic, self._option = brokers, topic, option
        self._consumer: Consumer | None = None
        self._behind: set[int] = set()
        self._stopping = False
        self.caught_up = False
        """Whether everything was read that was there at the start; it stays so."""

    def open(self) -> None:
        """Blocks for seconds. Raises KafkaUnreachableError, TopicMissingError or KafkaException."""
        cluster_id(self._brokers, self._topic, self._option)
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
        metadata = self._consumer.list_topics(self._topic, timeout=TIMEOUT)
        self._behind = set(metadata.topics[self._topic].partitions)
        self._consumer.assign([TopicPartition(self._topic, n, 0) for n in self._behind])

    def poll(self) -> list[Message]:
        """What has come since; waits WAIT_SECONDS at most. An unreachable Kafka gives nothing.
        Raises KafkaException for what will not pass."""
        assert self._consumer
        found = []
        for message in self._consumer.consume(BATCH, WAIT_SECONDS):
            if error := message.error():
                if error.code() == KafkaError._PARTITION_EOF:
                    self._behind.discard(message.partition() or 0)
                elif error.fatal():
                    raise KafkaException(error)
                continue
            key = (message.key() or b"").decode(errors="replace")
            place = message.partition() or 0, message.offset() or 0
            found.append(Message(key, message.value(), message.timestamp()[1], *place))
        self.caught_up = not self._behind
        return found

    def lag(self) -> int:
        """Messages that Kafka had, when it was last asked for some, and that were not read."""
        assert self._consumer
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
        if self._consumer:
            self._consumer.close()


class InventoryReader:
    """Reads and decodes in a thread, from `start` on; who takes the changes applies them when it
    suits. A topic that is missing, or cannot be read, is logged and looked for again, and then
    begun anew: changes may come repeatedly, each object's last one last."""

    def __init__(self, brokers: str, topic: str) -> None:
        self.topic = topic
        self._brokers = brokers
        self._changes: deque[Change] = deque()
        self._stopping = Event()
        self._read_all = Event()
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run, name="inventory", daemon=True)
        self.away = False
        """Whether the topic cannot be read at present."""
        self.current = 0
        """Unix ms up to which the topic was complete when it was last read; 0 if nobody said."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def caught_up(self) -> bool:
        """Whether all that was in the topic at the start has been taken."""
        return self._read_all.is_set() and not self._changes

    @property
    def waiting(self) -> int:
        """Changes that are there to be taken."""
        return len(self._changes)

    def take(self, most: int = BATCH) -> list[Change]:
        """The next changes in order, without waiting. Raises what ended the reading for good."""
        if self._failure:
            raise self._failure
        taken: list[Change] = []
        while self._changes and len(taken) < most:
            taken.append(self._changes.popleft())
        metrics.waiting.set(len(self._changes))
        return taken

    def _run(self) -> None:
        while not self._stopping.is_set():
            source = InventoryTopic(self._brokers, self.topic, "--inventory-topic")
            try:
                source.open()
                self._read(source)
            except (StreamError, KafkaException) as error:
                self.away = True
                reason = error.message if isinstance(error, StreamError) else error.args[0].str()
                log.warning(
                    'inventory not read, what is known of it stays topic=%s reason="%s"',
                    *(self.topic, reason),
                )
                self._stopping.wait(AGAIN_SECONDS)
            except BaseException as error:
                self._failure = error
                return
            finally:
                source.close()

    def _read(self, source: InventoryTopic) -> None:
        """Until stopped."""
        while not self._stopping.is_set():
            if len(self._changes) >= MOST_WAITING:
                self._stopping.wait(WAIT_SECONDS)
                continue
            messages = source.poll()
            self.away = False
            self._changes.extend(self._decoded(messages))
            metrics.waiting.set(len(self._changes))
            metrics.lag.set(source.lag())
            metrics.read.set(time.time())
            if source.caught_up:
                self._read_all.set()

    def _decoded(self, messages: list[Message]) -> Iterator[Change]:
        metrics.messages.inc(len(messages))
        for key, value, *place in messages:
            try:
                record = records.decode(key, value) if value is not None else None
            except MalformedRecordError as error:
                refuse(str(error), *place[1:])
                continue
            if isinstance(record, records.Watch):
                self.current = max(self.current, record.current)
                metrics.current.set(self.current / 1000)
            elif record is not None or value is None:
                yield Change(key, record, *place)


def refuse(problem: str, partition: int, offset: int) -> None:
    """Tell of a record that cannot be used. problem: names key and field."""
    metrics.malformed.inc()
    log.error(
        "record not used, its last good version stays partition=%d offset=%d %s",
        *(partition, offset, problem),
    )
