"""What the console's API might answer of a shop, for tests of the pages that need no server. Shapes
are those of sql/console/web/src/types.ts."""

from __future__ import annotations

from typing import Any

from tests.browser.shop import CART, DATABASE, NOW, SPAN, graph, measures, panel

SQL = "SELECT client, server, sum(bytes)\nFROM edges\nGROUP BY ALL"
LABELS = {"app": ["cart", "postgres"], "team": ["buying", "selling"]}
FLOWS = 137
"""Rows of the table of flows, so that there are three pages."""


def status(newest: int | None = NOW - 12) -> dict[str, Any]:
    return {
        "version": "0.0",
        "now": NOW,
        "newest": newest,
        "clusters": ["blue", "green"],
        "namespaces": ["kube-system", "payments", "shop"],
        "zones": ["use1-az1", "use1-az2"],
        "kinds": ["pod", "aws_service", "internet"],
        "paths": ["same_zone", "cross_zone", "nat>internet"],
        "label_keys": list(LABELS),
    }


def _column(name: str, title: str, unit: str = "") -> dict[str, Any]:
    return {"name": name, "title": title, "unit": unit, "sortable": not name.endswith("_id")}


def flows(parameters: dict[str, list[str]]) -> dict[str, Any]:
    """A page of FLOWS rows, in the order asked for."""
    offset, limit = int(parameters["offset"][0]), int(parameters["limit"][0])
    at = list(range(FLOWS))
    if parameters.get("order") == ["asc"]:
        at.reverse()
    rows = [
        [
            CART if n == 0 else f"workload:shop/front-end-{n}",
            DATABASE,
            "shop/cart" if n == 0 else f"shop/front-end-{n}",
            "shop/postgres-primary",
            (FLOWS - n) * 7_700_111,
            0.041 if n == 0 else 0.0,
            431.0,
            None if n % 5 == 3 else 12_300.0,
            0.0021,
            "cross_zone",
        ]
        for n in at[offset : offset + limit]
    ]
    return {
        "columns": [
            _column("client_id", ""),
            _column("server_id", ""),
            _column("client", "Client"),
            _column("server", "Server"),
            _column("bytes", "Bytes", "bytes"),
            _column("retransmit_rate", "Retransmits", "share"),
            _column("rtt_p50", "RTT p50", "us"),
            _column("rtt_p95", "RTT p95", "us"),
            _column("cost_usd", "Cost", "usd"),
            _column("path", "Path"),
        ],
        "rows": rows,
        "total": FLOWS,
        "sql": SQL,
    }


def conversations(_: dict[str, list[str]]) -> dict[str, Any]:
    return {
        "columns": [
            _column("client", "Client"),
            _column("client_method", "Found by"),
            _column("client_confidence", "Sure"),
            _column("server", "Server"),
            _column("port", "Port"),
            _column("bytes", "Bytes", "bytes"),
            _column("last", "Last", "time"),
        ],
        "rows": [
            [
                f"shop/cart-{n}",
                "pod_uid",
                "high",
                "shop/postgres-primary-0",
                "TCP 5432",
                4_000_000,
                NOW - n,
            ]
            for n in range(8)
        ],
        "total": 8,
        "sql": "SELECT 1",
    }


def health() -> dict[str, Any]:
    return SPAN | {
        "edges": [
            {
                "client": CART,
                "server": DATABASE,
                "health": 31.0,
                "now": measures(),
                "sentence": "retransmits 4.1 %, was 0.02 %, began 14:32, only use1-az1 → use1-az2",
            },
            {
                "client": CART,
                "server": "aws_service:SQS",
                "health": 72.0,
                "now": measures(),
                "sentence": "connect time p95 340 ms, was 12 ms",
            },
        ],
        "healthy_edges": 41,
    }


def costs() -> dict[str, Any]:
    priced = {"bytes": 960_754_122, "cost_usd": 0.0021, "cost_usd_month": 184.2}
    return SPAN | {
        "by_path": [{"path": "cross_zone"} | priced, {"path": "nat>internet"} | priced],
        "by_namespace": [{"namespace": "shop"} | priced],
        "by_pair": [{"client": CART, "server": DATABASE, "path": "cross_zone"} | priced],
        "month": {
            "begins": NOW - 86400 * 20,
            "so_far_usd": 312.4,
            "forecast_usd": 468.0,
            "internet_flat_usd": 98.1,
            "internet_tiered_usd": 90.2,
        },
        "savings": [
            {
                "finding": "cross-zone",
                "usd_a_month": 184.2,
                "change": "Turn on topology-aware routing for shop/postgres-primary.",
                "seen": "184.20 USD a month for 8.9 TiB between use1-az1 and use1-az2.",
                "evidence": "SELECT *\nFROM cost_reports\nWHERE client = 'shop/cart'",
            }
        ],
        "unpriced_bytes": 812_004,
    }


def changes(_: dict[str, list[str]]) -> dict[str, Any]:
    change = {"client": CART, "port": 443, "protocol": "tcp", "connections": 12}
    return SPAN | {
        "against": "before",
        "note": "",
        "changes": [
            change
            | {
                "change": "new",
                "server": "internet:pastebin.example",
                "bytes": 8_100_442,
                "bytes_before": 0,
                "first_seen": NOW - 300,
            },
            change
            | {
                "change": "grown",
                "server": DATABASE,
                "bytes": 960_754_122,
                "bytes_before": 90_110_000,
                "first_seen": None,
            },
            change
            | {
                "change": "vanished",
                "server": "aws_service:S3",
                "bytes": 0,
                "bytes_before": 44_000,
                "first_seen": None,
            },
        ],
    }


def coverage(covered: float = 0.9971) -> dict[str, Any]:
    total = 961_000_000_000
    node = {
        "cluster": "blue",
        "verdict": "lost, and accounted for",
        "covered": covered,
        "kernel_bytes": total,
        "table_bytes": int(total * covered),
        "lost_bytes": int(total * (1 - covered)),
        "dropped_bytes": 0,
        "missing_batches": 0,
        "repeated_batches": 2,
    }
    return {
        key: node[key] for key in node if key.endswith(("bytes", "covered", "missing_batches"))
    } | {"nodes": [node | {"node": "ip-10-0-0-1"}]}


def answers() -> dict[str, Any]:
    """By name of resource, as tests.browser.chromium.serve takes them."""
    tables = {f"flows/{name}": flows for name in ("cluster", "aws", "external")}
    return tables | {
        "status": lambda _: status(),
        "labels": lambda asked: {"key": asked["key"][0], "values": LABELS[asked["key"][0]]},
        "map": lambda _: graph(),
        "edge": lambda _: panel(),
        "timeline": lambda _: SPAN | {"points": []},
        "end": lambda _: panel(end=True),
        "conversations": conversations,
        "health": lambda _: health(),
        "costs": lambda _: costs(),
        "changes": changes,
        "coverage": lambda _: coverage(),
    }
