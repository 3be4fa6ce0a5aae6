"""Hands batches to Kafka, in order, from the spool: Kafka may be away, and this process may die."""

from __future__ import annotations

import logging
import socket
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException, Producer

from agent import metrics
from agent.account import row_volume
from agent.errors import KafkaAddressError
from agent.spool import CorruptBatchError, Entry, Message, Spool
from agent.wire import CODEC, Codec, Ledger, Origin

log = logging.getLogger(__name__)

_MESSAGE_BYTES = 900_000
"""Brokers and librdkafka take 1,000,000 bytes with headers, unless told otherwise."""

_PAUSE_SECONDS = 2.0
"""Before what Kafka did not take is handed over again."""

_NEVER_TAKEN = frozenset(
    {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE, KafkaError.INVALID_MSG}
)


class Shipper:
    """One agent instance's batches: numbered from 0 without a gap in each topic.

    `ship` only makes them durable; `forward` gives Kafka what it can take, the oldest first, what
    earlier instances left included. A batch that Kafka stored without our learning of it is sent
    again, under the number it had.
    """

    def __init__(self, servers: str, node: str, spool: Spool, queue_bytes: int) -> None:
        self._servers = servers
        self._node = node
        self._spool = spool
        self._queue_bytes = queue_bytes
        self._sequences: defaultdict[str, int] = defaultdict(int)
        self._producer: Any = None
        self._away = False
        self._failed = False
        self._broken = False
        self._resume_at = 0.0
        self.agent = uuid.uuid4().hex

    def start(self) -> None:
        """Does not wait for Kafka. Raises KafkaAddressError for what can never be reached."""
        _check_addresses(self._servers)
        self._producer = self._connect()

    def sequence(self, topic: str) -> int:
        """The number of the topic's next batch."""
        return self._sequences[topic]

    def ship(self, topic: str, rows: pa.RecordBatch, ledger: Ledger, codec: Codec = CODEC) -> None:
        """Returns when the rows are on disk. One batch, unless that is too large for a message."""
        origin = Origin(self._node, self.agent, self._sequences[topic], ledger)
        self._sequences[topic] = self.ship_as(origin, topic, rows, codec)

    def ship_as(
        self, origin: Origin, topic: str, rows: pa.RecordBatch, codec: Codec = CODEC
    ) -> int:
        """Ship for whichever instance `origin` names; returns the sequence after it."""
        for piece, value in _pieces(rows, codec):
            message = Message(topic, codec.headers(origin), value)
            self._keep(message, piece)
            origin = replace(origin, sequence=origin.sequence + 1)
            metrics.BATCHES.inc()
            metrics.BATCH_BYTES.inc(len(value))
        return origin.sequence

    def forward(self) -> None:
        """Never blocks. To be called often: it also hears what Kafka has acknowledged."""
        self._producer.poll(0)
        if self._broken:
            self._replace_client()
        if self._failed:
            self._begin_again()
        while self._may_hand_over() and self._hand_over():
            pass

    def stop(self, timeout: float) -> int:
        """Wait until Kafka has taken everything; returns the number of batches that it has not,
        which stay in the spool."""
        deadline = time.monotonic() + timeout
        self.forward()
        while len(self._spool) and time.monotonic() < deadline:
            self._producer.poll(0.05)
            self.forward()
        self._producer.purge()
        self._producer.poll(0)
        return len(self._spool)

    def _connect(self) -> Any:
        return Producer(
            {
                "bootstrap.servers": self._servers,
                "client.id": f"flowatlas-agent-{self._node}",
                "enable.idempotence": True,  # implies acks=all, and order kept over retries
                "message.timeout.ms": 0,  # never: given up and sent again, order would be lost
                "queue.buffering.max.kbytes": 2 * self._queue_bytes // 1024,
                "reconnect.backoff.max.ms": 2000,
                "compression.type": "none",  # the batches are zstd inside
                "linger.ms": 5,
                "log_level": 2,  # what is less than critical comes to error_cb, too
                "error_cb": self._on_error,
            },
            logger=logging.getLogger("librdkafka"),
        )

    def _keep(self, message: Message, rows: pa.RecordBatch) -> None:
        """In the spool; if the disk fails, straight to Kafka, as long as that has room."""
        flow_rows, volume = _accounted(rows)
        metrics.ROWS.inc(flow_rows)
        try:
            self._spool.put(message, flow_rows, volume)
        except OSError as error:
            metrics.UNSPOOLED_BATCHES.inc()
            log.error("batch not spooled directory=%s reason=%s", self._spool.directory, error)
            try:
                self._produce(message, partial(self._on_unspooled, flow_rows, volume))
            except (BufferError, KafkaException):
                self._spool.count_dropped(flow_rows, volume, "unwritable")

    def _may_hand_over(self) -> bool:
        size = self._spool.next_size()
        if size is None or self._failed or time.monotonic() < self._resume_at:
            return False
        handed = self._spool.handed_size
        return not handed or handed + size <= self._queue_bytes

    def _hand_over(self) -> bool:
        """Whether the client has room for more."""
        entry = self._spool.take()
        try:
            self._produce(self._spool.read(entry), partial(self._on_delivery, entry))
        except CorruptBatchError as error:
            log.error("batch set aside reason=%s", error)
            self._spool.set_aside(entry)
        except BufferError:
            self._spool.put_back(entry)
            return False
        except KafkaException as error:
            self._on_delivery(entry, error.args[0], None)
        return True

    def _produce(self, message: Message, on_delivery: Any) -> None:
        self._producer.produce(
            message.topic,
            message.value,
            key=self._node.encode(),
            headers=message.headers,
            on_delivery=on_delivery,
        )

    def _replace_client(self) -> None:
        """A client with a fatal error never sends again."""
        self._producer.purge()
        self._producer = self._connect()
        self._failed, self._broken = True, False

    def _begin_again(self) -> None:
        """Once all that was handed over has been heard of, the rest waits again, in its order."""
        if len(self._producer):
            return
        self._spool.put_all_back()
        self._failed = False
        self._resume_at = time.monotonic() + _PAUSE_SECONDS

    def _on_delivery(self, entry: Entry, error: KafkaError | None, _message: Any) -> None:
        if error is None:
            self._spool.remove(entry)
            self._on_answer()
        elif error.code() in _NEVER_TAKEN:
            log.error("batch refused rows=%d reason=%s", entry.rows, error.str())
            self._spool.drop(entry, "refused")
        else:
            self._failed = True
            self._on_error(error)

    def _on_unspooled(
        self, rows: int, volume: int, error: KafkaError | None, _message: Any
    ) -> None:
        if error is None:
            self._on_answer()
        else:
            self._spool.count_dropped(rows, volume, "unwritable")

    def _on_answer(self) -> None:
        metrics.DELIVERED.inc()
        if self._away:
            self._away = False
            log.info("kafka answers again spooled_batches=%d", len(self._spool))

    def _on_error(self, error: KafkaError) -> None:
        """Told once, until Kafka answers again: the client repeats itself for every attempt."""
        if not self._away:
            self._away = True
            log.warning(
                "kafka does not take batches, they wait in the spool servers=%s reason=%s",
                *(self._servers, error.str()),
            )
        self._broken = self._broken or error.fatal()


