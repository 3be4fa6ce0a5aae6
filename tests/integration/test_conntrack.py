"""Backends of translated connections, from the kernel's own conntrack."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from prometheus_client import REGISTRY

from agent import ctnetlink
from agent.conntrack import Conntrack
from agent.errors import HostError
from agent.flows import aggregate
from agent.probe import Probe, find_cgroup2
from agent.ring import RECORD, ROLE_CLIENT, Records
from agent.wire import SCHEMA, Reporter
from tests.hosts import Host, own_cgroup, run, transfer, two_hosts

pytestmark = pytest.mark.integration

SERVICE = {socket.AF_INET: "10.96.0.1", socket.AF_INET6: "fd96::1"}
PORT, TARGET = 80, 8080
FAMILIES = list(SERVICE)

RULES = f"""
table inet services {{
  chain output {{
    type nat hook output priority -100
    ip daddr 10.96.0.1 meta l4proto {{ tcp, udp }} dnat ip to 10.99.0.2:{TARGET}
    ip6 daddr fd96::1 meta l4proto {{ tcp, udp }} dnat ip6 to [fd99::2]:{TARGET}
  }}
}}
"""


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    """The left host sends what is for the Service to the right one."""
    with two_hosts() as (left, right):
        run(f"ip netns exec {left.name} nft -f -", stdin=RULES)
        run(f"ip -n {left.name} route add 10.96.0.0/16 dev cable")
        run(f"ip -n {left.name} route add fd96::/64 dev cable")
        yield left, right


@pytest.fixture
def conntrack(hosts: tuple[Host, Host]) -> Iterator[Conntrack]:
    following = Conntrack(hosts[0].name, linger_seconds=10.0)
    yield following
    following.stop()


def dial(
    hosts: tuple[Host, Host], family: socket.AddressFamily, closing: contextlib.ExitStack
) -> tuple[socket.socket, socket.socket]:
    """A TCP connection to the Service: its client's and its server's end."""
    client, server = hosts
    with server.open(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((server.address(family), TARGET))
        listener.listen()
        dialing = closing.enter_context(client.open(family, socket.SOCK_STREAM))
        dialing.connect((SERVICE[family], PORT))
        return dialing, closing.enter_context(listener.accept()[0])


def forget_all(host: Host) -> None:
    """Empty the host's conntrack, as if every entry had timed out."""
    with host.inside(), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:
        netlink.send(struct.pack("=IHHIII", 20, 0x102, 0x5, 0, 0, 0))  # IPCTNL_MSG_CT_DELETE
        netlink.recv(4096)


def mapped(address: str) -> bytes:
    parsed = ipaddress.ip_address(address)
    return parsed.packed if parsed.version == 6 else bytes(10) + b"\xff\xff" + parsed.packed


def record_of(end: socket.socket, protocol: int = 6) -> Records:
    """What the probe would report of the socket."""
    one = np.zeros(1, RECORD)
    (local, local_port), (remote, remote_port) = end.getsockname()[:2], end.getpeername()[:2]
    one["protocol"], one["role"] = protocol, ROLE_CLIENT
    one["local_address"], one["local_port"] = mapped(local), local_port
    one["remote_address"], one["remote_port"] = mapped(remote), remote_port
    return one


def backend(conntrack: Conntrack, end: socket.socket, protocol: int = 6) -> tuple[bytes, int]:
    addresses, ports = conntrack.translate(record_of(end, protocol))
    return addresses[0].tobytes(), int(ports[0])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_connection_made_before_the_agent_is_translated(
    closing: contextlib.ExitStack,
    hosts: tuple[Host, Host],
    conntrack: Conntrack,
    family: socket.AddressFamily,
) -> None:
    dialing, _ = dial(hosts, family, closing)
    conntrack.start()
    assert backend(conntrack, dialing) == (mapped(hosts[1].address(family)), TARGET)
    assert REGISTRY.get_sample_value("flowatlas_agent_conntrack_up") == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_a_connection_made_under_the_agents_eyes_is_translated_also_after_its_end(
    closing: contextlib.ExitStack,
    hosts: tuple[Host, Host],
    conntrack: Conntrack,
    family: socket.AddressFamily,
) -> None:
    conntrack.start()
    dialing, accepted = dial(hosts, family, closing)
    asked = record_of(dialing)
    assert backend(conntrack, dialing) == (mapped(hosts[1].address(family)), TARGET)
    assert backend(conntrack, accepted) == (bytes(16), 0), "the backend's own end is what it is"
    dialing.close()
    forget_all(hosts[0])
    assert conntrack.translate(asked)[1].tolist() == [TARGET]


def test_datagrams_are_translated(
    closing: contextlib.ExitStack, hosts: tuple[Host, Host], conntrack: Conntrack
) -> None:
    conntrack.start()
    dialing = closing.enter_context(hosts[0].open(socket.AF_INET, socket.SOCK_DGRAM))
    dialing.connect((SERVICE[socket.AF_INET], PORT))
    dialing.send(b"?")
    assert backend(conntrack, dialing, socket.IPPROTO_UDP) == (mapped(hosts[1].ipv4), TARGET)


def test_after_lost_events_everything_is_read_again(
    closing: contextlib.ExitStack,
    hosts: tuple[Host, Host],
    conntrack: Conntrack,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent.conntrack._EVENT_BYTES", 1)  # the kernel makes it its least, 2 KiB
    conntrack.start()
    before = REGISTRY.get_sample_value("flowatlas_agent_conntrack_overruns_total") or 0
    dialing = [dial(hosts, socket.AF_INET, closing)[0] for _ in range(20)]
    assert {backend(conntrack, end)[1] for end in dialing} == {TARGET}
    assert REGISTRY.get_sample_value("flowatlas_agent_conntrack_overruns_total") == before + 1


def test_the_flow_row_of_the_client_names_the_true_backend(
    closing: contextlib.ExitStack, hosts: tuple[Host, Host], conntrack: Conntrack
) -> None:
    with own_cgroup(find_cgroup2()) as cgroup:
        probe = Probe(str(cgroup), 5.0, 1 << 20)
        probe.start()
        closing.callback(probe.close)
        conntrack.start()
        dialing, accepted = dial(hosts, socket.AF_INET, closing)
        transfer(dialing, accepted, 10_007)
        probe.flush(everything=True)
        records = probe.drain()
    batches = list(aggregate(records, 10**12, 0, 1000, conntrack.translate))
    rows = pa.Table.from_batches(batches, SCHEMA).to_pylist()
    [client] = [row for row in rows if row["reporter"] == Reporter.CLIENT]
    [server] = [row for row in rows if row["reporter"] == Reporter.SERVER]
    assert (client["server_address"], client["server_port"]) == (mapped("10.96.0.1"), PORT)
    assert (client["backend_address"], client["backend_port"]) == (mapped("10.99.0.2"), TARGET)
    assert client["bytes_to_server"] == 10_007
    assert (server["server_address"], server["backend_address"]) == (mapped("10.99.0.2"), None)


def test_without_permission_nothing_is_translated_and_the_log_says_so(
    conntrack: Conntrack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(ctnetlink, "subscribe", refuse)
    conntrack.start()
    assert conntrack.translate(np.zeros(3, RECORD))[1].tolist() == [0, 0, 0]
    assert REGISTRY.get_sample_value("flowatlas_agent_conntrack_up") == 0
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_namespace_that_is_not_there_is_named() -> None:
    with pytest.raises(HostError, match=r"'no-such'.*--network-namespace"):
        Conntrack("no-such", linger_seconds=1.0).start()
