"""Programs that outlive the agent: nothing is missed or counted twice when another goes on."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from agent import probe as probe_module
from agent import programs
from agent.errors import ProbeError
from agent.probe import Probe, remove_pinned
from agent.ring import RECORD, ROLE_CLIENT, ROLE_SERVER, Records
from tests.hosts import Host, attached, connect, transfer

pytestmark = pytest.mark.integration

RING_BYTES = 1 << 20

AGENT = """
import sys
from agent.probe import Probe
probe = Probe(sys.argv[1], 5.0, 1 << 20, pin_root=sys.argv[2])
probe.start()
print("up", flush=True)
for line in sys.stdin:
    probe.flush(everything=True)
    records = probe.drain()
    print(len(records), flush=True)
    sys.stdout.buffer.write(records.tobytes())
    sys.stdout.buffer.flush()
"""


class Agent:
    """A probe in a process of its own, drained on demand."""

    def __init__(self, cgroup: Path, pins: str) -> None:
        command = [sys.executable, "-c", AGENT, str(cgroup), pins]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe)
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._ask, self._answer = self.process.stdin, self.process.stdout
        assert self._answer.readline() == b"up\n"

    def drain(self) -> Records:
        self._ask.write(b"\n")
        self._ask.flush()
        count = int(self._answer.readline())
        return np.frombuffer(self._answer.read(count * RECORD.itemsize), RECORD)

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        self.process.wait(10)
        self._ask.close()
        self._answer.close()


@pytest.fixture
def pins() -> Iterator[Path]:
    root = Path(f"/sys/fs/bpf/fa-test-{uuid.uuid4().hex[:6]}")
    yield root
    remove_pinned(root)


def total(records: Records, role: int, field: str) -> int:
    return int(records[records["role"] == role][field].sum())


def rest(probe: Probe) -> Records:
    time.sleep(0.3)
    probe.flush(everything=True)
    return probe.drain()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_bytes_over_two_agents_are_exactly_the_applications(
    closing: contextlib.ExitStack,
    hosts: tuple[Host, Host],
    cgroup: Path,
    pins: Path,
    how: signal.Signals,
) -> None:
    first = Agent(cgroup, str(pins))
    dialing, accepted = connect(*hosts, socket.AF_INET, closing)
    transfer(dialing, accepted, 1_000_003)
    records = [first.drain()]
    transfer(dialing, accepted, 500_009)  # waits in the sockets and on the ring
    first.end(how)
    transfer(accepted, dialing, 104_729)  # nobody is there
    young, answering = connect(*hosts, socket.AF_INET6, closing)
    transfer(young, answering, 7_919)
    second = Probe(str(cgroup), 5.0, RING_BYTES, pin_root=str(pins))
    second.start()
    transfer(dialing, accepted, 15_485_863)
    for end in (dialing, accepted, young, answering):
        end.close()
    records.append(rest(second))
    ledger = second.ledger()
    second.close()
    both = np.concatenate(records)
    sent = 1_000_003 + 500_009 + 7_919 + 15_485_863
    for role, out, back in ((ROLE_CLIENT, sent, 104_729), (ROLE_SERVER, 104_729, sent)):
        assert total(both, role, "bytes_sent") == out
        assert total(both, role, "bytes_received") == back
        assert total(both, role, "established") == total(both, role, "closed") == 2
    assert ledger.records == len(both), "the kernel's ledger goes on over agents"
    assert ledger.bytes == 2 * (sent + 104_729)
    assert ledger.lost_records == 0


def test_another_version_takes_over_what_the_old_one_holds(
    closing: contextlib.ExitStack,
    hosts: tuple[Host, Host],
    cgroup: Path,
    pins: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = Probe(str(cgroup), 5.0, RING_BYTES, pin_root=str(pins))
    first.start()
    dialing, accepted = connect(*hosts, socket.AF_INET, closing)
    transfer(dialing, accepted, 1_000_003)
    time.sleep(0.1)
    first.close()
    older = programs.text()
    monkeypatch.setattr(programs, "text", lambda: f"{older}\n// another version\n")
    second = Probe(str(cgroup), 5.0, RING_BYTES, pin_root=str(pins))
    second.start()
    transfer(dialing, accepted, 15_485_863)
    dialing.close()
    accepted.close()
    records = rest(second)
    ledger = second.ledger()
    second.close()
    for role, out in ((ROLE_CLIENT, "bytes_sent"), (ROLE_SERVER, "bytes_received")):
        assert total(records, role, out) == 1_000_003 + 15_485_863
        assert total(records, role, "established") == total(records, role, "closed") == 1
    assert (ledger.records, ledger.lost_records) == (len(records), 0)
    assert attached(cgroup) == 1
    (directory,) = pins.iterdir()
    assert len(list(directory.iterdir())) == 1


def test_records_that_cannot_be_read_stay_in_the_kernels_ledger(
    closing: contextlib.ExitStack,
    hosts: tuple[Host, Host],
    cgroup: Path,
    pins: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probe_module, "_layout", lambda: "other")
    first = Probe(str(cgroup), 5.0, RING_BYTES, pin_root=str(pins))
    first.start()
    dialing, accepted = connect(*hosts, socket.AF_INET, closing)
    transfer(dialing, accepted, 101)
    dialing.close()
    accepted.close()
    before = settled(first)
    first.close()
    monkeypatch.undo()
    second = Probe(str(cgroup), 5.0, RING_BYTES, pin_root=str(pins))
    second.start()
    records = rest(second)
    second.close()
    assert len(records) == 0
    assert second_ledger_of(cgroup, pins) == before


def settled(probe: Probe) -> object:
    """The ledger once the kernel adds nothing to it any more."""
    told = probe.ledger()
    while True:
        time.sleep(0.5)
        last, told = told, probe.ledger()
        if told == last:
            return told


def second_ledger_of(cgroup: Path, pins: Path) -> object:
    probe = Probe(str(cgroup), 5.0, RING_BYTES, pin_root=str(pins))
    probe.start()
    try:
        return probe.ledger()
    finally:
        probe.close()


def test_two_agents_cannot_hold_the_same_programs(cgroup: Path, pins: Path) -> None:
    first = Probe(str(cgroup), 5.0, RING_BYTES, pin_root=str(pins))
    first.start()
    with pytest.raises(ProbeError, match="another agent"):
        Probe(str(cgroup), 5.0, RING_BYTES, pin_root=str(pins)).start()
    with pytest.raises(ProbeError, match="stop it first"):
        remove_pinned(pins)
    first.close()


def test_detach_leaves_no_program_and_no_pin(cgroup: Path, pins: Path) -> None:
    from agent.__main__ import command

    probe = Probe(str(cgroup), 5.0, RING_BYTES, pin_root=str(pins))
    probe.start()
    probe.close()
    assert attached(cgroup) == 1
    detach = ["--detach", "--pins", str(pins)]
    done = CliRunner().invoke(command, detach)
    assert done.exit_code == 0, done.output
    assert f"removed {pins}" in done.output
    assert not pins.exists()
    deadline = time.monotonic() + 5
    while attached(cgroup) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert attached(cgroup) == 0
    assert "nothing" in CliRunner().invoke(command, detach).output


def test_unpinned_programs_end_with_a_killed_agent(cgroup: Path) -> None:
    agent = Agent(cgroup, "")
    assert attached(cgroup) == 1
    agent.end(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while attached(cgroup) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert attached(cgroup) == 0


def test_the_compiler_is_not_in_the_agents_memory(cgroup: Path) -> None:
    agent = Agent(cgroup, "")
    mapped = Path(f"/proc/{agent.process.pid}/maps").read_text()
    agent.end(signal.SIGTERM)
    assert "libbpf" in mapped
    assert "libbcc" not in mapped
    assert "LLVM" not in mapped
    assert "clang" not in mapped
