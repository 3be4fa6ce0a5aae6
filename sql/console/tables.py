"""Tables: their columns, their statements, and pages of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sql.console.api.answers_tables import Unit
from sql.console.ends import Grain
from sql.console.errors import BadParameterError
from sql.console.scope import Scope
from sql.console.store import asking, text

UNITS: dict[str, Unit] = {
    "bytes_to_server": "bytes",
    "bytes_to_client": "bytes",
    "connections_attempted": "count",
    "connections_failed": "count",
    "retransmit_rate": "share",
    "rtt_p50": "us",
    "rtt_p95": "us",
    "connect_p95": "us",
    "resets": "count",
    "dropped_packets": "count",
    "cost_usd": "usd",
}
"""What columns are measured in; the others are words, ports and scores."""
TITLES = {
    "bytes_to_server": "To server",
    "bytes_to_client": "To client",
    "connections_attempted": "Connections",
    "connections_failed": "Failed",
    "retransmit_rate": "Retransmits",
    "rtt_p50": "RTT p50",
    "rtt_p95": "RTT p95",
    "connect_p95": "Connect p95",
    "dropped_packets": "Drops",
    "cost_usd": "Cost",
    "aws_service": "AWS service",
    "aws_region": "Region",
}
"""Of those whose title is not simply the name."""
MEASURES = (*UNITS, "health")
WHO = ("client_id", "server_id", "client", "server")
WAY = ("protocol", "port", "path")
END = ("pod", "address", "zone", "method", "confidence")
COLUMNS = {
    "flows_cluster": (*WHO, *WAY, *MEASURES),
    "flows_aws": (*WHO, "aws_service", "aws_region", *WAY, *MEASURES),
    "flows_external": (*WHO, "direction", "remote_kind", "remote_name", *WAY, *MEASURES),
    "conversations": (
        *(f"{side}_{what}" for side in ("client", "server") for what in END),
        *WAY,
        *MEASURES,
    ),
}
"""By the name of the query, in its order."""
NULLABLE = ("retransmit_rate", "rtt_p50", "rtt_p95", "connect_p95")
LARGEST_FIRST = "bytes_to_server + bytes_to_client"


@dataclass(frozen=True)
class Table:
    """A whole table; `body` gives its rows in the order `order`, and takes `parameters`."""

    name: str
    body: str
    order: str
    parameters: Mapping[str, Any]
    scope: Scope

    @property
    def statement(self) -> str:
        """All of it, sorted."""
        return f"{self.body}\nORDER BY {self.order}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Their names."""
        return COLUMNS[self.name]

    def page(self) -> str:
        """The statement of a page, with parameters `limit` and `offset`, and the number of rows of
        all pages as the last column."""
        return (
            f"SELECT *, count() OVER () AS total\nFROM\n({self.body})\nORDER BY {self.order}\n"
            "LIMIT {limit:UInt32} OFFSET {offset:UInt64}"
        )

    def csv(self) -> str:
        """The statement without NULLs, which spreadsheets do not know."""
        cells = ", ".join(f"ifNull(toString({name}), '') AS {name}" for name in NULLABLE)
        return f"SELECT * REPLACE ({cells})\nFROM\n({self.statement})"

    def count(self) -> str:
        """The statement that counts the rows."""
        return f"SELECT count() AS total FROM ({self.body})"

    def pasted(self) -> str:
        """The statement with its values in it, and with now() where the range is live."""
        since = f"toDateTime({self.scope.since}, 'UTC')"
        until = f"toDateTime({self.scope.until}, 'UTC')"
        if self.scope.live:
            since, until = f"now() - INTERVAL {self.scope.seconds} SECOND", "now()"
        literals = {name: _literal(value) for name, value in self.parameters.items()}
        literals |= {"since": since, "until": until}
        return re.sub(r"\{(\w+):[^}]+\}", lambda found: literals[found[1]], self.statement)


def table(
    name: str,
    scope: Scope,
    *,
    sort: str,
    order: str,
    grain: Grain = "workload",
    more: Mapping[str, Any] | None = None,
) -> Table:
    """The table of queries/NAME.sql. Raises BadParameterError for a column that it has not."""
    columns = COLUMNS[name]
    if sort and sort not in columns:
        raise BadParameterError(f"sort {sort!r} is no column; there are {', '.join(columns)}.")
    parameters = scope.parameters() | dict(more or {})
    body = text(name, grain, filters=asking(parameters)).rstrip("\n")
    last = ", ".join(column for column in columns if column not in MEASURES)
    by = sort or LARGEST_FIRST
    return Table(
        name,
        body,
        f"{by} {order.upper()} NULLS LAST, {last}",
        parameters,
        scope,
    )


def _literal(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0")
        return f"'{escaped}'"
    return str(value)


def title(column: str) -> str:
    """What stands over a column."""
    return TITLES.get(column, column.replace("_", " ").capitalize())
