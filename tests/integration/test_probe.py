"""What the kernel programs count against what the applications really moved. No tolerance."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent import tracing
from agent.flows import volume
from agent.probe import Probe
from agent.ring import RECORD, ROLE_CERTAIN, ROLE_CLIENT, ROLE_SERVER, Records
from tests.hosts import Host, attached, connect, run, transfer, two_hosts

pytestmark = pytest.mark.integration

FAMILIES = [socket.AF_INET, socket.AF_INET6]
TCP, UDP = 6, 17


@pytest.fixture
def probe(cgroup: Path) -> Iterator[Probe]:
    watching = Probe(str(cgroup), 5.0, 1 << 20)
    watching.start()
    yield watching
    watching.close()


def settle(probe: Probe) -> Records:
    """All records of what went on so far."""
    time.sleep(0.3)  # delayed acknowledgements, closing handshakes
    probe.detach()
    probe.flush(everything=True)
    return probe.drain()


def side(records: Records, role: int) -> Records:
    chosen: Records = records[records["role"] == role]
    return chosen


def total(records: Records, field: str) -> int:
    return int(records[field].sum())


def tcp_info(of: socket.socket) -> dict[str, int]:
    """The fields of struct tcp_info (include/uapi/linux/tcp.h) that tests compare with."""
    raw = of.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
    (retransmits,) = struct.unpack_from("I", raw, 100)
    segments_out, segments_in = struct.unpack_from("II", raw, 136)
    return {"retransmits": retransmits, "segs_out": segments_out, "segs_in": segments_in}


@pytest.mark.parametrize("family", FAMILIES)
def test_tcp_bytes_of_both_ends_are_exactly_the_applications(
    closing: contextlib.ExitStack,
    hosts: tuple[Host, Host],
    probe: Probe,
    family: socket.AddressFamily,
) -> None:
    dialing, accepted = connect(*hosts, family, closing)
    transfer(dialing, accepted, 1_000_003)
    transfer(accepted, dialing, 104_729)
    dialing.close()
    accepted.close()
    records = settle(probe)
    for role, sent, received in (
        (ROLE_CLIENT, 1_000_003, 104_729),
        (ROLE_SERVER, 104_729, 1_000_003),
    ):
        mine = side(records, role)
        assert (total(mine, "bytes_sent"), total(mine, "bytes_received")) == (sent, received)
        assert total(mine, "established") == total(mine, "closed") == 1
        assert (mine["flags"] & ROLE_CERTAIN).all()
    assert total(side(records, ROLE_CLIENT), "attempted") == 1
    assert total(records, "rtt_count") == int(records["rtt_buckets"].sum()) > 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_connection_older_than_the_agent_counts_from_the_agents_start(
    closing: contextlib.ExitStack,
    hosts: tuple[Host, Host],
    cgroup: Path,
    family: socket.AddressFamily,
) -> None:
    dialing, accepted = connect(*hosts, family, closing)
    transfer(dialing, accepted, 50_021)
    probe = Probe(str(cgroup), 5.0, 1 << 20)
    probe.start()
    transfer(dialing, accepted, 15_485_863)
    transfer(accepted, dialing, 7_919)
    dialing.close()
    accepted.close()
    records = settle(probe)
    probe.close()
    assert total(side(records, ROLE_CLIENT), "bytes_sent") == 15_485_863
    assert total(side(records, ROLE_CLIENT), "bytes_received") == 7_919
    assert total(side(records, ROLE_SERVER), "bytes_received") == 15_485_863
    assert total(side(records, ROLE_SERVER), "bytes_sent") == 7_919
    assert total(side(records, ROLE_CLIENT), "closed") == 1
    assert total(side(records, ROLE_SERVER), "closed") == 1


def test_a_connection_that_fell_silent_is_told_without_another_packet(
    closing: contextlib.ExitStack, hosts: tuple[Host, Host], probe: Probe
) -> None:
    dialing, accepted = connect(*hosts, socket.AF_INET, closing)
    transfer(dialing, accepted, 999_983)
    time.sleep(0.3)
    probe.flush(everything=True)
    records = probe.drain()
    assert total(side(records, ROLE_CLIENT), "bytes_sent") == 999_983
    assert total(side(records, ROLE_SERVER), "bytes_received") == 999_983
    transfer(accepted, dialing, 13)
    dialing.close()
    accepted.close()
    later = settle(probe)
    assert total(side(later, ROLE_CLIENT), "bytes_sent") == 0
    assert total(side(later, ROLE_CLIENT), "bytes_received") == 13


def test_half_closed_and_aborted_connections_count_neither_fin_nor_reset(
    closing: contextlib.ExitStack, hosts: tuple[Host, Host], probe: Probe
) -> None:
    dialing, accepted = connect(*hosts, socket.AF_INET, closing)
    transfer(dialing, accepted, 31)
    dialing.shutdown(socket.SHUT_WR)
    transfer(accepted, dialing, 10_007)  # after the FIN
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    accepted.close()  # a reset
    time.sleep(0.1)
    dialing.close()
    records = settle(probe)
    assert total(side(records, ROLE_CLIENT), "bytes_sent") == 31
    assert total(side(records, ROLE_CLIENT), "bytes_received") == 10_007
    assert total(side(records, ROLE_SERVER), "bytes_sent") == 10_007
    assert total(side(records, ROLE_SERVER), "bytes_received") == 31
    assert total(side(records, ROLE_SERVER), "resets_sent") == 1
    assert total(side(records, ROLE_CLIENT), "resets_received") == 1
    assert total(records, "reset") == 2


@pytest.mark.parametrize("family", FAMILIES)
def test_udp_payload_of_every_peer_is_exactly_the_applications(
    hosts: tuple[Host, Host], probe: Probe, family: socket.AddressFamily
) -> None:
    client, server = hosts
    serving = server.open(family, socket.SOCK_DGRAM)
    serving.bind((server.address(family), 0))
    peers = [client.open(family, socket.SOCK_DGRAM) for _ in range(3)]
    for _ in range(5):
        for index, peer in enumerate(peers):
            peer.sendto(bytes(1009 + index), serving.getsockname()[:2])
            _, back = serving.recvfrom(2000)
            serving.sendto(bytes(13), back[:2])
            peer.recv(100)
    peers[0].sendto(bytes(60_013), serving.getsockname()[:2])  # fragmented on the wire
    serving.recv(65_535)
    for one in (*peers, serving):
        one.close()
    records = settle(probe)
    sent = 5 * (1009 + 1010 + 1011) + 60_013
    for role, out, back in ((ROLE_CLIENT, sent, 15 * 13), (ROLE_SERVER, 15 * 13, sent)):
        mine = side(records, role)
        assert (total(mine, "bytes_sent"), total(mine, "bytes_received")) == (out, back)
        assert (mine["protocol"] == UDP).all()
        assert (mine["flags"] & ROLE_CERTAIN).all()
    assert total(side(records, ROLE_CLIENT), "packets_sent") == 16


def test_a_refused_connection_is_one_attempt_and_one_refusal(
    hosts: tuple[Host, Host], probe: Probe
) -> None:
    client, server = hosts
    with (
        client.open(socket.AF_INET, socket.SOCK_STREAM) as dialing,
        pytest.raises(ConnectionRefusedError),
    ):
        dialing.connect((server.ipv4, 1))
    records = settle(probe)
    counts = {f: total(records, f) for f in ("attempted", "established", "refused", "timed_out")}
    assert counts == {"attempted": 1, "established": 0, "refused": 1, "timed_out": 0}


def test_an_unanswered_connection_is_one_attempt_and_one_timeout(
    hosts: tuple[Host, Host], probe: Probe
) -> None:
    client, _ = hosts
    with client.open(socket.AF_INET, socket.SOCK_STREAM) as dialing:
        dialing.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
        nobody = "neigh replace 10.99.0.77 lladdr 02:00:00:00:00:77 dev cable"
        run(f"ip -n {client.name} {nobody}")
        with pytest.raises(TimeoutError):
            dialing.connect(("10.99.0.77", 80))
        told = tcp_info(dialing)
    records = settle(probe)
    counts = {f: total(records, f) for f in ("attempted", "established", "refused", "timed_out")}
    assert counts == {"attempted": 1, "established": 0, "refused": 0, "timed_out": 1}
    assert total(records, "retransmitted_segments") == told["retransmits"] > 0


def test_a_client_that_never_completes_its_handshake_is_one_half_open(probe: Probe) -> None:
    with two_hosts() as (client, server):
        run(f"ip netns exec {server.name} sysctl -qw net.ipv4.tcp_synack_retries=1")
        client.drop("tcp flags & (syn | ack) == syn | ack")
        with server.listen(socket.AF_INET) as listener:
            dialing = client.open(socket.AF_INET, socket.SOCK_STREAM)
            dialing.setblocking(False)
            dialing.connect_ex(listener.getsockname()[:2])
            time.sleep(1.5)
            dialing.close()
            records = served_until(probe, "half_open")
    assert total(records, "half_open") == 1
    assert total(records, "retransmitted_syns") >= 1
    assert total(records, "established") == total(records, "overflow") == 0


def test_a_handshake_that_the_client_resets_is_counted_as_that(probe: Probe) -> None:
    with two_hosts() as (client, server):
        client.drop("tcp flags & (syn | ack) == syn | ack")
        with server.listen(socket.AF_INET) as listener:
            dialing = client.open(socket.AF_INET, socket.SOCK_STREAM)
            dialing.setblocking(False)
            dialing.connect_ex(listener.getsockname()[:2])
            time.sleep(0.1)
            dialing.close()
            run(f"ip netns exec {client.name} nft flush ruleset")
            records = served_until(probe, "handshake_reset")  # the next SYN-ACK meets no socket
    assert total(records, "handshake_reset") == 1
    assert total(records, "half_open") == total(records, "overflow") == 0


def test_a_full_accept_queue_is_counted_at_the_server(
    hosts: tuple[Host, Host], probe: Probe
) -> None:
    client, server = hosts
    with server.listen(socket.AF_INET) as listener:
        listener.listen(0)  # room for one that is not accepted yet
        dialing = [client.open(socket.AF_INET, socket.SOCK_STREAM) for _ in range(3)]
        for one in dialing:
            one.setblocking(False)
            one.connect_ex(listener.getsockname()[:2])
        records = served_until(probe, "overflow")
        for one in dialing:
            one.close()
    assert total(records, "overflow") >= 1
    assert total(side(records, ROLE_SERVER), "established") == 1


def test_an_icmp_error_ends_an_attempt_as_unreachable(probe: Probe) -> None:
    with two_hosts() as (client, server):
        run(f"ip -n {client.name} route add 10.98.0.0/24 via {server.ipv4}")
        run(f"ip netns exec {server.name} sysctl -qw net.ipv4.ip_forward=1")
        with (
            client.open(socket.AF_INET, socket.SOCK_STREAM) as dialing,
            pytest.raises(OSError, match="unreachable"),
        ):
            dialing.connect(("10.98.0.1", 80))
        records = settle(probe)
    counts = {f: total(records, f) for f in ("attempted", "unreachable", "refused", "timed_out")}
    assert counts == {"attempted": 1, "unreachable": 1, "refused": 0, "timed_out": 0}


@pytest.fixture
def node_probe() -> Iterator[Probe]:
    """Of the whole node, as only such a one is told of drops."""
    watching = Probe("", 5.0, 1 << 20)
    watching.start()
    yield watching
    watching.close()


def of_port(records: Records, port: int) -> Records:
    chosen: Records = records[(records["local_port"] == port) | (records["remote_port"] == port)]
    return chosen


@pytest.mark.parametrize("family", FAMILIES)
def test_datagrams_that_find_a_full_receive_buffer_are_counted_exactly(
    hosts: tuple[Host, Host], node_probe: Probe, family: socket.AddressFamily
) -> None:
    client, server = hosts
    with (
        server.open(family, socket.SOCK_DGRAM) as serving,
        client.open(family, socket.SOCK_DGRAM) as asking,
    ):
        serving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        serving.bind((server.address(family), 0))
        port = serving.getsockname()[1]
        asking.sendto(b"first", serving.getsockname()[:2])
        serving.recv(100)  # the neighbour is resolved: nothing waits for that, or is dropped
        for _ in range(50):
            asking.sendto(bytes(1000), serving.getsockname()[:2])
        time.sleep(0.2)
        serving.setblocking(False)
        arrived = 0
        with contextlib.suppress(BlockingIOError):
            while serving.recv(2000):
                arrived += 1
    records = of_port(settle(node_probe), port)
    assert 0 < arrived < 50
    assert total(records, "datagram_errors") == 50 - arrived


@pytest.mark.parametrize("family", FAMILIES)
def test_a_dropped_packet_tells_its_conversation_and_the_kernels_reason(
    hosts: tuple[Host, Host], node_probe: Probe, family: socket.AddressFamily
) -> None:
    client, server = hosts
    with client.open(family, socket.SOCK_DGRAM) as asking:
        for _ in range(3):
            with contextlib.suppress(ConnectionRefusedError):
                asking.sendto(b"anyone?", (server.address(family), 9))  # nobody listens
    records = of_port(settle(node_probe), 9)
    dropped = records[records["dropped"] > 0]
    names = {tracing.drop_reasons()[int(reason)] for reason in dropped["drop_reason"]}
    assert names == {"NO_SOCKET"}
    assert total(dropped, "dropped") == 3


def test_connections_that_end_well_drop_nothing(
    hosts: tuple[Host, Host], node_probe: Probe
) -> None:
    with contextlib.ExitStack() as closing:
        dialing, accepted = connect(*hosts, socket.AF_INET, closing)
        port = accepted.getsockname()[1]
        transfer(dialing, accepted, 101)
    records = of_port(settle(node_probe), port)
    assert total(records, "closed") == 2
    assert total(records, "dropped") == 0


def served_until(probe: Probe, field: str) -> Records:
    """All records until one tells of `field`, 10 s at the most."""
    records = [probe.drain()]
    deadline = time.monotonic() + 10
    while not total(records[-1], field) and time.monotonic() < deadline:
        time.sleep(0.2)
        probe.flush(everything=True)
        records.append(probe.drain())
    return np.concatenate(records)


def test_a_window_that_closes_is_counted_at_both_ends_and_only_once(
    closing: contextlib.ExitStack, hosts: tuple[Host, Host], probe: Probe
) -> None:
    dialing, _accepted = connect(*hosts, socket.AF_INET, closing)
    dialing.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            dialing.send(bytes(65_536))
    time.sleep(1.0)  # probes of the closed window are no new closings
    probe.flush(everything=True)
    records = probe.drain()
    assert total(side(records, ROLE_SERVER), "zero_windows_sent") == 1
    assert total(side(records, ROLE_CLIENT), "zero_windows_received") == 1


def retransmitted(host: Host) -> int:
    """What nstat shows as TcpRetransSegs, of the host's whole network namespace."""
    lines = run(f"ip netns exec {host.name} cat /proc/net/snmp").splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(values[names.index("RetransSegs")])


