"""cgroup v2 directories: one per node, pod and container, as the kubelet lays them out."""

import time
from pathlib import Path

from deploy.local.demo.errors import NoCgroup2Error

MOUNTS = Path("/proc/mounts")


def mount_point() -> Path:
    """Where cgroup v2 is mounted, be it on its own or beside version 1."""
    for line in MOUNTS.read_text().splitlines():
        _, path, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(path)
    raise NoCgroup2Error


def kill(cgroup: Path) -> None:
    """SIGKILL everything in the cgroup and below, and wait (5 s at most) until it is gone."""
    (cgroup / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + 5
    while "populated 1" in (cgroup / "cgroup.events").read_text() and time.monotonic() < deadline:
        time.sleep(0.01)


def remove(cgroup: Path) -> None:
    """Kill what runs in the cgroup and remove it with everything below; nothing there is fine."""
    if not cgroup.exists():
        return
    kill(cgroup)
    directories = [path for path in cgroup.rglob("*") if path.is_dir()]
    for directory in [*sorted(directories, reverse=True), cgroup]:
        directory.rmdir()
