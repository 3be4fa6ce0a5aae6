"""The columns that are inserted, per table, in the tables' order: the one list of them in Python.

Arrow types are those in which ClickHouse takes the columns over without loss: Enum8 by value,
IPv6 as 16 bytes in network order (IPv4 mapped), histograms and reasons as sparse maps to counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from sql import ends, workloads

SIDES = ("client", "server")
ENDPOINT = (
    "kind",
    "namespace",
    "workload",
    "workload_kind",
    "pod",
    "node",
    "zone",
    "region",
    "service",
    "method",
    "zone_id",
    "confidence",
    "dns_name",
)
CODES = {"confidence"}
"""Of ENDPOINT, those that are numbers of an Enum8; the others are words."""
PATH = ("path", "path_behind", "gateway")
MONEY = ("cost_usd", "cost_far_usd")
DOLLARS = pa.decimal128(38, 12)
POD_GRAIN = ("pod", "address")
NODE_GRAIN = (*POD_GRAIN, "node", "method", "confidence")
COUNTERS = (
    "bytes_to_server",
    "bytes_to_client",
    "packets_to_server",
    "packets_to_client",
    "connections_attempted",
    "connections_established",
    "connections_closed",
    "connections_refused",
    "connections_timed_out",
    "connections_reset",
    "retransmitted_segments",
    "retransmitted_bytes",
    "retransmission_timeouts",
    "resets_sent",
    "resets_received",
)
COUNTERS_SINCE_2 = (
    "connections_unreachable",
    "connections_handshake_reset",
    "connections_half_open",
    "listen_overflows",
    "retransmitted_syns",
    "zero_windows_sent",
    "zero_windows_received",
    "out_of_order_segments",
    "dropped_packets",
    "datagram_errors",
)
DISTRIBUTIONS = ("connect_latency", "rtt")
LEDGER = (
    "kernel_records",
    "kernel_bytes",
    "lost_records",
    "lost_bytes",
    "storage_failures",
    "agent_records",
    "agent_bytes",
    "shipped_rows",
    "shipped_bytes",
    "sampling",
    "dropped_rows",
    "dropped_bytes",
)


def _endpoint(side: str) -> list[pa.Field]:
    kinds = {name: pa.int8() if name in CODES else pa.string() for name in ENDPOINT}
    columns = kinds | {"address": pa.binary(16)}
    return _required({f"{side}_{name}": kind for name, kind in columns.items()})


def _distribution(name: str) -> list[pa.Field]:
    return [
        pa.field(f"{name}_count", pa.uint64(), nullable=False),
        pa.field(f"{name}_sum", pa.uint64(), nullable=False),
        pa.field(f"{name}_min", pa.uint32()),
        pa.field(f"{name}_max", pa.uint32()),
        pa.field(f"{name}_histogram", pa.map_(pa.uint8(), pa.uint64()), nullable=False),
    ]


def _measure(name: str) -> pa.Field:
    """Of workloads or ends: its type follows from its name."""
    if name.endswith(("_min", "_max")):
        return pa.field(name, pa.uint32())
    kinds = {
        "histogram": pa.map_(pa.uint8(), pa.uint64()),
        "reasons": pa.map_(pa.string(), pa.uint64()),
        "usd": DOLLARS,
    }
    return pa.field(name, kinds.get(name.rpartition("_")[2], pa.uint64()), nullable=False)


def _required(columns: dict[str, pa.DataType]) -> list[pa.Field]:
    return [pa.field(name, kind, nullable=False) for name, kind in columns.items()]


FLOWS = pa.schema(
    [
        *_required(
            {
                "window": pa.timestamp("s", tz="UTC"),
                "cluster": pa.string(),
                "node": pa.string(),
                "reporter": pa.int8(),
                "role_certain": pa.bool_(),
                "protocol": pa.int8(),
                "server_port": pa.uint16(),
            }
        ),
        *(field for side in SIDES for field in _endpoint(side)),
        *_required({"path": pa.int8(), "path_behind": pa.int8(), "gateway": pa.string()}),
        *_required({name: pa.uint64() for name in ("flow_rows", *COUNTERS)}),
        *(field for name in DISTRIBUTIONS for field in _distribution(name)),
        *_required({name: pa.uint64() for name in COUNTERS_SINCE_2}),
        *_required({"drop_reasons": pa.map_(pa.string(), pa.uint64())}),
        *_required({f"{side}_labels": pa.map_(pa.string(), pa.string()) for side in SIDES}),
        *_required({**dict.fromkeys(MONEY, DOLLARS), "unpriced_bytes": pa.uint64()}),
    ]
)
"""flows_10s and flows_1m."""

DIMENSIONS = tuple(FLOWS.names[: FLOWS.names.index("flow_rows")])
"""What rows are told apart by; the rest are measures, which add up, and labels, of which those of
any row stand for all."""


@dataclass(frozen=True)
class Rollup:
    """Windows of `seconds`, without the dimensions `without`, of the level before it."""

    seconds: int
    without: tuple[str, ...] = ()
    of: pa.Schema = FLOWS

    @property
    def schema(self) -> pa.Schema:
        """The columns to insert."""
        return pa.schema([field for field in self.of if field.name not in self.without])


ROLLUPS = {
    "flows_1m": Rollup(60),
    "flows_1h": Rollup(3600, tuple(f"{side}_{what}" for side in SIDES for what in POD_GRAIN)),
}
"""The levels above flows_10s, finest first: whoever inserts into it inserts into these as well."""

WORKLOADS = pa.schema(
    [
        *(
            field
            for field in FLOWS
            if field.name in DIMENSIONS
            and field.name not in ("node", "reporter", "role_certain")
            and field.name.partition("_")[2] not in NODE_GRAIN
        ),
        *(_measure(name) for name in workloads.MEASURES),
        *(FLOWS.field(f"{side}_labels") for side in SIDES),
    ]
)
"""Both reports of a conversation in one row, by workloads: see sql.workloads."""

WORKLOAD_LEVELS = {
    "workloads_1m": Rollup(60, of=WORKLOADS),
    "workloads_10m": Rollup(600, of=WORKLOADS),
    "workloads_1h": Rollup(3600, of=WORKLOADS),
}
"""Finest first: whoever inserts into flows_1m inserts into these as well."""

UNCLAIMED = pa.schema(
    [
        pa.field("seconds", pa.uint16(), nullable=False),
        *(
            field
            for field in WORKLOADS
            if field.name in workloads.UNCLAIMED or field.name not in workloads.MEASURES
        ),
        FLOWS.field("node"),
    ]
)
"""What counts besides of nodes without an agent: all of it by the minute, and again by the hour."""

ENDS = pa.schema(
    [
        *(FLOWS.field(name) for name in ("window", "cluster", "node")),
        *_required(dict.fromkeys(ends.DIMENSIONS, pa.string())),
        *(_measure(name) for name in ends.MEASURES),
    ]
)
"""Each report as its own end's: see sql.ends."""

