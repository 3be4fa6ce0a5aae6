"""What the kernel measured of the BPF programs that this process holds links to."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}[platform.machine()]
_PROG_GET_FD_BY_ID, _OBJ_GET_INFO_BY_FD = 13, 15  # enum bpf_cmd of include/uapi/linux/bpf.h
_ENABLED = Path("/proc/sys/kernel/bpf_stats_enabled")
_LIBC = ctypes.CDLL(None, use_errno=True)


class Runs(NamedTuple):
    """How often a program ran while statistics were on, and for how long in all."""

    name: str
    times: int
    nanoseconds: int


class _Info(ctypes.Structure):
    """The part of struct bpf_prog_info that is read; the kernel fills what it knows of it."""

    _fields_ = (
        ("type", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("unread", ctypes.c_uint8 * 56),
        ("name", ctypes.c_char * 16),
        ("unread_too", ctypes.c_uint8 * 112),
        ("run_time_ns", ctypes.c_uint64),
        ("run_cnt", ctypes.c_uint64),
    )


@contextlib.contextmanager
def enabled() -> Iterator[None]:
    """The kernel keeps run times meanwhile, which itself costs some nanoseconds a run."""
    before = _ENABLED.read_text()
    _ENABLED.write_text("1")
    try:
        yield
    finally:
        _ENABLED.write_text(before)


def runs() -> list[Runs]:
    """Of each program, the most time first."""
    found = [_runs(number) for number in _linked_programs()]
    return sorted(found, key=lambda one: -one.nanoseconds)


def _linked_programs() -> set[int]:
    numbers: set[int] = set()
    for entry in Path("/proc/self/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own descriptor
            if (link := entry.read_text()).find("link_type:") >= 0:
                numbers.update(int(number) for number in re.findall(r"prog_id:\s*(\d+)", link))
    return numbers


def _runs(number: int) -> Runs:
    program = _bpf(_PROG_GET_FD_BY_ID, struct.pack("I", number))
    try:
        info = _Info()

        size, address = ctypes.sizeof(info), ctypes.addressof(info)
        _bpf(_OBJ_GET_INFO_BY_FD, struct.pack("IIQ", program, size, address))
        return Runs(info.name.decode(), info.run_cnt, info.run_time_ns)
    finally:
        os.close(program)


def _bpf(command: int, request: bytes) -> int:
    attributes = ctypes.create_string_buffer(request, 128)
    got = _LIBC.syscall(_BPF_SYSCALL, command, attributes, len(attributes))
    if got < 0:
        raise OSError(ctypes.get_errno(), "bpf")
    return int(got)
