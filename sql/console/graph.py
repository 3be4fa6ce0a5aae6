"""The map's nodes and edges, from sums."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from sql.console.ends import OTHERS, parse
from sql.console.measures import USD, measures
from sql.console.sums import Counts, Pair, Sums, Words

MONTH_HOURS = 730
Row = dict[str, Any]


def edges(sums: Sums, before: Collection[Pair], hours: float) -> list[Row]:
    """One a pair. `before`: the pairs of the range before, of which nothing is new if there are
    none; nor is anything that others have a part in. `hours`: how much time the costs are of."""
    columns = measures(sums)
    columns["client"], columns["server"] = ([pair[at] for pair in sums.pairs] for at in (0, 1))
    columns["paths"] = _paths(sums)
    columns["cost_usd_month"] = [usd / hours * MONTH_HOURS for usd in columns["cost_usd"]]
    columns["is_new"] = [
        bool(before)
        and pair not in before
        and not any(end.startswith(f"{OTHERS}:") for end in pair)
        for pair in sums.pairs
    ]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _paths(sums: Sums) -> list[list[str]]:
    """Of each row the names of its ways."""
    which, of = np.unique(sums.ways, axis=0, return_inverse=True)
    named = [[sums.way_names[at] for at in np.flatnonzero(ways).tolist()] for ways in which]
    return [named[number] for number in of.ravel().tolist()]


def nodes(sums: Sums, inside: Mapping[str, int]) -> list[Row]:
    """The ends of these pairs with what they sent and received and what their edges cost; an edge
    from an end to itself counts once as sent and once as received, and costs once. `inside`: how
    many ends one of "others" stands for."""
    numbers: dict[str, int] = {}
    ends = (numbers.setdefault(end, len(numbers)) for pair in sums.pairs for end in pair)
    client, server = np.fromiter(ends, np.int64, 2 * len(sums.pairs)).reshape(-1, 2).T
    to_server, to_client = sums.counts["bytes_to_server"], sums.counts["bytes_to_client"]
    both = np.concatenate([client, server])
    sent, received = np.zeros((2, len(numbers)), np.int64)
    np.add.at(sent, both, np.concatenate([to_server, to_client]))
    np.add.at(received, both, np.concatenate([to_client, to_server]))
    usd = np.array([float(units) for units in sums.money]) / USD
    cost = np.bincount(
        both, np.concatenate([usd, np.where(client == server, 0, usd)]), len(numbers)
    )
    zones, places = (_agreed(words, both, len(numbers)) for words in (sums.zones, sums.nodes))
    found = []
    columns = (numbers, sent.tolist(), received.tolist(), cost.tolist(), zones, places)
    for end, out, into, spent, zone, node in zip(*columns, strict=True):
        told = parse(end)
        found.append(
            {
                "id": end,
                "kind": told.kind,
                "name": told.name,
                "namespace": told.namespace,
                "zone": zone,
                "node": node if told.kind != OTHERS else "",
                "bytes_sent": out,
                "bytes_received": into,
                "cost_usd": spent,
                "folded": inside.get(end, 1),
            }
        )
    return found


def _agreed(words: Words, of: Counts, ends: int) -> list[str]:
    """Of each end the word that all its rows have, or ""."""
    codes = np.concatenate([words.client, words.server])
    low, high = np.full(ends, len(words.names)), np.zeros(ends, np.int64)
    np.minimum.at(low, of, codes)
    np.maximum.at(high, of, codes)
    return [words.names[code] for code in np.where(low == high, low, 0).tolist()]
