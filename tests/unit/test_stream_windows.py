"""Aggregation keeps every total, whatever the order and the cut of the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import wire
from sql.schema import FLOWS
from stream.cluster import Cluster
from stream.columns import join
from stream.prefixes import SPECIAL, Prefixes
from stream.resolve import Resolver
from stream.rollup import levels
from stream.windows import aggregate
from tests.unit.stream_batches import SECOND, START, all_heard, batch, message

CLASSIFIER = Prefixes(SPECIAL)
SUMS = (
    *wire.COUNTERS,
    *(f"{name}_{part}" for name in wire.DISTRIBUTIONS for part in ("count", "sum")),
)

addresses = st.sampled_from(["10.0.0.1", "10.0.0.2", "52.0.0.1", "fd00::1", "127.0.0.1"])
huge = st.integers(0, 2**50)
histograms = st.dictionaries(st.integers(0, wire.HISTOGRAM_BUCKETS - 1), huge).map(
    lambda found: list(found.items())
)
reasons = st.none() | st.dictionaries(st.sampled_from(["NO_SOCKET", "TCP_FLAGS", "µ"]), huge).map(
    lambda found: list(found.items())
)
microseconds = st.none() | st.integers(0, 2**32 - 1)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "interval_start": st.integers(START, START + 60 * SECOND),
            "reporter": st.sampled_from([1, 2]),
            "role_certain": st.booleans(),
            "protocol": st.sampled_from([6, 17]),
            "client_address": addresses,
            "server_address": addresses,
            "server_port": st.sampled_from([0, 53, 80, 65535]),
            **dict.fromkeys(SUMS, huge),
            **dict.fromkeys(wire.COUNTERS_SINCE_2, st.none() | huge),
            "drop_reasons": reasons,
            **{f"{name}_histogram": histograms for name in wire.DISTRIBUTIONS},
            **{f"{name}_min": microseconds for name in wire.DISTRIBUTIONS},
            **{f"{name}_max": microseconds for name in wire.DISTRIBUTIONS},
        }
    ),
    max_size=12,
)


def rolled_up(*batches: wire.Batch) -> dict[str, pa.Table]:
    resolver = Resolver(Cluster(), CLASSIFIER)
    return levels(aggregate(join(batches), resolver, 10), resolver.endpoints, "test", all_heard)


def windows(*batches: wire.Batch) -> pa.Table:
    return rolled_up(*batches)["flows_10s"]


def as_multiset(table: pa.Table) -> Counter[str]:
    return Counter(repr(row) for row in table.to_pylist())


def added_up(maps: Iterable[list[tuple[Any, int]] | None]) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for entries in maps:
        found.update(dict(entries or []))
    return found


@settings(max_examples=60, deadline=None)
@given(rows)
def test_totals_are_preserved_exactly(drawn: list[dict[str, Any]]) -> None:
    table = windows(batch(drawn))
    for name in SUMS:
        assert sum(table[name].to_pylist()) == sum(row[name] for row in drawn)
    for name in wire.COUNTERS_SINCE_2:
        assert sum(table[name].to_pylist()) == sum(row[name] or 0 for row in drawn)
    for name in (*(f"{name}_histogram" for name in wire.DISTRIBUTIONS), "drop_reasons"):
        assert added_up(table[name].to_pylist()) == added_up(row[name] for row in drawn)
    for name in wire.DISTRIBUTIONS:
        for part, pick in (("min", min), ("max", max)):
            column = f"{name}_{part}"
            samples = [row[column] for row in drawn if row[column] is not None]
            seen = [value for value in table[column].to_pylist() if value is not None]
            assert pick(seen, default=None) == pick(samples, default=None)
    assert sum(table["flow_rows"].to_pylist()) == len(drawn)


@settings(max_examples=40, deadline=None)
@given(rows, st.randoms(use_true_random=False), st.integers(0, 12))
def test_neither_order_nor_batches_matter(
    drawn: list[dict[str, Any]], random: Any, at: int
) -> None:
    shuffled = list(drawn)
    random.shuffle(shuffled)
    whole = windows(batch(drawn))
    cut = windows(batch(shuffled[:at]), batch(shuffled[at:], sequence=1))
    assert as_multiset(cut) == as_multiset(whole)


@settings(max_examples=40, deadline=None)
@given(rows, st.integers(0, 12))
def test_what_came_as_a_message_adds_up_as_the_rows_it_was_made_of(
    drawn: list[dict[str, Any]], at: int
) -> None:
    parts = [batch(drawn[:at]), batch(drawn[at:], sequence=1)]
    sparse = [wire.decode(*message(part)) for part in parts]
    assert windows(*sparse).equals(windows(*parts))


@settings(max_examples=30, deadline=None)
@given(rows)
def test_no_two_window_rows_share_all_dimensions(drawn: list[dict[str, Any]]) -> None:
    table = windows(batch(drawn))
    names = FLOWS.names[: FLOWS.names.index("flow_rows")]
    dimensions = as_multiset(table.select(names))
    assert set(dimensions.values()) <= {1}


def test_columns_are_those_of_the_table_in_its_order() -> None:
    assert windows(batch([{}])).column_names == FLOWS.names


def test_a_row_belongs_to_the_window_of_its_start() -> None:
    starts = [START, START + 10 * SECOND - 1, START + 10 * SECOND]
    table = windows(batch([{"interval_start": start} for start in starts]))
    assert table["window"].cast(pa.int64()).to_pylist() == [1_700_000_000, 1_700_000_010]
    assert table["flow_rows"].to_pylist() == [2, 1]


def test_each_node_keeps_its_own_rows() -> None:
    table = windows(batch([{}], node="a"), batch([{}, {}], node="b"), batch([{}], node="a"))
    found = dict(zip(table["node"].to_pylist(), table["flow_rows"].to_pylist(), strict=True))
    assert found == {"a": 2, "b": 2}


def test_a_minimum_is_null_only_without_any_sample() -> None:
    apart = {"server_port": 81, "rtt_min": None, "rtt_max": None}
    largest = 2**32 - 1
    table = windows(batch([{"rtt_min": largest, "rtt_max": 0}, {"rtt_min": None}, apart]))
    assert table["rtt_min"].to_pylist() == [largest, None]
    assert table["rtt_max"].to_pylist() == [0, None]


def test_grouping_stays_exact_when_dimensions_outgrow_64_bits() -> None:
    """Far-apart windows, every port and many endpoints do not fit one packed key."""
    drawn = [
        {
            "interval_start": (number % 7) * 600_000_000 * SECOND,
            "server_port": number * 977 % 65536,
            "client_address": f"10.{number % 200}.{number % 113}.{number % 251}",
            "server_address": f"52.{number % 199}.{number % 109}.{number % 241}",
            "bytes_to_server": number,
        }
        for number in range(3000)
    ]
    table = windows(batch(drawn))
    assert table.num_rows == len({tuple(row.values())[:4] for row in drawn})
    assert sum(table["bytes_to_server"].to_pylist()) == sum(range(3000))
