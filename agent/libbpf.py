"""The bpf() system call, through libbpf: what the long-lived agent needs and no compiler."""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path
from typing import Any

from agent.errors import HostError

_LARGEST_VALUE = 4096
_FIRST = ctypes.c_uint32(0)
# enum bpf_prog_type and enum bpf_attach_type, include/uapi/linux/bpf.h
SCHED_CLS, TRACEPOINT, CGROUP_SKB, CGROUP_SOCK, SOCK_OPS, TRACING = 3, 5, 8, 9, 13, 26
TRACE_ITERATOR, _PERF_EVENT = 28, 41
_RETURN_ONE = bytes.fromhex("b700000001000000 9500000000000000")  # r0 = 1; exit
_RETURN_ZERO = bytes.fromhex("b700000000000000 9500000000000000")
_KEYS_A_BATCH = 4096
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}  # libc has no function for this system call
_CLOSE_ON_EXEC = 8  # PERF_FLAG_FD_CLOEXEC
_ANY_PROCESS = -1

RECORD_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t
)


class _LinkOptions(ctypes.Structure):
    """The beginning of struct bpf_link_create_opts, tools/lib/bpf/bpf.h."""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("flags", ctypes.c_uint32),
        ("iterator", ctypes.c_void_p),
        ("iterator_length", ctypes.c_uint32),
    ]


class _LoadOptions(ctypes.Structure):
    """The beginning of struct bpf_prog_load_opts."""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("attempts", ctypes.c_int),
        ("attach_type", ctypes.c_uint32),
        ("unused", ctypes.c_uint32 * 4),
        ("attach_btf_id", ctypes.c_uint32),
        ("unused_too", ctypes.c_uint32),
    ]


class _RunOptions(ctypes.Structure):
    """The beginning of struct bpf_test_run_opts."""

    _fields_ = [
        ("size", ctypes.c_size_t),
        ("data", ctypes.c_char_p),
        ("data_out", ctypes.c_void_p),
        ("data_length", ctypes.c_uint32),
        ("data_out_length", ctypes.c_uint32),
    ]


class _TracepointEvent(ctypes.Structure):
    """struct perf_event_attr of its first version, include/uapi/linux/perf_event.h."""

    _fields_ = [
        ("type", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("tracepoint", ctypes.c_uint64),
        ("sample_period", ctypes.c_uint64),
        ("unused", ctypes.c_uint64 * 5),
    ]

    def __init__(self, tracepoint: int) -> None:
        type_tracepoint = 2  # PERF_TYPE_TRACEPOINT
        super().__init__(type_tracepoint, ctypes.sizeof(self), tracepoint, 1)


@functools.cache
def library() -> ctypes.CDLL:
    """libbpf itself. Raises HostError."""
    try:
        return ctypes.CDLL("libbpf.so.1", use_errno=True)
    except OSError as error:
        raise HostError(
            f"libbpf cannot be loaded ({error}): run `apt-get install libbpf1`"
        ) from error


def _call(function: str, *arguments: Any) -> int:
    """Raises OSError with the kernel's errno."""
    result: int = getattr(library(), function)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), function)
    return result


def open_pin(path: Path) -> int:
    """A descriptor of the map, link or program that is pinned there."""
    return _call("bpf_obj_get", os.fsencode(path))


def pin(descriptor: int, path: Path) -> None:
    """Keep a map, link or program alive under a name on a BPF file system."""
    _call("bpf_obj_pin", descriptor, os.fsencode(path))


def read_first(array: int, size: int) -> bytes:
    """The first `size` bytes of element 0. The map's values may be larger."""
    value = ctypes.create_string_buffer(_LARGEST_VALUE)
    _call("bpf_map_lookup_elem", array, ctypes.byref(_FIRST), value)
    return value.raw[:size]


def write_first(array: int, content: bytes) -> None:
    """Set element 0; what the map's value has beyond `content` becomes zero."""
    value = ctypes.create_string_buffer(content, _LARGEST_VALUE)
    _call("bpf_map_update_elem", array, ctypes.byref(_FIRST), value, ctypes.c_uint64(0))


def attach_to_cgroup(program: int, cgroup: int, hook: int) -> int:
    """A link: the program runs there until the last descriptor and pin of the link is gone."""
    return _call("bpf_link_create", program, cgroup, hook, None)