def _pieces(rows: pa.RecordBatch, codec: Codec) -> Iterator[tuple[pa.RecordBatch, bytes]]:
    """The rows as they fit into messages."""
    value = codec.encode(rows)
    if len(value) <= _MESSAGE_BYTES or rows.num_rows < 2:
        yield rows, value
        return
    half = rows.num_rows // 2
    yield from _pieces(rows.slice(0, half), codec)
    yield from _pieces(rows.slice(half), codec)


def _accounted(rows: pa.RecordBatch) -> tuple[int, int]:
    """What the ledger counts of a batch: flow rows and their application bytes."""
    if rows.schema != CODEC.schema:
        return 0, 0
    return rows.num_rows, row_volume(rows)


def _check_addresses(servers: str) -> None:
    unresolved = []
    for server in servers.split(","):
        try:
            parts = urlsplit(f"//{server.rpartition('://')[2].strip()}")
            if not parts.hostname:
                raise ValueError("no host")
            port = parts.port or 9092
        except ValueError as error:
            raise KafkaAddressError(
                f"{server!r} is no address of Kafka ({error}): give --kafka host:port[,host:port…]"
            ) from error
        try:
            socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except OSError as error:
            unresolved.append(f"{server}: {error.strerror}")
        else:
            return
    raise KafkaAddressError(
        f"no address of Kafka can be resolved ({'; '.join(unresolved)}): correct --kafka"
    )
