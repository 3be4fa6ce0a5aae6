"""Hands batches to Kafka, in order and once each (idempotent producer)."""

from __future__ import annotations

import logging
import time
import uuid
from typing import Any

import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException, Producer

from agent import metrics
from agent.errors import KafkaUnreachableError
from agent.wire import Ledger, Origin, encode, headers

log = logging.getLogger(__name__)


class Shipper:
    """One agent instance's stream of batches: numbered from 0 without a gap."""

    def __init__(self, servers: str, topic: str, node: str) -> None:
        self._servers = servers
        self._topic = topic
        self._node = node
        self._agent = uuid.uuid4().hex
        self._sequence = 0
        self._producer: Any = None

    def start(self, timeout: float) -> None:
        """Connect. Blocks `timeout` seconds at the most, then raises KafkaUnreachableError."""
        self._producer = Producer(
            {
                "bootstrap.servers": self._servers,
                "client.id": f"flowatlas-agent-{self._node}",
                "enable.idempotence": True,  # implies acks=all, and order kept over retries
                "compression.type": "none",  # the batches are zstd inside
                "linger.ms": 5,
                "error_cb": _log_error,
            },
            logger=logging.getLogger("librdkafka"),
        )
        try:
            self._producer.list_topics(timeout=timeout)
        except KafkaException as error:
            raise KafkaUnreachableError(
                f"Kafka does not answer at {self._servers} within {timeout:g} s: "
                "start it, or name another with --kafka"
            ) from error

    def ship(self, rows: pa.RecordBatch, ledger: Ledger) -> None:
        """Queue one batch. Blocks while the producer's queue is full, so that nothing is shed."""
        value = encode(rows)
        origin = Origin(self._node, self._agent, self._sequence, ledger)
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    value,
                    key=self._node.encode(),
                    headers=headers(origin),
                    on_delivery=_Delivery(rows.num_rows),
                )
                break
            except BufferError:
                self._producer.poll(0.5)
        self._sequence += 1
        metrics.BATCHES.inc()
        metrics.ROWS.inc(rows.num_rows)
        metrics.BATCH_BYTES.inc(len(value))
        self._producer.poll(0)

    def stop(self, timeout: float) -> int:
        """Wait until Kafka has taken everything; returns the number of batches that it has not."""
        deadline = time.monotonic() + timeout
        left = len(self._producer)
        while left and time.monotonic() < deadline:
            left = self._producer.flush(0.5)
        return int(left)


class _Delivery:
    """Counts what became of one batch."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def __call__(self, error: KafkaError | None, _message: Any) -> None:
        if error is None:
            metrics.DELIVERED.inc()
            return
        metrics.UNDELIVERED.inc()
        metrics.UNDELIVERED_ROWS.inc(self._rows)
        log.error("batch not delivered rows=%d reason=%s", self._rows, error.str())


def _log_error(error: KafkaError) -> None:
    log.warning("kafka trouble code=%s reason=%s", error.name(), error.str())
