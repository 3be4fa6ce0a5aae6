"""The batch: what one side writes the other reads, and nothing else is taken for one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import wire
from agent.wire import rare
from tests.unit.stream_batches import VERSION_2, flow_rows

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


@st.composite
def batches(draw: st.DrawFn) -> pa.RecordBatch:
    """Rows of which a share of the measures is zero, null or empty throughout."""
    counts = st.sampled_from([0, 0, 1, 2**64 - 1])
    measures = {
        **dict.fromkeys((*wire.COUNTERS, "rtt_count", "rtt_sum"), counts),
        **dict.fromkeys(wire.COUNTERS_SINCE_2, counts | st.none()),
        **dict.fromkeys(("rtt_min", "rtt_max"), st.none() | st.integers(0, 2**32 - 1)),
        "rtt_histogram": st.just([]) | st.just([(1, 2), (23, 1)]),
        "drop_reasons": st.sampled_from([None, [], [("NO_SOCKET", 3)]]),
        "backend_address": st.sampled_from([None, "10.0.0.9"]),
    }
    told = draw(st.sets(st.sampled_from(sorted(measures))))
    rows = st.fixed_dictionaries({name: measures[name] for name in told})
    return flow_rows(draw(st.lists(rows, max_size=20)))


def without_null_counts(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows, with 0 where a rare column has null."""
    for name in wire.RARE:
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(place), rows[name].fill_null(0))
    return rows


@given(batches())
def test_a_batch_comes_back_whichever_of_its_columns_are_empty(rows: pa.RecordBatch) -> None:
    decoded = wire.decode(wire.encode(rows), wire.headers(ORIGIN))
    assert decoded.rows.schema == wire.SCHEMA
    assert decoded.rows.equals(without_null_counts(rows))


@given(batches(), st.integers(0, 20), st.integers(0, 20))
def test_a_part_of_a_batch_comes_back_as_that_part(
    rows: pa.RecordBatch, start: int, length: int
) -> None:
    part = rows.slice(min(start, rows.num_rows), length)
    decoded = wire.decode(wire.encode(part), wire.headers(ORIGIN))
    assert decoded.rows.to_pylist() == without_null_counts(part).to_pylist()


@given(st.lists(st.tuples(batches(), st.sampled_from([wire.CODEC, VERSION_2])), max_size=5))
def test_many_batches_of_two_versions_come_back_as_each_by_itself(
    sent: list[tuple[pa.RecordBatch, wire.Codec]],
) -> None:
    found = wire.decode_all([(codec.encode(rows), codec.headers(ORIGIN)) for rows, codec in sent])
    for batch, (rows, codec) in zip(found, sent, strict=True):
        assert isinstance(batch, wire.Batch)
        assert batch.rows.equals(rows if codec is VERSION_2 else without_null_counts(rows))


def test_a_batch_that_lacks_a_dictionary_does_not_get_the_one_of_the_batch_before_it() -> None:
    headers = wire.headers(ORIGIN)
    good = wire.encode(flow_rows([{"pod_uid": "a", "container_id": "b"}]))
    words = np.frombuffer(uncompressed(good), np.int64)
    lacking = 0
    for place in np.flatnonzero(words == 4):  # among them the number of the container_id's
        changed = words.copy()
        changed[place] = 3
        bad = compressed(changed.tobytes())
        [alone] = wire.decode_all([(bad, headers)])
        among = wire.decode_all([(value, headers) for value in (good, bad, good)])
        assert [type(found) for found in among] == [wire.Batch, type(alone), wire.Batch]
        lacking += "Dictionary with id 4 not found" in str(alone)
    assert lacking == 1


def test_columns_of_zeros_take_no_room_in_a_message_and_share_it_in_memory() -> None:
    rows = flow_rows([{"resets_sent": 1}] * 1000)
    assert rare_bytes(wire.CODEC, rows) < 20 * 1000 < rare_bytes(VERSION_2, rows)
    columns = wire.decode(wire.encode(rows), wire.headers(ORIGIN)).rows
    assert address(columns["zero_windows_sent"]) == address(columns["listen_overflows"])
    assert address(columns["zero_windows_sent"]) != address(columns["resets_sent"])


def uncompressed(value: bytes) -> bytes:
    """A message's Arrow stream."""
    size = int.from_bytes(value[:4], "little")
    planes = pa.Codec("zstd").decompress(value[4:], decompressed_size=size, asbytes=True)
    return bytes(np.frombuffer(planes, np.uint8).reshape(8, -1).T.tobytes())


def compressed(stream: bytes) -> bytes:
    """The message of it."""
    planes = np.frombuffer(stream, np.uint8).reshape(-1, 8).T.tobytes()
    packed: bytes = pa.Codec("zstd").compress(planes, asbytes=True)
    return len(stream).to_bytes(4, "little") + packed


def rare_bytes(codec: wire.Codec, rows: pa.RecordBatch) -> int:
    """Of a message before compression, without what its columns that are not rare take."""
    common = [name for name in rows.schema.names if name not in wire.RARE]
    whole = int.from_bytes(codec.encode(rows)[:4], "little")
    return whole - int(rows.select(common).nbytes)


def address(column: pa.Array) -> int:
    return int(column.buffers()[1].address)


def maps(offsets: list[int], places: list[int], counts: list[int | None]) -> pa.MapArray:
    arrays = pa.array(places, pa.uint8()), pa.array(counts, pa.uint64())
    return pa.MapArray.from_arrays(pa.array(offsets, pa.int32()), *arrays)


@pytest.mark.parametrize(
    "odd",
    [
        maps([0, 2], [1, 0], [1, 1]),
        maps([0, 2], [1, 1], [1, 1]),
        maps([0, 1], [len(wire.RARE)], [1]),
        maps([0, 1], [255], [1]),
        maps([0, 1], [0], [None]),
        maps([0, 2], [0, 1], [1, None]),
    ],
)
def test_rare_columns_that_are_none_or_out_of_order_are_poison(
    odd: pa.MapArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = (wire.encode(flow_rows([{}])), wire.headers(ORIGIN))
    monkeypatch.setattr(rare, "gather", lambda _: odd)
    bad = (wire.encode(flow_rows([{}])), wire.headers(ORIGIN))
    with pytest.raises(wire.WireError, match="rare columns"):
        wire.decode(*bad)
    kinds = [type(found) for found in wire.decode_all([good, bad, good])]
    assert kinds == [wire.Batch, wire.WireError, wire.Batch]


def test_bucket_bounds_are_the_powers_of_two_that_the_contract_names() -> None:
    bounds = wire.bucket_bounds_microseconds()
    assert len(bounds) == wire.HISTOGRAM_BUCKETS - 1
    assert (bounds[0], bounds[-1]) == (32, 1 << 27)
