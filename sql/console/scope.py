"""What a request is about: a range of time, and filters. The same parameters at every resource."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from typing import Annotated, Any, NamedTuple

from fastapi import Query

from sql.console.errors import BadParameterError

UNITS = {"m": 60, "h": 3600, "d": 86400}
LONGEST = 400 * 86400
"""Longer than anything is kept."""
DAY = 86400
FEW_MINUTES = 300
"""In a shorter range a minute more or less would tell."""
LATEST = 2**32 - 1
"""ClickHouse's DateTime ends here."""

Words = Annotated[list[str], Query(max_length=100)]


class Level(NamedTuple):
    """A length of windows: its name, as the column `rollup` has it, its seconds, and where edges
    and ends are told by it."""

    name: str
    seconds: int
    edges: str
    ends: str


TENTHS = Level("flows_10s", 10, "edges_10s", "flows_10s")
MINUTES = Level("flows_1m", 60, "workloads_1m", "ends_1m")
HOURS = Level("flows_1h", 3600, "workloads_1h", "ends_1h")
MINUTES_KEPT = 29 * DAY
TEN_MINUTES = 600


@dataclass(frozen=True)
class Scope:
    """Rows whose windows begin in [since, until), Unix seconds, and that pass all filters. A filter
    without values lets all pass; one with some lets pass what has one of them at either end."""

    since: int
    until: int
    live: bool
    cluster: str
    namespaces: tuple[str, ...]
    kinds: tuple[str, ...]
    zones: tuple[str, ...]
    paths: tuple[str, ...]
    labels: tuple[str, ...]
    search: str
    apart: bool = False
    """Ends of one name in two clusters are two, and have the cluster in their ids."""

    @property
    def seconds(self) -> int:
        """How long the range is."""
        return self.until - self.since

    @property
    def level(self) -> Level:
        """As flowatlasLevel of migration 0011 chooses it. It is chosen here since a query that is
        told the level takes ClickHouse a third less time to plan than one that has it found out."""
        age = time.time() - self.since
        if self.seconds <= 900 and age <= 2 * DAY:
            return TENTHS
        return MINUTES if self.seconds <= 6 * 3600 and age <= MINUTES_KEPT else HOURS

    def parameters(self, level: Level | None = None) -> dict[str, Any]:
        """As queries take them; queries/scope.sql is the condition, queries/rows_level.sql what is
        read: of the range's own level unless told."""
        read = level or self.level
        return {
            "since": moment(self.since),
            "until": moment(self.until),
            "level": read.name,
            "level_seconds": read.seconds,
            "relation": read.edges,
            "ends_relation": read.ends,
            "first_window": moment(self.since // read.seconds * read.seconds),
            "cluster": self.cluster,
            "apart": int(self.apart),
            "namespaces": list(self.namespaces),
            "kinds": list(self.kinds),
            "zones": list(self.zones),
            "paths": list(self.paths),
            "label_keys": [label.partition("=")[0] for label in self.labels],
            "label_values": [label.partition("=")[2] for label in self.labels],
            "search": self.search,
        }

    def summed(self) -> dict[str, Any]:
        """The same for whoever wants sums alone, which few long windows have as well: where the
        pieces of queries/rows_pieces.sql begin and end, as in the view edges_summed. A range of so
        few minutes that one more or less would tell is read by its level."""
        level = self.level
        if level == TENTHS and self.seconds < FEW_MINUTES:
            return self.parameters()
        coarser = MINUTES if level == TENTHS else level
        return self.parameters(coarser) | {name: moment(at) for name, at in self._pieces().items()}

    def _pieces(self) -> dict[str, int]:
        hour = self.since // HOURS.seconds * HOURS.seconds
        if time.time() - self.since > MINUTES_KEPT:
            whole = {"tens": hour, "tens_end": self.until, "hours": hour, "hours_end": self.until}
            return {"first": hour, **whole}
        found = {"first": self.since // MINUTES.seconds * MINUTES.seconds}
        for name, seconds in (("tens", TEN_MINUTES), ("hours", HOURS.seconds)):
            found[name] = min(-(-self.since // seconds) * seconds, self.until)
            found[f"{name}_end"] = max(self.until // seconds * seconds, found[name])
        return found

    @property
    def filters(self) -> Scope:
        """The same of no time, which is equal to that of whoever asks for the same of another."""
        return replace(self, since=0, until=0, live=False)

    @property
    def whole_minutes(self) -> Scope:
        """The same with the minutes that it begins and ends in: the windows of a minute or longer
        in it are the same."""
        return replace(self, since=self.since // 60 * 60, until=-(-self.until // 60) * 60)

    def before(self, seconds: int) -> Scope:
        """The same, so many seconds earlier; nothing is before 1970."""
        since, until = (max(moment - seconds, 0) for moment in (self.since, self.until))
        return replace(self, since=since, until=until)


def moment(seconds: int) -> str:
    """As ClickHouse reads a DateTime; of fewer than ten digits it takes some for years."""
    return f"{seconds:010d}"


def scope(
    *,
    last: Annotated[
        str, Query(alias="range", description="The time up to now: 5m, 15m, 1h, 24h, 7d, …")
    ] = "15m",
    since: Annotated[int | None, Query(ge=0, le=LATEST, description="Unix seconds")] = None,
    until: Annotated[int | None, Query(ge=0, le=LATEST, description="Unix seconds")] = None,
    cluster: Annotated[str, Query(description="One cluster; all if empty")] = "",
    namespace: Words = [],  # noqa: B006  FastAPI's way of a repeated parameter
    kind: Words = [],  # noqa: B006
    zone: Words = [],  # noqa: B006
    path: Words = [],  # noqa: B006
    label: Annotated[list[str], Query(description="key=value", max_length=100)] = [],  # noqa: B006
    search: Annotated[str, Query(max_length=200, description="A part of an end's name")] = "",
) -> Scope:
    """Read a request's parameters; `since` and `until` go before `range`. Raises
    BadParameterError."""
    begin, end = _bounds(last, since, until)
    if odd := [one for one in label if "=" not in one]:
        raise BadParameterError(f"label {odd[0]!r} is not like key=value.")
    words = (tuple(namespace), tuple(kind), tuple(zone), tuple(path), tuple(label))
    return Scope(begin, end, until is None, cluster, *words, search)


def _bounds(last: str, since: int | None, until: int | None) -> tuple[int, int]:
    length = re.fullmatch(r"([1-9]\d{0,5})([mhd])", last)
    if not length:
        raise BadParameterError(f"range {last!r} is not like 15m, 1h or 7d.")
    end = int(time.time()) + 1 if until is None else until
    seconds = int(length[1]) * UNITS[length[2]]
    begin = max(end - seconds, 0) if since is None else since
    if not 0 < end - begin <= LONGEST:
        raise BadParameterError("since has to be before until, by 400 days at the most.")
    return begin, end
