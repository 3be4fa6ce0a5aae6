"""Compiles, loads and attaches the BPF programs. The only importer of bcc."""

from __future__ import annotations

import ctypes
import importlib.resources
import mmap
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent import tracing
from agent.btf import Btf
from agent.errors import HostError, ProbeError
from agent.ring import ANSWER, ANSWER_BYTES, RECORD, Records, Ring, open_ring
from agent.tracing import Tracepoint
from agent.wire import HISTOGRAM_BUCKETS

SOURCES = (
    "record",
    "emit",
    "packet",
    "segment",
    "incidents",
    "handshake",
    "tcp",
    "connection",
    "dns",
    "udp",
    "tracepoints",
    "programs",
)
"""Files of agent/bpf, in the order in which they make one translation unit."""

_ANSWER_RING_BYTES = 1 << 20
"""Room for 800 DNS answers between two drains."""

_DEBIAN_PACKAGES = "/usr/lib/python3/dist-packages"

# enum bpf_prog_type and enum bpf_attach_type of include/uapi/linux/bpf.h
_CGROUP_SKB, _CGROUP_SOCK, _SOCK_OPS, _TRACING = 8, 9, 13, 26
_TRACEPOINT = 5
_INGRESS, _EGRESS, _SOCK_CREATE, _ON_SOCK_OPS, _SOCK_RELEASE = 0, 1, 2, 3, 34
_PROGRAMS = (
    ("on_socket_released", _CGROUP_SOCK, _SOCK_RELEASE),
    ("on_socket_created", _CGROUP_SOCK, _SOCK_CREATE),
    ("on_socket_event", _SOCK_OPS, _ON_SOCK_OPS),
    ("on_egress", _CGROUP_SKB, _EGRESS),
    ("on_ingress", _CGROUP_SKB, _INGRESS),
)
_ITERATORS = (
    ("bpf_iter__bpf_sk_storage_map", b"sockets"),
    ("bpf_iter__bpf_map_elem", b"incidents"),
)


@dataclass(frozen=True)
class KernelLedger:
    """struct ledger of bpf/record.c: cumulative since the programs were loaded."""

    records: int
    bytes: int
    lost_records: int
    lost_bytes: int
    storage_failures: int
    deferred: int
    answers: int
    lost_answers: int


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
    """The programs on one cgroup. They live as long as this object: links, not plain attachments,
    so that the kernel takes them off even if the process is killed."""

    def __init__(
        self, cgroup: str, interval_seconds: float, ring_bytes: int, names: bool = True
    ) -> None:
        self._cgroup = cgroup
        self._interval_ns = int(interval_seconds * 1e9)
        self._ring_bytes = ring_bytes
        self._names = names
        self._links: list[int] = []
        self._iterators: list[int] = []
        self._tracepoints: dict[Tracepoint, list[str]] = {}
        self._lib: Any = None
        self._bpf: Any = None
        self._ring: Ring | None = None
        self._answer_ring: Ring | None = None
        self.wall_clock_offset_ns = wall_clock_offset()

    def start(self) -> None:
        """Compile and attach; takes a second or two. Raises HostError or ProbeError."""
        _check_host()
        directory = Path(self._cgroup) if self._cgroup else find_cgroup2()
        if not (directory / "cgroup.procs").is_file():
            raise HostError(f"{directory} is no cgroup v2 directory: name another with --cgroup")
        bcc = _import_bcc()
        self._lib = bcc.lib
        self._tracepoints = _tracepoints(node_wide=not self._cgroup)
        self._bpf = _compile(bcc, self._defines())
        self._ring = open_ring(self._bpf, b"events", self._ring_bytes, RECORD)
        self._answer_ring = open_ring(self._bpf, b"answers", _ANSWER_RING_BYTES, ANSWER)
        self._iterators = [self._attach_iterator(*each) for each in _ITERATORS]
        for tracepoint in self._tracepoints:
            self._links.append(self._attach_tracepoint(tracepoint))
        cgroup_fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name, kind, where in _PROGRAMS:
                self._links.append(self._attach(name, kind, where, cgroup_fd))
        finally:
            os.close(cgroup_fd)

    def drain(self) -> Records:
        """The records that are complete by now, oldest first; never blocks."""
        assert self._ring is not None, "drain before start"
        return self._ring.drain()

    def drain_answers(self) -> Records:
        """The DNS answers captured by now, oldest first; never blocks."""
        assert self._answer_ring is not None, "drain before start"
        return self._answer_ring.drain()

    def flush(self, *, everything: bool = False) -> None:
        """Have the kernel emit what is due, or all that is pending; walks all sockets once."""
        self._bpf[b"flush_everything"][0] = ctypes.c_uint32(everything)
        for link in self._iterators:
            self._iterate(link)

    def _iterate(self, link: int) -> None:
        iterator = self._lib.bcc_iter_create(link)
        if iterator < 0:
            raise ProbeError(f"the kernel gave no iterator: {os.strerror(-iterator)}")
        try:
            while os.read(iterator, 4096):
                pass
        finally:
            os.close(iterator)

    def ledger(self) -> KernelLedger:
        """The kernel's own account."""
        row = self._bpf[b"ledgers"][0]
        return KernelLedger(
            **{name: int(getattr(row, name)) for name in KernelLedger.__dataclass_fields__}
        )

    def detach(self) -> None:
        """Take the programs off the hooks. What is pending stays readable until close()."""
        while self._links:
            os.close(self._links.pop())

    def close(self) -> None:
        """Detach and free everything in the kernel."""
        self.detach()
        for ring in (self._ring, self._answer_ring):
            if ring:
                ring.close()
        while self._iterators:
            os.close(self._iterators.pop())
        if self._bpf:
            self._bpf.cleanup()

    def _defines(self) -> list[str]:
        return [
            f"-DINTERVAL_NS={self._interval_ns}ULL",
            f"-DWALL_CLOCK_OFFSET_NS={self.wall_clock_offset_ns}ULL",
            f"-DRING_PAGES={self._ring_bytes // mmap.PAGESIZE}",
            f"-DHISTOGRAM_BUCKETS={HISTOGRAM_BUCKETS}",
            f"-DCAPTURE_ANSWERS={int(self._names)}",
            f"-DANSWER_BYTES={ANSWER_BYTES}",
            f"-DANSWER_RING_PAGES={_ANSWER_RING_BYTES // mmap.PAGESIZE}",
            *(flag for flags in self._tracepoints.values() for flag in flags),
        ]

    def _attach(self, name: str, kind: int, where: int, cgroup_fd: int) -> int:
        program = _load(self._bpf, name, kind, where)
        link: int = self._lib.bpf_link_create(program.fd, cgroup_fd, where, None)
        if link < 0:
            raise ProbeError(
                f"the kernel did not attach {name} to the cgroup: {os.strerror(-link)}; "
                "it must be Linux 5.11 or newer with CONFIG_CGROUP_BPF"
            )
        return link

    def _attach_tracepoint(self, tracepoint: Tracepoint) -> int:
        program = _load(self._bpf, tracepoint.program, _TRACEPOINT, -1)
        category, name = tracepoint.category.encode(), tracepoint.name.encode()
        event: int = self._lib.bpf_attach_tracepoint(program.fd, category, name)
        if event < 0:
            raise ProbeError(
                f"the kernel did not attach {tracepoint.program}: {os.strerror(-event)}"
            )
        return event

    def _attach_iterator(self, name: str, table: bytes) -> int:
        program = _load(self._bpf, name, _TRACING, -1)
        over = self._lib.bpf_table_fd(self._bpf.module, table)
        target = ctypes.c_uint32(over)  # union bpf_iter_link_info
        link: int = self._lib.bcc_iter_attach(program.fd, ctypes.byref(target), 4)
        if link < 0:
            raise ProbeError(
                f"the kernel has no iterator over {table.decode()}: {os.strerror(-link)}; "
                "it must be Linux 5.11 or newer"
            )
        return link


