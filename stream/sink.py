"""A closed range to rows in ClickHouse: decoded, rolled up, recorded, inserted. Blocks."""

from __future__ import annotations

import logging
import secrets
import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc

from stream import metrics
from stream.columns import Rows, join
from stream.decode import Decoded, Poison, decode_all
from stream.errors import RangeUnreadableError
from stream.heard import Heard
from stream.ledger import ledger_rows, repeat_rows
from stream.ranges import Closed, Range
from stream.repeats import Repeats
from stream.resolve import Resolver
from stream.rollup import levels
from stream.sources import Sources
from stream.store import Store
from stream.windows import aggregate

log = logging.getLogger(__name__)

LAST = "agent_ledger"
"""It says that all is there."""


@dataclass(frozen=True)
class Prepared:
    """What a range comes to: the tables' rows, and the messages to set aside. rows, bytes,
    messages: of what is inserted."""

    range: Range
    poison: list[Poison] = field(default_factory=list)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    messages: int = 0
    rows: int = 0
    bytes: int = 0
    newest: float = 0.0


class Sink:
    """`prepare` and `refresh` are for one thread, and `insert` is for any number of others, but
    ranges of one partition must come in order to both."""

    def __init__(
        self,
        store: Store,
        sources: Sources,
        cluster: str,
        window_seconds: int,
        patience: float = 0.0,
        *,
        at_once: int = 2,
    ) -> None:
        """patience: seconds to wait for what tells of a range's addresses. at_once: tables that
        are encoded and inserted at once, of all ranges."""
        self._store = store
        self._sources = sources
        self._cluster = cluster
        self._window_seconds = window_seconds
        self._patience = patience
        self._repeats = Repeats(store, cluster)
        self._heard = Heard(store, cluster)
        self._resolver: Resolver | None = None
        self._inserting = ThreadPoolExecutor(at_once, "table")
        self._told = 0

    def refresh(self) -> None:
        """Use files that have changed, from the next range on. Blocks for disk and ClickHouse."""
        if self._sources.refresh():
            self._resolver = None
        tariff = self._sources.tariff
        if tariff.edition != self._told:
            self._store.insert("internet_tiers", tariff.tiers(), secrets.token_hex())
            self._told = tariff.edition

    def prepare(self, closed: Closed) -> Prepared:
        """Raises what Store raises: which batches are repeats may have to be asked."""
        cut, found = _read(closed)
        deliveries, repeated = self._repeats.part(found.deliveries, closed.epoch, closed.repeated)
        batches = [delivery.batch for delivery in deliveries]
        if deliveries:
            sent = max(delivery.timestamp for delivery in deliveries)
            self._sources.wait(batches, sent, self._patience)
        rows = join(batches) if repeated else found.rows
        with metrics.rollup_seconds.time():
            ledger = ledger_rows(deliveries, rows, self._cluster)
            tables = {
                **self._levels(rows),
                "repeated_batches": repeat_rows(repeated, cut, self._cluster),
                LAST: ledger,
            }
        return Prepared(
            cut,
            found.poison,
            tables,
            len(deliveries),
            len(rows),
            pc.sum(ledger["stream_bytes"]).as_py() or 0,
            (pc.max(ledger["newest"]).value or 0) / 1000,
        )

    def _levels(self, rows: Rows) -> dict[str, pa.Table]:
        if not len(rows):
            return {}
        self._resolver = self._resolver or self._sources.resolver()
        windows = aggregate(rows, self._resolver, self._window_seconds)
        endpoints = self._resolver.endpoints
        windows = self._sources.tariff.price(windows, endpoints)
        with metrics.stage("rollup"):
            return levels(windows, endpoints, self._cluster, self._heard.silent)

    def insert(self, prepared: Prepared) -> None:
        """Returns when the range is in all tables, exactly once. Raises what Store raises."""
        started = time.monotonic()
        with metrics.insert_seconds.time():
            self._store.record(prepared.range)
            self._insert(prepared)
        self._count(prepared, time.monotonic() - started)

    def _insert(self, prepared: Prepared) -> None:
        """ClickHouse takes a block with one thread, so blocks of several tables go to it at once,
        the largest first, since it would be waited for."""
        token, tables = prepared.range.token, dict(prepared.tables)
        ledger = tables.pop(LAST)
        tasks = [
            self._inserting.submit(self._store.insert, table, rows, token)
            for table, rows in sorted(tables.items(), key=lambda each: -each[1].num_rows)
        ]
        done, left = wait(tasks, return_when=FIRST_EXCEPTION)
        for task in left:
            task.cancel()
        for task in done:
            task.result()
        self._store.insert(LAST, ledger, token)

    def _count(self, prepared: Prepared, seconds: float) -> None:
        written = prepared.range
        windows = prepared.tables.get("flows_10s", ())
        if prepared.newest:
            metrics.watermark.set(prepared.newest)
        metrics.rows.inc(prepared.rows)
        metrics.traffic.inc(prepared.bytes)
        metrics.window_rows.inc(len(windows))
        metrics.last_insert.set_to_current_time()
        metrics.messages.labels(written.partition).inc(prepared.messages)
        log.info(
            "range inserted partition=%d first=%d last=%d rows=%d window_rows=%d seconds=%.3f",
            written.partition,
            written.first,
            written.last,
            prepared.rows,
            len(windows),
            seconds,
        )


def _read(closed: Closed) -> tuple[Range, Decoded]:
    """The range as it is to be recorded, with what can be read of it and what is to be set aside.

    One that is repeated holds what it held: messages that were set aside then stay so, also for
    a worker that could read them. Raises RangeUnreadableError if others cannot be read now.
    """
    with metrics.stage("decode"):
        if not closed.repeated:
            found = decode_all(closed.messages)
            dead = tuple(letter.message.offset for letter in found.poison)
            return replace(closed.range, dead=dead), found
        dead = closed.range.dead
        found = decode_all([each for each in closed.messages if each.offset not in dead])
    for letter in found.poison:
        message = letter.message
        raise RangeUnreadableError(message.partition, message.offset, letter.reason)
    return closed.range, found
