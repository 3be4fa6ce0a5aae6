"""The account's network beside the cluster, under a key of its own."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from stream.errors import MalformedFileError
from stream.records import NETWORK_KEY
from stream.watch import metrics
from stream.watch.published import Publish

log = logging.getLogger(__name__)

Collect = Callable[[], str]
"""Blocks and returns the network's document, JSON. Raises click.ClickException."""


class AccountNetwork:
    """Published when anything in it changed but the time that it was collected at."""

    def __init__(self, collect: Collect, publish: Publish, every: float) -> None:
        self._collect = collect
        self._publish = publish
        self._every = every
        self._due = 0.0
        self._known: Any = None

    def load(self, value: bytes) -> None:
        """What the topic holds, before anything else."""
        self._known = _content(value.decode(errors="replace"))

    def refresh(self) -> None:
        """When it is due; blocks. What cannot be read is logged, and the last version stays."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + self._every
        try:
            document = self._collect()
        except click.ClickException as error:
            metrics.network_failures.inc()
            log.error("network not read, last good version stays: %s", error.message)
            return
        metrics.network_read.set(time.time())
        content = _content(document)
        if content != self._known:
            self._known = content
            self._publish(NETWORK_KEY, document.encode())
            log.info("network published bytes=%d", len(document))


def from_file(path: Path) -> Collect:
    """Whether it is a network is for who reads it; it must be an object of JSON."""

    def collect() -> str:
        try:
            document = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise MalformedFileError(path, str(error), "`flowatlas network`") from error
        if _content(document) is None:
            raise MalformedFileError(path, "is no object of JSON", "`flowatlas network`")
        return document

    return collect


def _content(document: str) -> Any:
    try:
        content = json.loads(document)
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    return {key: value for key, value in content.items() if key != "collected"}
