"""Conntrack's messages as the kernel wrote them, and the table of backends made from them."""

from __future__ import annotations

import ipaddress
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.conntrack import Backends
from agent.ctnetlink import ENTRY, Entries, decode
from agent.flows import aggregate
from agent.ring import RECORD, ROLE_CLIENT, Records
from agent.wire import SCHEMA

# Recorded on Linux 6.18: events of TCP connections to 10.96.0.1:80 and [fd96::1]:80, translated to
# 10.99.0.2:8080 and [fd99::2]:8080.
NEW_IPV4 = bytes.fromhex(
    "c4000000 00010006 00000000 00000000 02000000"
    "34000180 14000180 08000100 0a630001 08000200 0a600001"
    "1c000280 05000100 06000000 06000200 98000000 06000300 00500000"
    "34000280 14000180 08000100 0a630002 08000200 0a630001"
    "1c000280 05000100 06000000 06000200 1f900000 06000300 98000000"
    "08000c00 651546bd 08000300 000001a8 08000700 00000078 30000480 2c000180 05000100 01000000"
    "05000200 0a000000 05000300 00000000 06000400 03000000 06000500 00000000"
)
NEW_IPV6 = bytes.fromhex(
    "f4000000 00010006 00000000 00000000 0a000000"
    "4c000180 2c000180 14000300 fd990000 00000000 00000000 00000001"
    "14000400 fd960000 00000000 00000000 00000001"
    "1c000280 05000100 06000000 06000200 8df60000 06000300 00500000"
    "4c000280 2c000180 14000300 fd990000 00000000 00000000 00000002"
    "14000400 fd990000 00000000 00000000 00000001"
    "1c000280 05000100 06000000 06000200 1f900000 06000300 8df60000"
    "08000c00 5c7ecce1 08000300 000001a8 08000700 00000078 30000480 2c000180 05000100 01000000"
    "05000200 0a000000 05000300 00000000 06000400 03000000 06000500 00000000"
)
LINGER = 10.0


def mapped(address: str) -> bytes:
    parsed = ipaddress.ip_address(address)
    return parsed.packed if parsed.version == 6 else bytes(10) + b"\xff\xff" + parsed.packed


def ended(message: bytes) -> bytes:
    return message[:4] + (0x102).to_bytes(2, "little") + message[6:]


@pytest.mark.parametrize(
    ("message", "client", "port", "server", "backend"),
    [
        (NEW_IPV4, "10.99.0.1", 0x9800, "10.96.0.1", "10.99.0.2"),
        (NEW_IPV6, "fd99::1", 0x8DF6, "fd96::1", "fd99::2"),
    ],
)
def test_an_event_names_the_connection_and_its_backend(
    message: bytes, client: str, port: int, server: str, backend: str
) -> None:
    [entry] = decode([message])
    assert entry["client_address"].tobytes() == mapped(client)
    assert entry["server_address"].tobytes() == mapped(server)
    assert entry["backend_address"].tobytes() == mapped(backend)
    assert [int(entry[name]) for name in ("client_port", "server_port", "backend_port")] == [
        port,
        80,
        8080,
    ]
    assert (int(entry["protocol"]), bool(entry["ended"])) == (6, False)


def test_messages_of_both_families_keep_their_order() -> None:
    entries = decode([NEW_IPV6, NEW_IPV4, ended(NEW_IPV6), ended(NEW_IPV4)])
    assert entries["client_port"].tolist() == [0x8DF6, 0x9800] * 2
    assert entries["ended"].tolist() == [False, False, True, True]


def test_what_is_not_translated_is_passed_over() -> None:
    direct = NEW_IPV4.replace(bytes([10, 96, 0, 1]), bytes([10, 99, 0, 2]))
    direct = direct.replace(b"\x00\x50\x00\x00", b"\x1f\x90\x00\x00")
    assert len(decode([direct])) == 0


@given(st.lists(st.binary(max_size=300) | st.integers(0, 195).map(lambda end: NEW_IPV4[:end])))
def test_any_bytes_are_decoded_without_harm(messages: list[bytes]) -> None:
    assert len(decode(messages)) <= len(messages)


@given(st.integers(0, 123), st.integers(0, 255))
def test_a_message_of_another_layout_is_passed_over_or_stays_readable(at: int, byte: int) -> None:
    message = bytearray(NEW_IPV4)
    message[at] = byte
    assert len(decode([bytes(message), NEW_IPV6])) in (1, 2)


