"""The doctor's checks on hosts that lack one thing each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local import doctor
from deploy.local.doctor import Host

RELEASE = "6.1.0-30-amd64"


def write(file: Path, text: str = "") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host that lacks nothing."""
    write(tmp_path / "proc/self/status", "Name:\tflowatlas\nCapEff:\t000001ffffffffff\n")
    write(tmp_path / "proc/self/limits", "Max locked memory         8388608   8388608   bytes\n")
    write(tmp_path / "proc/self/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
    write(tmp_path / "sys/kernel/btf/vmlinux")
    write(tmp_path / f"lib/modules/{RELEASE}/build/Makefile")
    write(tmp_path / "usr/lib/python3/dist-packages/bcc/__init__.py")
    write(tmp_path / "usr/lib/x86_64-linux-gnu/libbcc.so.0")
    write(tmp_path / "jars/kafka_2.13-4.4.0.jar")
    return Host(
        root=tmp_path,
        release=RELEASE,
        kafka_jars=tmp_path / "jars",
        find_program=lambda program: f"/usr/bin/{program}",
        port_is_free=lambda _: True,
        create_ring_buffer=lambda: True,
        refused_hooks=list,
        refused_steps=lambda way: [],
    )


def test_a_host_with_everything_passes_every_check(host: Host) -> None:
    assert [check(host).name for check in doctor.CHECKS if not check(host).ok] == []
    assert doctor.missing(host) == []


LACKS: list[tuple[str, Callable[[Path], object], str]] = [
    ("BTF", lambda root: (root / "sys/kernel/btf/vmlinux").unlink(), "CONFIG_DEBUG_INFO_BTF"),
    (
        "cgroup2",
        lambda root: write(root / "proc/self/mounts", "a / ext4 rw 0 0\n"),
        "mount -t cgroup2",
    ),
    (
        "kernel headers",
        lambda root: (root / f"lib/modules/{RELEASE}").rename(root / "elsewhere"),
        f"apt-get install linux-headers-{RELEASE}",
    ),
    (
        "kernel headers",
        lambda root: (root / f"lib/modules/{RELEASE}").rename(root / "lib/modules/6.1.0-40-amd64"),
        f"ln -sfT /lib/modules/6.1.0-40-amd64 /lib/modules/{RELEASE}",
    ),
    (
        "bcc",
        lambda root: (root / "usr/lib/x86_64-linux-gnu/libbcc.so.0").unlink(),
        "apt-get install python3-bpfcc libbpfcc",
    ),
    (
        "capabilities",
        lambda root: write(root / "proc/self/status", "CapEff:\t0000000000000000\n"),
        "sudo",
    ),
]


@pytest.mark.parametrize(("name", "take_away", "remedy"), LACKS)
def test_what_a_host_lacks_is_named_with_the_command_that_mends_it(
    host: Host, name: str, take_away: Callable[[Path], object], remedy: str
) -> None:
    take_away(host.root)
    (finding,) = doctor.missing(host)
    assert finding.name == name
    assert remedy in finding.remedy


def test_capabilities_that_are_lacking_are_named(host: Host) -> None:
    only_bpf = 1 << doctor.CAPABILITIES["CAP_BPF"]
    write(host.root / "proc/self/status", f"CapEff:\t{only_bpf:016x}\n")
    assert doctor.capabilities(host).found == "lacks CAP_NET_ADMIN, CAP_SYS_ADMIN"


def test_sys_admin_stands_for_bpf_on_kernels_that_do_not_know_the_latter(host: Host) -> None:
    older = 1 << doctor.CAPABILITIES["CAP_SYS_ADMIN"] | 1 << doctor.CAPABILITIES["CAP_NET_ADMIN"]
    write(host.root / "proc/self/status", f"CapEff:\t{older:016x}\n")
    assert doctor.capabilities(host).ok


@pytest.mark.parametrize(
    ("release", "ok"), [("5.4.19", False), ("5.10.0-1", False), ("5.15.0", True), ("6.1.0-1", True)]
)
def test_the_oldest_kernel_is_the_first_with_links_of_tracepoints(
    host: Host, release: str, ok: bool
) -> None:
    assert doctor.kernel(replace(host, release=release)).ok is ok


def test_a_ring_buffer_that_cannot_be_made_is_a_lack(host: Host) -> None:
    (finding,) = doctor.missing(replace(host, create_ring_buffer=lambda: False))
    assert finding.name == "BPF ring buffer"


def test_a_kernel_that_refuses_iterators_over_maps_is_told_and_does(host: Host) -> None:
    hardened = replace(host, refused_steps={"maps": ["over_maps"], "files": []}.__getitem__)
    assert "refused: the agent walks open sockets instead" in doctor.bpf_programs(hardened).found
    assert doctor.missing(hardened) == []


def test_kinds_of_programs_that_the_agent_cannot_do_without_are_a_lack(host: Host) -> None:
    without_walk = replace(host, refused_steps=lambda way: [f"over_{way}"])
    without_hook = replace(host, refused_hooks=lambda: ["on_ingress"])
    for lacking, named in ((without_walk, "over_files"), (without_hook, "on_ingress")):
        (finding,) = doctor.missing(lacking)
        assert finding.name == "BPF programs"
        assert named in finding.found


def test_taken_ports_are_named_but_do_not_stop_an_agent(host: Host) -> None:
    taken = replace(host, port_is_free=lambda port: port != 8123)
    assert doctor.ports(taken).found == "taken: 8123 (ClickHouse)"
    assert doctor.missing(taken) == []


def test_kafka_and_the_programs_of_the_demo_are_optional(host: Host) -> None:
    bare = replace(host, kafka_jars=host.root, find_program={"setpriv": "/usr/bin/setpriv"}.get)
    assert doctor.kafka(bare).found == "Java and Kafka's jars missing"
    assert "redis-server" in doctor.demo_programs(bare).remedy
    assert doctor.missing(bare) == []
