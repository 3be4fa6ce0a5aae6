"""A shop's cart that is in trouble with its database, as the map and the panels have it."""

from __future__ import annotations

from typing import Any

NOW = 1_790_000_000
SPAN = {"since": NOW - 900, "until": NOW, "seconds": 10}
CART = "workload:shop/cart"
DATABASE = "workload:shop/postgres-primary"


def measures(**given: Any) -> dict[str, Any]:
    """Measures of a busy edge, but for what is given."""
    return {
        "bytes_to_server": 48_312_004,
        "bytes_to_client": 912_442_118,
        "packets_to_server": 61_200,
        "packets_to_client": 702_113,
        "connections_attempted": 1840,
        "connections_established": 1803,
        "connections_failed": 37,
        "connections_refused": 0,
        "connections_timed_out": 31,
        "connections_reset": 6,
        "connections_unreachable": 0,
        "connections_half_open": 9,
        "connections_handshake_reset": 3,
        "listen_overflows": 4,
        "resets": 12,
        "zero_windows": 0,
        "retransmitted_segments": 31_300,
        "retransmit_rate": 0.041,
        "dropped_packets": 219,
        "rtt_p50": 431.0,
        "rtt_p95": 12_300.0,
        "connect_p95": 1_204_000.0,
        "cost_usd": 0.0021,
        "unpriced_bytes": 0,
        "health": 31.0,
    } | given


def panel(end: bool = False) -> dict[str, Any]:
    calm = measures(
        retransmit_rate=0.0002,
        rtt_p95=2_100.0,
        connections_failed=0,
        dropped_packets=0,
        health=100.0,
    )
    return SPAN | {
        "step": 10,
        "now": measures(),
        "before": calm,
        "last_week": None,
        "points": [_point(at) for at in range(90)],
        "drop_reasons": {"NETFILTER_DROP": 180, "TCP_RFC7323_PAWS": 39},
        "zone_pairs": [
            {
                "client_zone": "use1-az1",
                "server_zone": "use1-az2",
                "bytes": 700_000_000,
                "cost_usd": 0.0021,
                "retransmit_rate": 0.052,
            },
            {
                "client_zone": "use1-az2",
                "server_zone": "use1-az2",
                "bytes": 260_000_000,
                "cost_usd": 0,
                "retransmit_rate": 0.0001,
            },
        ],
        "paths": [{"path": "cross_zone", "gateway": "", "bytes": 700_000_000, "cost_usd": 0.0021}],
        "ports": [{"protocol": "tcp", "port": 5432, "bytes": 960_000_000}],
        "peers": [
            {
                "id": DATABASE,
                "name": "shop/postgres-primary",
                "role": "server",
                "bytes": 960_754_122,
                "health": 31.0,
            },
            {"id": "internet:", "name": "", "role": "client", "bytes": 4_310, "health": 100.0},
        ]
        if end
        else [],
    }


def _point(at: int) -> dict[str, Any]:
    late = at > 60
    return {
        "time": NOW - 900 + 10 * at,
        "bytes_to_server": 500_000 + 37_000 * (at % 7),
        "bytes_to_client": 9_000_000 + 410_000 * (at % 11),
        "connections_attempted": 20 + at % 3,
        "connections_failed": 2 if late else 0,
        "connections_refused": 0,
        "connections_timed_out": 2 if late else 0,
        "connections_reset": 0,
        "connections_unreachable": 0,
        "connections_half_open": 1 if late else 0,
        "connections_handshake_reset": 0,
        "listen_overflows": 0,
        "retransmitted_segments": 400 if late else 1,
        "retransmit_rate": 0.041 if late else 0.0002,
        "resets": at % 2,
        "dropped_packets": 7 if late else 0,
        "rtt_p50": 431.0 + at,
        "rtt_p95": 12_300.0 if late else 2_100.0,
        "connect_p95": 3_000.0,
        "cost_usd": 0.00002,
    }


def graph() -> dict[str, Any]:
    """The map of the cart and its database."""
    end = {
        "kind": "pod",
        "namespace": "shop",
        "zone": "use1-az1",
        "node": "",
        "cost_usd": 0.0021,
        "folded": 1,
        "bytes_sent": 48_312_004,
        "bytes_received": 912_442_118,
    }
    edge = {
        "client": CART,
        "server": DATABASE,
        "cross_zone_bytes": 700_000_000,
        "paths": ["cross_zone"],
        "is_new": False,
        "cost_usd_month": 184.2,
    }
    return SPAN | {
        "ends": "workload",
        "nodes": [
            end | {"id": CART, "name": "shop/cart"},
            end | {"id": DATABASE, "name": "shop/postgres-primary"},
        ],
        "edges": [edge | measures()],
        "totals": {"bytes": 960_754_122, "edges": 1, "nodes": 2, "cost_usd": 0.0021},
        "folded": None,
    }
