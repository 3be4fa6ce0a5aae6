"""What the resources answer, for the OpenAPI document; web/src/types.ts says the same, with more
words. Times are Unix seconds, sizes bytes, round trips microseconds, money USD, shares 0 to 1."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from sql.console.ends import Grain

Kind = Literal["pod", "node", "service", "aws_service", "internet", "on_prem", "unknown", "others"]


class StatusAnswer(BaseModel):
    """What can be chosen, and how new the newest is."""

    version: str
    now: int
    newest: int | None
    clusters: list[str]
    namespaces: list[str]
    zones: list[str]
    kinds: list[str]
    paths: list[str]
    label_keys: list[str]


class LabelsAnswer(BaseModel):
    """GET /api/labels: what a label was, by name."""

    key: str
    values: list[str]


class ErrorAnswer(BaseModel):
    """One sentence with the way out, whenever the status is not 200."""

    detail: str


class Range(BaseModel):
    """`seconds`: length of the windows that were read."""

    since: int
    until: int
    seconds: int


class Measures(BaseModel):
    """What adds up, of an edge or an end, within a range; queries/measures.sql."""

    bytes_to_server: int
    bytes_to_client: int
    packets_to_server: int
    packets_to_client: int
    connections_attempted: int
    connections_established: int
    connections_failed: int
    connections_refused: int
    connections_timed_out: int
    connections_reset: int
    connections_unreachable: int
    connections_half_open: int
    connections_handshake_reset: int
    listen_overflows: int
    resets: int
    zero_windows: int
    retransmitted_segments: int
    retransmit_rate: float | None
    dropped_packets: int
    rtt_p50: float | None
    rtt_p95: float | None
    connect_p95: float | None
    cost_usd: float
    unpriced_bytes: int
    health: float


class MapNode(BaseModel):
    """An end with what its edges on the map add up to."""

    id: str
    kind: Kind
    name: str
    namespace: str
    zone: str
    node: str
    bytes_sent: int
    bytes_received: int
    cost_usd: float
    folded: int


class MapEdge(Measures):
    """Two ends; `paths` by name."""

    client: str
    server: str
    cross_zone_bytes: int
    paths: list[str]
    is_new: bool
    cost_usd_month: float


class MapTotals(BaseModel):
    """Of all, folded or not."""

    bytes: int
    edges: int
    nodes: int
    cost_usd: float


class MapFolded(BaseModel):
    """What is drawn as "others" instead of one by one."""

    nodes: int
    edges: int
    bytes: int
    sentence: str


class MapAnswer(Range):
    """GET /api/map"""

    ends: Grain
    nodes: list[MapNode]
    edges: list[MapEdge]
    totals: MapTotals
    folded: MapFolded | None


class Point(BaseModel):
    """One step of time."""

    time: int
    bytes_to_server: int
    bytes_to_client: int
    connections_attempted: int
    connections_failed: int
    connections_refused: int
    connections_timed_out: int
    connections_reset: int
    connections_unreachable: int
    connections_half_open: int
    connections_handshake_reset: int
    listen_overflows: int
    retransmitted_segments: int
    retransmit_rate: float | None
    resets: int
    dropped_packets: int
    rtt_p50: float | None
    rtt_p95: float | None
    connect_p95: float | None
    cost_usd: float


class ZonePair(BaseModel):
    """ "" is an unknown zone."""

    client_zone: str
    server_zone: str
    bytes: int
    cost_usd: float
    retransmit_rate: float | None


class PathShare(BaseModel):
    """`path` as on the map; `gateway` is what it goes through, "" if nothing."""

    path: str
    gateway: str
    bytes: int
    cost_usd: float


class PortShare(BaseModel):
    """Of the server."""

    protocol: str
    port: int
    bytes: int


class Peer(BaseModel):
    """Another end, and what it is to the one that was asked for."""

    id: str
    name: str
    role: Literal["client", "server"]
    bytes: int
    health: float


class PanelAnswer(Range):
    """GET /api/edge and GET /api/end; points are `step` seconds apart."""

    step: int
    now: Measures
    before: Measures | None
    last_week: Measures | None
    points: list[Point]
    drop_reasons: dict[str, int]
    zone_pairs: list[ZonePair]
    paths: list[PathShare]
    ports: list[PortShare]
    peers: list[Peer]


class TimelinePoint(BaseModel):
    """Sums of the step that begins at `time`."""

    time: int
    bytes: int
    connections_failed: int
    retransmitted_segments: int


class TimelineAnswer(Range):
    """GET /api/timeline; steps in which nothing was seen are left out."""

    step: int
    points: list[TimelinePoint]
