"""What the tables could not hold is poison, with the column and the reason."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from agent import wire
from stream.columns import join
from stream.decode import Message, decode, decode_all
from stream.ledger import ledger_rows
from tests.unit.stream_batches import SECOND, VERSION_2, batch, message


def as_message(row: dict[str, Any]) -> Message:
    value, headers = message(batch([{}, row]))
    return Message("flows", 2, 11, 1.5, b"node-a", value, headers)


def test_a_good_message_keeps_its_place() -> None:
    delivery = decode(as_message({"bytes_to_server": 5}))
    assert (delivery.offset, delivery.timestamp) == (11, 1.5)
    assert delivery.batch.rows["bytes_to_server"].to_pylist() == [0, 5]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"reporter": 3}, "reporter"),
        ({"protocol": 132}, "protocol"),
        ({"interval_start": 5_000_000_000 * SECOND}, "interval_start"),
        ({"interval_start": -1}, "interval_start"),
        ({"rtt_histogram": [(wire.HISTOGRAM_BUCKETS, 1)]}, "rtt_histogram"),
        ({"bytes_to_server": None}, "bytes_to_server"),
        ({"rtt_histogram": None}, "rtt_histogram"),
        ({"drop_reasons": [("NO_SOCKET", None)]}, "drop_reasons"),
    ],
)
def test_values_outside_the_contract_are_poison(row: dict[str, Any], said: str) -> None:
    with pytest.raises(wire.WireError, match=said):
        decode(as_message(row))


def test_a_batch_without_rows_is_good_for_the_ledger_in_its_headers() -> None:
    value, headers = message(batch([]))
    delivery = decode(Message("flows", 2, 11, 1.5, b"node-a", value, headers))
    assert delivery.batch.rows.num_rows == 0
    assert ledger_rows([delivery], join([delivery.batch]), "c")["stream_rows"].to_pylist() == [0]


def test_an_empty_message_is_poison() -> None:
    with pytest.raises(wire.WireError):
        decode(Message("flows", 0, 0, 0.0, None, b"", []))


def test_of_many_messages_only_those_at_fault_are_set_aside() -> None:
    rows = [{"bytes_to_server": 1}, {"reporter": 3}, {"bytes_to_server": 2}, {"protocol": 1}]
    whole = [replace(as_message(row), offset=offset) for offset, row in enumerate(rows)]
    cut = [replace(whole[0], offset=4, value=whole[0].value[:-9]), replace(whole[2], offset=5)]
    good, poison, told = decode_all([*whole, *cut])
    assert told.numbers("bytes_to_server").tolist() == [0, 1, 0, 2, 0, 2]
    assert [delivery.offset for delivery in good] == [0, 2, 5]
    assert [found.message.offset for found in poison] == [1, 3, 4]
    for found in poison:
        with pytest.raises(wire.WireError, match=re.escape(found.reason)):
            decode(found.message)


def test_messages_of_two_versions_are_joined_as_each_by_itself() -> None:
    batches = [
        batch([{"resets_sent": number}, {"drop_reasons": [("NO_SOCKET", number)]}])
        for number in range(4)
    ]
    versions = (VERSION_2, wire.CODEC, wire.CODEC, VERSION_2)
    messages = [
        Message("flows", 0, 1, 1.5, b"a", *message(each, version))
        for each, version in zip(batches, versions, strict=True)
    ]
    rows = decode_all(messages).rows
    assert rows.sizes.tolist() == [2, 2, 2, 2]
    for name in rows.columns.schema.names:
        alone = [decode(each).batch.rows[name].to_pylist() for each in messages]
        assert rows.columns[name].to_pylist() == [value for values in alone for value in values]


def test_many_messages_without_any_row_are_good() -> None:
    value, headers = message(batch([]))
    empty = Message("flows", 2, 11, 1.5, b"node-a", value, headers)
    assert [delivery.batch.rows.num_rows for delivery in decode_all([empty, empty]).deliveries] == [
        0,
        0,
    ]
    assert decode_all([])[:2] == ([], [])
