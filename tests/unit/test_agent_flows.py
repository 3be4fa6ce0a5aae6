"""From ring records to flow rows: nothing is gained or lost on the way."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from agent import flows, wire
from agent.ring import RECORD, ROLE_CERTAIN, ROLE_CLIENT, ROLE_SERVER, Records
from agent.wire import COUNTERS, HISTOGRAM_BUCKETS, SCHEMA, Reporter

INTERVAL_NS = 5_000_000_000
LOCAL = bytes(10) + b"\xff\xff\x0a\x00\x00\x01"
REMOTE = bytes(10) + b"\xff\xff\x0a\x00\x00\x02"


def record(**fields: Any) -> Records:
    one = np.zeros(1, RECORD)
    one["since_ns"], one["until_ns"] = 1, 2
    one["local_address"], one["remote_address"] = LOCAL, REMOTE
    one["local_port"], one["remote_port"] = 40_000, 443
    one["protocol"], one["role"], one["flags"] = 6, ROLE_CLIENT, ROLE_CERTAIN
    for name, value in fields.items():
        one[name] = value
    return one


def rows_of(*records: Records, most_rows: int = 1000) -> list[dict[str, Any]]:
    batches = flows.aggregate(np.concatenate(records), INTERVAL_NS, 0, most_rows)
    rows: list[dict[str, Any]] = pa.Table.from_batches(list(batches), SCHEMA).to_pylist()
    return rows


def test_a_row_of_the_client_side_is_oriented_from_client_to_server() -> None:
    [row] = rows_of(record(bytes_sent=7, bytes_received=11, packets_sent=1, packets_received=2))
    assert (row["client_address"], row["server_address"]) == (LOCAL, REMOTE)
    assert (row["reporter"], row["server_port"]) == (Reporter.CLIENT, 443)
    assert (row["bytes_to_server"], row["bytes_to_client"]) == (7, 11)
    assert (row["packets_to_server"], row["packets_to_client"]) == (1, 2)


def test_a_row_of_the_server_side_is_oriented_from_client_to_server() -> None:
    [row] = rows_of(record(role=ROLE_SERVER, local_port=443, bytes_sent=7, bytes_received=11))
    assert (row["client_address"], row["server_address"]) == (REMOTE, LOCAL)
    assert (row["reporter"], row["server_port"]) == (Reporter.SERVER, 443)
    assert (row["bytes_to_server"], row["bytes_to_client"]) == (11, 7)


def test_connections_from_several_ephemeral_ports_are_one_conversation() -> None:
    [row] = rows_of(*(record(local_port=port, attempted=1) for port in range(40_000, 40_009)))
    assert row["connections_attempted"] == 9


def test_a_row_never_spans_two_intervals() -> None:
    early, late = record(since_ns=INTERVAL_NS - 1), record(since_ns=INTERVAL_NS)
    assert len(rows_of(early, late)) == 2


def test_every_connect_latency_lands_in_the_bucket_of_its_power_of_two() -> None:
    samples = [1, 31, 32, 63, 64, 1 << 20, (1 << 32) - 1]
    [row] = rows_of(*(record(connect_microseconds=sample) for sample in samples))
    expected = Counter(min(max(s.bit_length() - 5, 0), HISTOGRAM_BUCKETS - 1) for s in samples)
    assert dict(row["connect_latency_histogram"]) == expected
    assert row["connect_latency_count"] == len(samples)
    assert (row["connect_latency_min"], row["connect_latency_max"]) == (1, samples[-1])


def test_without_samples_least_and_most_are_null() -> None:
    [row] = rows_of(record())
    assert row["rtt_min"] is None
    assert row["rtt_max"] is None
    assert row["rtt_histogram"] == []


def test_no_batch_is_longer_than_asked_for() -> None:
    many = [record(remote_port=port) for port in range(1, 11)]
    sizes = [b.num_rows for b in flows.aggregate(np.concatenate(many), INTERVAL_NS, 0, 4)]
    assert sizes == [4, 4, 2]


def small(kind: str, most: int) -> st.SearchStrategy[Any]:
    return st.integers(0, most).map(np.dtype(kind).type)


@st.composite
def record_arrays(draw: st.DrawFn) -> Records:
    count = draw(st.integers(1, 60))
    records = np.zeros(count, RECORD)
    for name in RECORD.names or ():
        kind = RECORD[name]
        if kind.kind == "u":
            most = 3 if name in ("role", "flags", "local_port", "remote_port") else 1 << 6
            records[name] = draw(npst.arrays(kind, count, elements=small(kind.str, most)))
    records["rtt_buckets"] = draw(
        npst.arrays("u4", (count, HISTOGRAM_BUCKETS), elements=small("u4", 9))
    )
    return records


@settings(max_examples=60, deadline=None)
@given(record_arrays(), st.integers(1, 70))
def test_sums_of_rows_equal_sums_of_records(records: Records, most_rows: int) -> None:
    batches = list(flows.aggregate(records, 17, 10**18, most_rows))
    table = pa.Table.from_batches(batches, SCHEMA)
    assert sum(sum(table[name].to_pylist()) for name in ("bytes_to_server", "bytes_to_client")) == (
        flows.volume(records)
    )
    packets = int(records["packets_sent"].sum() + records["packets_received"].sum())
    assert packets == sum(
        sum(table[name].to_pylist()) for name in ("packets_to_server", "packets_to_client")
    )
    assert sum(table["retransmitted_bytes"].to_pylist()) == records["retransmitted_bytes"].sum()
    assert sum(table["rtt_count"].to_pylist()) == records["rtt_count"].sum()
    histogram: Counter[int] = Counter()
    for row in table["rtt_histogram"].to_pylist():
        histogram.update(dict(row))
    assert [histogram[b] for b in range(HISTOGRAM_BUCKETS)] == (
        records["rtt_buckets"].sum(axis=0).tolist()
    )
    keys = [
        (*(row[name] for name in wire.KEY_COLUMNS), row["interval_start"].value // 17)
        for row in table.to_pylist()
    ]
    assert len(keys) == len(set(keys)), "one row for each conversation and interval"
    assert set(COUNTERS) <= set(table.column_names)


def test_times_are_rounded_outwards_and_a_start_stays_in_its_interval() -> None:
    since, until = 3 * INTERVAL_NS + 1, 3 * INTERVAL_NS + 40_000_000
    [row] = rows_of(record(since_ns=since, until_ns=until))
    assert row["interval_start"].value == 3 * INTERVAL_NS
    assert until <= row["interval_end"].value < until + (1 << 24)
