"""What holds of money whatever the traffic: nothing negative, nothing twice, no order."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.network.model import Network
from stream.paths import Path
from stream.places import Ends
from stream.price import dollars, settled
from stream.price_book import Book, Edition, Figure, Region, builtin
from stream.pricer import Priced, Pricer, Traffic
from tests.unit.account import NETWORK
from tests.unit.test_price_examples import ENDS

NAMES = list(ENDS)
BOOK = builtin()
WINDOW = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
PAIRS = np.array(list(product(range(len(NAMES)), repeat=2)))


@pytest.fixture(scope="module")
def pricer() -> Pricer:
    return pricer_of(NETWORK)


def pricer_of(network: Network, own: Book | None = None) -> Pricer:
    pricer = Pricer(network, BOOK, own)
    pricer.learn(Ends.each(list(ENDS.values())))
    return pricer


def price(
    pricer: Pricer, pairs: np.ndarray, to_server: Any, to_client: Any, by_client: Any = True
) -> Priced:
    every = len(pairs)
    return pricer.price(
        Traffic(
            pairs[:, 0],
            pairs[:, 1],
            np.broadcast_to(by_client, every),
            np.broadcast_to(np.asarray(to_server, np.int64), every),
            np.broadcast_to(np.asarray(to_client, np.int64), every),
            np.full(every, WINDOW),
        )
    )


ROWS = st.lists(
    st.tuples(
        st.integers(0, len(PAIRS) - 1),
        st.booleans(),
        st.integers(0, 10**13),
        st.integers(0, 10**13),
    ),
    min_size=1,
    max_size=30,
)


@pytest.mark.parametrize("network", [NETWORK, Network()], ids=["network", "no network"])
def test_no_pair_of_ends_earns_money(network: Network) -> None:
    pricer = pricer_of(network)
    for by_client in (True, False):
        charges = price(pricer, PAIRS, 10**9, 10**9, by_client).charges
        assert (charges.own >= 0).all()
        assert (charges.far >= 0).all()


def test_both_reports_cost_together_what_one_alone_does(pricer: Pricer) -> None:
    client = price(pricer, PAIRS, 7 * 10**9, 3 * 10**9, by_client=True).charges
    server = price(pricer, PAIRS, 7 * 10**9, 3 * 10**9, by_client=False).charges
    every = np.ones(len(PAIRS), bool)
    both = settled(client, every) + settled(server, every)
    assert (both == settled(client, ~every)).all()
    assert (both == settled(server, ~every)).all()


def test_a_path_is_the_same_whoever_reports_it(pricer: Pricer) -> None:
    by_client, by_server = (price(pricer, PAIRS, 1, 1, reports) for reports in (True, False))
    assert (by_client.path == by_server.path).all()
    assert by_client.gateway == by_server.gateway


def test_within_the_cluster_only_who_sends_matters(pricer: Pricer) -> None:
    """Not who called whom."""
    members = np.array([end.kind in {"pod", "node"} for end in ENDS.values()])
    pairs = PAIRS[members[PAIRS].all(axis=1)]
    here = price(pricer, pairs, 7 * 10**9, 3 * 10**9)
    there = price(pricer, pairs[:, ::-1], 3 * 10**9, 7 * 10**9)
    private = np.isin(here.path, [Path.SAME_ZONE, Path.CROSS_ZONE])
    assert private.sum() > 100
    assert (here.path == there.path)[private].all()
    costs = [found.charges.own + found.charges.far for found in (here, there)]
    assert (costs[0] == costs[1])[private].all()


@settings(max_examples=60, deadline=None)
@given(ROWS, st.randoms())
def test_the_order_of_rows_does_not_matter(
    pricer: Pricer, rows: list[tuple[int, bool, int, int]], random: Any
) -> None:
    shuffled = random.sample(rows, len(rows))
    assert total(pricer, rows) == total(pricer, shuffled)
    half = len(rows) // 2
    assert total(pricer, rows) == total(pricer, rows[:half]) + total(pricer, rows[half:])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(PAIRS) - 1), st.lists(st.integers(0, 10**12), min_size=1, max_size=20))
def test_many_small_rows_cost_what_one_large_one_does(
    pricer: Pricer, pair: int, parts: list[int]
) -> None:
    """Up to the rounding of each amount to a picodollar."""
    small = total(pricer, [(pair, True, part, part) for part in parts])
    large = total(pricer, [(pair, True, sum(parts), sum(parts))])
    assert abs(small - large) <= 2 * (len(parts) + 1)


def total(pricer: Pricer, rows: list[tuple[int, bool, int, int]]) -> int:
    if not rows:
        return 0
    pairs, by_client, to_server, to_client = (
        np.array(column) for column in zip(*rows, strict=True)
    )
    charges = price(pricer, PAIRS[pairs], to_server, to_client, by_client).charges
    return int(charges.own.sum() + charges.far.sum())


def test_what_has_no_known_price_is_marked(pricer: Pricer) -> None:
    found = price(pricer, PAIRS, 10**9, 10**9)
    unknown = found.behind == Path.UNKNOWN
    assert not found.priced[unknown & (found.path == Path.NAT)].any()
    by_pods = np.array([end.kind == "pod" for end in ENDS.values()])[PAIRS[:, 0]]
    free = by_pods & found.priced & (found.charges.own + found.charges.far == 0)
    balanced = NAMES.index("ALB in 2")
    free &= PAIRS[:, 1] != balanced
    known_free = {Path.SAME_ZONE, Path.GATEWAY_ENDPOINT, Path.AWS_PUBLIC}
    assert set(found.path[free].tolist()) <= known_free


def test_the_gateway_on_the_way_is_named(pricer: Pricer) -> None:
    ways = {
        ("pod in 1", "internet"): "nat-1",
        ("pod in 1", "S3"): "vpce-s3",
        ("pod in 1", "SQS by its endpoint in 1"): "vpce-sqs",
        ("pod in 1", "hub VM in 2"): "tgw-1",
        ("pod in 1", "pod in 2"): "",
        ("pod in 1", "ClusterIP with backends all over"): "",
        ("internet", "pod in 1"): "",
    }
    pairs = np.array([[NAMES.index(name) for name in way] for way in ways])
    assert price(pricer, pairs, 1, 1).gateway == list(ways.values())


def test_each_row_has_the_prices_of_its_day() -> None:
    sources = {"x": "y"}
    own = Book(
        2**30,
        tuple(
            Edition(date(2026, 1, day), sources, {"*": Region(cross_zone=Figure(usd, "x"))})
            for day, usd in ((1, 1.0), (3, 2.0))
        ),
    )
    pricer = pricer_of(NETWORK, own)
    across = np.array([NAMES.index("pod in 1"), NAMES.index("pod in 2")])
    days = np.array([0, 1, 2, 3])
    rows = Traffic(
        np.full(4, across[0]),
        np.full(4, across[1]),
        np.ones(4, bool),
        np.full(4, 2**30),
        np.zeros(4, np.int64),
        WINDOW + days * 86_400,
    )
    charges = pricer.price(rows).charges
    assert (charges.own / 1e12).tolist() == [1, 1, 2, 2]


def test_money_reaches_the_table_to_the_last_digit() -> None:
    amounts = np.array([0, 1, -1, 20_000_000_000, 999_999_999_999_999_999])
    assert dollars(pa.array(amounts)).to_pylist() == [
        Decimal(n).scaleb(-12) for n in amounts.tolist()
    ]
