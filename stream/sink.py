"""A closed range to rows in ClickHouse: rolled up, recorded, inserted. Blocks; a thread's work."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from stream import metrics
from stream.classify import SPECIAL, Prefix, flatten
from stream.files import Followed
from stream.inventory import Inventory
from stream.ledger import Sequences, ledger_rows, traffic
from stream.ranges import Closed
from stream.resolve import Resolver
from stream.store import Store
from stream.windows import aggregate

log = logging.getLogger(__name__)


@dataclass
class Sources:
    """What addresses are resolved by, followed as it changes."""

    inventory: Followed[Inventory]
    ip_ranges: Followed[list[Prefix]]

    def read(self) -> None:
        self.inventory.read()
        self.ip_ranges.read()

    def refresh(self) -> bool:
        changed = [source.refresh() for source in (self.inventory, self.ip_ranges)]
        return any(changed)

    def resolver(self) -> Resolver:
        classifier = flatten([*SPECIAL, *self.ip_ranges.content])
        return Resolver(self.inventory.content, classifier)


class Sink:
    """Not safe for several threads at once: one writes, whichever it is."""

    def __init__(self, store: Store, sources: Sources, cluster: str, window_seconds: int) -> None:
        self._store = store
        self._sources = sources
        self._cluster = cluster
        self._window_seconds = window_seconds
        self._sequences = Sequences()
        self._resolver: Resolver | None = None

    def refresh(self) -> None:
        """Use files that have changed, from the next range on."""
        if self._sources.refresh():
            self._resolver = None

    def write(self, closed: Closed) -> None:
        """Returns when the range is in all tables, exactly once. Raises what Store raises."""
        if not closed.deliveries:
            return
        self._resolver = self._resolver or self._sources.resolver()
        batches = [delivery.batch for delivery in closed.deliveries]
        with metrics.rollup_seconds.time():
            windows = aggregate(batches, self._resolver, self._cluster, self._window_seconds)
            ledger = ledger_rows(closed.deliveries, self._cluster)
        started = time.monotonic()
        with metrics.insert_seconds.time():
            self._store.record(closed.range)
            self._store.insert("flows_10s", windows, closed.range.token)
            self._store.insert("agent_ledger", ledger, closed.range.token)
        self._count(closed, windows, time.monotonic() - started)

    def _count(self, closed: Closed, windows: pa.Table, seconds: float) -> None:
        for delivery in closed.deliveries:
            self._sequences.see(delivery)
            if newest := pc.max(delivery.batch.rows["interval_end"]).value:
                metrics.watermark.set(newest / 1e9)
        rows = sum(delivery.batch.rows.num_rows for delivery in closed.deliveries)
        metrics.rows.inc(rows)
        metrics.traffic.inc(traffic(windows))
        metrics.window_rows.inc(windows.num_rows)
        metrics.messages.labels(closed.range.partition).inc(len(closed.deliveries))
        log.info(
            "range inserted partition=%d first=%d last=%d rows=%d window_rows=%d seconds=%.3f",
            closed.range.partition,
            closed.range.first,
            closed.range.last,
            rows,
            windows.num_rows,
            seconds,
        )
