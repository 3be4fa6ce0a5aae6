"""Tables beside the live ones: filled with a period's rows, compared, and swapped in by partition.

REPLACE PARTITION is atomic, and leaves the live table's deduplication log as it is, which EXCHANGE
TABLES would not: a worker that repeats its last range still inserts it once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pyarrow as pa
from clickhouse_connect.driver import Client

from sql.insert import encode, send
from sql.schema import END_LEVELS, LEVELS, WORKLOAD_LEVELS
from stream.replay.errors import DifferenceError, NothingToReplayError, TablesChangedError
from stream.replay.period import Period

UNCLAIMED = "unclaimed"
"""What is in it hangs on when it was made, so it cannot be compared."""
TABLES = (*LEVELS, UNCLAIMED)
COARSEST = "flows_1h"
"""It is kept longest, so an hour that it has and a finer level has not was dropped there by TTL."""

SQL = files("stream.replay")


@dataclass(frozen=True)
class Totals:
    flow_rows: int
    bytes_to_server: int
    bytes_to_client: int

    def __str__(self) -> str:
        return f"{self.flow_rows} flow rows of {self.bytes_to_server + self.bytes_to_client} bytes"


NONE = Totals(0, 0, 0)
Hours = dict[datetime, Totals]


class Tables:
    """The tables of one period of one cluster. Raises what clickhouse-connect raises."""

    def __init__(self, client: Client, cluster: str, period: Period) -> None:
        self._client = client
        self._parameters = {"cluster": cluster} | _bounds(period)
        self._cluster = cluster
        self._period = period
        self._inserts = 0

    def live(self) -> dict[str, Hours]:
        """By level and hour. Raises NothingToReplayError."""
        found = {level: self._hours(level) for level in LEVELS}
        if not found[COARSEST]:
            raise NothingToReplayError(self._period, self._cluster)
        return found

    def named_by(self, source: str) -> int:
        """Rows of the period in which that file told: inventory, ip-ranges or network."""
        ((count,),) = self._query("named_by.sql", source=source)
        return int(count)

    def create(self) -> None:
        """Empty tables; what a replay that was cut off left of its own goes."""
        self.drop()
        for level in TABLES:
            self._client.command(f"CREATE TABLE {_fresh(level)} AS {level}")

    def drop(self) -> None:
        for level in TABLES:
            for table in (_fresh(level), _swap(level)):
                self._client.command(f"DROP TABLE IF EXISTS {table} SYNC")

    def insert(self, tables: dict[str, pa.Table]) -> None:
        """Rows by level, at least one of each, into the fresh tables."""
        self._inserts += 1
        for level, rows in tables.items():
            block = replace(encode(level, rows), table=_fresh(level))
            send(self._client, block, str(self._inserts))

    def difference(self) -> DifferenceError | None:
        """The first hour, if any, for which the fresh tables differ from the live ones."""
        live = self.live()
        for level in LEVELS:
            fresh = self._hours(_fresh(level))
            for hour in sorted(live[COARSEST].keys() | fresh.keys()):
                if hour in live[COARSEST] and hour not in live[level]:
                    continue
                ours, theirs = fresh.get(hour, NONE), live[level].get(hour, NONE)
                if ours != theirs:
                    return DifferenceError(level, hour, str(theirs), str(ours))
        return None

    def partitions(self) -> list[tuple[str, str]]:
        """Level and partition id of all that hold something of the period."""
        return [(level, partition) for level in TABLES for partition in self._partitions(level)]

    def swap(self, check: Callable[[], None]) -> None:
        """Puts the fresh rows in the place of the live ones. Nobody else may insert, of which
        `check` makes sure. Cut off anywhere, each partition has its old rows or its new ones.
        Raises TablesChangedError."""
        self._leave_out_expired()
        for level in TABLES:
            for partition in sorted(self._partitions(level) | self._partitions(_fresh(level))):
                self._assemble(level, partition)
                check()
                self._replace(level, partition)

    def _assemble(self, level: str, partition: str) -> None:
        swap = _swap(level)
        self._client.command(f"DROP TABLE IF EXISTS {swap} SYNC")
        self._client.command(f"CREATE TABLE {swap} AS {level}")
        self._attach(swap, partition, level)
        self._command("clear.sql", table=swap)
        self._attach(swap, partition, _fresh(level))

    def _replace(self, level: str, partition: str) -> None:
        swap = _swap(level)
        if self._rest(swap, partition) != self._rest(level, partition):
            raise TablesChangedError(level, partition)
        self._client.command(f"ALTER TABLE {level} REPLACE PARTITION ID '{partition}' FROM {swap}")
        self._client.command(f"DROP TABLE {swap} SYNC")

    def _attach(self, table: str, partition: str, source: str) -> None:
        self._client.command(f"ALTER TABLE {table} ATTACH PARTITION ID '{partition}' FROM {source}")

    def _leave_out_expired(self) -> None:
        """Rows of hours that a level's TTL has dropped are not brought back."""
        live = self.live()
        for level in LEVELS:
            for hour in live[COARSEST].keys() - live[level].keys():
                expired = _bounds(Period.around(hour, hour))
                self._command("clear.sql", table=_fresh(level), **expired)
                if level == "flows_1m":
                    self._command("clear_minutes.sql", table=_fresh(UNCLAIMED), **expired)

    def _hours(self, table: str) -> Hours:
        found = self._query("hours.sql", table=table, **_compared(table))
        return {hour.replace(tzinfo=UTC): Totals(*totals) for hour, *totals in found}

    def _partitions(self, table: str) -> set[str]:
        return {partition for (partition,) in self._query("partitions.sql", table=table)}

    def _rest(self, table: str, partition: str) -> list[tuple[Any, ...]]:
        return self._query("rest.sql", table=table, partition=partition, **_bytes(table))

    def _query(self, name: str, **parameters: Any) -> list[tuple[Any, ...]]:
        text = SQL.joinpath(name).read_text()
        answer = self._client.query(text, parameters=self._parameters | parameters)
        return [tuple(row) for row in answer.result_rows]

    def _command(self, name: str, **parameters: Any) -> None:
        text = SQL.joinpath(name).read_text()
        self._client.command(text, parameters=self._parameters | parameters)


def _bytes(table: str) -> dict[str, str]:
    """The columns that have them."""
    if table.startswith(tuple(END_LEVELS)):
        return {"out": "bytes_sent", "back": "bytes_received"}
    return {"out": "bytes_to_server", "back": "bytes_to_client"}


def _compared(table: str) -> dict[str, str]:
    """Those that other names leave as they are: of workloads none but the flow rows, since an end's
    name decides whose report counts."""
    if table.startswith(tuple(WORKLOAD_LEVELS)):
        return dict.fromkeys(("out", "back"), "flow_rows")
    return _bytes(table)


def _bounds(period: Period) -> dict[str, str]:
    return {"begin": f"{period.begin:%F %T}", "end": f"{period.end:%F %T}"}


def _fresh(level: str) -> str:
    return f"{level}_replay"


def _swap(level: str) -> str:
    return f"{level}_swap"
