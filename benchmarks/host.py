"""What the agent costs its host: the same load with and without its programs, turn about.

Two network namespaces on a cable; load.c sends and answers, so there is little but the kernel to
measure. Each round runs every load without the agent and with it, watching the whole machine.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from agent.probe import Probe
from benchmarks import bpf_stats
from benchmarks.report import Figure
from tests.hosts import Host, two_hosts

LOADS = {"bulk": "MB/s", "connect": "connections/s", "request": "exchanges/s"}
MARKS = {"bulk": 1, "connect": 5, "request": 3}
"""Percent that a load may lose."""

ROUNDS = int(os.environ.get("ROUNDS", "7"))
SECONDS = 2.0
_BYTES = 1_000_000
_DRIVERS, _CONNECTIONS_EACH = 4, 6_250  # of two sockets; few processes may open 25,000 files
_RATE = 10_000
_INTERVAL_SECONDS = 5.0
_RING_BYTES = 8 << 20
_PORT = 5201


class Load:
    """Drives one server from the other host, a processor each."""

    def __init__(self, program: Path, client: Host, server: Host) -> None:
        self._program, self._client, self._server = program, client, server

    def rate(self, mode: str, seconds: float = SECONDS, amount: int = 0) -> float:
        """What got done in a second: megabytes, connections or exchanges."""
        with self.running(mode, seconds, amount) as driver:
            done, _ = driver.communicate(timeout=seconds + 30)
        return int(done) / seconds / (_BYTES if mode == "bulk" else 1)

    @contextlib.contextmanager
    def running(
        self, mode: str, seconds: float, amount: int, port: int = _PORT
    ) -> Iterator[subprocess.Popen[str]]:
        """The driver, while its server runs."""
        with self._started(self._server, 1, "serve", mode, port) as server:
            assert server.stdout
            server.stdout.readline()
            with self._started(self._client, 0, "drive", mode, port, seconds, amount) as driver:
                yield driver

    @contextlib.contextmanager
    def _started(
        self, host: Host, processor: int, role: str, mode: str, *more: float
    ) -> Iterator[subprocess.Popen[str]]:
        inside = ["ip", "netns", "exec", host.name, "taskset", "-c", str(processor)]
        words = [self._program, role, mode, self._server.ipv4, *more]
        process = subprocess.Popen(
            inside + [str(word) for word in words], stdout=subprocess.PIPE, text=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def run() -> Iterator[Figure]:
    """All of it; takes some two minutes."""
    with tempfile.TemporaryDirectory() as folder, two_hosts() as (client, server):
        program = Path(folder) / "load"
        source = Path(__file__).with_name("load.c")
        subprocess.run(["cc", "-O2", "-o", program, source], check=True)
        load = Load(program, client, server)
        yield from _losses(load)
        yield from _nanoseconds(load)
        yield from _agent_at_rest(load, Path(folder))
        yield from _agent_at_rate(load, Path(folder))


def _losses(load: Load) -> Iterator[Figure]:
    measured: dict[str, list[tuple[float, float]]] = {mode: [] for mode in LOADS}
    for _ in range(ROUNDS):
        without = {mode: load.rate(mode) for mode in LOADS}
        with _watching():
            for mode in LOADS:
                measured[mode].append((without[mode], load.rate(mode)))
    for mode, unit in LOADS.items():
        yield Figure(f"host: {mode}", "no agent", median(a for a, _ in measured[mode]), unit)
        yield Figure(f"host: {mode}", "with the agent", median(b for _, b in measured[mode]), unit)
        lost = median(100 * (1 - b / a) for a, b in measured[mode])
        yield Figure(f"host: {mode}", "lost", lost, f"% (mark: {MARKS[mode]})")


@contextlib.contextmanager
def _watching() -> Iterator[None]:
    """The agent's programs on the whole machine, their records taken off as the agent does."""
    probe = Probe("", _INTERVAL_SECONDS, _RING_BYTES)
    probe.start()
    stopping = threading.Event()

    def drain() -> None:
        while not stopping.wait(0.1):
            probe.drain()
            probe.drain_answers()

    draining = threading.Thread(target=drain)
    draining.start()
    try:
        yield
    finally:
        stopping.set()
        draining.join()
        probe.detach()
        probe.close()


def _nanoseconds(load: Load) -> Iterator[Figure]:
    with _watching(), bpf_stats.enabled():
        for mode in LOADS:
            load.rate(mode)
        for program in bpf_stats.runs():
            if program.times:
                each = program.nanoseconds / program.times
                yield Figure("kernel: time of a run", program.name, each, "ns")


def _agent_at_rest(load: Load, folder: Path) -> Iterator[Figure]:
    with _agent(folder / "rest") as process, contextlib.ExitStack() as held:
        for port in range(_PORT, _PORT + _DRIVERS):
            seconds = 20 * _INTERVAL_SECONDS
            driver = held.enter_context(load.running("hold", seconds, _CONNECTIONS_EACH, port))
            assert driver.stdout
            assert driver.stdout.readline() == "held\n", "the sockets could not be opened"
        time.sleep(3 * _INTERVAL_SECONDS)
        case = f"{2 * _DRIVERS * _CONNECTIONS_EACH:,} live sockets"
        yield Figure("agent: resident memory", case, _resident(process) / _BYTES, "MB (mark: 80)")


def _agent_at_rate(load: Load, folder: Path) -> Iterator[Figure]:
    with _agent(folder / "rate") as process:
        seconds = 2 * _INTERVAL_SECONDS
        before = _processor_seconds(process)
        rate = load.rate("connect", seconds, _RATE)
        used = _processor_seconds(process) - before
        yield Figure("agent: processor", f"{rate:,.0f} connections/s", 100 * used / seconds, "%")


@contextlib.contextmanager
def _agent(folder: Path) -> Iterator[int]:
    """A running agent's process id; there is no Kafka, so its batches stay in the spool."""
    folder.mkdir()
    arguments = ["--pins", "", "--metrics-port", "0", "--spool-directory", str(folder)]
    arguments += ["--kafka", "127.0.0.1:1", "--kafka-timeout", "0.1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", *arguments], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    try:
        for line in process.stderr:
            if "agent ready" in line:
                break
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def _resident(process: int) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("a process without memory")


def _processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
