"""The walk at the end of an interval, in which the kernel tells what is pending, and its two ways.

Iterators over the maps meet every element. A hardened kernel can refuse these, though not an
iterator over open files: it meets every socket that a process holds. The keys of incidents are then
read by user space, which runs a program with them.
"""

from __future__ import annotations

import logging
import os
from typing import NamedTuple

from agent import libbpf
from agent.libbpf import SCHED_CLS, TRACE_ITERATOR, TRACING

log = logging.getLogger(__name__)

KEYS_A_RUN = 64
"""What a packet of BPF_PROG_TEST_RUN, a page less its head and tail room, has room for."""

_ETHERNET_HEADER = bytes(14)


class Step(NamedTuple):
    """A program of bpf/walk.c; `over` is the map that it goes over, if any."""

    program: str
    kind: int
    over: str = ""

    @property
    def target(self) -> str:
        """What the kernel calls the iterator; "" if it is none."""
        return self.program.partition("bpf_iter__")[2]


WAYS = {
    "maps": (
        Step("bpf_iter__bpf_sk_storage_map", TRACING, "sockets"),
        Step("bpf_iter__bpf_map_elem", TRACING, "incidents"),
    ),
    "files": (
        Step("bpf_iter__task_file", TRACING),
        Step("report_incidents", SCHED_CLS, "incidents"),
    ),
}
"""Steps by the name of the way, the better one first."""

_STEPS = {step.program: step for steps in WAYS.values() for step in steps}


def refused(way: str) -> list[str]:
    """The programs of a way whose kind the kernel does not permit, whatever they do."""
    return [
        step.program
        for step in WAYS[way]
        if not libbpf.permits(step.kind, TRACE_ITERATOR if step.target else 0, step.target)
    ]


def choose() -> str:
    """The way to go on this kernel."""
    if not refused("maps"):
        return "maps"
    log.warning(
        "the kernel refuses iterators over maps, so the agent walks open sockets instead: what is "
        "pending in one that no process holds open waits for its next packet"
    )
    return "files"


def attach(program: str, descriptor: int, maps: dict[str, int]) -> int:
    """A descriptor for `take`, which keeps the program alive."""
    step = _STEPS[program]
    if step.kind == TRACING:
        return libbpf.attach_iterator(descriptor, maps[step.over] if step.over else None)
    return os.dup(descriptor)


def take(program: str, descriptor: int, maps: dict[str, int]) -> None:
    """Go all of this program's way once. Raises OSError."""
    step = _STEPS[program]
    if step.kind == TRACING:
        libbpf.iterate(descriptor)
        return
    keys = libbpf.keys(maps[step.over])
    for first in range(0, len(keys), KEYS_A_RUN):
        libbpf.run(descriptor, _ETHERNET_HEADER + b"".join(keys[first : first + KEYS_A_RUN]))
