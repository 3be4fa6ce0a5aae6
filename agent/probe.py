"""The agent's hold on the programs in the kernel: loads them, or takes over those that run."""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
import time
from pathlib import Path

import numpy as np

from agent import loader, pins, programs, walk
from agent.errors import HostError
from agent.pins import Pins
from agent.ring import ANSWER_BYTES, RECORD, Records
from agent.running import KernelLedger, Running
from agent.wire import HISTOGRAM_BUCKETS

__all__ = ["KernelLedger", "Probe", "find_cgroup2", "remove_pinned", "wall_clock_offset"]

log = logging.getLogger(__name__)

_ANSWER_RING_BYTES = 1 << 20
"""Room for 800 DNS answers between two drains."""


def wall_clock_offset() -> int:
    """Nanoseconds to add to the kernel's monotonic clock to get Unix time."""
    return time.time_ns() - time.monotonic_ns()


def find_cgroup2(mounts: Path = Path("/proc/mounts")) -> Path:
    """Where cgroup v2 is mounted: /sys/fs/cgroup, or beside v1 on a hybrid host."""
    for line in mounts.read_text().splitlines():
        _, directory, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(directory)
    raise HostError(
        "no cgroup v2 is mounted on this host: "
        "mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 none /sys/fs/cgroup/unified"
    )


class Probe:
    """The programs on one cgroup.

    With `pin_root`, a directory of a BPF file system, they stay when this process ends in whatever
    way, and count on: the next one takes them over. Without, they end with it in whatever way.
    """

    def __init__(
        self,
        cgroup: str,
        interval_seconds: float,
        ring_bytes: int,
        names: bool = True,
        pin_root: str = "",
    ) -> None:
        self._cgroup = cgroup
        self._interval_ns = int(interval_seconds * 1e9)
        self._ring_bytes = ring_bytes
        self._names = names
        self._pin_root = pin_root
        self._pins: Pins | None = None
        self._way = "maps"
        self._running = Running({}, {}, {})
        self._inherited: list[Records] = []

    def start(self) -> None:
        """Take over, or else compile and attach, which takes seconds. Raises AgentError."""
        _check_root()
        directory = Path(self._cgroup) if self._cgroup else find_cgroup2()
        if not (directory / "cgroup.procs").is_file():
            raise HostError(f"{directory} is no cgroup v2 directory: name another with --cgroup")
        self._way = walk.choose()
        cgroup = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if self._pin_root:
                self._pins = Pins(Path(self._pin_root) / f"cgroup_{os.fstat(cgroup).st_ino}")
                self._pins.open()
                self._running = self._take_over(self._pins, cgroup)
            else:
                self._running = self._attach(self._load(), cgroup)
        finally:
            os.close(cgroup)

    def drain(self) -> Records:
        """The records that are complete by now, oldest first; never blocks."""
        records = self._running.records.drain()
        if self._inherited:
            records = np.concatenate([*self._inherited, records])
            self._inherited.clear()
        return records

    def drain_answers(self) -> Records:
        """The DNS answers captured by now, oldest first; never blocks."""
        return self._running.answers.drain()

    def flush(self, *, everything: bool = False) -> None:
        """Have the kernel emit what is due, or all that is pending; walks all sockets once."""
        self._running.set_clock(self._interval_ns, wall_clock_offset(), everything=everything)
        self._running.walk()

    def set_interval(self, seconds: float) -> None:
        """From now on one delta covers so many seconds at the most."""
        self._interval_ns = int(seconds * 1e9)
        self._running.set_clock(self._interval_ns, wall_clock_offset())

    def ledger(self) -> KernelLedger:
        """The kernel's own account. Pinned, it goes on over agents and versions of the programs."""
        return self._running.ledger()

    def detach(self) -> None:
        """Let go of the hooks: what is not pinned leaves them, and its pending deltas stay
        readable until close()."""
        self._running.let_go()

    def close(self) -> None:
        """Let go of everything; what is not pinned is freed in the kernel."""
        self._running.close()
        if self._pins:
            self._pins.close()

    def _take_over(self, pinned: Pins, cgroup: int) -> Running:
        version = self._version()
        older = [name for name in pinned.versions() if name != version]
        running = pinned.load(version)
        if running:
            running.set_clock(self._interval_ns, wall_clock_offset())
            log.info("programs taken over version=%s records=%d", version, running.ledger().records)
        else:
            pinned.remove(version)
            running = self._replace(older, version, pinned, cgroup)
        for name in older:
            self._inherit(name, pinned, running)
        return running

    def _replace(self, older: list[str], version: str, pinned: Pins, cgroup: int) -> Running:
        """Compiling is done before the old programs leave: what passes between the two is not
        counted, and neither is anything counted twice."""
        loaded = self._load()
        began = time.monotonic()
        for name in older:
            pinned.unhook(name)
        running = self._attach(loaded, cgroup)
        if older:
            log.info("programs replaced gap_seconds=%.6f", time.monotonic() - began)
        pinned.save(version, running)
        return running

    def _inherit(self, name: str, pinned: Pins, successor: Running) -> None:
        """Take what older programs still hold."""
        older = pinned.load(name)
        if older and name.startswith(_layout()):
            self._inherited += _empty_out(older, self._interval_ns)
        elif older:
            log.warning(
                "records of an older layout cannot be read: they stay in the kernel's ledger only "
                "version=%s",
                name,
            )
        if older:
            successor.carry(older.ledger())
            older.close()
        pinned.remove(name)

    def _load(self) -> loader.Loaded:
        return loader.load(self._defines(), node_wide=not self._cgroup, way=self._way)

    def _attach(self, loaded: loader.Loaded, cgroup: int) -> Running:
        return Running.attach(loaded, cgroup, self._interval_ns, wall_clock_offset())

    def _version(self) -> str:
        """The same for two agents exactly if they would load the same programs."""
        made_of = (programs.text(), self._defines(), programs.HOOKS, walk.WAYS[self._way])
        digest = hashlib.sha256(repr((*made_of, not self._cgroup)).encode()).hexdigest()
        return f"{_layout()}_{digest[:16]}"

    def _defines(self) -> list[str]:
        return [
            f"-DRING_PAGES={self._ring_bytes // mmap.PAGESIZE}",
            f"-DHISTOGRAM_BUCKETS={HISTOGRAM_BUCKETS}",
            f"-DCAPTURE_ANSWERS={int(self._names)}",
            f"-DANSWER_BYTES={ANSWER_BYTES}",
            f"-DANSWER_RING_PAGES={_ANSWER_RING_BYTES // mmap.PAGESIZE}",
        ]


