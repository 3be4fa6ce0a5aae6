"""Files that the stream resolves by, followed as they change."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from stream import metrics
from stream.errors import MalformedFileError

log = logging.getLogger(__name__)
T = TypeVar("T")


class Followed(Generic[T]):
    """The last good content of a file; without a path, always `empty`."""

    def __init__(self, path: str, load: Callable[[Path], T], empty: T) -> None:
        self._path = Path(path) if path else None
        self._load = load
        self._seen: tuple[int, ...] | None = None
        self.content = empty

    def read(self) -> None:
        """Blocks for disk and parsing. Raises MalformedFileError."""
        if self._path is None:
            return
        self._seen = self._state(self._path)
        self.content = self._load(self._path)
        metrics.loaded.labels(self._path.name).set(time.time())
        log.info("file loaded path=%s", self._path)

    def refresh(self) -> bool:
        """Reads the file if it changed; says whether the content did. A malformed file
        is logged and counted once, not raised, and the last good content stays."""
        if self._path is None or self._state(self._path) == self._seen:
            return False
        try:
            self.read()
        except MalformedFileError as error:
            metrics.reload_failures.labels(self._path.name).inc()
            log.error("file not used, last good version stays: %s", error.message)
            return False
        return True

    @staticmethod
    def _state(path: Path) -> tuple[int, ...] | None:
        try:
            status = path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
