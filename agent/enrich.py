"""Pod and container of flow rows, by the cgroup of the reporting socket."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from agent.arrow import numbers, words
from agent.identity import Identity
from agent.wire import SCHEMA


def enrich(rows: pa.RecordBatch, identity: Identity) -> pa.RecordBatch:
    """The rows with pod_uid and container_id filled in; one lookup for each cgroup."""
    cgroups, at = np.unique(numbers(rows["cgroup_id"]), return_inverse=True)
    containers = [identity[cgroup] for cgroup in cgroups.tolist()]
    for name in ("pod_uid", "container_id"):
        column = words((getattr(container, name) for container in containers), at)
        index = SCHEMA.get_field_index(name)
        rows = rows.set_column(index, SCHEMA.field(index), column)
    return rows
