"""`flowatlas doctor`: what this host lacks, and the command that mends each lack."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from agent import programs, walk
from deploy.local.demo.programs import PACKAGES
from deploy.local.kafka import JARS
from deploy.local.probes import port_is_free

OLDEST_KERNEL = (5, 15)
"""The first kernel with BPF links of tracepoints."""

CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_BPF": 39}
"""Bits of the effective set, from include/uapi/linux/capability.h; SYS_ADMIN implies BPF."""

BPF_MAP_TYPE_RINGBUF = 27


@dataclass(frozen=True)
class Finding:
    """What one check found, and the command that mends it if it is not as it should be."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True


def create_ring_buffer() -> bool:
    """Whether libbcc can make a BPF ring buffer of one page; the map goes with this process."""
    try:
        libbcc = ctypes.CDLL("libbcc.so.0")
    except OSError:
        return False
    descriptor = libbcc.bcc_create_map(BPF_MAP_TYPE_RINGBUF, b"doctor", 0, 0, 4096, 0)
    if descriptor < 0:
        return False
    os.close(descriptor)
    return True


@dataclass(frozen=True)
class Host:
    """The host as the checks see it; tests give another root directory and other answers."""

    root: Path = Path("/")
    release: str = os.uname().release
    kafka_jars: Path = JARS
    find_program: Callable[[str], str | None] = shutil.which
    port_is_free: Callable[[int], bool] = port_is_free
    create_ring_buffer: Callable[[], bool] = create_ring_buffer
    refused_hooks: Callable[[], list[str]] = programs.refused
    refused_steps: Callable[[str], list[str]] = walk.refused

    def text(self, path: str) -> str:
        """A file's text; "" if it cannot be read."""
        try:
            return (self.root / path).read_text()
        except OSError:
            return ""


def capabilities(host: Host) -> Finding:
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)", host.text("proc/self/status"), re.MULTILINE)
    mask = int(effective[1], 16) if effective else 0
    held = {name for name, bit in CAPABILITIES.items() if mask >> bit & 1}
    lacking = sorted(
        CAPABILITIES.keys() - held - ({"CAP_BPF"} if "CAP_SYS_ADMIN" in held else set())
    )
    found = f"lacks {', '.join(lacking)}" if lacking else "root's"
    return Finding("capabilities", not lacking, found, "sudo flowatlas …")


def kernel(host: Host) -> Finding:
    version = tuple(int(part) for part in re.findall(r"\d+", host.release)[:2])
    oldest = ".".join(map(str, OLDEST_KERNEL))
    remedy = f"apt-get install linux-image-amd64 (Linux {oldest} or later), then reboot"
    return Finding("kernel", version >= OLDEST_KERNEL, host.release, remedy)


def btf(host: Host) -> Finding:
    there = (host.root / "sys/kernel/btf/vmlinux").exists()
    found = "/sys/kernel/btf/vmlinux" if there else "the kernel describes no types of its own"
    remedy = "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (Debian's are)"
    return Finding("BTF", there, found, remedy)


def cgroup2(host: Host) -> Finding:
    mounts = [line.split() for line in host.text("proc/self/mounts").splitlines()]
    places = [fields[1] for fields in mounts if fields[2] == "cgroup2"]
    remedy = "mkdir -p /run/flowatlas/cgroup2 && mount -t cgroup2 cgroup2 /run/flowatlas/cgroup2"
    return Finding("cgroup2", bool(places), places[0] if places else "not mounted", remedy)


def headers(host: Host) -> Finding:
    """Any version's will do: the BPF programs touch only the kernel's stable interface."""
    own = f"lib/modules/{host.release}/build"
    if (host.root / own).exists():
        return Finding("kernel headers", True, f"/{own}")
    others = sorted(path.parent.name for path in host.root.glob("lib/modules/*/build"))
    remedy = f"apt-get install linux-headers-{host.release} || apt-get install linux-headers-amd64"
    if others:
        remedy = f"ln -sfT /lib/modules/{others[-1]} /lib/modules/{host.release}"
    return Finding("kernel headers", False, f"no /{own}", remedy)


