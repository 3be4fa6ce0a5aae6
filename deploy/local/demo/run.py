"""One run of the demo cluster: its name, its directory, and the removal of all that it made.

A run holds a lock on its directory for as long as its process lives. The directory comes first and
goes last, so whatever a killed run left behind is found by its directory and removed by the next.
"""

import fcntl
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from deploy.local.demo import cgroups, fabric

RUNS = Path("/run/flowatlas-demo")


@dataclass(frozen=True)
class Run:
    identity: str

    @property
    def directory(self) -> Path:
        return RUNS / self.identity

    @property
    def prefix(self) -> str:
        """What the names of the run's namespaces begin with."""
        return f"flowatlas-demo-{self.identity}-"

    @property
    def cgroup(self) -> Path:
        return cgroups.mount_point() / f"flowatlas-demo-{self.identity}"

    def remove(self) -> None:
        """Kill the run's programs and delete its cgroups, namespaces and directory."""
        cgroups.remove(self.cgroup)
        fabric.remove(self.prefix)
        shutil.rmtree(self.directory)


class Lease:
    """The sole right to a run, lost with the process that took it."""

    def __init__(self, run: Run) -> None:
        self._file = (run.directory / "lock").open("a")

    def take(self) -> bool:
        """Whether nobody else holds it; then it is ours until `release`."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        self._file.close()


def begin() -> tuple[Run, Lease]:
    """A new run, its directory made and its lease taken."""
    run = Run(secrets.token_hex(2))
    run.directory.mkdir(parents=True)
    lease = Lease(run)
    lease.take()
    return run, lease


def remove_dead() -> None:
    """Remove what runs left behind whose process is gone."""
    for run in _existing():
        lease = Lease(run)
        if lease.take():
            run.remove()
        lease.release()


def _existing() -> Iterator[Run]:
    if RUNS.exists():
        yield from (Run(directory.name) for directory in sorted(RUNS.iterdir()))
