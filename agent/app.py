"""The agent's wiring: probe → flow rows → spool → Kafka, interval by interval."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from agent import exporter, metrics
from agent.account import NOTHING, Account
from agent.conntrack import Conntrack
from agent.enrich import enrich
from agent.flows import aggregate
from agent.identity import Cgroups, Identity
from agent.interfaces import Interfaces
from agent.journal import Journal, Mark
from agent.names import Names
from agent.pace import Pace
from agent.probe import Probe, find_cgroup2, wall_clock_offset
from agent.ring import RECORD, SLOT_BYTES, Records
from agent.settings import Settings
from agent.shipper import Shipper
from agent.spool import Spool
from agent.traffic import Traffic
from agent.wire import SCHEMA, Origin, names

log = logging.getLogger(__name__)

_DRAIN_SECONDS = 0.1
"""A full ring of the default size holds 0.1 s of 300,000 records a second."""

_LINGER_SECONDS = 60.0
"""How long the last delta of a connection may come after its end in conntrack."""


class Agent:
    """One node's agent. `run` blocks until `stopping` is set; then what was seen is shipped.

    A record is in the kernel's ring buffer, then in the journal, then as part of a batch in the
    spool, and only then with Kafka: so a kill at any time loses at the most what was being moved
    from the ring to the journal, and the next instance goes on from there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pace = Pace(settings.interval)
        self._probe = Probe(
            *(settings.cgroup, settings.interval, settings.ring_bytes),
            *(settings.names, settings.pins),
        )
        self._cgroups = Cgroups(Path(settings.cgroup) if settings.cgroup else find_cgroup2())
        self._identity = Identity(self._cgroups.path)
        self._conntrack = Conntrack(settings.network_namespace, linger_seconds=_LINGER_SECONDS)
        self._traffic = Traffic(settings.metrics_pods)
        self._names = Names(settings.names_answers, settings.batch_rows, self._identity)
        self._spool = Spool(settings.spool_path, settings.spool_bytes)
        self._journal = Journal(settings.spool_path / "journal")
        self._shipper = Shipper(settings.kafka, settings.node, self._spool, settings.queue_bytes)
        self._account = Account()
        self._told = self._account.ledger
        self._kernel = self._observed = NOTHING
        self._pending: list[Records] = []
        self._pending_records = 0
        self._mark: Mark
        self._stop_serving: list[Callable[[], None]] = []

    def start(self) -> None:
        """Finish what a killed instance left, count, then serve metrics: they answer once all is
        counted. Does not wait for Kafka. Raises AgentError.
        """
        settings = self._settings
        self._spool.open()
        self._shipper.start()
        self._cgroups.start()
        self._conntrack.start()
        predecessor = self._finish_predecessor()
        self._probe.start()
        self._observed = self._probe.ledger()
        self._account = predecessor.handed_over(self._observed)
        self._begin_journal()
        self._stop_serving += [
            metrics.watch_kernel(self._probe.ledger),
            self._traffic.start(),
            Interfaces(settings.network_namespace).start(),
        ]
        port, stop = exporter.serve(settings.metrics_host, settings.metrics_port)
        self._stop_serving.append(stop)
        log.info(
            "agent ready node=%s cgroup=%s kafka=%s spool=%s spooled_batches=%d metrics=%s:%d",
            settings.node,
            settings.cgroup or "root",
            settings.kafka,
            settings.spool_path,
            len(self._spool),
            settings.metrics_host,
            port,
        )

    def run(self, stopping: threading.Event) -> None:
        """Drain often, ship at the end of each interval."""
        due = self._next_boundary()
        while not stopping.wait(min(_DRAIN_SECONDS, max(0.0, due - time.time()))):
            self._observe(self._drain())
            self._shipper.forward()
            if time.time() >= due:
                self._ship_interval()
                due = self._next_boundary()

    def stop(self) -> int:
        """Take the programs off, ship the rest; returns the batches that Kafka did not take, which
        stay in the spool for the next start."""
        self._probe.detach()
        self._ship_interval(everything=True)
        left = self._shipper.stop(self._settings.kafka_timeout)
        for stop in reversed(self._stop_serving):
            stop()
        self._probe.close()
        self._conntrack.stop()
        self._cgroups.stop()
        self._journal.close()
        self._spool.close()
        log.info(
            "agent stopped rows=%d spooled_batches=%d", self._account.ledger.shipped_rows, left
        )
        return left

    def _next_boundary(self) -> float:
        interval = self._pace.seconds
        return (time.time() // interval + 1) * interval

    def _drain(self) -> int:
        """Returns the number of records that were on the ring."""
        self._kernel = self._probe.ledger()
        records = self._probe.drain()
        self._account.hear(self._kernel)
        if len(records):
            self._journal.append(records)
            self._identity.learn(np.unique(records["cgroup_id"]).tolist())
            self._account.take(records)
            self._pending.append(records)
            self._pending_records += len(records)
            metrics.RECORDS.inc(len(records))
        if self._pending_records >= self._settings.pending_records:
            self._ship_pending()
        self._conntrack.poll()
        self._names.add(self._probe.drain_answers())
        return len(records)

    def _observe(self, taken: int) -> None:
        kernel, before = self._kernel, self._observed
        self._observed = kernel
        deferred = kernel.deferred - before.deferred
        lost = kernel.lost_records - before.lost_records
        fill = taken * SLOT_BYTES / self._settings.ring_bytes
        self._pace.observe(fill=fill, refused=deferred + lost)

    @metrics.SHIPPING.time()
    def _ship_interval(self, *, everything: bool = False) -> None:
        self._flush(everything)
        if self._pace.settle():
            self._probe.set_interval(self._pace.seconds)
        self._ship_names()
        self._ship_pending()
        self._shipper.forward()

    def _flush(self, everything: bool) -> None:
        """Until the ring had room for all that was due."""
        deferred = -1
        while deferred != (deferred := self._probe.ledger().deferred):
            self._probe.flush(everything=everything)
            self._drain()
        # A flush fills the ring as fast as it can, which says nothing of the load.
        self._observed = replace(self._observed, deferred=deferred)

    def _ship_pending(self) -> None:
        """Nothing of this goes to Kafka before the journal starts over: until then a kill has it
        all withdrawn and made again, under the same numbers."""
        records = np.concatenate(self._pending) if self._pending else np.empty(0, RECORD)
        self._pending.clear()
        self._pending_records = 0
        # An interval without traffic still ships its ledger: silence is told from absence.
        for rows in list(self._batches(self._mark, records)) or [_empty()]:
            self._traffic.add(rows)
            self._account.ship(rows)
            self._account.drop(self._spool.dropped_rows, self._spool.dropped_bytes)
            self._told = self._account.ledger
            self._shipper.ship(self._settings.topic, rows, self._told)
        self._begin_journal()

    def _ship_names(self) -> None:
        """A kill loses those of its interval: they are not worth a journal."""
        rows = self._names.take(wall_clock_offset())
        if rows.num_rows:
            ledger = self._names.ledger(self._kernel.answers, self._kernel.lost_answers)
            self._shipper.ship(self._settings.names_topic, rows, ledger, names.CODEC)

    def _begin_journal(self) -> None:
        self._account.drop(self._spool.dropped_rows, self._spool.dropped_bytes)
        self._mark = Mark(
            agent=self._shipper.agent,
            sequence=self._shipper.sequence(self._settings.topic),
            spooled=self._spool.next_number,
            account=replace(self._account),
            told=self._told,
            wall_clock_offset_ns=wall_clock_offset(),
            interval_ns=int(self._pace.seconds * 1e9),
            batch_rows=self._settings.batch_rows,
        )
        self._journal.begin(self._mark)

    def _finish_predecessor(self) -> Account:
        """Ship what a killed instance had taken off the ring and told no one, in its name and under
        its numbers; returns its account."""
        left = self._journal.recover()
        if left is None:
            return Account()
        mark, records = left
        self._spool.withdraw(mark.spooled, self._settings.topic)
        account, sequence = mark.account, mark.sequence
        account.take(records)
        account.close()
        last_words = [_empty()] if account.ledger != mark.told else []
        for rows in list(self._batches(mark, records)) or last_words:
            account.ship(rows)
            origin = Origin(self._settings.node, mark.agent, sequence, account.ledger)
            sequence = self._shipper.ship_as(origin, self._settings.topic, rows)
        if sequence > mark.sequence:
            log.warning(
                "told what an agent before could not agent=%s records=%d", mark.agent, len(records)
            )
        rest = replace(
            mark, sequence=sequence, spooled=self._spool.next_number, told=account.ledger
        )
        self._journal.begin(rest)
        return account

    def _batches(self, mark: Mark, records: Records) -> Iterator[pa.RecordBatch]:
        for rows in aggregate(
            records,
            mark.interval_ns,
            mark.wall_clock_offset_ns,
            mark.batch_rows,
            self._conntrack.translate,
        ):
            yield enrich(rows, self._identity)


def _empty() -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in SCHEMA], schema=SCHEMA)
