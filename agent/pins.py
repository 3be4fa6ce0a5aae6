"""Programs that outlive the agent: pinned on a BPF file system, one directory a cgroup.

    <root>/cgroup_<id>/<version>/{hooks,iterators,maps}/<name>

No name may have a dot in it: bpffs keeps those for itself.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.errors import HostError, ProbeError
from agent.running import Running

_MOUNT_POINT = Path("/sys/fs/bpf")
_UNFINISHED = "unfinished"


class Pins:
    """What is pinned for one cgroup. One process at a time holds it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lock = -1

    def open(self) -> None:
        """Raises ProbeError if another agent holds it, HostError if nothing can be pinned there."""
        ensure_bpffs(self.directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise ProbeError(
                f"another agent holds the programs in {self.directory}: stop it first"
            ) from error

    def close(self) -> None:
        """Let another process have it. What is pinned stays."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def versions(self) -> list[str]:
        """All that is there, unfinished ones too."""
        return sorted(path.name for path in self.directory.iterdir())

    def load(self, version: str) -> Running | None:
        """The programs of this version, if they are there and whole."""
        if version == _UNFINISHED or version not in self.versions():
            return None
        try:
            return Running.from_pins(self.directory / version)
        except OSError:
            return None

    def save(self, version: str, running: Running) -> None:
        """All of it or nothing, even if the process is killed."""
        self.remove(_UNFINISHED)
        running.pin(self.directory / _UNFINISHED)
        (self.directory / _UNFINISHED).rename(self.directory / version)

    def unhook(self, version: str) -> None:
        """The programs leave their hooks, once their links are closed as well."""
        for path in (self.directory / version / "hooks").iterdir():
            path.unlink()

    def remove(self, version: str) -> None:
        """Take everything of it away."""
        for directory, _, names in os.walk(self.directory / version, topdown=False):
            for name in names:
                (Path(directory) / name).unlink()
            Path(directory).rmdir()

    def remove_all(self) -> None:
        """Take the directory itself away, with all versions."""
        for version in self.versions():
            self.remove(version)
        self.directory.rmdir()


@contextmanager
def each(root: Path) -> Iterator[list[Pins]]:
    """The pins of all cgroups under `root`, held for the length of the `with`."""
    found = [Pins(directory) for directory in sorted(root.iterdir())] if root.is_dir() else []
    try:
        for pins in found:
            pins.open()
        yield found
    finally:
        for pins in found:
            pins.close()


def ensure_bpffs(directory: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """Mount the BPF file system at its usual place if it is missing. Raises HostError."""
    if _is_on_bpffs(directory, mounts):
        return
    reason = "it is not on a BPF file system"
    if directory.is_relative_to(_MOUNT_POINT):
        command = ["mount", "-t", "bpf", "bpf", str(_MOUNT_POINT)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        reason = done.stderr.strip() or f"mount ended with status {done.returncode}"
    raise HostError(
        f"programs cannot be pinned in {directory} ({reason}): run `mount -t bpf bpf "
        f'{_MOUNT_POINT}` and name a directory below it with --pins, or go without by --pins ""'
    )


def _is_on_bpffs(directory: Path, mounts: Path) -> bool:
    kinds = {Path(point): kind for _, point, kind, *_ in map(str.split, mounts.open())}
    holder = max((point for point in kinds if directory.is_relative_to(point)), key=_depth)
    return kinds[holder] == "bpf"


def _depth(path: Path) -> int:
    return len(path.parts)
