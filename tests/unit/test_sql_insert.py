"""Fitting rows to a table before they travel."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from sql.errors import ColumnsError
from sql.insert import insert
from sql.schema import OFFSET_RANGES

ROW = {
    "consumer_group": "g",
    "topic": "flows",
    "partition": 1,
    "first_offset": 0,
    "last_offset": 9,
    "recorded_at": 0,
}


class Recorder:
    """Stands for a client; keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[pa.Table, dict[str, Any]]] = []

    def insert_arrow(self, _table: str, rows: pa.Table, settings: dict[str, Any]) -> None:
        self.sent.append((rows, settings))


def test_columns_are_ordered_and_cast() -> None:
    client = Recorder()
    rows = pa.table({name: [ROW[name]] for name in reversed(ROW)})
    insert(client, "offset_ranges", rows, "t")  # type: ignore[arg-type]
    sent, settings = client.sent[0]
    assert sent.schema.types == OFFSET_RANGES.types
    assert sent.column_names == OFFSET_RANGES.names
    assert settings["insert_deduplication_token"] == "t"


def test_a_dictionary_stays_one() -> None:
    client = Recorder()
    rows = pa.table({name: [value] for name, value in ROW.items()})
    rows = rows.set_column(1, "topic", rows["topic"].dictionary_encode())
    insert(client, "offset_ranges", rows, "t")  # type: ignore[arg-type]
    assert pa.types.is_dictionary(client.sent[0][0].schema.field("topic").type)


def test_rows_that_do_not_fit_name_what_is_wrong() -> None:
    rows = pa.table({**{n: [v] for n, v in ROW.items() if n != "topic"}, "tipoc": ["flows"]})
    with pytest.raises(ColumnsError, match=r"missing: topic; unknown: tipoc"):
        insert(Recorder(), "offset_ranges", rows, "t")  # type: ignore[arg-type]


def test_no_rows_are_no_insert() -> None:
    client = Recorder()
    insert(client, "offset_ranges", OFFSET_RANGES.empty_table(), "t")  # type: ignore[arg-type]
    assert not client.sent
