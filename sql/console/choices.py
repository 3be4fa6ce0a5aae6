"""What there is to choose from: filters and their values, as they were seen in the last day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sql.console.store import Store

SECONDS = 60.0
"""How old they may be; to read a day takes a while, and every page that is open asks."""
CLUSTERS_SECONDS = 15.0
"""The same of the names of clusters, which are quickly read."""


class Choices(NamedTuple):
    """Of one cluster. `labels`: keys and values."""

    cluster: str
    namespaces: Sequence[str]
    zones: Sequence[str]
    kinds: Sequence[str]
    paths: Sequence[str]
    labels: Sequence[tuple[str, str]]


def choices(store: Store) -> list[Choices]:
    """One a cluster."""
    return [Choices(**row) for row in store.rows("choices", {})]


def clusters(store: Store) -> list[str]:
    """All that an agent ever reported from, by name."""
    return [row["cluster"] for row in store.rows("clusters", {})]


def of_cluster(name: str, found: Iterable[Choices]) -> list[Choices]:
    """Those of this cluster, of all if it is empty."""
    return [one for one in found if name in ("", one.cluster)]


def words(found: Iterable[Choices], what: str) -> list[str]:
    """All namespaces, zones, kinds or paths, each once, by name."""
    return sorted({word for one in found for word in getattr(one, what) if word})


def label_keys(found: Iterable[Choices]) -> list[str]:
    """By name."""
    return sorted({key for one in found for key, _ in one.labels})


def label_values(found: Iterable[Choices], key: str) -> list[str]:
    """All that this label had, by name."""
    return sorted({value for one in found for this, value in one.labels if this == key})
