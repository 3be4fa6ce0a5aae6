"""From ring records to flow rows: orient, group by conversation, add up. Arrays, never rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agent.drops import reason_maps
from agent.ring import ROLE_CERTAIN, ROLE_SERVER, Records
from agent.wire import HISTOGRAM_BUCKETS, SCHEMA, Reporter

Array = NDArray[Any]

Backends = tuple[Array, Array]
"""Address and port where each record's server address was translated to, zeros where it was not."""

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: spreads keys over the hash
_LOWEST_BUCKET_BITS = 4
_NO_SAMPLE = np.uint32(0xFFFFFFFF)  # loses every minimum

_SUMS = {
    "connections_attempted": "attempted",
    "connections_established": "established",
    "connections_closed": "closed",
    "connections_refused": "refused",
    "connections_timed_out": "timed_out",
    "connections_reset": "reset",
    "retransmitted_segments": "retransmitted_segments",
    "retransmitted_bytes": "retransmitted_bytes",
    "retransmission_timeouts": "retransmission_timeouts",
    "resets_sent": "resets_sent",
    "resets_received": "resets_received",
    "connections_unreachable": "unreachable",
    "connections_handshake_reset": "handshake_reset",
    "connections_half_open": "half_open",
    "listen_overflows": "overflow",
    "retransmitted_syns": "retransmitted_syns",
    "zero_windows_sent": "zero_windows_sent",
    "zero_windows_received": "zero_windows_received",
    "out_of_order_segments": "out_of_order",
    "dropped_packets": "dropped",
    "datagram_errors": "datagram_errors",
}
"""Row columns that are plain sums of a record field."""


def volume(records: Records) -> int:
    """Application bytes in both directions that the records stand for."""
    return int(records["bytes_sent"].sum() + records["bytes_received"].sum())


