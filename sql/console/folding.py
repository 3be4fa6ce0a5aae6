"""Which edges of a map are drawn one by one, and which are summed up, so that it stays readable."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sql.console.ends import others

Pair = tuple[str, str, int]
"""Client, server, bytes between them."""


@dataclass(frozen=True)
class Folded:
    """`inside`: how many ends one of "others" stands for. `nodes`, `edges`, `bytes`: what is not
    drawn by itself, of `all_nodes` and `all_edges`."""

    inside: dict[str, int]
    nodes: int
    edges: int
    bytes: int
    all_nodes: int
    all_edges: int


def fold(pairs: Iterable[tuple[Pair, tuple[str, str]]]) -> Folded:
    """What became of pairs that are drawn()."""
    inside: defaultdict[str, set[str]] = defaultdict(set)
    every: set[str] = set()
    alone: set[str] = set()
    all_edges = lost_edges = lost_bytes = 0
    for (*ends, size), shown in pairs:
        for end, now in zip(ends, shown, strict=True):
            every.add(end)
            if end == now:
                alone.add(end)
            else:
                inside[now].add(end)
        all_edges += 1
        if tuple(ends) != shown:
            lost_edges, lost_bytes = lost_edges + 1, lost_bytes + size
    counts = {end: len(members) for end, members in inside.items()}
    lost = len(every - alone), lost_edges, lost_bytes
    return Folded(counts, *lost, all_nodes=len(every), all_edges=all_edges)


def drawn(pairs: Iterable[Pair], edges: int, nodes: int) -> Iterator[tuple[Pair, tuple[str, str]]]:
    """Each pair with the ends between which it is drawn, the largest first: the largest pairs and
    the largest ends, so many of each at most, by bytes and then by name. A smaller end becomes the
    others of its namespace, and of a smaller pair both ends do."""
    ranked = sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1]))
    sizes: Counter[str] = Counter()
    for client, server, size in ranked:
        for end in {client, server}:
            sizes[end] += size
    shown = set(sorted(sizes, key=lambda end: (-sizes[end], end))[:nodes])
    for rank, pair in enumerate(ranked):
        client, server = (end if rank < edges and end in shown else others(end) for end in pair[:2])
        yield pair, (client, server)
