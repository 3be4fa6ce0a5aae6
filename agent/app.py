"""The agent's wiring: probe → flow rows → Kafka, interval by interval."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from agent import exporter, metrics
from agent.flows import aggregate, volume
from agent.probe import Probe, wall_clock_offset
from agent.ring import RECORD, Records
from agent.settings import Settings
from agent.shipper import Shipper
from agent.wire import COUNTERS, SCHEMA, Ledger, Protocol

log = logging.getLogger(__name__)

_DRAIN_SECONDS = 0.1
"""A full ring of the default size holds 0.1 s of 300,000 records a second."""


@dataclass
class _Account:
    """The agent's part of the ledger so far."""

    records: int = 0
    bytes: int = 0
    rows: int = 0
    row_bytes: int = 0


class Agent:
    """One node's agent. `run` blocks until `stopping` is set; then what was seen is shipped."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._probe = Probe(settings.cgroup, settings.interval, settings.ring_bytes)
        self._shipper = Shipper(settings.kafka, settings.topic, settings.node)
        self._account = _Account()
        self._pending: list[Records] = []
        self._stop_serving: list[Callable[[], None]] = []

    def start(self) -> None:
        """Reach Kafka, count, then serve metrics: they answer once all is counted.

        Raises AgentError.
        """
        settings = self._settings
        self._shipper.start(settings.kafka_timeout)
        self._probe.start()
        self._stop_serving.append(metrics.watch_kernel(self._probe.ledger))
        port, stop = exporter.serve(settings.metrics_host, settings.metrics_port)
        self._stop_serving.append(stop)
        log.info(
            "agent ready node=%s cgroup=%s kafka=%s metrics=%s:%d",
            settings.node,
            settings.cgroup or "root",
            settings.kafka,
            settings.metrics_host,
            port,
        )

    def run(self, stopping: threading.Event) -> None:
        """Drain often, ship at the end of each interval."""
        due = self._next_boundary()
        while not stopping.wait(min(_DRAIN_SECONDS, max(0.0, due - time.time()))):
            self._drain()
            if time.time() >= due:
                self._ship_interval()
                due = self._next_boundary()

    def stop(self) -> int:
        """Take the programs off, ship the rest; returns the batches that Kafka did not take."""
        self._probe.detach()
        self._ship_interval(everything=True)
        left = self._shipper.stop(self._settings.kafka_timeout)
        for stop in reversed(self._stop_serving):
            stop()
        self._probe.close()
        log.info("agent stopped rows=%d undelivered_batches=%d", self._account.rows, left)
        return left

    def _next_boundary(self) -> float:
        interval = self._settings.interval
        return (time.time() // interval + 1) * interval

    def _drain(self) -> None:
        records = self._probe.drain()
        if len(records):
            self._pending.append(records)
            self._account.records += len(records)
            self._account.bytes += volume(records)
            metrics.RECORDS.inc(len(records))

    @metrics.SHIPPING.time()
    def _ship_interval(self, *, everything: bool = False) -> None:
        self._flush(everything)
        records = np.concatenate(self._pending) if self._pending else np.empty(0, RECORD)
        self._pending.clear()
        interval_ns = int(self._settings.interval * 1e9)
        batches = list(
            aggregate(records, interval_ns, wall_clock_offset(), self._settings.batch_rows)
        )
        # An interval without traffic still ships its ledger: silence is told from absence.
        for rows in batches or [_empty()]:
            self._ship(rows)

    def _flush(self, everything: bool) -> None:
        """Until the ring had room for all that was due."""
        deferred = -1
        while deferred != (deferred := self._probe.ledger().deferred):
            self._probe.flush(everything=everything)
            self._drain()

    def _ship(self, rows: pa.RecordBatch) -> None:
        _count(rows)
        self._account.rows += rows.num_rows
        self._account.row_bytes += _volume(rows)
        kernel = self._probe.ledger()
        self._shipper.ship(
            rows,
            Ledger(
                kernel_records=kernel.records,
                kernel_bytes=kernel.bytes,
                lost_records=kernel.lost_records,
                lost_bytes=kernel.lost_bytes,
                storage_failures=kernel.storage_failures,
                agent_records=self._account.records,
                agent_bytes=self._account.bytes,
                shipped_rows=self._account.rows,
                shipped_bytes=self._account.row_bytes,
            ),
        )


def _empty() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=SCHEMA)


def _volume(rows: pa.RecordBatch) -> int:
    return int(sum(pc.sum(rows[f"bytes_to_{end}"]).as_py() or 0 for end in ("server", "client")))


def _count(rows: pa.RecordBatch) -> None:
    for protocol in Protocol:
        chosen = rows.filter(pc.equal(rows["protocol"], int(protocol)))
        for name in COUNTERS:
            total = pc.sum(chosen[name]).as_py()
            if total:
                metrics.NODE[name].labels(protocol.name).inc(total)
