"""The levels above the windows hold what grouping the windows by hand gives."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sql.schema import DIMENSIONS, ROLLUPS, TABLES, WORKLOAD_LEVELS, WORKLOADS
from sql.workloads import MEASURES, Whose
from tests.unit.stream_batches import SECOND, START, batch
from tests.unit.test_stream_windows import rolled_up, rows

spread = st.lists(st.sampled_from([0, 10, 50, 60, 3590, 3600]), min_size=12, max_size=12)


def grouped(table: pa.Table, seconds: int, without: tuple[str, ...]) -> Counter[str]:
    """What ClickHouse's GROUP BY would make of the rows, one by one."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in table.drop_columns(list(without)).to_pylist():
        start = int(row["window"].timestamp()) // seconds * seconds
        row["window"] = start
        key = tuple(row[name] for name in DIMENSIONS if name in row)
        into = found.setdefault(key, {})
        for name, value in row.items():
            into[name] = _added(name, into[name], value) if name in into else value
    return Counter(map(_told, found.values()))


def _added(name: str, one: Any, other: Any) -> Any:
    if name in DIMENSIONS:
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


def by_workload(table: pa.Table) -> pa.Table:
    """Each report as what it is of one row for both."""
    names = [name for name in WORKLOADS.names if name not in MEASURES]
    rows = []
    for row in table.to_pylist():
        found = {name: row[name] for name in names}
        for column, terms in MEASURES.items():
            found[column] = NOTHING.get(column.rpartition("_")[2], 0)
            for measure, whose in terms:
                if counts(row, whose):
                    found[column] = _added(column, found[column], row[measure])
        rows.append(found)
    return pa.Table.from_pylist(rows, schema=WORKLOADS)


@settings(max_examples=60, deadline=None)
@given(rows, spread)
def test_workloads_have_both_reports_in_one_row(
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
    base = by_workload(found["flows_10s"])
    for table, rollup in WORKLOAD_LEVELS.items():
        assert found[table].column_names == TABLES[table].names
        assert as_rows(found[table]) == grouped(base, rollup.seconds, ())


@pytest.mark.parametrize("table", [*ROLLUPS, *WORKLOAD_LEVELS])
def test_no_rows_make_no_rows(table: str) -> None:
    assert rolled_up(batch([]))[table].num_rows == 0
