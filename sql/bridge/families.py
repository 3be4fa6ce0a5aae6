"""What the bridge exports of the traffic: groups of metrics that share a query and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

NANO = 1_000_000_000
BUCKETS = 24
"""Of the histograms in the tables: bucket b holds samples of 2^(b+4) up to 2^(b+5) microseconds."""
SERVED = range(2, 19)
"""Those that are bounds of Prometheus's histograms, 128 µs to 8.4 s; what lies below and above
goes into the first and the last."""


@dataclass(frozen=True)
class Counter:
    """A counter, and how many values of the query's columns it takes: one, or one for each value
    of a label of its own. The query tells money in billionths."""

    name: str
    about: str
    label: str = ""
    values: tuple[str, ...] = ("",)
    unit: str = ""
    divisor: int = 1

    @property
    def width(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Histogram:
    """A histogram in seconds; takes count, sum in microseconds, and the buckets."""

    name: str
    about: str
    unit: str = "seconds"
    width: int = 2 + BUCKETS


@dataclass(frozen=True)
class Group:
    """Metrics by `labels`, in the order of the columns of `query`, which is a file beside this one.

    `setting` says which setting bounds its series."""

    name: str
    labels: tuple[str, ...]
    families: tuple[Counter | Histogram, ...]
    setting: str
    places: Mapping[str, int] = field(init=False)
    """Where in a series' values those of a family begin."""
    width: int = field(init=False)

    def __post_init__(self) -> None:
        ends = [0]
        for family in self.families:
            ends.append(ends[-1] + family.width)
        starts = zip(self.families, pairwise(ends), strict=True)
        object.__setattr__(self, "places", {family.name: start for family, (start, _) in starts})
        object.__setattr__(self, "width", ends[-1])

    @property
    def query(self) -> str:
        return f"{self.name}.sql"


WAYS = ("to_server", "to_client")
SENT = ("sent", "received")
CAUSES = ("refused", "timed_out", "reset", "unreachable")
HANDSHAKES = ("reset", "half_open", "listen_overflow")


def _cost(name: str, about: str) -> Counter:
    return Counter(name, about, unit="usd", divisor=NANO)


