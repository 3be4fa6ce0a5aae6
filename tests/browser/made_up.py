"""Answers of the console's API, made up: as large as asked for, the same for the same seed."""

from __future__ import annotations

import random
from typing import Any

UNTIL = 1_790_000_000
SECONDS = 900
NAMESPACES = ("shop", "payments", "search", "media", "kube-system", "monitoring", "data", "edge")
OUTSIDE = (
    ("aws_service", "S3"),
    ("aws_service", "DynamoDB"),
    ("aws_service", "SQS"),
    ("internet", "api.example.com"),
    ("internet", ""),
    ("on_prem", ""),
)


def map_answer(workloads: int, edges: int, seed: int = 7) -> dict[str, Any]:
    """A MapAnswer of so many workloads and edges, beside some ends outside the cluster."""
    chance = random.Random(seed)
    nodes = [_workload(at, chance) for at in range(workloads)] + [
        _node(f"{kind}:{name}", kind, name or kind, "", chance) for kind, name in OUTSIDE
    ]
    pairs: set[tuple[str, str]] = set()
    while len(pairs) < edges:
        client, server = chance.choice(nodes[:workloads]), chance.choice(nodes)
        if client["namespace"] == server["namespace"] or chance.random() < 0.4:
            pairs.add((client["id"], server["id"]))
    drawn = [edge(client, server, chance) for client, server in sorted(pairs)]
    _sum_up(nodes, drawn)
    return answer(nodes, drawn)


def answer(nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> dict[str, Any]:
    """The MapAnswer of such ends and edges, nothing folded."""
    return {
        "since": UNTIL - SECONDS,
        "until": UNTIL,
        "seconds": 10,
        "ends": "workload",
        "nodes": nodes,
        "edges": edges,
        "totals": {
            "bytes": sum(one["bytes_to_server"] + one["bytes_to_client"] for one in edges),
            "edges": len(edges),
            "nodes": len(nodes),
            "cost_usd": sum(one["cost_usd"] for one in edges),
        },
        "folded": None,
    }


def timeline(points: int = 360) -> dict[str, Any]:
    """A TimelineAnswer of six hours, in steps of a minute, connections failing in one of fifty."""
    chance = random.Random(3)
    since = UNTIL - points * 60
    return {
        "since": since,
        "until": UNTIL,
        "seconds": 60,
        "step": 60,
        "points": [
            {
                "time": since + at * 60,
                "bytes": int(6e9 + 4e9 * chance.random()),
                "connections_failed": at % 50 == 0,
                "retransmitted_segments": chance.randrange(100),
            }
            for at in range(points)
        ],
    }


def edge(client: str, server: str, chance: random.Random) -> dict[str, Any]:
    """A MapEdge; one in thirty is in trouble."""
    sent, received = (int(10 ** chance.uniform(3, 10)) for _ in range(2))
    attempted = chance.randrange(1, 5000)
    sick = chance.random() < 1 / 30
    failed = int(attempted * chance.uniform(0.02, 0.3)) if sick else 0
    packets = (sent + received) // 800 + 1
    again = int(packets * chance.uniform(0.01, 0.08)) if sick else 0
    cost = sent / 1e9 * 0.02
    return {
        "client": client,
        "server": server,
        "bytes_to_server": sent,
        "bytes_to_client": received,
        "packets_to_server": packets // 2,
        "packets_to_client": packets - packets // 2,
        "connections_attempted": attempted,
        "connections_established": attempted - failed,
        "connections_failed": failed,
        "connections_refused": failed,
        "connections_timed_out": 0,
        "connections_reset": 0,
        "connections_unreachable": 0,
        "connections_half_open": 0,
        "connections_handshake_reset": 0,
        "listen_overflows": 0,
        "resets": failed,
        "zero_windows": 0,
        "retransmitted_segments": again,
        "retransmit_rate": again / packets,
        "dropped_packets": 0,
        "rtt_p50": chance.uniform(50, 800),
        "rtt_p95": 10 ** chance.uniform(2, 5.2),
        "connect_p95": chance.uniform(100, 5000),
        "cost_usd": cost,
        "unpriced_bytes": 0,
        "health": round(chance.uniform(20, 80) if sick else chance.uniform(90, 100), 1),
        "cross_zone_bytes": sent + received if chance.random() < 0.3 else 0,
        "paths": ["same_zone"],
        "is_new": chance.random() < 0.01,
        "cost_usd_month": cost * 2880,
    }


def _workload(at: int, chance: random.Random) -> dict[str, Any]:
    namespace = NAMESPACES[min(int(chance.expovariate(0.4)), len(NAMESPACES) - 1)]
    name = f"{namespace}/service-{at}"
    return _node(f"workload:{name}", "pod", name, namespace, chance)


def _node(id_: str, kind: str, name: str, namespace: str, chance: random.Random) -> dict[str, Any]:
    outside = namespace == ""
    return {
        "id": id_,
        "kind": kind,
        "name": name,
        "namespace": namespace,
        "zone": "" if outside else chance.choice(("use1-az1", "use1-az2", "use1-az4")),
        "node": "" if outside else f"ip-10-0-0-{chance.randrange(20)}",
        "bytes_sent": 0,
        "bytes_received": 0,
        "cost_usd": 0.0,
        "folded": 1,
    }


def _sum_up(nodes: list[dict[str, Any]], edges: list[dict[str, Any]]) -> None:
    of = {node["id"]: node for node in nodes}
    for one in edges:
        client, server = of[one["client"]], of[one["server"]]
        client["bytes_sent"] += one["bytes_to_server"]
        client["bytes_received"] += one["bytes_to_client"]
        server["bytes_sent"] += one["bytes_to_client"]
        server["bytes_received"] += one["bytes_to_server"]
        client["cost_usd"] += one["cost_usd"]
