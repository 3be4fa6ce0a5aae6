"""What the agent has the kernel run: the programs' text, and where each belongs."""

from __future__ import annotations

import importlib.resources

from agent import libbpf
from agent.libbpf import CGROUP_SKB, CGROUP_SOCK, SOCK_OPS, TRACEPOINT

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
    "walk",
)
"""Files of agent/bpf, in the order in which they make one translation unit."""

# enum bpf_attach_type of include/uapi/linux/bpf.h
_INGRESS, _EGRESS, _SOCK_CREATE, _ON_SOCK_OPS, _SOCK_RELEASE = 0, 1, 2, 3, 34

HOOKS = (
    ("on_socket_released", CGROUP_SOCK, _SOCK_RELEASE),
    ("on_socket_created", CGROUP_SOCK, _SOCK_CREATE),
    ("on_socket_event", SOCK_OPS, _ON_SOCK_OPS),
    ("on_egress", CGROUP_SKB, _EGRESS),
    ("on_ingress", CGROUP_SKB, _INGRESS),
)
"""Programs on the cgroup with type and place, in the order of attaching."""


def text() -> str:
    """The C source of all programs."""
    folder = importlib.resources.files("agent") / "bpf"
    return "\n".join((folder / f"{name}.c").read_text() for name in SOURCES)


def refused() -> list[str]:
    """The programs on hooks whose kind the kernel does not permit, whatever they do."""
    kinds = [*HOOKS, ("on_socket_error", TRACEPOINT, 0)]
    return [name for name, kind, hook in kinds if not libbpf.permits(kind, hook)]
