"""What the walk at an interval's end tells, on each of its ways that this kernel permits."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator

import numpy as np
import pytest

from agent import walk
from agent.probe import Probe
from agent.ring import ROLE_CLIENT, ROLE_SERVER, Records
from tests.hosts import Host, connect, run, transfer, two_hosts

pytestmark = pytest.mark.integration

INTERVAL = 0.5


@pytest.fixture(scope="module", params=[way for way in walk.WAYS if not walk.refused(way)])
def probe(request: pytest.FixtureRequest) -> Iterator[Probe]:
    """Of the whole node, as only such a one is told of drops."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "choose", lambda: request.param)
        watching = Probe("", INTERVAL, 1 << 20)
        watching.start()
    yield watching
    watching.close()


def walked(probe: Probe, port: int) -> Records:
    """What the walk alone brings of a server's port."""
    probe.drain()
    probe.flush()
    records = probe.drain()
    of_port: Records = records[(records["local_port"] == port) | (records["remote_port"] == port)]
    return of_port


def total(records: Records, role: int, field: str) -> int:
    return int(records[records["role"] == role][field].sum())


def test_a_silent_sockets_delta_comes_once_at_the_end_of_the_interval(
    closing: contextlib.ExitStack, hosts: tuple[Host, Host], probe: Probe
) -> None:
    dialing, accepted = connect(*hosts, socket.AF_INET, closing)
    port = accepted.getsockname()[1]
    time.sleep(INTERVAL - time.time() % INTERVAL)
    transfer(dialing, accepted, 7_919)
    assert len(walked(probe, port)) == 0, "its interval goes on"
    time.sleep(INTERVAL)
    records = walked(probe, port)
    assert total(records, ROLE_CLIENT, "bytes_sent") == 7_919
    assert total(records, ROLE_SERVER, "bytes_received") == 7_919
    assert len(walked(probe, port)) == 0


def test_a_socket_that_two_processes_hold_is_told_once(
    closing: contextlib.ExitStack, hosts: tuple[Host, Host], probe: Probe
) -> None:
    dialing, accepted = connect(*hosts, socket.AF_INET, closing)
    other = subprocess.Popen(["sleep", "60"], pass_fds=[dialing.fileno(), accepted.fileno()])
    closing.callback(other.wait)
    closing.callback(other.kill)
    transfer(dialing, accepted, 7_919)
    time.sleep(INTERVAL)
    records = walked(probe, accepted.getsockname()[1])
    assert total(records, ROLE_CLIENT, "bytes_sent") == 7_919
    assert total(records, ROLE_SERVER, "bytes_received") == 7_919


def test_unfinished_handshakes_and_drops_are_told_however_many(probe: Probe) -> None:
    attempts = walk.KEYS_A_RUN + 9  # more keys than go into one run
    with two_hosts() as (client, server), server.listen(socket.AF_INET) as listener:
        run(f"ip netns exec {server.name} sysctl -qw net.ipv4.tcp_synack_retries=1")
        client.drop("tcp flags & (syn | ack) == syn | ack")
        for _ in range(attempts):
            with client.open(socket.AF_INET, socket.SOCK_STREAM) as dialing:
                dialing.setblocking(False)
                dialing.connect_ex(listener.getsockname()[:2])
        told = [walked(probe, listener.getsockname()[1])]
        deadline = time.monotonic() + 10
        while total(np.concatenate(told), ROLE_SERVER, "half_open") < attempts:
            assert time.monotonic() < deadline
            time.sleep(0.2)
            told.append(walked(probe, listener.getsockname()[1]))
    records = np.concatenate(told)
    assert total(records, ROLE_SERVER, "half_open") == attempts
    assert records["dropped"].sum() >= attempts
