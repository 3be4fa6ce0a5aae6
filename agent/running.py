"""A set of programs that runs in the kernel, with the maps that it fills."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from functools import cached_property
from pathlib import Path
from struct import Struct
from typing import Any

import numpy as np

from agent import libbpf, programs, tracing, walk
from agent.errors import ProbeError
from agent.loader import Loaded
from agent.ring import ANSWER, RECORD, Ring, open_ring

_SETTINGS = Struct("QQQ")  # struct settings of bpf/emit.c


@dataclass(frozen=True)
class KernelLedger:
    """struct ledger of bpf/record.c: cumulative. It may grow at its end only: an agent also reads
    the ledger of programs that an older version left running."""

    records: int = 0
    bytes: int = 0
    lost_records: int = 0
    lost_bytes: int = 0
    storage_failures: int = 0
    deferred: int = 0
    answers: int = 0
    lost_answers: int = 0

    def __add__(self, other: KernelLedger) -> KernelLedger:
        return KernelLedger(*map(sum, zip(astuple(self), astuple(other), strict=True)))


_LEDGER = Struct("Q" * len(fields(KernelLedger)))


class Running:
    """Programs that are attached as long as their hooks are held open or pinned."""

    def __init__(
        self, maps: dict[str, int], iterators: dict[str, int], hooks: dict[str, int]
    ) -> None:
        self._maps, self._iterators, self._hooks = maps, iterators, hooks
        self._rings: list[Ring] = []

    @classmethod
    def attach(cls, loaded: Loaded, cgroup: int, interval_ns: int, clock_ns: int) -> Running:
        """Attach to the cgroup that is open as descriptor `cgroup`. Takes what was loaded over.

        Raises ProbeError.
        """
        made = cls(loaded.maps, {}, {})
        made.set_clock(interval_ns, clock_ns)
        name = ""
        try:
            for step in walk.WAYS[loaded.way]:
                name = step.program
                made._iterators[name] = walk.attach(name, loaded.programs[name], loaded.maps)
            for tracepoint in tracing.TRACEPOINTS:
                name = tracepoint.program
                if name in loaded.programs:
                    program = loaded.programs[name]
                    made._hooks[name] = libbpf.attach_to_tracepoint(program, tracepoint.number())
            for name, _, hook in programs.HOOKS:
                program = loaded.programs[name]
                made._hooks[name] = libbpf.attach_to_cgroup(program, cgroup, hook)
        except OSError as error:
            made.close()
            raise ProbeError(
                f"the kernel did not attach {name}: {error.strerror}; "
                "it must be Linux 5.15 or newer with CONFIG_CGROUP_BPF"
            ) from error
        finally:
            for program in loaded.programs.values():
                os.close(program)
        return made

    @classmethod
    def from_pins(cls, directory: Path) -> Running:
        """What `pin` made there. Raises OSError."""
        made = cls({}, {}, {})
        try:
            for folder, descriptors in made._folders(directory):
                for path in folder.iterdir():
                    descriptors[path.name] = libbpf.open_pin(path)
        except OSError:
            made.close()
            raise
        return made

    def pin(self, directory: Path) -> None:
        """Keep everything alive under a new directory of a BPF file system."""
        directory.mkdir()
        for folder, descriptors in self._folders(directory):
            folder.mkdir()
            for name, descriptor in descriptors.items():
                libbpf.pin(descriptor, folder / name)

    def _folders(self, directory: Path) -> Iterator[tuple[Path, dict[str, int]]]:
        yield directory / "maps", self._maps
        yield directory / "iterators", self._iterators
        yield directory / "hooks", self._hooks

    def set_clock(self, interval_ns: int, clock_ns: int, *, everything: bool = False) -> None:
        """`clock_ns` added to the kernel's monotonic clock is Unix time."""
        content = _SETTINGS.pack(interval_ns, clock_ns, everything)
        libbpf.write_first(self._maps["settings"], content)

    def walk(self) -> None:
        """Have the kernel emit what is due; walks all sockets once. Raises ProbeError."""
        try:
            for name, descriptor in self._iterators.items():
                walk.take(name, descriptor, self._maps)
        except OSError as error:
            raise ProbeError(
                f"the kernel did not walk its sockets ({error.strerror}): start the agent again"
            ) from error

    @cached_property
    def records(self) -> Ring:
        """Where the programs put deltas."""
        return self._open_ring("events", RECORD)

    @cached_property
    def answers(self) -> Ring:
        """Where the programs put DNS answers."""
        return self._open_ring("answers", ANSWER)

    def _open_ring(self, name: str, record: np.dtype[Any]) -> Ring:
        ring = open_ring(
            self._maps[name], libbpf.map_property(self._maps[name], "max_entries"), record
        )
        self._rings.append(ring)
        return ring

    def ledger(self) -> KernelLedger:
        """The kernel's own account, over all programs that followed one another here."""
        return _read(self._maps["carried"]) + _read(self._maps["ledgers"])

    def carry(self, older: KernelLedger) -> None:
        """Go on from the ledger of the programs that these have replaced."""
        carried = _read(self._maps["carried"]) + older
        libbpf.write_first(self._maps["carried"], _LEDGER.pack(*astuple(carried)))

    def let_go(self) -> None:
        """The programs leave the hooks, unless pins hold them. The maps stay readable."""
        _close(self._hooks)

    def close(self) -> None:
        """Let go of everything."""
        self.let_go()
        while self._rings:
            self._rings.pop().close()
        _close(self._iterators)
        _close(self._maps)


def _read(array: int) -> KernelLedger:
    return KernelLedger(*_LEDGER.unpack(libbpf.read_first(array, _LEDGER.size)))


def _close(descriptors: dict[str, int]) -> None:
    while descriptors:
        with suppress(OSError):
            os.close(descriptors.popitem()[1])
