"""The levels above the windows hold what grouping the windows by hand gives."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sql import ends, workloads
from sql.schema import (
    DIMENSIONS,
    END_LEVELS,
    ENDS,
    ROLLUPS,
    TABLES,
    WORKLOAD_LEVELS,
    WORKLOADS,
)
from sql.workloads import Term, Whose
from tests.unit.stream_batches import SECOND, START, batch
from tests.unit.test_stream_windows import rolled_up, rows

KEYS = {*DIMENSIONS, *ends.DIMENSIONS}
spread = st.lists(st.sampled_from([0, 10, 50, 60, 3590, 3600]), min_size=12, max_size=12)


def grouped(table: pa.Table, seconds: int, without: tuple[str, ...]) -> Counter[str]:
    """What ClickHouse's GROUP BY would make of the rows, one by one."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in table.drop_columns(list(without)).to_pylist():
        start = int(row["window"].timestamp()) // seconds * seconds
        row["window"] = start
        key = tuple(row[name] for name in KEYS if name in row)
        into = found.setdefault(key, {})
        for name, value in row.items():
            into[name] = _added(name, into[name], value) if name in into else value
    return Counter(map(_told, found.values()))


def _added(name: str, one: Any, other: Any) -> Any:
    if name in KEYS:
        return one
    if name.endswith(("_min", "_max")):
        samples = [value for value in (one, other) if value is not None]
        return (min if name.endswith("_min") else max)(samples, default=None)
    if name.endswith("_labels"):
        return one
    if isinstance(one, list):
        total = Counter(dict(one))
        total.update(dict(other))
        return list(total.items())
    return one + other


def _told(row: dict[str, Any]) -> str:
    maps = {name: sorted(value) for name, value in row.items() if isinstance(value, list)}
    return repr(sorted((row | maps).items()))


def as_rows(table: pa.Table) -> Counter[str]:
    plain = table.set_column(0, "window", table["window"].cast(pa.int64()))
    return Counter(map(_told, plain.to_pylist()))


@settings(max_examples=60, deadline=None)
@given(rows, spread)
def test_every_level_is_its_windows_grouped(drawn: list[dict[str, Any]], later: list[int]) -> None:
    found = rolled_up(
        batch(
            [
                row | {"interval_start": START + seconds * SECOND}
                for row, seconds in zip(drawn, later, strict=False)
            ]
        )
    )
    base = found["flows_10s"]
    for table, rollup in ROLLUPS.items():
        assert found[table].column_names == TABLES[table].names
        assert as_rows(found[table]) == grouped(base, rollup.seconds, rollup.without)


def counts(row: dict[str, Any], whose: Whose) -> bool:
    client = bool(row["reporter"] == 1)
    alone = row["server_node" if client else "client_node"] == ""
    found = {
        Whose.ANY: True,
        Whose.CLIENT: client,
        Whose.SERVER: not client,
        Whose.CLAIMED: client or alone,
        Whose.ALONE_AT_SERVER: not client and alone,
        Whose.ALONE: bool(alone),
    }
    return found[whose]


NOTHING: dict[str, Any] = {
    "min": None,
    "max": None,
    "histogram": [],
    "reasons": [],
    "usd": Decimal(0),
}


def taken(row: dict[str, Any], measures: dict[str, tuple[Term, ...]]) -> dict[str, Any]:
    """A report as a row of its own among those that are to be grouped."""
    found: dict[str, Any] = {}
    for column, terms in measures.items():
        found[column] = NOTHING.get(column.rpartition("_")[2], 0)
        for measure, whose in terms:
            if counts(row, whose):
                found[column] = _added(column, found[column], row[measure])
    return found


def of_pair(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: row[name] for name in WORKLOADS.names if name not in workloads.MEASURES}
    return kept | taken(row, workloads.MEASURES)


def of_end(row: dict[str, Any]) -> dict[str, Any]:
    side = "client" if row["reporter"] == 1 else "server"
    kept = {name: row[name] for name in ("window", "cluster", "node")}
    kept |= {name: row[f"{side}_{name}"] for name in ends.DIMENSIONS}
    return kept | taken(row, ends.MEASURES)


@settings(max_examples=60, deadline=None)
@given(rows, spread)
def test_pairs_have_both_reports_in_one_row_and_ends_their_own(
    drawn: list[dict[str, Any]], later: list[int]
) -> None:
    found = rolled_up(
        batch(
            [
                row | {"interval_start": START + seconds * SECOND}
                for row, seconds in zip(drawn, later, strict=False)
            ]
        )
    )
    reports = found["flows_10s"].to_pylist()
    pairs = pa.Table.from_pylist(list(map(of_pair, reports)), schema=WORKLOADS)
    own = pa.Table.from_pylist(list(map(of_end, reports)), schema=ENDS)
    for base, rollups in ((pairs, WORKLOAD_LEVELS), (own, END_LEVELS)):
        for table, rollup in rollups.items():
            assert found[table].column_names == TABLES[table].names
            assert as_rows(found[table]) == grouped(base, rollup.seconds, ())


@pytest.mark.parametrize("table", [*ROLLUPS, *WORKLOAD_LEVELS, *END_LEVELS])
def test_no_rows_make_no_rows(table: str) -> None:
    assert rolled_up(batch([]))[table].num_rows == 0
