"""Topic `names`: every worker reads all of it, from some time on, for whoever asks under which name
an address was given out."""

from __future__ import annotations

import logging
import time
from collections import deque
from threading import Event, Thread
from typing import cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from agent import wire
from stream import metrics
from stream.seen_names import SeenNames

log = logging.getLogger(__name__)

AT_ONCE = 500
WAIT_SECONDS = 0.1
AGAIN_SECONDS = 10.0
"""Until a topic that was not there is looked for again."""
TIMEOUT = 5.0
MOST_WAITING = 200_000
"""Rows that are read ahead of `take`."""
SLACK = 0.25
"""Seconds that a message sent earlier may arrive later: clients send each partition on its own."""
STEP = 0.02


class NamesTopic:
    """Reads and decodes in a thread, from `start` on; `take` brings what came into `seen`, and is
    for one other thread, which may then look names up. A topic that is missing, or cannot be
    read, is logged and looked for again: addresses are then named by what else is known."""

    def __init__(self, brokers: str, topic: str, seen: SeenNames) -> None:
        self.seen = seen
        self._brokers, self._topic = brokers, topic
        self._waiting: deque[wire.Batch] = deque()
        self._rows_read = self._rows_taken = 0
        self._since = self._complete = 0.0
        self._gave_up = -1.0
        self._behind: set[int] = set()
        self._away = False
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="names", daemon=True)

    def start(self, since: float) -> None:
        """since: Unix seconds; what was sent before is not read."""
        self._since = since
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def take(self) -> None:
        """All that was read so far."""
        while self._waiting:
            batch = self._waiting.popleft()
            self._rows_taken += batch.rows.num_rows
            metrics.names_rows.inc(batch.rows.num_rows)
            self.seen.add(batch.rows, batch.origin.node)

    def wait(self, moment: float, patience: float) -> bool:
        """Take all that was sent by `moment` (Unix seconds); says whether that is there. Blocks for
        `patience` seconds at most, and not again until something has been read, nor while the topic
        cannot be."""
        wanted = min(moment + SLACK, time.time())
        deadline = time.monotonic() + patience
        while self._complete < wanted and not self._away:
            if self._complete == self._gave_up:
                break
            self.take()
            if time.monotonic() >= deadline:
                self._gave_up = self._complete
            time.sleep(STEP)
        self.take()
        metrics.names_entries.set(len(self.seen))
        return self._complete >= wanted

    def _run(self) -> None:
        while not self._stopping.is_set():
            consumer = Consumer(
                {
                    "bootstrap.servers": self._brokers,
                    "group.id": "flowatlas-names",  # librdkafka wants one; it is not joined
                    "enable.auto.commit": False,
                    "auto.offset.reset": "earliest",
                    "enable.partition.eof": True,
                    "fetch.wait.max.ms": int(WAIT_SECONDS * 1000),
                    "queued.max.messages.kbytes": 16_384,
                    "log_level": 2,
                }
            )
            try:
                self._read(consumer)
            except KafkaException as error:
                self._away = True
                log.warning(
                    'names not read, addresses go without topic=%s reason="%s"',
                    self._topic,
                    error.args[0].str(),
                )
                self._stopping.wait(AGAIN_SECONDS)
            finally:
                consumer.close()

    def _read(self, consumer: Consumer) -> None:
        """Until stopped. Raises KafkaException if the topic is missing or nobody answers."""
        found = consumer.list_topics(self._topic, timeout=TIMEOUT).topics[self._topic]
        if found.error:
            raise KafkaException(found.error)
        since = int(self._since * 1000)
        wanted = [TopicPartition(self._topic, number, since) for number in found.partitions]
        places = consumer.offsets_for_times(wanted, timeout=TIMEOUT)
        for place in places:
            if place.offset < 0:  # nothing was sent since
                _, place.offset = consumer.get_watermark_offsets(place, timeout=TIMEOUT)
        consumer.assign(places)
        self._behind = {place.partition for place in places}
        self._away = False
        while not self._stopping.is_set():
            if self._rows_read - self._rows_taken > MOST_WAITING:
                self._stopping.wait(WAIT_SECONDS)
                continue
            began = time.time()
            messages = consumer.consume(AT_ONCE, WAIT_SECONDS)
            for message in messages:
                self._keep(message)
            if len(messages) < AT_ONCE and not self._behind:
                self._complete = began
            metrics.names_lag.set(_lag(consumer, places))

    def _keep(self, message: KafkaMessage) -> None:
        if error := message.error():
            if error.code() == KafkaError._PARTITION_EOF:
                self._behind.discard(message.partition() or 0)
            elif error.fatal():
                raise KafkaException(error)
            return
        try:
            headers = cast(wire.Headers, message.headers() or [])
            batch = wire.names.CODEC.decode(message.value() or b"", headers)
        except wire.WireError as error:
            metrics.names_unreadable.inc()
            log.warning('names not used offset=%s reason="%s"', message.offset(), error)
            return
        self._rows_read += batch.rows.num_rows
        self._waiting.append(batch)


def _lag(consumer: Consumer, places: list[TopicPartition]) -> int:
    """Messages that are in the topic, as far as known, and were not read."""
    lag = 0
    for place in consumer.position(places):
        _, end = consumer.get_watermark_offsets(place, cached=True)
        lag += max(0, end - place.offset) if place.offset >= 0 else 0
    return lag