def remove_pinned(root: Path) -> list[str]:
    """Detach and unpin all that agents left under `root`, of any version; says what, a line each.

    Raises ProbeError if an agent still runs on any of it.
    """
    _check_root()
    said = []
    with pins.each(root) as found:
        for pinned in found:
            for version in pinned.versions():
                running = pinned.load(version)
                said.append(f"{pinned.directory / version}{_left(version, running)}")
                if running:
                    running.close()
            pinned.remove_all()
    if root.is_dir():
        root.rmdir()
    return said


def _left(version: str, running: Running | None) -> str:
    """What programs that are about to be removed would have told."""
    if not running or not version.startswith(_layout()):
        return ""
    records = sum(len(each) for each in _empty_out(running, 0))
    return f", with {records} records that no agent has taken"


def _empty_out(running: Running, interval_ns: int) -> list[Records]:
    """Everything that is pending, in as many turns as the ring buffer needs."""
    running.set_clock(interval_ns, wall_clock_offset(), everything=True)
    taken = [running.records.drain()]
    deferred = -1
    while deferred != (deferred := running.ledger().deferred):
        running.walk()
        taken.append(running.records.drain())
    return taken


def _layout() -> str:
    """Of the records: equal if an agent can read what another's programs have left."""
    return hashlib.sha256(repr(RECORD.descr).encode()).hexdigest()[:8]


def _check_root() -> None:
    if os.geteuid() != 0:
        raise HostError("the agent loads BPF programs and must be root: run it with sudo")
