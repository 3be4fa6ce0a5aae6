"""From ring records to flow rows: orient, group by conversation, add up. Arrays, never rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from agent.drops import reason_maps
from agent.grouped import Array, Grouped, array
from agent.ring import RECORD, ROLE_CERTAIN, ROLE_SERVER, Records
from agent.wire import SCHEMA, Reporter

Backends = tuple[Array, Array]
"""Address and port where each record's server address was translated to, zeros where it was not."""

_KEY = np.dtype(
    [
        ("cgroup_id", "u8"),
        ("local_address", "V16"),
        ("remote_address", "V16"),
        ("local_port", "u2"),  # one of the ports is 0: the client's is elided
        ("remote_port", "u2"),
        ("protocol", "u1"),
        ("role", "u1"),  # 0 for clients
        ("flags", "u1"),
        ("reserved", "u1"),
        ("interval", "i8"),
    ]
)
"""What makes one row of several records. Up to `reserved` it lies in a record as it does here."""

_TRANSLATED_KEY = np.dtype(
    [*_KEY.descr, ("backend_address", "V16"), ("backend_port", "u8")],
)

_TIME_GRAIN_NS = 1 << 24
"""17 ms, a sixth of the shortest interval. Three bytes of every time are zero then; in nanoseconds,
times would be a quarter of every batch."""

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
    backends, while the client's port is there to tell them by: a row has one. Neighbouring rows
    resemble each other, for the compression's sake.
    """
    if not len(records):
        return
    interval = (records["since_ns"].view("i8") + wall_clock_offset_ns) // interval_ns
    keys, group_of = _group(_keys(records, interval, translate and translate(records)))
    for first in range(0, len(keys), most_rows):
        part = keys[first : first + most_rows]
        if len(part) < len(keys):
            inside = (group_of >= first) & (group_of < first + len(part))
            grouped = Grouped(_chosen(records, inside), group_of[inside] - first, len(part))
        else:
            grouped = Grouped(records, group_of, len(keys))
        yield _rows(part, grouped, interval_ns, wall_clock_offset_ns)


def _words(records: Records) -> Array:
    return records.view("u8").reshape(len(records), -1)


def _chosen(records: Records, chosen: Array) -> Records:
    """The same as indexing, which would copy field by field."""
    taken: Records = _words(records)[chosen].reshape(-1).view(records.dtype)
    return taken


def _identity(**fields: int) -> np.uint64:
    """The word of a record that has ports, protocol and role, with these fields set."""
    one = np.zeros(1, RECORD)
    for name, value in fields.items():
        one[name] = value
    word: np.uint64 = _words(one)[0, _IDENTITY]
    return word


_FIRST = RECORD.fields["cgroup_id"][1] // 8  # type: ignore[index]
_IDENTITY = RECORD.fields["local_port"][1] // 8  # type: ignore[index]
_OF_CLIENT = _identity(remote_port=0xFFFF, protocol=0xFF, flags=ROLE_CERTAIN)
_OF_SERVER = _identity(local_port=0xFFFF, protocol=0xFF, flags=ROLE_CERTAIN, role=0xFF)


def _keys(records: Records, interval: Array, backends: Backends | None) -> Array:
    """Each record's _KEY, or _TRANSLATED_KEY."""
    kind = _KEY if backends is None else _TRANSLATED_KEY
    keys = np.empty(len(records), kind)
    words = _words(keys)
    shared = _IDENTITY - _FIRST + 1
    words[:, :shared] = _words(records)[:, _FIRST : _FIRST + shared]
    words[:, shared - 1] &= np.where(records["role"] == ROLE_SERVER, _OF_SERVER, _OF_CLIENT)
    keys["interval"] = interval
    if backends is not None:
        keys["backend_address"], keys["backend_port"] = backends
    return keys


def _group(keys: Array) -> tuple[Array, Array]:
    """The distinct keys in the order of rows, and the index in them of each of `keys`."""
    whole = pa.binary(keys.itemsize)
    encoded = array(keys, whole).dictionary_encode()
    distinct = np.frombuffer(encoded.dictionary.buffers()[1], keys.dtype, len(encoded.dictionary))
    order = np.argsort(_likeness(distinct))
    place = np.empty(len(order), "i8")
    place[order] = np.arange(len(order))
    return _chosen(distinct, order), place[np.frombuffer(encoded.indices.buffers()[1], "i4")]


def _likeness(keys: Array) -> Array:
    """Sorts by reporter, local address, server's port and remote address, or nearly so: the low
    bits of addresses do."""
    low = np.uint64(0xFFFFFF)
    local, remote = (
        np.ascontiguousarray(keys[name]).view(">u4").reshape(-1, 4)[:, 3].astype("u8") & low
        for name in ("local_address", "remote_address")
    )
    served = (keys["role"] > 0).astype("u8") << np.uint64(63)
    port = (keys["local_port"] | keys["remote_port"]).astype("u8") << np.uint64(24)
    likeness: Array = served | local << np.uint64(40) | port | remote
    return likeness


def _rows(keys: Array, grouped: Grouped, interval_ns: int, offset_ns: int) -> pa.RecordBatch:
    served = keys["role"] > 0
    local, remote = keys["local_address"], keys["remote_address"]
    since, until = grouped.earliest("since_ns"), grouped.latest("until_ns")
    columns: dict[str, Any] = {
        "interval_start": np.maximum(
            _floor(since + offset_ns, _TIME_GRAIN_NS), keys["interval"] * interval_ns
        ),
        "interval_end": -_floor(-(until + offset_ns), _TIME_GRAIN_NS),
        "reporter": np.where(served, Reporter.SERVER, Reporter.CLIENT).astype("u1"),
        "role_certain": keys["flags"] == ROLE_CERTAIN,
        "protocol": keys["protocol"],
        "client_address": _addresses(np.where(served, remote, local)),
        "server_address": _addresses(np.where(served, local, remote)),
        "server_port": keys["local_port"] | keys["remote_port"],
        "cgroup_id": keys["cgroup_id"],
    }
    for measure in ("bytes", "packets"):
        sent, received = grouped.total(f"{measure}_sent"), grouped.total(f"{measure}_received")
        columns[f"{measure}_to_server"] = np.where(served, received, sent)
        columns[f"{measure}_to_client"] = np.where(served, sent, received)
    columns |= {name: grouped.total(field) for name, field in _SUMS.items()}
    columns |= grouped.connect_latency() | grouped.rtt()
    columns["drop_reasons"] = reason_maps(*grouped.dropped())
    if "backend_port" in (keys.dtype.names or ()):
        columns |= _backend(keys["backend_address"], keys["backend_port"].astype("u2"))
    arrays = [_column(columns.get(field.name), field.type, len(keys)) for field in SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _floor(times: Array, grain: int) -> Array:
    return times // grain * grain


def _column(values: Any, kind: pa.DataType, length: int) -> pa.Array:
    if values is None:
        return pa.nulls(length, kind)
    return values if isinstance(values, pa.Array) else array(values, kind)


def _addresses(addresses: Array, valid: Array | None = None) -> pa.Array:
    return array(addresses, pa.binary(16), valid).dictionary_encode()


def _backend(addresses: Array, ports: Array) -> dict[str, Any]:
    translated = ports > 0
    return {
        "backend_address": _addresses(addresses, translated),
        "backend_port": array(ports, pa.uint16(), translated),
    }