def bcc(host: Host) -> Finding:
    module = (host.root / "usr/lib/python3/dist-packages/bcc/__init__.py").exists()
    library = any((host.root / "usr/lib").glob("**/libbcc.so.0"))
    lacking = [
        name for name, there in (("python3-bpfcc", module), ("libbpfcc", library)) if not there
    ]
    found = f"{' and '.join(lacking)} missing" if lacking else "python3-bpfcc and libbpfcc"
    return Finding("bcc", not lacking, found, "apt-get install python3-bpfcc libbpfcc")


def ring_buffer(host: Host) -> Finding:
    made = host.create_ring_buffer()
    found = "can be made" if made else "the kernel or libbcc refuses one"
    return Finding(
        "BPF ring buffer", made, found, "mend the checks above, then: sudo flowatlas doctor"
    )


def bpf_programs(host: Host) -> Finding:
    """Whether the kernel permits each kind of program that the agent needs."""
    refused = host.refused_hooks()
    found = "every kind is permitted"
    if over_maps := host.refused_steps("maps"):
        found = "iterators over maps refused: the agent walks open sockets instead"
        if over_files := host.refused_steps("files"):
            refused += [*over_maps, *over_files]
    if refused:
        found = f"the kernel refuses the kinds of {', '.join(refused)}"
    remedy = "mend the checks above; `dmesg` may name the lockdown or security module that refuses"
    return Finding("BPF programs", not refused, found, remedy)


def setpriv(host: Host) -> Finding:
    """The supervisor's means of letting no role outlive it."""
    path = host.find_program("setpriv")
    return Finding("setpriv", path is not None, path or "missing", "apt-get install util-linux")


def ports(host: Host) -> Finding:
    wanted = {9101: "agent", 9102: "bridge", 9103: "stream", 9104: "inventory", 8123: "ClickHouse"}
    taken = [port for port in wanted if not host.port_is_free(port)]
    found = f"taken: {', '.join(f'{port} ({wanted[port]})' for port in taken)}" if taken else "free"
    numbers = " or ".join(f"sport = :{port}" for port in taken)
    remedy = f"ss -ltnp '{numbers}' names the holder; every role's port can be set as well"
    return Finding(f"ports {', '.join(map(str, wanted))}", not taken, found, remedy, needed=False)


def kafka(host: Host) -> Finding:
    java = host.find_program("java") is not None
    jars = any(host.kafka_jars.glob("kafka_*.jar"))
    lacking = [name for name, there in (("Java", java), ("Kafka's jars", jars)) if not there]
    found = f"{' and '.join(lacking)} missing" if lacking else "Java and Kafka's jars"
    return Finding("Apache Kafka", not lacking, found, "make kafka", needed=False)


def demo_programs(host: Host) -> Finding:
    lacking = [program for program in PACKAGES if host.find_program(program) is None]
    found = f"{', '.join(lacking)} missing" if lacking else ", ".join(PACKAGES)
    remedy = f"apt-get install {' '.join(PACKAGES[program] for program in lacking)}"
    return Finding("the demo's programs", not lacking, found, remedy, needed=False)


CHECKS: list[Callable[[Host], Finding]] = [
    capabilities,
    kernel,
    btf,
    cgroup2,
    headers,
    bcc,
    ring_buffer,
    bpf_programs,
    setpriv,
    ports,
    kafka,
    demo_programs,
]


def missing(host: Host) -> list[Finding]:
    """What an agent on this host needs and lacks, in the order in which to mend it."""
    findings = (check(host) for check in CHECKS)
    return [finding for finding in findings if finding.needed and not finding.ok]


@click.command("doctor")
def command() -> None:
    """Say what this host lacks and how to mend it; exit 1 if an agent cannot run."""
    findings = [check(Host()) for check in CHECKS]
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        verdict = "ok" if finding.ok else "MISSING" if finding.needed else "optional"
        click.echo(f"{verdict:<8}  {finding.name:<{width}}  {finding.found}")
        if not finding.ok:
            click.echo(f"{'':<8}  {'':<{width}}  → {finding.remedy}")
    if any(finding.needed and not finding.ok for finding in findings):
        raise SystemExit(1)
