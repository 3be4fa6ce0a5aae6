"""What of an edge or end went between which zones, by which path, and to which port."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sql.console.api.answers import PathShare, PortShare, ZonePair

Row = dict[str, Any]
ADDED = ("bytes", "cost_usd", "retransmitted_segments", "segments")


def zone_pairs(rows: Iterable[Row]) -> list[ZonePair]:
    """The largest first."""
    return [
        ZonePair(
            client_zone=zones[0],
            server_zone=zones[1],
            bytes=sums["bytes"],
            cost_usd=sums["cost_usd"],
            retransmit_rate=_rate(sums),
        )
        for zones, sums in _added(rows, ("client_zone", "server_zone"))
    ]


def paths(rows: Iterable[Row]) -> list[PathShare]:
    """The largest first."""
    return [
        PathShare(path=way, gateway=gateway, bytes=sums["bytes"], cost_usd=sums["cost_usd"])
        for (way, gateway), sums in _added(rows, ("way", "gateway"))
    ]


def ports(rows: Iterable[Row]) -> list[PortShare]:
    """The largest first."""
    return [
        PortShare(protocol=protocol, port=port, bytes=sums["bytes"])
        for (protocol, port), sums in _added(rows, ("protocol_name", "port"))
    ]


def _rate(sums: Row) -> float | None:
    segments = sums["segments"]
    return min(sums["retransmitted_segments"] / segments, 1) if segments else None


def _added(rows: Iterable[Row], names: Sequence[str]) -> list[tuple[tuple[Any, ...], Row]]:
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        sums = found.setdefault(tuple(row[name] for name in names), dict.fromkeys(ADDED, 0))
        for name in ADDED:
            sums[name] += row[name]
    return sorted(found.items(), key=lambda item: (-item[1]["bytes"], item[0]))