def _tracepoints(*, node_wide: bool) -> dict[Tracepoint, list[str]]:
    """The tracepoints to attach and their compiler flags: those that this kernel has. They see all
    of the node, so an agent of a subtree takes only what it looks up by its own sockets."""
    if not tracing.mount():
        return {}
    chosen = tracing.TRACEPOINTS if node_wide else (tracing.SOCKET_ERROR,)
    found = {each: at for each in chosen if (at := tracing.offsets(each))}
    flags = {each: tracing.defines(each, at) for each, at in found.items()}
    if tracing.PACKET_DROPPED in flags:
        btf = Btf()
        for member in ("head", "network_header"):
            offset = btf.offset("sk_buff", member)
            flags[tracing.PACKET_DROPPED].append(f"-DSKB_{member.upper()}={offset}")
    return flags


def _check_host() -> None:
    if os.geteuid() != 0:
        raise HostError("the agent loads BPF programs and must be root: run it with sudo")
    release = os.uname().release
    if not Path(f"/lib/modules/{release}/build").exists():
        raise HostError(
            f"kernel headers are missing (/lib/modules/{release}/build): run "
            "`apt-get install linux-headers-amd64`, then `flowatlas doctor` for the link to make"
        )


def _import_bcc() -> Any:
    """Debian's python3-bpfcc is pure Python: any interpreter can load it from Debian's folder."""
    if _DEBIAN_PACKAGES not in sys.path:
        sys.path.append(_DEBIAN_PACKAGES)
    try:
        import bcc
    except (ImportError, OSError) as error:
        raise HostError(
            f"bcc cannot be loaded ({error}): run `apt-get install python3-bpfcc libbpfcc`"
        ) from error
    finally:
        sys.path.remove(_DEBIAN_PACKAGES)
    if not hasattr(bcc, "BPF"):
        raise HostError(
            "the module bcc is PyPI's package of that name, which is something else: "
            "run `pip uninstall bcc` and `apt-get install python3-bpfcc`"
        )
    return bcc


def _compile(bcc: Any, defines: list[str]) -> Any:
    folder = importlib.resources.files("agent") / "bpf"
    text = "\n".join((folder / f"{name}.c").read_text() for name in SOURCES)
    try:
        return bcc.BPF(text=text.encode(), cflags=defines)
    except Exception as error:
        raise ProbeError(
            f"the BPF programs do not compile on this host ({error}): "
            "`flowatlas doctor` checks the headers"
        ) from error


def _load(bpf: Any, name: str, kind: int, attach_type: int) -> Any:
    try:
        return bpf.load_func(name.encode(), kind, attach_type=attach_type)
    except Exception as error:
        raise ProbeError(
            f"the kernel's verifier refused {name}: {error}; Linux 5.11 or newer is needed"
        ) from error
