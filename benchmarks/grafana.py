"""The dashboards, and their queries as Grafana's ClickHouse datasource sends them.

Grafana itself is not to be had here. What the datasource makes of a query is told by its
documentation: $__conditionalAll goes first, then the dashboard's variables, then the other macros.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

DIRECTORY = Path(__file__).parents[1] / "deploy" / "grafana"
ALL = "$__all"

Values = Mapping[str, list[str] | str]
"""What is chosen for each variable: ALL, or a list."""


class Query(NamedTuple):
    """A panel's or a variable's."""

    dashboard: str
    title: str
    ref: str
    sql: str

    @property
    def name(self) -> str:
        return f"{self.dashboard}: {self.title} ({self.ref})"


class Range(NamedTuple):
    """What Grafana's time picker says, and the interval that it makes of it for a panel."""

    since: datetime
    until: datetime

    @property
    def interval(self) -> timedelta:
        """A panel's width of pixels, rounded; the datasource takes at least a second."""
        return max((self.until - self.since) / 1000, timedelta(seconds=1))


def dashboards() -> dict[str, dict[str, Any]]:
    """By file name without suffix."""
    files = sorted((DIRECTORY / "dashboards").glob("*.json"))
    return {file.stem: json.loads(file.read_text()) for file in files}


def queries() -> Iterator[Query]:
    """All of them: variables first."""
    for name, dashboard in dashboards().items():
        for variable in dashboard["templating"]["list"]:
            yield Query(name, f"variable {variable['name']}", "A", variable["query"])
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield Query(name, panel["title"], target["refId"], target["rawSql"])


def expand(sql: str, over: Range, values: Values) -> str:
    """What ClickHouse gets. Raises ValueError for what nothing would be put in the place of."""
    sql = _conditions(sql, values)
    sql = re.sub(r"\$\{(\w+):singlequote\}", lambda found: _quoted(values[found[1]]), sql)
    for name, macro in MACROS.items():
        pattern = rf"\$__{name}(?![\w])(?:\(([^()]*(?:\([^()]*\)[^()]*)*)\))?"
        sql = re.sub(pattern, lambda found, m=macro: m(over, found[1] or ""), sql)  # type: ignore[misc]
    if left := re.search(r"\$\{?\w+", sql):
        raise ValueError(f"nothing stands for {left[0]}")
    return sql


def _conditions(sql: str, values: Values) -> str:
    """$__conditionalAll(condition, $variable): 1=1 where all is chosen, else the condition."""
    macro = "$__conditionalAll("
    while (start := sql.rfind(macro)) >= 0:
        condition, variable, end = _arguments(sql, start + len(macro))
        chosen = values[variable.strip().removeprefix("$")]
        sql = sql[:start] + ("1=1" if chosen == ALL else condition) + sql[end:]
    return sql


def _arguments(sql: str, start: int) -> tuple[str, str, int]:
    depth, comma = 1, 0
    for place in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[place], 0)
        if sql[place] == "," and depth == 1:
            comma = place
        if depth == 0:
            return sql[start:comma], sql[comma + 1 : place], place + 1
    raise ValueError("a macro's bracket is not closed")


def _quoted(chosen: list[str] | str) -> str:
    assert not isinstance(chosen, str), (
        "only a macro may stand before a variable of which all is chosen"
    )
    return ",".join("'" + value.replace("'", r"\'") + "'" for value in chosen)


def _seconds(moment: datetime) -> str:
    return f"toDateTime({int(moment.timestamp())})"


def _milliseconds(moment: datetime) -> str:
    return f"fromUnixTimestamp64Milli({int(moment.timestamp() * 1000)})"


def _date(moment: datetime) -> str:
    return f"toDate('{moment:%Y-%m-%d}')"


def _filter(bound: Callable[[datetime], str]) -> Callable[[Range, str], str]:
    return lambda over, column: (
        f"{column} >= {bound(over.since)} AND {column} <= {bound(over.until)}"
    )


MACROS: dict[str, Callable[[Range, str], str]] = {
    "timeFilter": _filter(_seconds),
    "timeFilter_ms": _filter(_milliseconds),
    "dateFilter": _filter(_date),
    "fromTime": lambda over, _: _seconds(over.since),
    "toTime": lambda over, _: _seconds(over.until),
    "fromTime_ms": lambda over, _: _milliseconds(over.since),
    "toTime_ms": lambda over, _: _milliseconds(over.until),
    "interval_s": lambda over, _: str(int(over.interval.total_seconds())),
    "timeInterval": lambda over, column: (
        f"toStartOfInterval(toDateTime({column}), INTERVAL "
        f"{int(over.interval.total_seconds())} second)"
    ),
}
