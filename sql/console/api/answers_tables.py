"""What the resources behind tables answer; web/src/types.ts says the same, with more words."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from sql.console.api.answers import Measures, Range

Unit = Literal["", "bytes", "usd", "us", "share", "count", "time"]
Cell = str | int | float | None


class TableColumn(BaseModel):
    """`unit` says how to show its cells."""

    name: str
    title: str
    unit: Unit
    sortable: bool


class TableAnswer(BaseModel):
    """A page; `total` counts the rows of all. `sql` gives the whole table."""

    columns: list[TableColumn]
    rows: list[list[Cell]]
    total: int
    sql: str


class SickEdge(BaseModel):
    """An edge, and why it is no better."""

    client: str
    server: str
    health: float
    sentence: str
    now: Measures


class HealthAnswer(Range):
    """GET /api/health: the worst edges first."""

    edges: list[SickEdge]
    healthy_edges: int


class PathCost(BaseModel):
    path: str
    bytes: int
    cost_usd: float
    cost_usd_month: float


class NamespaceCost(BaseModel):
    namespace: str
    bytes: int
    cost_usd: float
    cost_usd_month: float


class PairCost(BaseModel):
    client: str
    server: str
    path: str
    bytes: int
    cost_usd: float
    cost_usd_month: float


class MonthCost(BaseModel):
    """This calendar month, UTC; `begins` in Unix seconds."""

    begins: int
    so_far_usd: float
    forecast_usd: float
    internet_flat_usd: float
    internet_tiered_usd: float


class Saving(BaseModel):
    """As of `flowatlas ask savings`; `evidence` is a statement."""

    finding: str
    usd_a_month: float
    change: str
    seen: str
    evidence: str


class CostsAnswer(Range):
    """GET /api/costs: the dearest first."""

    by_path: list[PathCost]
    by_namespace: list[NamespaceCost]
    by_pair: list[PairCost]
    month: MonthCost
    savings: list[Saving]
    unpriced_bytes: int


class Change(BaseModel):
    change: Literal["new", "vanished", "grown"]
    client: str
    server: str
    port: int
    protocol: str
    bytes: int
    bytes_before: int
    connections: int
    first_seen: int | None


class ChangesAnswer(Range):
    """GET /api/changes"""

    against: Literal["before", "week"]
    note: str
    changes: list[Change]


class NodeCoverage(BaseModel):
    cluster: str
    node: str
    covered: float | None
    verdict: str
    kernel_bytes: int
    table_bytes: int
    lost_bytes: int
    dropped_bytes: int
    missing_batches: int
    repeated_batches: int


class CoverageAnswer(BaseModel):
    """GET /api/coverage"""

    covered: float | None
    kernel_bytes: int
    table_bytes: int
    lost_bytes: int
    dropped_bytes: int
    missing_batches: int
    nodes: list[NodeCoverage]
