"""The one reader of ClickHouse: a thread that refreshes the counters at an interval."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from clickhouse_connect.driver import Client

from sql.bridge.counters import Counters, Key, State, Totals
from sql.bridge.exposition import Exposition, Snapshot
from sql.bridge.families import GROUPS, Group
from sql.bridge.metrics import Metrics
from sql.bridge.settings import Settings
from sql.bridge.state import Kept, load, save
from sql.client import connect, queries
from sql.errors import SqlError

log = logging.getLogger("bridge")

HOUR_SECONDS = 3600
IDLE_SHARE = 4
"""After a refresh the bridge rests for so many times as long as that took, at the least."""
QUERY_SECONDS = 60

Sums = dict[int, dict[Key, Totals]]
"""By origin and key."""


class Refresher:
    """Reads, counts, keeps, and publishes; keeps trying for ever."""

    def __init__(self, settings: Settings, metrics: Metrics, exposition: Exposition) -> None:
        self._settings = settings
        self._metrics = metrics
        self._exposition = exposition
        self._file = Path(settings.state) if settings.state else None
        self._queries = {
            group.name: resources.files("sql.bridge").joinpath(group.query).read_text()
            for group in GROUPS
        }
        self._counters: dict[str, Counters] = {}
        self._origin = 0
        self._database = ""
        self._client: Client | None = None
        self._up: bool | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="refresher", daemon=True)

    def start(self) -> None:
        """Refresh from now on, in a thread of its own. Raises StateError."""
        self._origin, self._database, states = load(self._file) if self._file else Kept(0, "", {})
        self._counters = {group.name: self._new(group, states) for group in GROUPS}
        self._publish(True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the refresh in hand, waiting 5 seconds at the most."""
        self._stopping.set()
        self._thread.join(timeout=5)

    def _new(self, group: Group, states: Mapping[str, State]) -> Counters:
        return Counters(
            keys=len(group.labels),
            width=group.width,
            series=getattr(self._settings, group.setting),
            expire_seconds=self._settings.expire_hours * 3600,
            announce_seconds=self._settings.announce_seconds,
            state=states.get(group.name),
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            self._attempt()
            took = time.monotonic() - began
            self._stopping.wait(max(self._settings.refresh_seconds, IDLE_SHARE * took))

    def _attempt(self) -> None:
        metrics = self._metrics
        metrics.refreshes.inc()
        with metrics.duration.time():
            try:
                self.refresh(time.time())
                trouble = ""
            except SqlError as error:
                metrics.failures.inc()
                self._disconnect()
                trouble = error.message
            self._say(trouble)
        with metrics.writing.time():
            self._publish(not trouble)

    def _say(self, trouble: str) -> None:
        up = not trouble
        self._metrics.up.set(up)
        if up and not self._up:
            log.info("reading ClickHouse url=%s", self._settings.clickhouse.url)
        if not up and self._up is not False:
            log.error("refresh failed, serving the last values error=%r", trouble)
        self._up = up

    def refresh(self, now: float) -> None:
        """Read once and count. Raises SqlError: nothing has changed, or it is not on disk."""
        origin = int(now // HOUR_SECONDS - self._settings.reach_hours) * HOUR_SECONDS
        present = self._origin or origin
        origins = [present] if origin == present else [present, origin]
        database = self._identity()
        read = {group.name: self._read(group, origins) for group in GROUPS}
        for name, sums in read.items():
            if database != self._database:
                # What another database holds has not come since the last refresh.
                self._counters[name].state.high = dict(sums[present])
            self._counters[name].update(sums[present], now)
            if origin != present:
                self._counters[name].move(sums[present], sums[origin])
        self._origin, self._database = origin, database
        if self._file:
            states = {name: counters.state for name, counters in self._counters.items()}
            save(self._file, Kept(origin, database, states))
        self._metrics.refreshed_at.set(now)

    def _identity(self) -> str:
        """Of the database: the sums of another one have nothing to do with those of before."""
        return str(self._ask("SELECT min(applied_at) FROM schema_migrations", {})[0][0])

    def _read(self, group: Group, origins: list[int]) -> Sums:
        sums: Sums = {origin: {} for origin in origins}
        for origin, key, *values in self._ask(self._queries[group.name], {"origins": origins}):
            sums[origin][tuple(key)] = _flat(values)
        return sums

    def _ask(self, query: str, parameters: dict[str, Any]) -> Sequence[Sequence[Any]]:
        with queries(self._settings.clickhouse):
            client = self._client = self._client or connect(
                self._settings.clickhouse, send_receive_timeout=QUERY_SECONDS
            )
            return list(client.query(query, parameters=parameters).result_rows)

    def _publish(self, refreshed: bool) -> None:
        """What was read and kept. If it could not be kept, the last values stay: a bridge started
        again would go back behind them."""
        if not refreshed:
            return self._exposition.publish()
        traffic = []
        for group in GROUPS:
            state = self._counters[group.name].state
            self._metrics.series.labels(group.name).set(len(state.grown))
            self._metrics.known.labels(group.name).set(len(state.high))
            traffic.append(Snapshot(group, dict(state.values), dict(state.created)))
        return self._exposition.publish(traffic)

    def _disconnect(self) -> None:
        if self._client is not None:
            with suppress(OSError):
                self._client.close()
        self._client = None


def _flat(values: Sequence[Any]) -> Totals:
    flat: list[int] = []
    for value in values:
        flat += value if isinstance(value, list) else [value]
    return np.array(flat, np.uint64)
