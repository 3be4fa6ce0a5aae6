"""What sums mean: rates, percentiles and health, by the rules of queries/measures.sql and
penalties.sql, which tests hold them against. ClickHouse takes longer to plan these than they take
here, of a map's edges."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt

from sql.console.sums import Counts, Sums

Numbers = npt.NDArray[np.float64]
FAILURES = ("refused", "timed_out", "reset", "unreachable")
USD = 10**12
INNER = ("segments", "retransmitted_syns")
"""Counts that others are made of, and that are not told."""


def measures(sums: Sums) -> dict[str, list[Any]]:
    """What an edge of the map tells, as a list a measure, in the order of the pairs."""
    counts = sums.counts
    segments, again = counts["segments"], counts["retransmitted_segments"]
    failed = np.sum([counts[f"connections_{cause}"] for cause in FAILURES], axis=0)
    rtt = sums.histograms["client_rtt_histogram"] + sums.histograms["server_rtt_histogram"]
    rtt_p95 = quantile(rtt, 0.95)
    rate = np.minimum(again / np.where(segments, segments, np.nan), 1)
    health = np.round(np.maximum(100 - penalties(counts, failed, rtt, rtt_p95), 0), 1)
    found = {name: values.tolist() for name, values in counts.items() if name not in INNER}
    return found | {
        "connections_failed": failed.tolist(),
        "retransmit_rate": _or_none(rate),
        "rtt_p50": _or_none(quantile(rtt, 0.5)),
        "rtt_p95": _or_none(rtt_p95),
        "connect_p95": _or_none(quantile(sums.histograms["connect_latency_histogram"], 0.95)),
        "cost_usd": [units / USD for units in sums.money],
        "health": health.tolist(),
    }


def penalties(counts: dict[str, Counts], failed: Counts, rtt: Counts, rtt_p95: Numbers) -> Numbers:
    """The points that are taken from 100."""
    tried = np.maximum(counts["connections_attempted"], 50)
    segments = counts["segments"]
    packets = counts["packets_to_server"] + counts["packets_to_client"]
    answered = counts["connections_refused"] + counts["connections_reset"]
    lost = np.maximum(counts["retransmitted_segments"] - counts["retransmitted_syns"], 0)
    resets = np.maximum(counts["resets"] - answered, 0)
    with np.errstate(divide="ignore"):
        slow = np.where(rtt.sum(axis=1) < 20, 0, np.clip(np.log10(rtt_p95 / 100_000), 0, 1))
    points: Numbers = (
        60 * np.minimum(lost / np.maximum(segments, 3000) / 0.01, 1)
        + 50 * np.minimum(failed / tried / 0.2, 1)
        + 20 * np.minimum(counts["listen_overflows"] / tried / 0.1, 1)
        + 10 * np.minimum(resets / tried / 0.5, 1)
        + 10 * np.minimum(counts["zero_windows"] / np.maximum(segments, 1000) / 0.01, 1)
        + 20 * np.minimum(counts["dropped_packets"] / np.maximum(packets, 1000) / 0.01, 1)
        + 10 * slow
    )
    return points


def quantile(histogram: Counts, level: float) -> Numbers:
    """Microseconds, as flowatlasQuantile finds them; NaN without samples."""
    total = histogram.sum(axis=1)
    left = level * total
    found = np.full(len(histogram), np.nan)
    for bucket, count in enumerate(histogram.T):
        here = (left > 0) & (count > 0)
        share = np.minimum(left / np.maximum(count, 1), 1)
        found = np.where(here, np.exp2(bucket + 4 + share), found)
        left = np.where(here, left - count, left)
    return found


def _or_none(numbers: Numbers) -> list[float | None]:
    return [None if isnan(number) else number for number in numbers.tolist()]
