"""Every metric of the bridge: what it exports of the traffic, and what it says of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from sql.bridge.counters import Pair, Totals

PAIR = (
    "cluster",
    "client_kind",
    "client_namespace",
    "client_workload",
    "server_kind",
    "server_namespace",
    "server_workload",
)


@dataclass(frozen=True)
class Measure:
    """A counter, and the places of its values in totals.sql by the value of its own label."""

    name: str
    about: str
    label: str
    places: Mapping[str, int]


DIRECTIONS = ("to_server", "to_client")


def _both_ways(name: str, about: str, first: int) -> Measure:
    places = {direction: first + place for place, direction in enumerate(DIRECTIONS)}
    return Measure(name, about, "direction", places)


COUNTERS = (
    _both_ways("flowatlas_traffic_bytes", "Application bytes moved.", 0),
    _both_ways("flowatlas_traffic_packets", "TCP segments and UDP datagrams moved.", 2),
    Measure("flowatlas_connections_attempted", "Connections that clients tried.", "", {"": 4}),
    Measure("flowatlas_connections_established", "Handshakes completed.", "", {"": 5}),
    Measure(
        "flowatlas_connections_failed",
        "Connections refused, not answered, unreachable, or broken off by a reset.",
        "cause",
        {"refused": 6, "timed_out": 7, "reset": 8, "unreachable": 19},
    ),
    Measure(
        "flowatlas_handshakes_failed",
        "Handshakes that servers saw begin and not end, the other side of what clients report.",
        "cause",
        {"reset": 20, "half_open": 21, "listen_overflow": 22},
    ),
    _both_ways("flowatlas_retransmitted_segments", "TCP segments sent again.", 9),
    _both_ways("flowatlas_retransmission_timeouts", "TCP retransmission timers expired.", 11),
    _both_ways("flowatlas_resets", "TCP resets sent.", 13),
    _both_ways("flowatlas_zero_windows", "Times that an end told it has no room to receive.", 23),
    Measure(
        "flowatlas_dropped_packets",
        "Packets that the kernel of an end's host dropped.",
        "end",
        {"client": 25, "server": 26},
    ),
)
SUMMARIES = {
    "flowatlas_connect_latency_seconds": ("Time to establish a connection.", 15),
    "flowatlas_rtt_seconds": ("Round trips, as either end's TCP measured them.", 17),
}
WIDTH = 27
"""Values that totals.sql sums for each pair."""


class Traffic(Collector):
    """Serves the last snapshot; a scrape changes nothing, so any number may scrape."""

    def __init__(self) -> None:
        self.values: dict[Pair, Totals] = {}

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: registering must not need a snapshot."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """All series of one and the same snapshot."""
        values = self.values
        yield from (_counter(measure, values) for measure in COUNTERS)
        for name, (about, place) in SUMMARIES.items():
            family = SummaryMetricFamily(name, about, labels=PAIR)
            for pair, totals in values.items():
                count, microseconds = totals[place : place + 2].tolist()
                family.add_metric(pair, count_value=count, sum_value=microseconds / 1e6)
            yield family


def _counter(measure: Measure, values: Mapping[Pair, Totals]) -> CounterMetricFamily:
    own = (measure.label,) if measure.label else ()
    family = CounterMetricFamily(measure.name, measure.about, labels=(*PAIR, *own))
    for pair, totals in values.items():
        for label, place in measure.places.items():
            family.add_metric((*pair, label) if own else pair, int(totals[place]))
    return family


class Metrics:
    """One registry with everything, ready to be served."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.traffic = Traffic()
        self.registry.register(self.traffic)
        self.up = Gauge(
            "flowatlas_bridge_up", "1: the last refresh worked.", registry=self.registry
        )
        self.refreshes = Counter(
            "flowatlas_bridge_refreshes", "Refreshes from ClickHouse.", registry=self.registry
        )
        self.failures = Counter(
            "flowatlas_bridge_refresh_failures",
            "Refreshes that failed; the last values stay.",
            registry=self.registry,
        )
        self.duration = Gauge(
            "flowatlas_bridge_refresh_duration_seconds",
            "How long the last refresh took.",
            registry=self.registry,
        )
        self.refreshed_at = Gauge(
            "flowatlas_bridge_last_refresh_timestamp_seconds",
            "When a refresh last worked.",
            registry=self.registry,
        )
        self.series = Gauge(
            "flowatlas_bridge_pairs", "Workload pairs with own series.", registry=self.registry
        )
        self.known = Gauge(
            "flowatlas_bridge_known_pairs",
            "Workload pairs there are, those in `other` included.",
            registry=self.registry,
        )
