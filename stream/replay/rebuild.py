"""A period from Kafka once more, by the present inventory and ranges, in the place of the old rows.

What is replayed are the batches that the ledger knows as inserted, each once: never more than what
is in the tables. So once the replayed flow rows of each hour are as many as the tables', they are
the same ones, and nothing further need be read, however long ago the period is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from clickhouse_connect.driver import Client

from agent.wire import Batch
from stream.columns import join
from stream.decode import decode_all
from stream.heard import Heard
from stream.repeats import Numbers, Sender
from stream.replay.errors import (
    InventoryUnreadError,
    OffsetsMissingError,
    RetentionError,
    SourceMissingError,
)
from stream.replay.period import Period
from stream.replay.progress import Progress
from stream.replay.source import Source, sent_at
from stream.replay.tables import COARSEST, Tables
from stream.replay.workers import Workers
from stream.resolve import Resolver
from stream.rollup import levels
from stream.settings import Settings
from stream.sources import Sources
from stream.store import Store
from stream.windows import NANOSECONDS, aggregate

SLACK = timedelta(minutes=5)
"""An agent sends a row after its interval began, by its own clock; brokers may stamp by theirs."""

Spans = dict[int, tuple[int, int]]


class Inserted:
    """Which batches the tables hold, asked for many agents at once, and which were taken."""

    def __init__(self, client: Client, cluster: str) -> None:
        self._store = Store(client)
        self._cluster = cluster
        self._known: dict[Sender, Numbers] = {}
        self._taken: dict[Sender, Numbers] = {}

    def refresh(self) -> None:
        """Workers have inserted since."""
        self._known.clear()

    def take(self, batches: Sequence[Batch]) -> list[Batch]:
        """Those that are in the tables, and come for the first time."""
        self._ask({_sender(batch) for batch in batches} - self._known.keys())
        return [batch for batch in batches if self._is_new(batch)]

    def _is_new(self, batch: Batch) -> bool:
        number, sender = batch.origin.sequence, _sender(batch)
        known = number in self._known[sender]
        return known and self._taken.setdefault(sender, Numbers()).add(number)

    def _ask(self, senders: set[Sender]) -> None:
        found = self._store.batch_numbers(self._cluster, senders)
        self._known |= {sender: Numbers(found.get(sender, ())) for sender in senders}


@dataclass(frozen=True)
class Plan:
    """What a replay would do. spans: offsets by partition, the second one not included."""

    spans: Spans
    flow_rows: int
    partitions: Sequence[tuple[str, str]]

    @property
    def messages(self) -> int:
        return sum(end - first for first, end in self.spans.values())


class Rebuild:
    def __init__(
        self,
        settings: Settings,
        period: Period,
        *,
        client: Client,
        source: Source,
        sources: Sources,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._period = period
        self._source = source
        self._say = say
        self._tables = Tables(client, settings.cluster, period)
        self._workers = Workers(settings, client, source)
        self._inserted = Inserted(client, settings.cluster)
        self._heard = Heard(Store(client), settings.cluster)
        self._resolver: Resolver = sources.resolver()
        self._tariff = sources.tariff
        self._sources = sources
        self._pending: list[Batch] = []
        self._pending_rows = 0
        self._positions: dict[int, int] = {}
        self.flow_rows = self.window_rows = 0
        self.read_seconds = 0.0
        self._to_the_end = False

    def plan(self, accept_difference: bool) -> Plan:
        """Raises NothingToReplayError, or RetentionError if Kafka lacks the period's begin."""
        live = self._tables.live()[COARSEST]
        self._check_sources()
        firsts = self._source.offsets_at(self._period.begin - SLACK)
        if not accept_difference:
            self._check_retention(firsts)
        ends = self._source.offsets_at(self._period.end + SLACK)
        inserted = self._workers.inserted()
        spans = {p: (first, min(ends[p], inserted.get(p, 0))) for p, first in firsts.items()}
        return Plan(
            {p: (first, max(first, end)) for p, (first, end) in spans.items()},
            sum(totals.flow_rows for totals in live.values()),
            self._tables.partitions(),
        )

    def run(self, plan: Plan, wait_seconds: float, accept_difference: bool) -> None:
        """The live tables change in `swap` only. Raises ReplayError."""
        self._tables.create()
        self._positions = {partition: first for partition, (first, _) in plan.spans.items()}
        self._read({partition: end for partition, (_, end) in plan.spans.items()})
        if self._tables.difference():
            self._say("rows of the period came later too: reading on")
            self._to_the_end = True
            self._read(self._workers.inserted())
        with self._workers.stopped(wait_seconds, self._say, self._keep_up):
            if self._tables.difference():
                self._say("catching up with what the workers inserted meanwhile")
                self._read(self._workers.inserted())
            difference = self._tables.difference()
            if difference and not accept_difference:
                self._tables.drop()
                raise difference
            self._say("swapping")
            self._tables.swap(self._workers.check_kept_out)
        self._tables.drop()

    def _keep_up(self) -> None:
        """So that little is left to be read once the workers stand still."""
        if self._to_the_end:
            self._read(self._workers.inserted())

    def _check_sources(self) -> None:
        """What the workers had must not be forgotten here."""
        settings, topic = self._settings, self._sources.topic
        if topic and not topic.complete:
            raise InventoryUnreadError(settings.inventory_topic)
        had = (
            ("inventory", len(self._sources.cluster.records)),
            ("ip-ranges", settings.ip_ranges),
            ("network", settings.network or (topic and topic.network)),
        )
        for flag, there in had:
            if not there and self._tables.named_by(flag):
                raise SourceMissingError(flag, self._period)

    def _check_retention(self, firsts: dict[int, int]) -> None:
        for partition, (low, high) in self._source.bounds().items():
            if 0 < low < high and firsts[partition] <= low:
                (earliest, *_), *_ = self._source.read({partition: (low, low + 1)})
                sent = sent_at(earliest)
                whole = Period.around(sent + SLACK, sent + SLACK).end
                raise RetentionError(partition, sent, self._period, whole)

    def _read(self, ends: dict[int, int]) -> None:
        """From where it got to up to `ends`, all of which is in the tables."""
        started = time.monotonic()
        self._inserted.refresh()
        spans = {p: (first, ends.get(p, first)) for p, first in self._positions.items()}
        total = sum(max(0, end - first) for first, end in spans.values())
        progress = Progress("replaying", total)
        for messages in self._source.read(spans):
            before = self.flow_rows + self._pending_rows
            deliveries = decode_all(messages).deliveries  # dead letters are not in the tables
            for batch in self._inserted.take([delivery.batch for delivery in deliveries]):
                self._take(batch)
            progress.add(len(messages), self.flow_rows + self._pending_rows - before)
        self._flush()
        self._positions = {p: max(first, end) for p, (first, end) in spans.items()}
        self.read_seconds += time.monotonic() - started

    def _take(self, batch: Batch) -> None:
        within = self._within(batch.column("interval_start"))
        if not within.any():
            return
        if not within.all():
            batch = replace(batch, content=batch.content.filter(pa.array(within)))
        self._pending.append(batch)
        self._pending_rows += batch.content.num_rows
        if self._pending_rows >= self._settings.flush_rows:
            self._flush()

    def _within(self, starts: pa.Array) -> np.ndarray:
        """Of intervals' starts, those whose window is of the period."""
        seconds = self._settings.window_seconds
        windows = starts.cast(pa.int64()).to_numpy() // (seconds * NANOSECONDS) * seconds
        begin, end = self._period.begin.timestamp(), self._period.end.timestamp()
        within: np.ndarray = (windows >= begin) & (windows < end)
        return within

    def _flush(self) -> None:
        if not self._pending:
            return
        windows = aggregate(join(self._pending), self._resolver, self._settings.window_seconds)
        windows = self._tariff.price(windows, self._resolver.endpoints)
        found = levels(
            windows, self._resolver.endpoints, self._settings.cluster, self._heard.silent
        )
        self._tables.insert(found)
        self.flow_rows += self._pending_rows
        self.window_rows += found["flows_10s"].num_rows
        self._pending, self._pending_rows = [], 0


def _sender(batch: Batch) -> Sender:
    return batch.origin.node, batch.origin.agent


def period_of(source: Source, partition: int, first: int, last: int) -> Period:
    """The hours of the rows in these messages. Raises OffsetsMissingError."""
    low, high = source.bounds().get(partition, (0, 0))
    earliest: list[int] = []
    latest: list[int] = []
    for messages in source.read({partition: (max(first, low), min(last + 1, high))}):
        for delivery in decode_all(messages).deliveries:
            starts = delivery.batch.column("interval_start").cast(pa.int64())
            if len(starts):
                earliest.append(pc.min(starts).as_py())
                latest.append(pc.max(starts).as_py())
    if not earliest:
        raise OffsetsMissingError(partition, first, last, low, high)
    begin, end = (
        datetime.fromtimestamp(moment // NANOSECONDS, UTC)
        for moment in (min(earliest), max(latest))
    )
    return Period.around(begin, end + timedelta(seconds=1))