def entries(*client_ports: int, backend: str = "10.0.0.9", over: bool = False) -> Entries:
    made = np.zeros(len(client_ports), ENTRY)
    made["protocol"], made["ended"] = 6, over
    made["client_port"], made["server_port"], made["backend_port"] = client_ports, 80, 8080
    made["client_address"] = mapped("10.0.0.1")
    made["server_address"] = mapped("10.96.0.1")
    made["backend_address"] = mapped(backend)
    return made


def records(*local_ports: int, **fields: Any) -> Records:
    made = np.zeros(len(local_ports), RECORD)
    made["protocol"] = 6
    made["local_port"], made["remote_port"] = local_ports, 80
    made["local_address"], made["remote_address"] = mapped("10.0.0.1"), mapped("10.96.0.1")
    for name, value in fields.items():
        made[name] = value
    return made


def backends_of(table: Backends, asked: Records) -> list[tuple[str, int] | None]:
    addresses, ports = table.translate(asked)
    return [
        (str(ipaddress.IPv6Address(address.tobytes()).ipv4_mapped), int(port)) if port else None
        for address, port in zip(addresses, ports, strict=True)
    ]


@pytest.fixture
def table() -> Backends:
    return Backends(LINGER, most=100)


def test_each_connection_has_its_own_backend(table: Backends) -> None:
    table.add(entries(1, 2, backend="10.0.0.8"), now=0.0)
    table.add(entries(3, backend="10.0.0.9"), now=1.0)
    assert backends_of(table, records(3, 2, 4, 1)) == [
        ("10.0.0.9", 8080),
        ("10.0.0.8", 8080),
        None,
        ("10.0.0.8", 8080),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"protocol": 17},
        {"remote_port": 81},
        {"remote_address": mapped("10.96.0.2")},
        {"local_address": mapped("10.0.0.2")},
    ],
)
def test_another_connection_is_not_translated(table: Backends, other: dict[str, Any]) -> None:
    table.add(entries(1), now=0.0)
    assert backends_of(table, records(1, **other)) == [None]


def test_the_backend_of_a_connection_that_ended_stays_known_for_its_last_delta(
    table: Backends,
) -> None:
    table.add(entries(1), now=0.0)
    table.add(entries(1, over=True), now=5.0)
    table.add(entries(), now=5.0 + LINGER - 0.1)
    assert backends_of(table, records(1)) == [("10.0.0.9", 8080)]
    table.add(entries(), now=5.0 + LINGER + 0.1)
    assert backends_of(table, records(1)) == [None]


def test_a_port_used_again_has_the_latest_backend(table: Backends) -> None:
    first, second = entries(1, backend="10.0.0.8"), entries(1, backend="10.0.0.9")
    table.add(np.concatenate((first, entries(1, backend="10.0.0.8", over=True), second)), now=0.0)
    assert backends_of(table, records(1)) == [("10.0.0.9", 8080)]


def test_the_table_never_outgrows_its_bound_and_lets_go_of_the_ended_first(table: Backends) -> None:
    table.add(entries(*range(1, 101)), now=0.0)
    table.add(entries(100, over=True), now=1.0)
    table.add(entries(*range(101, 111)), now=2.0)
    assert len(table) == 100
    assert backends_of(table, records(100, 110)) == [None, ("10.0.0.9", 8080)]
    assert sum(found is not None for found in backends_of(table, records(*range(1, 100)))) == 90


def test_after_a_loss_of_events_only_what_is_read_again_stays(table: Backends) -> None:
    table.add(entries(1, 2), now=0.0)
    table.doubt(now=1.0)
    table.add(entries(2), now=1.0)
    table.add(entries(), now=1.0 + LINGER)
    assert backends_of(table, records(1, 2)) == [None, ("10.0.0.9", 8080)]


def test_a_row_has_one_backend(table: Backends) -> None:
    table.add(entries(1, 2, backend="10.0.0.8"), now=0.0)
    table.add(entries(3, backend="10.0.0.9"), now=0.0)
    seen = records(1, 2, 3, 4, role=ROLE_CLIENT, bytes_sent=(1, 2, 4, 8))
    batches = list(aggregate(seen, 10**9, 0, most_rows=2, translate=table.translate))
    rows = pa.Table.from_batches(batches, SCHEMA).to_pylist()
    assert {
        (row["backend_address"], row["backend_port"], row["bytes_to_server"]) for row in rows
    } == {(mapped("10.0.0.8"), 8080, 3), (mapped("10.0.0.9"), 8080, 4), (None, None, 8)}


def test_an_empty_table_translates_nothing(table: Backends) -> None:
    assert backends_of(table, records(1)) == [None]
