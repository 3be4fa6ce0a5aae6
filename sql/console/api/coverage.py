"""GET /api/coverage: is every byte that the kernels counted in the tables?"""

from __future__ import annotations

from fastapi import APIRouter

from sql.console.api.answers_tables import CoverageAnswer, NodeCoverage
from sql.console.api.reading import Sharing
from sql.console.store import Store

router = APIRouter()

SECONDS = 5.0
"""How old the answer may be; every page that is open asks for it."""
SUMS = ("kernel_bytes", "table_bytes", "lost_bytes", "dropped_bytes", "missing_batches")


@router.get("/coverage")
def coverage(shared: Sharing) -> CoverageAnswer:
    """Of all that is kept. What the last seconds brought is on its way, so shares are a little
    below 1 while there is traffic."""
    return shared.coverage()


def covered(store: Store) -> CoverageAnswer:
    """The answer, read anew."""
    nodes = [NodeCoverage(**row) for row in store.rows("coverage", {})]
    sums = {name: sum(getattr(node, name) for node in nodes) for name in SUMS}
    seen = sums["kernel_bytes"] + sums["lost_bytes"]
    share = sums["table_bytes"] / seen if seen else None
    return CoverageAnswer(covered=share, nodes=nodes, **sums)
