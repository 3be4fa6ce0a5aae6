"""Fitting rows to a table before they travel."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from sql.errors import ColumnsError
from sql.insert import insert
from sql.schema import FLOWS, OFFSET_RANGES

ROW = {
    "consumer_group": "g",
    "topic": "flows",
    "partition": 1,
    "first_offset": 0,
    "last_offset": 9,
    "dead_offsets": [3],
    "recorded_at": 0,
}


class Recorder:
    """Stands for a client; keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[pa.Table, dict[str, Any]]] = []

    def raw_insert(
        self, _table: str, columns: list[str], body: memoryview, settings: dict[str, Any], _: str
    ) -> None:
        with pa.ipc.open_stream(body) as reader:
            rows = reader.read_all()
        assert rows.column_names == columns
        self.sent.append((rows, settings))


def test_columns_are_ordered_and_cast() -> None:
    client = Recorder()
    rows = pa.table({name: [ROW[name]] for name in reversed(ROW)})
    insert(client, "offset_ranges", rows, "t")  # type: ignore[arg-type]
    sent, settings = client.sent[0]
    assert sent.column_names == [name for name in OFFSET_RANGES.names if name != "first_offset"]
    for name in ("consumer_group", "partition", "recorded_at"):
        assert sent.schema.field(name).type == OFFSET_RANGES.field(name).type
    assert settings["insert_deduplication_token"] == "t"


@pytest.mark.parametrize(
    ("highest", "kind"),
    [(255, pa.uint8()), (256, pa.uint16()), (2**32 - 1, pa.uint32()), (2**64 - 1, pa.uint64())],
)
def test_numbers_travel_in_the_least_type_that_takes_them(highest: int, kind: pa.DataType) -> None:
    client = Recorder()
    rows = pa.table({name: [value] * 3 for name, value in ROW.items()})
    offsets = pa.chunked_array([[0], [highest, 7]], pa.uint64())
    insert(client, "offset_ranges", rows.set_column(4, "last_offset", offsets), "t")  # type: ignore[arg-type]
    (sent, _) = client.sent[0]
    assert sent["last_offset"].to_pylist() == [0, highest, 7]
    assert sent.schema.field("last_offset").type == kind


def test_columns_of_nothing_but_defaults_do_not_travel() -> None:
    client = Recorder()
    zeros = {field.name: pa.nulls(2, field.type) for field in FLOWS}
    zeros |= {f.name: pa.array([0, 0], f.type) for f in FLOWS if f.type == pa.uint64()}
    empty = pa.array([[], []], pa.map_(pa.string(), pa.uint64()))
    rows = pa.table(zeros | {"node": ["a", "b"], "drop_reasons": empty, "rtt_sum": [0, 1]})
    insert(client, "flows_10s", rows, "t")  # type: ignore[arg-type]
    (sent, settings) = client.sent[0]
    assert sent.to_pydict() == {"node": ["a", "b"], "rtt_sum": [0, 1]}
    assert settings["max_insert_block_size"] == 2


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