def test_ten_thousand_short_connections_are_ten_thousand(
    hosts: tuple[Host, Host], cgroup: Path
) -> None:
    client, server = hosts
    probe = Probe(str(cgroup), 60.0, 16 << 20)
    probe.start()
    with server.listen(socket.AF_INET) as listener, client.inside():
        address = listener.getsockname()
        for _ in range(10_000):
            with socket.create_connection(address) as dialing:
                accepted, _ = listener.accept()
                accepted.close()
                dialing.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    records = settle(probe)
    assert probe.ledger().lost_records == 0
    probe.close()
    for role in (ROLE_CLIENT, ROLE_SERVER):
        mine = side(records, role)
        assert total(mine, "established") == total(mine, "closed") == 10_000
    assert total(records, "attempted") == 10_000


def test_a_connection_idle_over_many_intervals_is_still_counted_when_it_speaks(
    closing: contextlib.ExitStack, hosts: tuple[Host, Host], cgroup: Path
) -> None:
    probe = Probe(str(cgroup), 0.1, 1 << 20)
    probe.start()
    dialing, accepted = connect(*hosts, socket.AF_INET, closing)
    transfer(dialing, accepted, 101)
    for _ in range(20):
        time.sleep(0.1)
        probe.flush()
    assert total(side(probe.drain(), ROLE_CLIENT), "bytes_sent") == 101
    transfer(dialing, accepted, 103)
    assert total(side(settle(probe), ROLE_CLIENT), "bytes_sent") == 103
    probe.close()


