"""The map's nodes and edges, from rows of queries/map.sql."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sql.console.ends import OTHERS, parse

MONTH_HOURS = 730
ONLY_HERE = {
    "pair",
    "client_zone",
    "server_zone",
    "client_node",
    "server_node",
    "segments",
    "retransmitted_syns",
    "rtt_histogram",
}
"""Columns that are not of an edge. To leave them out in SQL takes ClickHouse long to plan."""
Row = dict[str, Any]


def nodes(rows: Iterable[Row], inside: Mapping[str, int]) -> list[Row]:
    """The ends of these edges with what they sent and received and what their edges cost; an edge
    from an end to itself counts once as sent and once as received, and costs once. `inside`: how
    many ends one of "others" stands for."""
    found: dict[str, Row] = {}
    for row in rows:
        to_server, to_client = row["bytes_to_server"], row["bytes_to_client"]
        client = _node(found, row, "client", inside)
        client["bytes_sent"] += to_server
        client["bytes_received"] += to_client
        client["cost_usd"] += row["cost_usd"]
        server = _node(found, row, "server", inside)
        server["bytes_sent"] += to_client
        server["bytes_received"] += to_server
        if server is not client:
            server["cost_usd"] += row["cost_usd"]
    return list(found.values())


def _node(found: dict[str, Row], row: Row, side: str, inside: Mapping[str, int]) -> Row:
    end, zone, node = row[side], row[f"{side}_zone"], row[f"{side}_node"]
    if seen := found.get(end):
        for name, value in (("zone", zone), ("node", node)):
            if seen[name] != value:
                seen[name] = ""
        return seen
    told = parse(end)
    found[end] = {
        "id": end,
        "kind": told.kind,
        "name": told.name,
        "namespace": told.namespace,
        "zone": zone,
        "node": node if told.kind != OTHERS else "",
        "bytes_sent": 0,
        "bytes_received": 0,
        "cost_usd": 0.0,
        "folded": inside.get(end, 1),
    }
    return found[end]


def edges(rows: Iterable[Row], before: Collection[int], hours: float) -> list[Row]:
    """The rows as edges. `before`: numbers of the pairs of the range before, of which nothing is
    new if there are none; nor is anything that others have a part in. `hours`: how much time the
    costs are of."""
    made = []
    for row in rows:
        edge = {name: value for name, value in row.items() if name not in ONLY_HERE}
        known = not before or row["pair"] in before
        edge["is_new"] = not known and not any(
            row[side].startswith(f"{OTHERS}:") for side in ("client", "server")
        )
        edge["cost_usd_month"] = row["cost_usd"] / hours * MONTH_HOURS
        made.append(edge)
    return made
