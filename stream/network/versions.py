"""The network by time: what is known of how it was, and how it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import numpy as np

from stream import metrics
from stream.files import Followed
from stream.network import file
from stream.network.model import Network

KEPT = 100
"""Versions of a file that changes are kept while the worker runs, the newest so many."""


class Versions:
    """Each version is in force from when it was collected until the next one; the first one, from
    the beginning of time.

    path: a file, or a directory of such files, one a version. on_prem: ranges of the site
    beside those that a file lists.
    """

    def __init__(self, path: str, on_prem: Sequence[str] = ()) -> None:
        self._path = Path(path) if path else None
        self._on_prem = tuple(ip_network(word.strip()) for word in on_prem if word.strip())
        self._files: dict[Path, Followed[Network]] = {}
        self._known: dict[float, Network] = {}
        self._told: Network | None = None

    def read(self) -> None:
        """Blocks for disk and parsing. Raises MalformedFileError."""
        for path in self._paths():
            followed = self._files[path] = Followed(str(path), file.load, Network())
            followed.read()
            self._keep(followed.content)

    def refresh(self) -> bool:
        """Takes up changed and new files; says whether there were. What cannot be used is logged
        and counted, and the last good version stays."""
        changed = False
        for path in self._paths():
            followed = self._files.setdefault(path, Followed(str(path), file.load, Network()))
            if followed.refresh():
                self._keep(followed.content)
                changed = True
        return changed

    def tell(self, network: Network) -> bool:
        """A version that no file has; says whether it is used, which it is without a path."""
        if self._path or network == self._told:
            return False
        self._told = network
        self._keep(network)
        return True

    def all(self) -> list[Network]:
        """In the order of time; at least one, which knows nothing if no other does."""
        found = [self._known[start] for start in sorted(self._known)] or [Network()]
        return [self._with_site(each) for each in found]

    def in_force(self, seconds: np.ndarray) -> np.ndarray:
        """Of moments, the version's place in `all`."""
        starts = np.array(sorted(self._known)[1:])
        places: np.ndarray = np.searchsorted(starts, seconds, side="right")
        return places

    def _with_site(self, network: Network) -> Network:
        """Without a list in the file, private ranges are the site's, and those given are anyway."""
        listed = network.on_prem
        return replace(network, on_prem=(*listed, *self._on_prem)) if listed else network

    def _paths(self) -> list[Path]:
        if self._path is None:
            return []
        return sorted(self._path.glob("*.json")) if self._path.is_dir() else [self._path]

    def _keep(self, network: Network) -> None:
        self._known[collected(network)] = network
        for start in sorted(self._known)[:-KEPT]:
            del self._known[start]
        metrics.network_collected.set(max(self._known))


def collected(network: Network) -> float:
    """Unix seconds, 0 where the file does not say."""
    if not network.collected:
        return 0.0
    moment = datetime.fromisoformat(network.collected)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
