"""What a real DNS server tells pods, against the name rows that come of it."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import pytest
from confluent_kafka import Consumer

from agent.identity import Identity
from agent.names import Names
from agent.probe import Probe, wall_clock_offset
from agent.ring import ANSWER_BYTES
from agent.wire import Batch, names
from deploy.local.broker import EmbeddedBroker
from deploy.local.supervisor import SupervisedProcess, module_command
from tests.hosts import Host, two_hosts

pytestmark = pytest.mark.integration

ZONE = """
host-record=shop.test,192.0.2.1,2001:db8::1,60
host-record=edge.cdn.test,192.0.2.9,45
cname=www.shop.test,front.shop.test,30
cname=front.shop.test,edge.cdn.test,20
local=/test/
"""
ANSWER_HEADER = struct.pack("!6H", 1, 0x8180, 1, 1, 0, 0)


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts; on the second a DNS server answers for ZONE."""
    with two_hosts() as (client, server), dns_server(server):
        yield client, server


@contextlib.contextmanager
def dns_server(host: Host) -> Iterator[None]:
    command = f"ip netns exec {host.name} dnsmasq --keep-in-foreground --conf-file=- --user=root"
    settings = f"no-resolv\nno-hosts\nbind-interfaces\nlisten-address={host.ipv4},{host.ipv6}\n"
    with subprocess.Popen(command.split(), stdin=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdin is not None
            server.stdin.write(settings + "pid-file=\n" + ZONE)
            server.stdin.close()
            wait_for_answers(host)
            yield
        finally:
            server.terminate()
            server.wait(10)


def wait_for_answers(host: Host) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with host.open(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.connect((host.ipv4, 53))
            with contextlib.suppress(ConnectionRefusedError):
                ask(asking, "shop.test", "A")
                return
        time.sleep(0.05)
    raise AssertionError("dnsmasq does not answer")


def ask(asking: socket.socket, name: str, kind: str) -> dns.message.Message:
    asking.send(dns.message.make_query(name, kind).to_wire())
    return dns.message.from_wire(asking.recv(4096))


@contextlib.contextmanager
def watching(cgroup: Path, *, capturing: bool = True) -> Iterator[Probe]:
    probe = Probe(str(cgroup), 5.0, 1 << 20, capturing)
    try:
        probe.start()
        yield probe
    finally:
        probe.close()


@contextlib.contextmanager
def resolver(hosts: tuple[Host, Host], family: socket.AddressFamily) -> Iterator[socket.socket]:
    client, server = hosts
    with client.open(family, socket.SOCK_DGRAM) as asking:
        asking.connect((server.address(family), 53))
        yield asking


def learned(probe: Probe) -> list[dict[str, Any]]:
    told = Names(1000, 1000, Identity(lambda _: None))
    told.add(probe.drain_answers())
    rows: list[dict[str, Any]] = told.take(wall_clock_offset()).to_pylist()
    return rows


def plain(address: bytes) -> str:
    found = ipaddress.IPv6Address(address)
    return str(found.ipv4_mapped or found)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_answers_become_rows_of_who_was_told_what(
    hosts: tuple[Host, Host], cgroup: Path, family: socket.AddressFamily
) -> None:
    before = time.time_ns()
    with watching(cgroup) as probe, resolver(hosts, family) as asking:
        ask(asking, "shop.test", "A")
        ask(asking, "Shop.Test", "AAAA")
        ask(asking, "www.shop.test", "A")
        rows = learned(probe)
    told = [(row["name"], plain(row["address"]), row["ttl_seconds"]) for row in rows]
    assert told == [
        ("shop.test", "192.0.2.1", 60),
        ("shop.test", "2001:db8::1", 60),
        ("www.shop.test", "192.0.2.9", 20),
    ]
    assert {plain(row["receiver"]) for row in rows} == {hosts[0].address(family)}
    assert {row["cgroup_id"] for row in rows} == {cgroup.stat().st_ino}
    assert all(before <= row["time"].value <= time.time_ns() for row in rows)


def test_only_answers_that_hold_records_leave_the_kernel(
    hosts: tuple[Host, Host], cgroup: Path
) -> None:
    with watching(cgroup) as probe, resolver(hosts, socket.AF_INET) as asking:
        assert ask(asking, "nobody.test", "A").rcode() == dns.rcode.NXDOMAIN
        assert ask(asking, "elsewhere.example", "A").rcode() == dns.rcode.REFUSED
        assert ask(asking, "edge.cdn.test", "AAAA").answer == []
        assert probe.ledger().answers == 0
        assert len(probe.drain_answers()) == 0


def test_switched_off_nothing_is_captured(hosts: tuple[Host, Host], cgroup: Path) -> None:
    with watching(cgroup, capturing=False) as probe, resolver(hosts, socket.AF_INET) as asking:
        assert ask(asking, "shop.test", "A").answer
        assert (probe.ledger().answers, probe.ledger().lost_answers) == (0, 0)
        assert len(probe.drain_answers()) == 0


def test_answers_that_find_the_ring_full_are_counted(
    hosts: tuple[Host, Host], cgroup: Path
) -> None:
    host, _ = hosts
    with (
        watching(cgroup) as probe,
        host.open(socket.AF_INET, socket.SOCK_DGRAM) as server,
        host.open(socket.AF_INET, socket.SOCK_DGRAM) as asking,
    ):
        server.bind((host.ipv4, 53))
        asking.bind((host.ipv4, 0))
        for _ in range(1000):
            server.sendto(ANSWER_HEADER, asking.getsockname())
            asking.recv(512)
        ledger = probe.ledger()
        assert ledger.lost_answers > 0
        assert ledger.answers + ledger.lost_answers == 1000
        assert len(probe.drain_answers()) == ledger.answers


def test_an_answer_longer_than_captured_says_how_long_it_was(
    hosts: tuple[Host, Host], cgroup: Path
) -> None:
    host, _ = hosts
    content = ANSWER_HEADER + os.urandom(3000)
    with (
        watching(cgroup) as probe,
        host.open(socket.AF_INET, socket.SOCK_DGRAM) as server,
        host.open(socket.AF_INET, socket.SOCK_DGRAM) as asking,
    ):
        server.bind((host.ipv4, 53))
        asking.bind((host.ipv4, 0))
        server.sendto(content, asking.getsockname())
        [answer] = probe.drain_answers()
    assert answer["length"] == len(content)
    assert answer["message"].tobytes() == content[:ANSWER_BYTES]


def test_names_reach_kafka_on_a_topic_of_their_own(
    hosts: tuple[Host, Host], cgroup: Path, tmp_path: Path
) -> None:
    broker = EmbeddedBroker(tmp_path)
    address = broker.start()
    flags = (
        f"--kafka={address} --node=node-a --cgroup={cgroup} --interval=0.5 --metrics-port=0 "
        f"--pins= --spool-directory={tmp_path / 'spool'}"
    )
    agent = SupervisedProcess("agent", module_command("agent", *flags.split()), tmp_path)
    try:
        agent.start()
        agent.wait_until(lambda: "agent ready" in agent.log_file.read_text(), 30)
        with resolver(hosts, socket.AF_INET) as asking:
            ask(asking, "www.shop.test", "A")
        batch = first_names(address)
    finally:
        agent.stop()
        broker.stop()
    [row] = batch.rows.to_pylist()
    assert (row["name"], plain(row["address"])) == ("www.shop.test", "192.0.2.9")
    assert (batch.origin.node, batch.origin.sequence) == ("node-a", 0)
    assert batch.origin.ledger.kernel_records == batch.origin.ledger.agent_records == 1


def first_names(address: str) -> Batch:
    """The first batch on the topic, which the first batch makes."""
    settings = {"bootstrap.servers": address, "group.id": "test", "auto.offset.reset": "earliest"}
    consumer: Any = Consumer(settings | {"topic.metadata.refresh.interval.ms": 500})
    deadline = time.monotonic() + 30
    try:
        consumer.subscribe([names.NAMES_TOPIC])
        while time.monotonic() < deadline:
            message = consumer.poll(1)
            if message is not None and not message.error():
                return names.CODEC.decode(message.value(), message.headers())
    finally:
        consumer.close()
    raise AssertionError("no names on the topic")
