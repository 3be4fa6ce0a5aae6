"""A closed range to rows in ClickHouse: rolled up, recorded, inserted. Blocks; a thread's work."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from agent.wire import Batch
from sql.schema import FLOWS
from stream import metrics
from stream.classify import SPECIAL, Prefix, flatten
from stream.decode import Delivery
from stream.files import Followed
from stream.inventory import Inventory
from stream.ledger import ledger_rows, repeat_rows, traffic
from stream.ranges import Closed, Range
from stream.repeats import Repeats
from stream.resolve import Resolver
from stream.rollup import levels
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
        self._repeats = Repeats(store, cluster)
        self._resolver: Resolver | None = None

    def refresh(self) -> None:
        """Use files that have changed, from the next range on."""
        if self._sources.refresh():
            self._resolver = None

    def write(self, closed: Closed) -> None:
        """Returns when the range is in all tables, exactly once. Raises what Store raises."""
        deliveries, repeated = self._repeats.part(closed.deliveries, closed.epoch)
        if not closed.deliveries:
            return
        batches = [delivery.batch for delivery in deliveries]
        with metrics.rollup_seconds.time():
            tables = {
                **(self._levels(batches) if batches else {}),
                "repeated_batches": repeat_rows(repeated, closed.range, self._cluster),
                "agent_ledger": ledger_rows(deliveries, self._cluster),
            }
        started = time.monotonic()
        with metrics.insert_seconds.time():
            self._store.record(closed.range)
            for table, rows in tables.items():  # the ledger last: it says that all is there
                self._store.insert(table, rows, closed.range.token)
        windows = tables.get("flows_10s", FLOWS.empty_table())
        self._count(closed.range, deliveries, windows, time.monotonic() - started)

    def _levels(self, batches: list[Batch]) -> dict[str, pa.Table]:
        self._resolver = self._resolver or self._sources.resolver()
        windows = aggregate(batches, self._resolver, self._window_seconds)
        return levels(windows, self._resolver.endpoints, self._cluster)

    def _count(
        self, written: Range, deliveries: list[Delivery], windows: pa.Table, seconds: float
    ) -> None:
        for delivery in deliveries:
            if newest := pc.max(delivery.batch.rows["interval_end"]).value:
                metrics.watermark.set(newest / 1e9)
        rows = sum(delivery.batch.rows.num_rows for delivery in deliveries)
        metrics.rows.inc(rows)
        metrics.traffic.inc(traffic(windows))
        metrics.window_rows.inc(windows.num_rows)
        metrics.messages.labels(written.partition).inc(len(deliveries))
        log.info(
            "range inserted partition=%d first=%d last=%d rows=%d window_rows=%d seconds=%.3f",
            written.partition,
            written.first,
            written.last,
            rows,
            windows.num_rows,
            seconds,
        )