PAIRS = Group(
    "pairs",
    (
        "cluster",
        "client_kind",
        "client_namespace",
        "client_workload",
        "server_kind",
        "server_namespace",
        "server_workload",
    ),
    (
        Counter(
            "flowatlas_traffic_bytes", "Application bytes moved.", "direction", WAYS, unit="bytes"
        ),
        Counter(
            "flowatlas_traffic_packets", "TCP segments and UDP datagrams moved.", "direction", WAYS
        ),
        Counter("flowatlas_connections_attempted", "Connections that clients tried."),
        Counter("flowatlas_connections_established", "Handshakes completed."),
        Counter(
            "flowatlas_connections_failed",
            "Connections refused, not answered, unreachable, or broken off by a reset.",
            "cause",
            CAUSES,
        ),
        Counter(
            "flowatlas_handshakes_failed",
            "Handshakes that servers saw begin and not end, the other side of what clients report.",
            "cause",
            HANDSHAKES,
        ),
        Counter("flowatlas_retransmitted_segments", "TCP segments sent again.", "direction", WAYS),
        Counter(
            "flowatlas_retransmission_timeouts",
            "TCP retransmission timers expired.",
            "direction",
            WAYS,
        ),
        Counter("flowatlas_resets", "TCP resets sent.", "direction", WAYS),
        Counter(
            "flowatlas_zero_windows",
            "Times that an end told it has no room to receive.",
            "direction",
            WAYS,
        ),
        Counter(
            "flowatlas_dropped_packets",
            "Packets that the kernel of an end's host dropped.",
            "end",
            ("client", "server"),
        ),
        _cost("flowatlas_cost_usd", "What AWS charges for the traffic."),
        Counter("flowatlas_unpriced_bytes", "Bytes whose charges are not all known.", unit="bytes"),
        Histogram("flowatlas_connect_latency_seconds", "Time to establish a connection."),
        Histogram("flowatlas_rtt_seconds", "Round trips, as either end's TCP measured them."),
    ),
    "series",
)
NODES = Group(
    "nodes",
    ("cluster", "node"),
    (
        Counter(
            "flowatlas_node_traffic_bytes",
            "Application bytes of the node's sockets.",
            "direction",
            SENT,
            unit="bytes",
        ),
        Counter(
            "flowatlas_node_traffic_packets",
            "TCP segments and UDP datagrams of the node's sockets.",
            "direction",
            SENT,
        ),
        Counter("flowatlas_node_attempts", "Connections that clients on the node tried."),
        Counter("flowatlas_node_connections", "Handshakes completed by an end on the node."),
        Counter(
            "flowatlas_node_connections_failed",
            "Connections of the node refused, not answered, unreachable, or broken off by a reset.",
            "cause",
            CAUSES,
        ),
        Counter(
            "flowatlas_node_handshakes_failed",
            "Handshakes that servers on the node saw begin and not end.",
            "cause",
            HANDSHAKES,
        ),
        Counter("flowatlas_node_segments_retransmitted", "TCP segments that the node sent again."),
        Counter("flowatlas_node_timeouts", "TCP retransmission timers expired on the node."),
        Counter("flowatlas_node_resets", "TCP resets.", "direction", SENT),
        Counter(
            "flowatlas_node_zero_windows",
            "Times that an end on the node told, or was told, that there is no room to receive.",
            "direction",
            SENT,
        ),
        Counter("flowatlas_node_packets_dropped", "Packets that the node's kernel dropped."),
        _cost("flowatlas_node_cost_usd", "What AWS charges this end of the traffic for."),
        Counter(
            "flowatlas_node_unpriced_bytes",
            "Bytes whose charges are not all known.",
            unit="bytes",
        ),
        Histogram("flowatlas_node_connect_latency_seconds", "Time to establish a connection."),
        Histogram(
            "flowatlas_node_round_trip_seconds", "Round trips, as TCP on the node measured them."
        ),
    ),
    "node_series",
)
LEDGERS = Group(
    "ledgers",
    ("cluster", "node"),
    (
        Counter(
            "flowatlas_ledger_kernel_bytes",
            "Application bytes that the kernel counted, those that it lost included.",
            unit="bytes",
        ),
        Counter(
            "flowatlas_ledger_lost_bytes", "Bytes of them that the ring buffer lost.", unit="bytes"
        ),
        Counter(
            "flowatlas_ledger_dropped_bytes", "Bytes of them that a full spool lost.", unit="bytes"
        ),
        Counter(
            "flowatlas_ledger_stored_bytes", "Bytes of them that are in the tables.", unit="bytes"
        ),
        Counter("flowatlas_ledger_batches", "Batches of the node's agents in the tables."),
        Counter("flowatlas_ledger_missing_batches", "Batches that were passed over."),
    ),
    "node_series",
)
PATHS = Group(
    "paths",
    ("cluster", "client_namespace", "path", "path_behind"),
    (
        Counter(
            "flowatlas_path_bytes",
            "Application bytes moved, by the way that they took.",
            "direction",
            WAYS,
            unit="bytes",
        ),
        _cost("flowatlas_path_cost_usd", "What AWS charges for the traffic of a path."),
        Counter(
            "flowatlas_path_unpriced_bytes",
            "Bytes whose charges are not all known.",
            unit="bytes",
        ),
    ),
    "path_series",
)
DESTINATIONS = Group(
    "destinations",
    ("cluster", "client_namespace", "client_workload", "destination"),
    (
        Counter(
            "flowatlas_internet_bytes",
            "Application bytes to and from destinations on the internet, by the name asked for.",
            "direction",
            WAYS,
            unit="bytes",
        ),
        Counter("flowatlas_internet_connections", "Connections established with them."),
        _cost("flowatlas_internet_cost_usd", "What AWS charges for the traffic with them."),
    ),
    "destination_series",
)
GROUPS = (PAIRS, NODES, LEDGERS, PATHS, DESTINATIONS)