END_LEVELS = {"ends_1m": Rollup(60, of=ENDS), "ends_1h": Rollup(3600, of=ENDS)}
"""The same of these."""

LEVELS = ("flows_10s", *ROLLUPS, *WORKLOAD_LEVELS, *END_LEVELS)
"""Every table that holds the traffic, each in its own way."""

AGENT_LEDGER = pa.schema(
    _required(
        {
            "time": pa.timestamp("ms", tz="UTC"),
            "cluster": pa.string(),
            "node": pa.string(),
            "agent": pa.string(),
            "sequence": pa.uint64(),
            **{name: pa.uint64() for name in LEDGER},
            "stream_rows": pa.uint64(),
            "stream_bytes": pa.uint64(),
            "newest": pa.timestamp("ms", tz="UTC"),
        }
    )
)

REPEATED_BATCHES = pa.schema(
    _required(
        {
            "time": pa.timestamp("ms", tz="UTC"),
            "cluster": pa.string(),
            "node": pa.string(),
            "agent": pa.string(),
            "sequence": pa.uint64(),
            "topic": pa.string(),
            "partition": pa.uint32(),
            "offset": pa.uint64(),
        }
    )
)

OFFSET_RANGES = pa.schema(
    _required(
        {
            "consumer_group": pa.string(),
            "topic": pa.string(),
            "partition": pa.uint32(),
            "first_offset": pa.uint64(),
            "last_offset": pa.uint64(),
            "dead_offsets": pa.list_(pa.uint64()),
            "recorded_at": pa.timestamp("ms", tz="UTC"),
        }
    )
)

INTERNET_TIERS = pa.schema(
    _required(
        {
            "region": pa.string(),
            "valid_from": pa.date32(),
            "bounds": pa.list_(pa.float64()),
            "usd": pa.list_(pa.float64()),
            "flat_usd": pa.float64(),
            "gb": pa.uint64(),
            "recorded_at": pa.timestamp("ms", tz="UTC"),
        }
    )
)

TABLES = {
    "flows_10s": FLOWS,
    **{table: rollup.schema for table, rollup in ROLLUPS.items()},
    **{table: rollup.schema for table, rollup in (WORKLOAD_LEVELS | END_LEVELS).items()},
    "unclaimed": UNCLAIMED,
    "agent_ledger": AGENT_LEDGER,
    "repeated_batches": REPEATED_BATCHES,
    "offset_ranges": OFFSET_RANGES,
    "internet_tiers": INTERNET_TIERS,
}