def test_retransmits_under_loss_are_those_that_the_kernel_counted(
    closing: contextlib.ExitStack, probe: Probe
) -> None:
    with two_hosts() as (client, server):
        server.drop("tcp flags & (syn | fin | rst) == 0 numgen inc mod 17 < 1")
        dialing, accepted = connect(client, server, socket.AF_INET, closing)
        transfer(dialing, accepted, 3_000_017)
        time.sleep(0.5)
        told = tcp_info(dialing)
        nstat = retransmitted(client)
        probe.flush(everything=True)
        everything = probe.drain()
        records = side(everything, ROLE_CLIENT)
        dialing.close()
        accepted.close()
    assert told["retransmits"] > 0, "the rule dropped nothing"
    assert total(records, "retransmitted_segments") == told["retransmits"] == nstat
    assert total(records, "retransmitted_bytes") > 0
    assert total(records, "packets_sent") == told["segs_out"]
    assert total(records, "packets_received") == told["segs_in"]
    assert total(records, "bytes_sent") == 3_000_017
    assert total(side(everything, ROLE_SERVER), "out_of_order") > 0


def test_what_finds_the_ring_full_is_put_off_or_counted_as_lost(
    closing: contextlib.ExitStack, hosts: tuple[Host, Host], cgroup: Path
) -> None:
    room = 4096 // (RECORD.itemsize + 8)
    probe = Probe(str(cgroup), 5.0, 4096)
    probe.start()
    pairs = [connect(*hosts, socket.AF_INET, closing) for _ in range(40)]
    for dialing, accepted in pairs:
        transfer(dialing, accepted, 101)
    time.sleep(0.2)
    probe.flush(everything=True)
    assert probe.ledger().deferred == 80 - room
    assert probe.ledger().lost_records == 0
    for dialing, accepted in pairs:
        dialing.close()
        accepted.close()
    time.sleep(0.2)
    records = probe.drain()
    ledger = probe.ledger()
    assert ledger.lost_records == 80, "each connection's end, whatever was put off before with it"
    assert volume(records) + ledger.lost_bytes == 40 * 101 * 2
    assert ledger.records == len(records)
    assert ledger.bytes == volume(records)
    probe.close()


def test_a_killed_agent_leaves_no_program_behind(cgroup: Path) -> None:
    code = (
        "import sys, time; from agent.probe import Probe; "
        f"p = Probe({str(cgroup)!r}, 5.0, 4096); p.start(); print('up', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "up\n"
    assert attached(cgroup) > 0
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    deadline = time.monotonic() + 5
    while attached(cgroup) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert attached(cgroup) == 0
