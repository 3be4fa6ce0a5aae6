"""Which pod and container a cgroup id stands for.

A cgroup id is the inode number of the cgroup's directory, and the kernel opens a cgroup by it as
by a file handle (open_by_handle_at(2), FILEID_KERNFS of include/linux/exportfs.h). So an id is
looked up on its own, when it first appears: no walk over the tree, and a cgroup that lives shorter
than any such walk is found as well. The path then tells the pod, however the kubelet lays it out.
"""

from __future__ import annotations

import ctypes
import os
import re
import struct
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from agent.errors import HostError

_UID = "[0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12}"  # a static pod's has no dashes
_POD = re.compile(rf"(?:.*-)?pod({_UID})(?:\.slice)?")
_RUNTIME = "cri-containerd|containerd|crio|docker|libpod"
_CONTAINER = re.compile(rf"(?:(?:{_RUNTIME})-)?([0-9a-f]{{64}})(?:\.scope)?")

_FILEID_KERNFS = 0xFE
_LIBC = ctypes.CDLL(None, use_errno=True)


class Container(NamedTuple):
    """What a cgroup belongs to. A pod's own cgroup has no container; outside pods both are None."""

    pod_uid: str | None
    container_id: str | None


NOBODY = Container(None, None)


def parse(path: str) -> Container:
    """The container of a cgroup path, of the kubelet's systemd or cgroupfs driver.

    The outermost pod counts: it is this cluster's, and a pod inside of it is a nested cluster's.
    """
    parts = iter(re.split("[/:]", path))  # ":" of a systemd path under a cgroupfs runtime
    pod = next((found[1] for part in parts if (found := _POD.fullmatch(part))), None)
    if pod is None:
        return NOBODY
    container = next((found[1] for part in parts if (found := _CONTAINER.fullmatch(part))), None)
    return Container(pod.replace("_", "-"), container)


class Cgroups:
    """Cgroups by id, of one mount of cgroup v2: on its own, or beside version 1 (hybrid)."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount
        self._descriptor = -1

    def start(self) -> None:
        """Raises HostError if there is no such directory."""
        try:
            self._descriptor = os.open(self._mount, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise HostError(
                f"{self._mount} is no cgroup v2 directory: name another with --cgroup"
            ) from error

    def path(self, cgroup_id: int) -> str | None:
        """Its path, None if it is gone or this process may not (CAP_DAC_READ_SEARCH)."""
        handle = ctypes.create_string_buffer(struct.pack("=IiQ", 8, _FILEID_KERNFS, cgroup_id), 16)
        found = _LIBC.open_by_handle_at(self._descriptor, handle, os.O_RDONLY | os.O_CLOEXEC)
        if found < 0:
            return None
        try:
            return str(Path(f"/proc/self/fd/{found}").readlink())
        finally:
            os.close(found)

    def stop(self) -> None:
        """Let go of the mount."""
        os.close(self._descriptor)


class Identity:
    """Remembers the container of each cgroup id, for an hour after it was last asked for.

    most: ids kept; the ones unused for longest go first. An id takes some 400 bytes.
    """

    def __init__(
        self,
        path: Callable[[int], str | None],
        most: int = 16_384,
        keep_seconds: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._most = most
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._known: dict[int, tuple[Container, float]] = {}  # the longest unused first

    def learn(self, cgroup_ids: Iterable[int]) -> None:
        """Look up what is new, while it is there. Call it as soon as ids appear."""
        for cgroup_id in cgroup_ids:
            self[cgroup_id]

    def __getitem__(self, cgroup_id: int) -> Container:
        """Its container, NOBODY if it is unknown or belongs to no pod."""
        container, _ = self._known.pop(cgroup_id, (None, 0.0))
        if container is None:
            container = parse(self._path(cgroup_id) or "")
        now = self._clock()
        self._known[cgroup_id] = container, now
        self._forget(now - self._keep_seconds)
        return container

    def __len__(self) -> int:
        return len(self._known)

    def _forget(self, before: float) -> None:
        while self._known:
            oldest = next(iter(self._known))
            if len(self._known) <= self._most and self._known[oldest][1] >= before:
                return
            del self._known[oldest]
