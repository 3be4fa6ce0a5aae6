"""What kubectl printed, in the place of the API: for trying out."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from pathlib import Path
from threading import Event, Thread

import msgspec

from stream.errors import MalformedFileError, MalformedInventoryError
from stream.watch import metrics
from stream.watch.cluster import Cluster
from stream.watch.resources import RESOURCES

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0

Items = dict[str, list[msgspec.Raw]]
"""Objects by kind."""


class _List(msgspec.Struct):
    items: list[msgspec.Raw]


class _Kind(msgspec.Struct):
    kind: str


class FileFollower:
    """A thread of its own, that tells the cluster all of the file whenever it has changed. A file
    that is broken at the start is the `failure`; later it is logged, and what was told stays."""

    name = "file"
    problem = ""

    def __init__(self, path: Path, cluster: Cluster) -> None:
        self._path = path
        self._cluster = cluster
        self.listed = Event()
        self.failure: BaseException | None = None
        self._stopping = Event()
        self._state: tuple[int, int, int] | None = None
        self._current = 0.0
        self._thread = Thread(target=self._run, name="watch-file", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def join(self, timeout: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def current(self) -> float:
        """Unix time at which the file was last looked at."""
        return self._current

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._look()
                self._stopping.wait(LOOK_EVERY)
        except BaseException as error:
            self.failure = error

    def _look(self) -> None:
        began = time.time()
        try:
            status = self._path.stat()
            state = status.st_ino, status.st_mtime_ns, status.st_size
        except OSError:
            state = None
        if state != self._state or not self.listed.is_set():
            self._state = state
            try:
                self._tell(load(self._path))
            except MalformedFileError as error:
                if not self.listed.is_set():
                    raise
                metrics.misfits.labels(self.name).inc()
                log.error("file not used, last good version stays: %s", error.message)
        self._current = began

    def _tell(self, found: Items) -> None:
        for resource in RESOURCES:
            items = found.get(resource.kind, [])
            self._cluster.retain(resource, {self._cluster.put(resource, each) for each in items})
        self.listed.set()
        log.info("file told path=%s objects=%d", self._path, sum(map(len, found.values())))


def load(path: Path) -> Items:
    """Raises MalformedInventoryError."""
    found: Items = defaultdict(list)
    try:
        for item in msgspec.json.decode(path.read_bytes(), type=_List).items:
            found[msgspec.json.decode(item, type=_Kind).kind].append(item)
    except OSError as error:
        raise MalformedInventoryError(path, str(error.strerror)) from error
    except msgspec.DecodeError as error:
        raise MalformedInventoryError(path, f"is not a list of objects ({error})") from error
    return found
