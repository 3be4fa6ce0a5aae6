"""ClickHouse as the console sees it: a read-only user, and queries from files."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import resources
from string import Template
from typing import Any

from clickhouse_connect.driver import Client
from urllib3 import PoolManager

from sql.client import connect, queries
from sql.console.errors import AwayError, TooSlowError
from sql.console.metrics import CLICKHOUSE_FAILURES, QUERY_SECONDS
from sql.console.settings import Settings
from sql.errors import QueryError, SqlError, UnreachableError

CHUNK = 1 << 16
TOO_MUCH = ("TIMEOUT_EXCEEDED", "MEMORY_LIMIT_EXCEEDED", "Timeout exceeded", "memory limit")


@cache
def text(name: str, grain: str = "workload", rows: str = "view") -> str:
    """The query of queries/NAME.sql. `$other` in it stands for the text of queries/other.sql, so
    that what is a rule, such as which rows a filter leaves, is written once; `$id` for that of the
    grain (namespace, workload or pod); `$rows` for what is read: the pods' conversations, or edges
    by the level of a line in time, in pieces for sums, or by the view that people know, which
    ClickHouse plans the longest."""
    file = name
    if name == "id":
        file = f"id_{grain}"
    elif name == "rows":
        file = "rows_pod" if grain == "pod" else f"rows_{rows}"
    found = resources.files("sql.console").joinpath("queries", f"{file}.sql").read_text()
    return Template(found).substitute(_Files(grain, rows))


class _Files(dict[str, str]):
    def __init__(self, grain: str, rows: str) -> None:
        self._chosen = grain, rows

    def __missing__(self, name: str) -> str:
        return text(name, *self._chosen).rstrip("\n")


class Store:
    """Answers queries; threads may share it. Connects at the first, and anew after a failure."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._turns = threading.BoundedSemaphore(settings.connections)
        self._connecting = threading.Lock()
        self._client: Client | None = None

    def rows(
        self, name: str, parameters: Mapping[str, Any], grain: str = "workload"
    ) -> list[dict[str, Any]]:
        """The rows that queries/NAME.sql gives, by column. Blocks. Raises AwayError, TooSlowError,
        and QueryError for what is a fault of the query's."""
        rows = "pieces" if "tens" in parameters else "level"
        return self.select(text(name, grain, rows), parameters)

    def select(self, statement: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The same of any statement."""
        with self._turns, self._explained(), QUERY_SECONDS.time():
            result = self._connected().query(statement, parameters=dict(parameters))
        return list(result.named_results())

    def stream(self, statement: str, parameters: Mapping[str, Any], output: str) -> Iterator[bytes]:
        """The answer in a ClickHouse format, as it comes. What rows() raises is raised here, before
        the first piece."""
        with self._explained():
            answer: Any = self._connected().raw_stream(
                statement, parameters=dict(parameters), fmt=output
            )
        return iter(lambda: bytes(answer.read(CHUNK)), b"")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            with queries(self._settings.clickhouse):
                yield
        except SqlError as error:
            raise self._counted(error) from error

    def _counted(self, error: SqlError) -> Exception:
        """What it means to whoever asked."""
        seconds = f"{self._settings.query_seconds:g}"
        if isinstance(error, UnreachableError) and "Read timed out" in error.message:
            # ClickHouse gives up what nobody waits for.
            reason, meaning = f"took over {seconds} s", "slow"
        elif isinstance(error, QueryError) and any(sign in error.message for sign in TOO_MUCH):
            reason, meaning = f"gave up ({error.message})", "slow"
        elif isinstance(error, QueryError):
            reason, meaning = error.message, "refused"
        else:
            self._client = None
            reason, meaning = error.message, "away"
        CLICKHOUSE_FAILURES.labels(meaning).inc()
        if meaning == "slow":
            return TooSlowError(f"ClickHouse {reason}: ask for a shorter time or filter.")
        return error if meaning == "refused" else AwayError(reason)

    def _connected(self) -> Client:
        with self._connecting:
            if self._client is None:
                self._client = connect(
                    self._settings.clickhouse,
                    pool_mgr=PoolManager(maxsize=self._settings.connections),
                    send_receive_timeout=self._settings.query_seconds,
                )
            return self._client
