"""The one reader of ClickHouse: a thread that refreshes the counters at an interval."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from importlib import resources

import numpy as np
from clickhouse_connect.driver import Client

from sql.bridge.counters import Counters, Pair, Totals
from sql.bridge.metrics import WIDTH, Metrics
from sql.bridge.settings import Settings
from sql.client import connect, queries
from sql.errors import SqlError

log = logging.getLogger("bridge")

DAY_SECONDS = 86400
QUERY_SECONDS = 60


class Refresher:
    """Reads, counts, and puts the snapshot where scrapes find it; keeps trying for ever."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._counters = Counters(WIDTH, settings.series, settings.expire_hours * 3600)
        self._query = resources.files("sql.bridge").joinpath("totals.sql").read_text()
        self._origin = 0
        self._client: Client | None = None
        self._up: bool | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="refresher", daemon=True)

    def start(self) -> None:
        """Refresh from now on, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the refresh in hand, waiting 5 seconds at the most."""
        self._stopping.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._attempt()
            self._stopping.wait(self._settings.refresh_seconds)

    def _attempt(self) -> None:
        metrics = self._metrics
        metrics.refreshes.inc()
        with metrics.duration.time():
            try:
                self.refresh(time.time())
            except SqlError as error:
                metrics.failures.inc()
                self._disconnect()
                self._say(False, error.message)
            else:
                self._say(True, "")

    def _say(self, up: bool, trouble: str) -> None:
        self._metrics.up.set(up)
        if up and not self._up:
            log.info("reading ClickHouse url=%s", self._settings.clickhouse.url)
        if not up and self._up is not False:
            log.error("refresh failed, serving the last values error=%r", trouble)
        self._up = up

    def refresh(self, now: float) -> None:
        """Read once and publish. Raises SqlError, and then nothing has changed."""
        origin = int(now // DAY_SECONDS - self._settings.reach_days) * DAY_SECONDS
        present = self._origin or origin
        totals = self._read([present] if origin == present else [present, origin])
        self._counters.update(totals[present], now)
        if origin != present:
            self._counters.move(totals[present], totals[origin])
        self._origin = origin
        self._publish(now)

    def _read(self, origins: list[int]) -> dict[int, dict[Pair, Totals]]:
        with queries(self._settings.clickhouse):
            client = self._client = self._client or connect(
                self._settings.clickhouse, send_receive_timeout=QUERY_SECONDS
            )
            rows = client.query(self._query, parameters={"origins": origins}).result_rows
        totals: dict[int, dict[Pair, Totals]] = {origin: {} for origin in origins}
        for origin, pair, sums in rows:
            totals[origin][tuple(pair)] = np.array(sums, np.uint64)
        return totals

    def _publish(self, now: float) -> None:
        values = dict(self._counters.values)
        self._metrics.traffic.values = values
        self._metrics.series.set(len(values) - 1)
        self._metrics.known.set(self._counters.known)
        self._metrics.refreshed_at.set(now)

    def _disconnect(self) -> None:
        if self._client is not None:
            with suppress(OSError):
                self._client.close()
        self._client = None