def attach_to_tracepoint(program: int, tracepoint: int) -> int:
    """A link: the program runs at the tracepoint of this id. Raises OSError before Linux 5.15."""
    attributes = _TracepointEvent(tracepoint)
    event = ctypes.CDLL(None, use_errno=True).syscall(
        *(_PERF_EVENT_OPEN[os.uname().machine], ctypes.byref(attributes)),
        *(_ANY_PROCESS, 0, -1, ctypes.c_ulong(_CLOSE_ON_EXEC)),
    )
    if event < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "perf_event_open")
    try:
        return _call("bpf_link_create", program, event, _PERF_EVENT, None)
    finally:
        os.close(event)


def attach_iterator(program: int, over: int | None) -> int:
    """A link of an iterator program and the map that it walks, if it walks one."""
    if over is None:
        return _call("bpf_link_create", program, 0, TRACE_ITERATOR, None)
    target = ctypes.c_uint32(over)  # union bpf_iter_link_info
    options = _LinkOptions(
        size=ctypes.sizeof(_LinkOptions),
        iterator=ctypes.addressof(target),
        iterator_length=ctypes.sizeof(target),
    )
    return _call("bpf_link_create", program, 0, TRACE_ITERATOR, ctypes.byref(options))


def iterate(link: int) -> None:
    """Walk what the iterator is over once, from the first element to the last."""
    walk = _call("bpf_iter_create", link)
    try:
        while _read_on(walk):
            pass
    finally:
        os.close(walk)


def _read_on(walk: int) -> bool:
    try:
        return bool(os.read(walk, 4096))
    except BlockingIOError:  # after a million elements the kernel wants to be asked again
        return True


def permits(kind: int, hook: int = 0, iterator: str = "") -> bool:
    """Whether the kernel takes a program of this kind that does nothing. Only a refusal is a no:
    what else is amiss shows when the programs themselves load."""
    try:
        _load_trivial(kind, hook, iterator)
    except PermissionError:
        return False
    except OSError:
        return True
    return True


def _load_trivial(kind: int, hook: int, iterator: str) -> None:
    target = 0
    if iterator:
        target = _call("libbpf_find_vmlinux_btf_id", iterator.encode(), hook)
    options = _LoadOptions(size=ctypes.sizeof(_LoadOptions), attach_type=hook, attach_btf_id=target)
    code = _RETURN_ZERO if iterator else _RETURN_ONE
    load = ("bpf_prog_load", kind, b"trial", b"GPL", code, ctypes.c_size_t(len(code) // 8))
    os.close(_call(*load, ctypes.byref(options)))


def keys(table: int) -> list[bytes]:
    """The keys of a hash map, each once unless it comes and goes meanwhile. Raises OSError."""
    key, value = map_property(table, "key_size"), map_property(table, "value_size")
    names = ctypes.create_string_buffer(_KEYS_A_BATCH * key)
    values = ctypes.create_string_buffer(_KEYS_A_BATCH * value)
    position, goes_on = ctypes.c_uint32(), False
    found: list[bytes] = []
    while True:
        count = ctypes.c_uint32(_KEYS_A_BATCH)
        start = ctypes.byref(position) if goes_on else None
        arguments = (table, start, ctypes.byref(position), names, values, ctypes.byref(count), None)
        try:
            _call("bpf_map_lookup_batch", *arguments)
            goes_on = True
        except FileNotFoundError:  # there are no more than these
            goes_on = False
        whole = ctypes.string_at(names, count.value * key)
        found += [whole[at : at + key] for at in range(0, len(whole), key)]
        if not goes_on:
            return found


def run(program: int, packet: bytes) -> None:
    """Run a program of skbs once, here and now, on a packet of a page at the most."""
    options = _RunOptions(size=ctypes.sizeof(_RunOptions), data=packet, data_length=len(packet))
    _call("bpf_prog_test_run_opts", program, ctypes.byref(options))


def map_property(descriptor: int, wanted: str) -> int:
    """What the kernel tells of a map; of a ring buffer `max_entries` is in bytes."""
    for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == wanted:
            return int(value)
    raise ValueError(f"descriptor {descriptor} is no map")


class RingBuffer:
    """libbpf's own reader of a ring buffer: calls back for each record."""

    def __init__(self, map_fd: int, callback: Any) -> None:
        create = library().ring_buffer__new
        create.restype = ctypes.c_void_p
        self._reader = create(map_fd, callback, None, None)
        if not self._reader:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "ring_buffer__new")

    def consume(self) -> None:
        """Call back for all records that are complete; never blocks."""
        _call("ring_buffer__consume", ctypes.c_void_p(self._reader))

    def free(self) -> None:
        """No call after this one."""
        library().ring_buffer__free(ctypes.c_void_p(self._reader))
