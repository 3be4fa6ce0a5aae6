"""A map that is too large is folded, and loses nothing by it."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sql.console.ends import grain_of, kinds_of, namespaces_of, others, parse
from sql.console.folding import Pair, drawn, fold

ENDS = [f"workload:{space}/{name}" for space in ("shop", "bank") for name in "abcde"]
ENDS += ["internet:api.example.com", "aws_service:S3", "node:", "internet:", "service:shop/web"]
PAIRS = st.dictionaries(
    st.tuples(st.sampled_from(ENDS), st.sampled_from(ENDS)), st.integers(0, 1 << 40), max_size=60
).map(lambda found: [(*pair, size) for pair, size in found.items()])
LIMIT = st.integers(1, 70)


@given(PAIRS, LIMIT, LIMIT)
def test_all_bytes_are_still_there(pairs: list[Pair], edges: int, nodes: int) -> None:
    found = _drawn(pairs, edges, nodes)
    assert sum(found.values()) == sum(size for *_, size in pairs)
    alone = {(client, server): size for client, server, size in pairs}
    untouched = sum(size for pair, size in found.items() if alone.get(pair) == size)
    assert fold(drawn(pairs, edges, nodes)).bytes == sum(alone.values()) - untouched


@given(PAIRS, LIMIT, LIMIT)
def test_every_namespace_keeps_its_bytes(pairs: list[Pair], edges: int, nodes: int) -> None:
    found = [(*pair, size) for pair, size in _drawn(pairs, edges, nodes).items()]
    assert _by_namespace(found) == _by_namespace(pairs)


@given(PAIRS, LIMIT, LIMIT)
def test_no_more_is_drawn_one_by_one_than_was_asked_for(
    pairs: list[Pair], edges: int, nodes: int
) -> None:
    found = _drawn(pairs, edges, nodes)
    alone = [pair for pair in found if not any(end.startswith("others:") for end in pair)]
    assert len(alone) <= edges
    assert len({end for pair in found for end in pair if not end.startswith("others:")}) <= nodes


@given(PAIRS, LIMIT)
def test_a_drawn_edge_is_no_smaller_than_a_folded_one(pairs: list[Pair], edges: int) -> None:
    found = _drawn(pairs, edges, nodes=len(ENDS))
    sizes = {(client, server): size for client, server, size in pairs}
    kept = [size for pair, size in sizes.items() if pair in found]
    lost = [size for pair, size in sizes.items() if pair not in found]
    assert min(kept, default=0) >= max(lost, default=0)
    assert len(lost) == fold(drawn(pairs, edges, nodes=len(ENDS))).edges


@given(PAIRS)
def test_within_the_limits_nothing_is_folded(pairs: list[Pair]) -> None:
    folded = fold(drawn(pairs, edges=len(pairs) or 1, nodes=len(ENDS)))
    assert (folded.nodes, folded.edges, folded.bytes, folded.inside) == (0, 0, 0, {})
    assert all(ends == (client, server) for (client, server, _), ends in drawn(pairs, 70, 70))


def test_others_tells_how_many_ends_it_stands_for() -> None:
    pairs = [("workload:a/x", "workload:a/y", 9), ("workload:b/1", "workload:b/2", 1)]
    pairs.append(("workload:b/1", "workload:b/3", 1))
    folded = fold(drawn(pairs, edges=1, nodes=10))
    assert _drawn(pairs, edges=1, nodes=10) == {
        ("workload:a/x", "workload:a/y"): 9,
        ("others:b", "others:b"): 2,
    }
    assert folded.inside == {"others:b": 3}
    assert (folded.nodes, folded.edges, folded.bytes) == (3, 2, 2)
    assert (folded.all_nodes, folded.all_edges) == (5, 3)


def test_ids_say_what_they_stand_for() -> None:
    told = {
        "workload:shop/cart": ("pod", "shop", "cart"),
        "pod:shop/cart-1": ("pod", "shop", "cart-1"),
        "namespace:shop": ("pod", "shop", "shop"),
        "service:shop/web": ("service", "shop", "web"),
        "node:": ("node", "", "node"),
        "node:ip-10-0-0-1": ("node", "", "ip-10-0-0-1"),
        "internet:api.example.com": ("internet", "", "api.example.com"),
        "internet:": ("internet", "", "internet"),
        "aws_service:S3": ("aws_service", "", "S3"),
        "others:shop": ("others", "shop", "others in shop"),
        "others:": ("others", "", "others"),
        "workload:blue/shop/cart": ("pod", "blue/shop", "cart"),
        "namespace:blue/shop": ("pod", "blue/shop", "blue/shop"),
        "service:blue/shop/web": ("service", "blue/shop", "web"),
        "node:blue/": ("node", "", "blue/node"),
        "node:blue/ip-10-0-0-1": ("node", "", "blue/ip-10-0-0-1"),
    }
    assert {end: tuple(parse(end)) for end in told} == told


def test_ids_say_which_map_they_are_of() -> None:
    assert grain_of("pod:shop/cart-1", "internet:") == "pod"
    assert grain_of("node:ip-10-0-0-1") == "pod"
    assert grain_of("node:blue/ip-10-0-0-1") == "pod"
    assert grain_of("namespace:shop", "node:") == "namespace"
    assert grain_of("node:blue/") == "workload"
    assert grain_of("internet:api.example.com") == "workload"
    assert kinds_of("namespace:shop") == ["pod", "service"]
    assert kinds_of("aws_service:S3") == ["aws_service"]
    assert namespaces_of("service:shop/web") == ["", "shop"]
    assert namespaces_of("internet:") == [""]
    assert namespaces_of("pod:blue/shop/cart-1") == namespaces_of("namespace:blue/shop")
    assert namespaces_of("namespace:blue/shop") == ["", "shop"]


def _drawn(pairs: list[Pair], edges: int, nodes: int) -> dict[tuple[str, str], int]:
    """Bytes between the ends that are drawn."""
    sums: Counter[tuple[str, str]] = Counter()
    for (*_, size), ends in drawn(pairs, edges, nodes):
        sums[ends] += size
    return sums


def _by_namespace(pairs: list[Pair]) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for client, server, size in pairs:
        key = others(_whole(client)), others(_whole(server))
        sums[key] = sums.get(key, 0) + size
    return sums


def _whole(end: str) -> str:
    """others:shop as an end of shop, so that both sides are told alike."""
    word, _, namespace = end.partition(":")
    return f"workload:{namespace}/any" if word == "others" else end