def aggregate(
    records: Records,
    interval_ns: int,
    wall_clock_offset_ns: int,
    most_rows: int,
    translate: Callable[[Records], Backends] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Flow rows in SCHEMA of `most_rows` at the most: one for each conversation and interval.

    `wall_clock_offset_ns` turns the records' monotonic times into Unix time. `translate` tells
    backends, while the client's port is there to tell them by: a row has one. A conversation could
    come out as two rows if 64-bit hashes of keys collide; the sums are right all the same.
    """
    if not len(records):
        return
    served = records["role"] == ROLE_SERVER
    since = records["since_ns"].astype("i8") + wall_clock_offset_ns
    words = _key_words(records, served, since // interval_ns)
    backends = translate(records) if translate else None
    if backends is not None:
        words = np.column_stack((words, *_halves(backends[0]), backends[1].astype("u8")))
    order = np.argsort(_hash(words), kind="stable")
    starts = _group_starts(words[order])
    for first in range(0, len(starts), most_rows):
        last = first + most_rows
        end = starts[last] if last < len(starts) else len(order)
        chosen = order[starts[first] : end]
        yield _rows(
            records[chosen],
            served[chosen],
            wall_clock_offset_ns,
            starts[first:last] - starts[first],
            None if backends is None else _taken(backends, order[starts[first:last]]),
        )


def _key_words(records: Records, served: Array, interval: Array) -> Array:
    """Each record's key as 64-bit words, equal exactly when the rows are the same."""
    client, server, port = _orient(records, served)
    small = (
        port.astype("u8")
        | records["protocol"].astype("u8") << np.uint64(16)
        | served.astype("u8") << np.uint64(24)
        | (records["flags"] & ROLE_CERTAIN).astype("u8") << np.uint64(25)
    )
    words = [*_halves(client), *_halves(server), records["cgroup_id"], small, interval.view("u8")]
    return np.stack(words, axis=1)


def _orient(records: Records, served: Array) -> tuple[Array, Array, Array]:
    local, remote = records["local_address"], records["remote_address"]
    port = np.where(served, records["local_port"], records["remote_port"])
    return np.where(served, remote, local), np.where(served, local, remote), port


def _halves(address: Array) -> tuple[Array, Array]:
    pair = np.ascontiguousarray(address).view("u8").reshape(-1, 2)
    return pair[:, 0], pair[:, 1]


def _hash(words: Array) -> Array:
    mixed = np.zeros(len(words), "u8")
    for column in range(words.shape[1]):
        mixed = (mixed ^ words[:, column]) * _MIX
        mixed ^= mixed >> np.uint64(29)
    return mixed


def _group_starts(ordered: Array) -> Array:
    changes = (ordered[1:] != ordered[:-1]).any(axis=1)
    return np.concatenate(([0], np.flatnonzero(changes) + 1))


def _taken(backends: Backends, rows: Array) -> Backends:
    addresses, ports = backends
    return addresses[rows], ports[rows]


def _rows(
    records: Records, served: Array, offset_ns: int, starts: Array, backends: Backends | None
) -> pa.RecordBatch:
    """Rows of records that lie grouped, each group beginning at one of `starts`."""

    def total(values: Array) -> Array:
        return np.add.reduceat(values.astype("u8"), starts)

    heads = records[starts]
    served_heads = served[starts]
    client, server, port = _orient(heads, served_heads)
    columns: dict[str, Any] = {
        "interval_start": np.minimum.reduceat(records["since_ns"], starts).view("i8") + offset_ns,
        "interval_end": np.maximum.reduceat(records["until_ns"], starts).view("i8") + offset_ns,
        "reporter": np.where(served_heads, Reporter.SERVER, Reporter.CLIENT).astype("u1"),
        "role_certain": np.packbits(heads["flags"] & ROLE_CERTAIN, bitorder="little"),
        "protocol": heads["protocol"],
        "client_address": _addresses(client),
        "server_address": _addresses(server),
        "server_port": port,
        "cgroup_id": heads["cgroup_id"],
    }
    for measure in ("bytes", "packets"):
        sent, received = records[f"{measure}_sent"], records[f"{measure}_received"]
        columns[f"{measure}_to_server"] = total(np.where(served, received, sent))
        columns[f"{measure}_to_client"] = total(np.where(served, sent, received))
    columns |= {name: total(records[field]) for name, field in _SUMS.items()}
    columns |= _connect_latency(records["connect_microseconds"], starts)
    columns |= _distribution(
        "rtt",
        starts,
        count=total(records["rtt_count"]),
        total=total(records["rtt_sum"]),
        least=np.where(records["rtt_count"] > 0, records["rtt_min"], _NO_SAMPLE),
        most=records["rtt_max"],
        buckets=np.add.reduceat(records["rtt_buckets"].astype("u8"), starts, axis=0),
    )
    columns["drop_reasons"] = reason_maps(records["dropped"], records["drop_reason"], starts)
    if backends is not None:
        columns |= _backend(*backends)
    rows = len(starts)
    arrays = [_column(columns.get(field.name), field.type, rows) for field in SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _column(values: Any, kind: pa.DataType, length: int) -> pa.Array:
    if values is None:
        return pa.nulls(length, kind)
    return values if isinstance(values, pa.Array) else _array(values, kind, length)


def _array(values: Array, kind: pa.DataType, length: int, valid: Array | None = None) -> pa.Array:
    """The values' own memory as an Arrow array. (pa.array would import pandas.)"""
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(kind, length, [bitmap, pa.py_buffer(np.ascontiguousarray(values))])


def _addresses(addresses: Array) -> pa.Array:
    return _array(addresses, pa.binary(16), len(addresses)).dictionary_encode()


def _backend(addresses: Array, ports: Array) -> dict[str, Any]:
    rows, translated = len(ports), ports > 0
    known = _array(addresses, pa.binary(16), rows, translated).dictionary_encode()
    return {
        "backend_address": known,
        "backend_port": _array(ports, pa.uint16(), rows, translated),
    }


def _connect_latency(took: Array, starts: Array) -> dict[str, Any]:
    """One sample a record at the most; 0 stands for none."""
    sampled = took > 0
    buckets = np.zeros((len(starts), HISTOGRAM_BUCKETS), "u8")
    at = np.flatnonzero(sampled)
    group = np.searchsorted(starts, at, side="right") - 1
    exponent = np.frexp(took[at].astype("f8"))[1] - 1  # floor(log2)
    bucket = np.clip(exponent - _LOWEST_BUCKET_BITS, 0, HISTOGRAM_BUCKETS - 1)
    np.add.at(buckets, (group, bucket), 1)
    return _distribution(
        "connect_latency",
        starts,
        count=np.add.reduceat(sampled.astype("u8"), starts),
        total=np.add.reduceat(took.astype("u8"), starts),
        least=np.where(sampled, took, _NO_SAMPLE),
        most=took,
        buckets=buckets,
    )


def _distribution(
    name: str,
    starts: Array,
    *,
    count: Array,
    total: Array,
    least: Array,
    most: Array,
    buckets: Array,
) -> dict[str, Any]:
    """The five columns of a distribution; least and most come by record, the rest by group."""
    group, bucket = np.nonzero(buckets)
    offsets = np.concatenate(([0], np.cumsum(np.bincount(group, minlength=len(starts)))))
    histogram = pa.MapArray.from_arrays(
        _array(offsets.astype("i4"), pa.int32(), len(offsets)),
        _array(bucket.astype("u1"), pa.uint8(), len(bucket)),
        _array(buckets[group, bucket], pa.uint64(), len(bucket)),
    )
    rows, sampled = len(starts), count > 0
    return {
        f"{name}_count": count,
        f"{name}_sum": total,
        f"{name}_min": _array(np.minimum.reduceat(least, starts), pa.uint32(), rows, sampled),
        f"{name}_max": _array(np.maximum.reduceat(most, starts), pa.uint32(), rows, sampled),
        f"{name}_histogram": histogram,
    }
