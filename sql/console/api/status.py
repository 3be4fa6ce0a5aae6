"""GET /api/status, /api/labels: what can be chosen, and how new the newest is."""

from __future__ import annotations

import time
from importlib import metadata
from typing import Annotated

from fastapi import APIRouter, Query

from sql.console.api.answers import LabelsAnswer, StatusAnswer
from sql.console.api.reading import Sharing
from sql.console.choices import label_keys, label_values, of_cluster, words

router = APIRouter()

Cluster = Annotated[str, Query(description="One cluster; all if empty")]


@router.get("/status")
def status(shared: Sharing, cluster: Cluster = "") -> StatusAnswer:
    """Choices are of the last day, and up to a minute old."""
    (told,) = shared.store.rows("newest", {})
    found = of_cluster(cluster, shared.choices())
    return StatusAnswer(
        version=metadata.version("flowatlas"),
        now=int(time.time()),
        newest=told["newest"],
        clusters=shared.clusters(),
        namespaces=words(found, "namespaces"),
        zones=words(found, "zones"),
        kinds=words(found, "kinds"),
        paths=words(found, "paths"),
        label_keys=label_keys(found),
    )


@router.get("/labels")
def labels(
    shared: Sharing, key: Annotated[str, Query(min_length=1, max_length=500)], cluster: Cluster = ""
) -> LabelsAnswer:
    """The values that a label had in the last day; none of one that was not seen."""
    found = of_cluster(cluster, shared.choices())
    return LabelsAnswer(key=key, values=label_values(found, key))
