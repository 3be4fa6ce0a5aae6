"""The batch: what one side writes the other reads, and nothing else is taken for one."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import wire

EMPTY = pa.RecordBatch.from_pylist([], schema=wire.SCHEMA)
ORIGIN = wire.Origin("node-a", "0123", 7, wire.Ledger(kernel_records=3, shipped_rows=2))


def test_headers_bring_back_where_a_batch_comes_from() -> None:
    assert wire.decode(wire.encode(EMPTY), wire.headers(ORIGIN)).origin == ORIGIN


def test_another_schema_is_refused_not_guessed() -> None:
    headers = dict(wire.headers(ORIGIN)) | {"schema": b"flows/1:feedfeedfeedfeed"}
    with pytest.raises(wire.WireError, match="unknown schema 'flows/1:feedfeedfeedfeed'"):
        wire.decode(wire.encode(EMPTY), headers)


@pytest.mark.parametrize("name", ["node", "agent", "sequence", "ledger"])
def test_a_missing_header_is_named(name: str) -> None:
    headers = {key: value for key, value in wire.headers(ORIGIN) if key != name}
    with pytest.raises(wire.WireError, match=f"'{name}' is missing"):
        wire.decode(wire.encode(EMPTY), headers)


def test_a_ledger_of_a_later_version_is_read_for_what_is_known() -> None:
    headers = dict(wire.headers(ORIGIN)) | {"ledger": b'{"shipped_rows":2,"invented_later":1}'}
    assert wire.decode(wire.encode(EMPTY), headers).origin.ledger == wire.Ledger(shipped_rows=2)


@given(st.binary(max_size=300))
def test_random_bytes_are_poison_and_nothing_worse(value: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(value, wire.headers(ORIGIN))


@given(st.integers(0, len(wire.encode(EMPTY)) - 9))
def test_a_truncated_batch_is_poison_and_nothing_worse(length: int) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(wire.encode(EMPTY)[:length], wire.headers(ORIGIN))


def test_bucket_bounds_are_the_powers_of_two_that_the_contract_names() -> None:
    bounds = wire.bucket_bounds_microseconds()
    assert len(bounds) == wire.HISTOGRAM_BUCKETS - 1
    assert (bounds[0], bounds[-1]) == (32, 1 << 27)
