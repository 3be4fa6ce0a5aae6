"""ClickHouse as the console sees it: a read-only user, and queries from files."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from importlib import resources
from string import Template
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver import Client
from urllib3 import PoolManager

from sql.client import connect, queries
from sql.console.errors import AwayError, TooSlowError
from sql.console.metrics import CLICKHOUSE_FAILURES, QUERY_SECONDS
from sql.console.settings import Settings
from sql.errors import QueryError, SqlError, UnreachableError

CHUNK = 1 << 16
FILTERS = ("apart", "cluster", "namespaces", "kinds", "zones", "paths", "label_keys", "search")
"""Parameters of queries/scope.sql that may ask for nothing."""
TOO_MUCH = ("TIMEOUT_EXCEEDED", "MEMORY_LIMIT_EXCEEDED", "Timeout exceeded", "memory limit")


@cache
def text(
    name: str,
    grain: str = "workload",
    rows: str = "view",
    *,
    filters: frozenset[str] | None = None,
    of: str = "",
) -> str:
    """The query of queries/NAME.sql. `$other` in it stands for the text of queries/other.sql, so
    that what is a rule, such as which rows a filter leaves, is written once; `$id` and `$raw` for
    those of the grain (namespace, workload or pod); `$rows` for what is read: the pods'
    conversations, or edges by the level of a line in time, in pieces for sums, or by the view that
    people know, which ClickHouse plans the longest; `$read` for the same, of `$columns` alone,
    which are those of the query that it is part `of`. filters: those that ask for something; the
    others are left out."""
    if filters is not None and name == "place":
        return "concat(cluster, '/')" if "apart" in filters else "''"
    of = of or name
    found = resources.files("sql.console").joinpath("queries", _file(name, grain, rows, of))
    written = found.read_text()
    if filters is not None and name == "scope":
        written = _asked(written, filters)
    parts = partial(text, grain=grain, rows=rows, filters=filters, of=of)
    return Template(written).substitute(_Parts(parts))


def _file(name: str, grain: str, rows: str, of: str) -> str:
    if name in ("rows", "read"):
        name = f"{name}_pod" if grain == "pod" else f"{name}_{rows}"
    elif name == "raw":
        name = "raw_pod" if grain == "pod" else "raw_workload"
    elif name == "id":
        name = f"id_{grain}"
    elif name == "columns":
        name = f"{of}_columns"
    return f"{name}.sql"


def asking(parameters: Mapping[str, Any]) -> frozenset[str]:
    """The filters that ask for something. ClickHouse plans those that do not as well, and reads
    columns for them."""
    return frozenset(name for name in FILTERS if parameters.get(name))


def _asked(scope: str, filters: frozenset[str]) -> str:
    conditions = re.split(r"\n    AND ", scope.rstrip("\n"))
    names = (re.findall(r"\{(\w+):", one)[0] for one in conditions)  # what it is of comes first
    kept = [one for name, one in zip(names, conditions, strict=True) if name in filters]
    return "\n    AND ".join(kept) or "true"


class _Parts(dict[str, str]):
    def __init__(self, text: Callable[[str], str]) -> None:
        self._text = text

    def __missing__(self, name: str) -> str:
        return self._text(name).rstrip("\n")


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
        return self.select(self._text(name, parameters, grain), parameters)

    def table(self, name: str, parameters: Mapping[str, Any], grain: str = "workload") -> pa.Table:
        """The same as columns of Arrow."""
        statement = self._text(name, parameters, grain)
        with self._turns, self._explained(), QUERY_SECONDS.time():
            answer = self._connected().raw_query(
                statement, parameters=dict(parameters), fmt="ArrowStream"
            )
        return pa.ipc.open_stream(answer).read_all()

    def _text(self, name: str, parameters: Mapping[str, Any], grain: str) -> str:
        rows = "pieces" if "tens" in parameters else "level"
        return text(name, grain, rows, filters=asking(parameters))

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
