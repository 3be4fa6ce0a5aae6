"""Why an edge is not healthy, in a sentence: what is wrong, since when, and where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

Row = dict[str, Any]
"""The measures of an edge, as queries/measures.sql calls them, `segments` included."""

LEAST_PENALTY = 1.0
"""Points of the score below which a cause is not worth a word."""
GROWN = 1.5
"""Times what it was before; what is below has been so, and did not begin."""


class Cause(NamedTuple):
    """Something that costs points. `part` of `whole` is how bad it is; without a whole it is
    a number of its own."""

    name: str
    part: str
    whole: str
    say: Callable[[Row], str]

    def level(self, row: Row) -> float | None:
        """How bad it is in these measures; None where they say nothing of it."""
        if not self.whole:
            return row[self.part] and float(row[self.part])
        return row[self.part] / row[self.whole] if row[self.whole] else None


FAILURES = {
    "connections_refused": "refused",
    "connections_timed_out": "timed out",
    "connections_unreachable": "found no way",
    "connections_reset": "reset",
}
CAUSES = (
    Cause(
        "retransmits",
        "lost_segments",
        "segments",
        lambda row: f"retransmits {percent(row['lost_segments'], row['segments'])}",
    ),
    Cause(
        "failures",
        "connections_failed",
        "connections_attempted",
        lambda row: f"{_failed_share(row)} of connections fail ({_failed(row)})",
    ),
    Cause(
        "overflows",
        "listen_overflows",
        "connections_attempted",
        lambda row: f"the server's accept queue overflowed {row['listen_overflows']:,} times",
    ),
    Cause(
        "resets",
        "other_resets",
        "connections_attempted",
        lambda row: f"{row['other_resets']:,} resets beside those of failed connections",
    ),
    Cause(
        "zero_windows",
        "zero_windows",
        "segments",
        lambda row: f"a receiver had its window full {row['zero_windows']:,} times",
    ),
    Cause(
        "drops",
        "dropped_packets",
        "packets",
        lambda row: f"dropped packets {percent(row['dropped_packets'], row['packets'])}",
    ),
    Cause("rtt", "rtt_p95", "", lambda row: f"RTT p95 {duration(row['rtt_p95'])}"),
)
"""In the order of queries/penalties.sql, and of the same counts."""


def sentence(
    now: Row, before: Row | None, points: Sequence[Row], penalties: Sequence[float]
) -> str:
    """E.g. "retransmits 4.1 %, was 0.02 %, began 14:32, only a → b"; the dearest cause first.

    points: measures by window and zone pair, ordered by `time`. before: of the range before.
    """
    now, before = _added_up(now), _added_up(before) if before else None
    points = [_added_up(point) for point in points]
    worst = sorted(zip(penalties, CAUSES, strict=True), key=lambda one: -one[0])
    told = [_told(cause, now, before, points) for cost, cause in worst if cost >= LEAST_PENALTY]
    return "; ".join(told) or "nothing is wrong"


def _told(cause: Cause, now: Row, before: Row | None, points: Sequence[Row]) -> str:
    parts = [cause.say(now)]
    level, was = cause.level(now) or 0.0, cause.level(before) if before else None
    if was is not None and before is not None:
        parts.append(f"was {_amount(cause, before)}")
    grown = level >= GROWN * (was or 0.0)
    half = ((was or 0.0) + level if grown else level) / 2
    if grown and (began := _began(cause, points, half)) is not None:
        parts.append(f"began {datetime.fromtimestamp(began, UTC):%H:%M} UTC")
    if where := _where(cause, points, half):
        parts.append(f"only {where}")
    return ", ".join(parts)


def _amount(cause: Cause, row: Row) -> str:
    if cause.whole:
        return percent(row[cause.part], row[cause.whole])
    return duration(row[cause.part])


def _began(cause: Cause, points: Iterable[Row], half: float) -> int | None:
    """The first window from which on it is over `half`, unless it is from the first one on."""
    levels = [(time, level) for time, level in _levels(cause, points, "time") if level is not None]
    since = None
    for time, level in reversed(levels):
        if level < half:
            break
        since = time
    return None if since is None or since == levels[0][0] else int(since)


def _where(cause: Cause, points: Iterable[Row], half: float) -> str:
    """The zone pair that alone is over `half`, if there are others with traffic."""
    zones = [
        {**point, "zones": (point["client_zone"], point["server_zone"])}
        for point in points
        if point["client_zone"] and point["server_zone"]
    ]
    levels = {pair: level for pair, level in _levels(cause, zones, "zones") if level is not None}
    bad = [pair for pair, level in levels.items() if level >= half > 0]
    return " → ".join(bad[0]) if len(bad) == 1 < len(levels) else ""


def _levels(cause: Cause, points: Iterable[Row], by: str) -> list[tuple[Any, float | None]]:
    """How bad it is by a column, in the order in which its values come."""
    sums: dict[Any, Row] = {}
    groups: dict[Any, list[Row]] = defaultdict(list)
    for point in points:
        groups[point[by]].append(point)
    for value, rows in groups.items():
        if cause.whole:
            sums[value] = {
                name: sum(row[name] for row in rows) for name in (cause.part, cause.whole)
            }
        else:
            told = [row[cause.part] for row in rows if row[cause.part] is not None]
            sums[value] = {cause.part: max(told, default=None)}
    return [(value, cause.level(row)) for value, row in sums.items()]


def _added_up(row: Row) -> Row:
    """What connections failed by is told by their causes, and not again by SYNs that were sent once
    more or by the resets that ended them."""
    return row | {
        "packets": row["packets_to_server"] + row["packets_to_client"],
        "lost_segments": max(row["retransmitted_segments"] - row["retransmitted_syns"], 0),
        "other_resets": max(
            row["resets"] - row["connections_refused"] - row["connections_reset"], 0
        ),
    }


def _failed_share(row: Row) -> str:
    return percent(row["connections_failed"], row["connections_attempted"])


def _failed(row: Row) -> str:
    most = max(FAILURES, key=lambda name: row[name])
    others = row["connections_failed"] - row[most]
    said = f"{row[most]:,} {FAILURES[most]}"
    return f"{said}, {others:,} otherwise" if others else said


def percent(part: float, whole: float) -> str:
    """Two digits, as "4.1 %" or "0.02 %"."""
    share = 100 * part / whole if whole else 0.0
    return f"{share:.2g} %" if share < 99.5 else f"{share:.0f} %"


def duration(microseconds: float | None) -> str:
    """As flowatlasDuration says it."""
    if microseconds is None:
        return "unknown"
    if microseconds < 1000:
        return f"{microseconds:.0f} µs"
    return f"{microseconds / 1e3:.1f} ms" if microseconds < 1e6 else f"{microseconds / 1e6:.1f} s"
