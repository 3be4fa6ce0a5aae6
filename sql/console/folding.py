"""Which edges of a map are drawn one by one, and which are summed up, so that it stays readable."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sql.console.ends import others

Pair = tuple[str, str, int]
"""Client, server, bytes between them."""


@dataclass(frozen=True)
class Folded:
    """`drawn`: bytes of each pair as it is drawn. `inside`: how many ends one of "others" stands
    for. `nodes`, `edges`, `bytes`: what is not drawn by itself, of `all_nodes` and `all_edges`."""

    drawn: dict[tuple[str, str], int]
    inside: dict[str, int]
    nodes: int
    edges: int
    bytes: int
    all_nodes: int
    all_edges: int


def fold(pairs: Iterable[Pair], edges: int, nodes: int) -> Folded:
    """Draw the largest pairs and the largest ends, so many of each at most, by bytes and then by
    name. A smaller end becomes the others of its namespace, and of a smaller pair both ends do.
    queries/folded.sql does the same to the rows."""
    ranked = sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))
    sizes: Counter[str] = Counter()
    for client, server, size in ranked:
        for end in {client, server}:
            sizes[end] += size
    shown = set(sorted(sizes, key=lambda end: (-sizes[end], end))[:nodes])
    drawn: Counter[tuple[str, str]] = Counter()
    inside: defaultdict[str, set[str]] = defaultdict(set)
    alone: set[str] = set()
    lost_edges = lost_bytes = 0
    for rank, (client, server, size) in enumerate(ranked):
        now = []
        for end in (client, server):
            is_shown = rank < edges and end in shown
            now.append(end if is_shown else others(end))
            if is_shown:
                alone.add(end)
            else:
                inside[now[-1]].add(end)
        if (client, server) != tuple(now):
            lost_edges, lost_bytes = lost_edges + 1, lost_bytes + size
        drawn[now[0], now[1]] += size
    counts = {end: len(members) for end, members in inside.items()}
    lost = len(sizes.keys() - alone), lost_edges, lost_bytes
    return Folded(dict(drawn), counts, *lost, all_nodes=len(sizes), all_edges=len(ranked))
