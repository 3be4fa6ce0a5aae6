"""Both readers of the kernel's ring buffer give the same records."""

from __future__ import annotations

import platform
import socket
import time

import pytest

from agent.probe import Probe, find_cgroup2
from agent.ring import CallbackRing, MappedRing
from tests.hosts import own_cgroup

pytestmark = pytest.mark.integration

READERS = {"x86_64": MappedRing, "aarch64": CallbackRing}


@pytest.mark.parametrize("machine", READERS)
def test_each_datagram_is_one_record_in_the_order_of_sending(
    machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if machine == "x86_64" and platform.machine() != machine:
        pytest.skip("the mapped reader is never used on this CPU")
    monkeypatch.setattr("agent.ring.open_ring.__defaults__", (machine,))
    with own_cgroup(find_cgroup2()) as cgroup:
        probe = Probe(str(cgroup), 5.0, 1 << 16)
        probe.start()
        assert isinstance(probe._running.records, READERS[machine])
        marks = []
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
            sink.bind(("127.0.0.1", 0))
            for size in range(100, 120):
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as source:
                    source.sendto(bytes(size), sink.getsockname())
                marks += [int(r["bytes_sent"]) for r in probe.drain() if r["bytes_sent"]]
        time.sleep(0.1)
        marks += [int(r["bytes_sent"]) for r in probe.drain() if r["bytes_sent"]]
        assert marks == list(range(100, 120))
        assert len(probe.drain()) == 0
        probe.close()
