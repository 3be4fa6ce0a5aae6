"""What both rivals share: resolving a row, adding rows up, rows of flows_10s. Plain Python.

It runs in quixstreams' own environment too, so it imports nothing of flowatlas.
"""

from __future__ import annotations

import json
from functools import lru_cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

Row = dict[str, Any]

WINDOW = 10
CLUSTER = "default"
DISTRIBUTIONS = ("rtt", "connect_latency")
MAPS = {"rtt_histogram", "connect_latency_histogram", "drop_reasons"}
LEAST = {"rtt_min", "connect_latency_min"}
MOST = {"rtt_max", "connect_latency_max"}
ENDPOINT = ("kind", "namespace", "workload", "workload_kind", "pod", "node", "zone", "region")
DIMENSIONS = (
    "window",
    "node",
    "reporter",
    "protocol",
    "server_port",
    *(
        f"{side}_{name}"
        for side in ("client", "server")
        for name in (*ENDPOINT, "service", "address")
    ),
)


class Resolver:
    """Addresses to endpoints by kubectl's JSON and AWS's ip-ranges.json."""

    def __init__(self, inventory: str, ip_ranges: str) -> None:
        items = json.loads(Path(inventory).read_bytes())["items"]
        nodes = {item["metadata"]["name"]: item for item in items if item["kind"] == "Node"}
        self._known: dict[str, Row] = {}
        self._services: dict[str, str] = {}
        for item in items:
            if item["kind"] == "Pod":
                self._known[item["status"]["podIP"]] = _pod(item, nodes)
            elif item["kind"] == "Service":
                named = item["metadata"]
                self._services[item["spec"]["clusterIP"]] = f"{named['namespace']}/{named['name']}"
        self._prefixes = [
            (ip_network(entry["ip_prefix"]), entry["service"], entry["region"])
            for entry in json.loads(Path(ip_ranges).read_bytes())["prefixes"]
            if entry["service"] != "AMAZON"
        ]
        self._outside = lru_cache(100_000)(self._classify)

    def resolve(self, row: Row) -> Row:
        """The dimensions of a row."""
        server = row.get("backend_address") or row["server_address"]
        return {
            "cluster": CLUSTER,
            "role_certain": row["role_certain"],
            "window": row["interval_start"] // 1_000_000_000 // WINDOW * WINDOW,
            "node": row["node"],
            "reporter": row["reporter"],
            "protocol": row["protocol"],
            "server_port": row["server_port"],
            **_side("client", self._endpoint(row["client_address"]), row["client_address"], ""),
            **_side(
                "server", self._endpoint(server), server, self._services.get(row["server_address"])
            ),
        }

    def _endpoint(self, address: str) -> Row:
        return self._known.get(address) or self._outside(address)

    def _classify(self, text: str) -> Row:
        address = ip_address(text)
        for network, service, region in self._prefixes:
            if address in network:
                return {"kind": "aws_service", "service": service, "region": region}
        return {"kind": "on_prem" if address.is_private else "internet"}


def _pod(item: Row, nodes: dict[str, Row]) -> Row:
    meta, node = item["metadata"], nodes[item["spec"]["nodeName"]]["metadata"]
    return {
        "kind": "pod",
        "namespace": meta["namespace"],
        "workload": meta["ownerReferences"][0]["name"].rpartition("-")[0],
        "workload_kind": "Deployment",
        "pod": meta["name"],
        "node": node["name"],
        "zone": node["labels"]["topology.kubernetes.io/zone"],
        "region": node["labels"]["topology.kubernetes.io/region"],
    }


def _side(side: str, endpoint: Row, address: str, service: str | None) -> Row:
    found = {f"{side}_{name}": endpoint.get(name, "") for name in ENDPOINT}
    found[f"{side}_service"] = service or endpoint.get("service", "")
    found[f"{side}_address"] = address
    return found


def measures(row: Row) -> Row:
    """The first row of a sum."""
    return {"flow_rows": 1, **row["measures"]}


def add(total: Row, new: Row) -> Row:
    """Adds the measures of one more row, in place."""
    for name, value in new.items():
        if name in MAPS:
            counts = total.setdefault(name, {})
            for key, count in value.items():
                counts[key] = counts.get(key, 0) + count
        elif name in LEAST:
            total[name] = min(total.get(name, value), value)
        elif name in MOST:
            total[name] = max(total.get(name, value), value)
        else:
            total[name] = total.get(name, 0) + value
    return total


class Writer:
    """Inserts summed rows into flows_10s in blocks."""

    def __init__(self, client: Any, columns: list[str]) -> None:
        self._client = client
        self._columns = columns

    def insert(self, rows: list[Row]) -> None:
        if rows:
            values = [[self._value(row, column) for column in self._columns] for row in rows]
            self._client.insert("flows_10s", values, column_names=self._columns)

    @staticmethod
    def _value(row: Row, column: str) -> Any:
        if column in MAPS:
            keys = str if column == "drop_reasons" else int
            return {keys(key): count for key, count in row.get(column, {}).items()}
        if column in LEAST | MOST:
            return row.get(column)
        return row.get(column, 0)
