"""Costs of what passes the filters: the month, its tiers, and what to change."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_connect.driver import Client
from fastapi.testclient import TestClient

from sql.client import connect
from sql.settings import ClickHouse
from tests.console import asking
from tests.integration.clickhouse import flow, flows, insert_levels

pytestmark = pytest.mark.integration

NOW = int(time.time()) // 60 * 60
CROSS, INTERNET = 2, 8
GB = 2**30
OUTSIDE: dict[str, Any] = {
    "server_kind": "internet", "server_dns_name": "api.example.com", "server_namespace": "",
    "server_workload": "", "server_pod": "", "server_node": "", "server_zone": "",
    "path": INTERNET, "path_behind": INTERNET, "client_region": "us-east-1",
}  # fmt: skip
USD = {
    "blue": {"shop": 3, "bank": 5},
    "green": {"shop": 7, "bank": 11},
}
"""By cluster and namespace: to another zone. To the internet it is a tenth, for as many GiB."""


def of(cluster: str, namespace: str, usd: int) -> list[dict[str, Any]]:
    given: dict[str, Any] = {
        "window": datetime.fromtimestamp(NOW - 120, UTC), "cluster": cluster,
        "client_namespace": namespace, "client_labels": [("team", namespace)],
    }  # fmt: skip
    near = {"server_namespace": namespace, "path": CROSS, "path_behind": CROSS}
    return [
        flow(**given, **near, bytes_to_server=GB, cost_usd=Decimal(usd)),
        flow(**given | OUTSIDE, bytes_to_server=usd * GB, cost_usd=Decimal(usd) / 10),
    ]


@pytest.fixture(scope="module")
def client(server: ClickHouse) -> Iterator[Client]:
    with contextlib.closing(connect(server)) as client:
        for cluster, by_namespace in USD.items():
            rows = [row for one in by_namespace.items() for row in of(cluster, *one)]
            insert_levels(client, flows(*rows), cluster)
        client.command(
            "INSERT INTO internet_tiers (region, valid_from, bounds, usd, flat_usd, gb)"
            f" VALUES ('us-east-1', '2020-01-01', [10, 1e9], [0.09, 0.05], 0.09, {GB})"
        )
        yield client


@pytest.fixture(scope="module")
def console(server: ClickHouse, client: Client) -> TestClient:
    return asking(server)


def costs(console: TestClient, **filters: Any) -> dict[str, Any]:
    answer = console.get("/api/costs", params={"range": "1h"} | filters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


FILTERS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({}, [("blue", "shop"), ("blue", "bank"), ("green", "shop"), ("green", "bank")]),
    ({"cluster": "blue"}, [("blue", "shop"), ("blue", "bank")]),
    ({"namespace": "shop"}, [("blue", "shop"), ("green", "shop")]),
    ({"cluster": "green", "namespace": "bank"}, [("green", "bank")]),
    ({"label": "team=bank"}, [("blue", "bank"), ("green", "bank")]),
    ({"search": "blue/bank"}, [("blue", "bank")]),
]


@pytest.mark.parametrize(("filters", "left"), FILTERS, ids=str)
def test_the_month_and_what_to_save_are_of_what_passes_the_filters(
    console: TestClient, client: Client, filters: dict[str, Any], left: list[tuple[str, str]]
) -> None:
    found = costs(console, **filters)
    usd = sum(USD[cluster][namespace] for cluster, namespace in left)
    assert found["month"]["so_far_usd"] == pytest.approx(1.1 * usd)
    assert sum(one["cost_usd"] for one in found["by_path"]) == pytest.approx(1.1 * usd)
    ((flat, tiered, every),) = client.query(
        "SELECT sum(flat_usd), sum(tiered_usd), sum(bytes) FROM internet_months"
    ).result_rows
    share = usd * GB / every
    assert found["month"]["internet_flat_usd"] == pytest.approx(flat * share)
    assert found["month"]["internet_tiered_usd"] == pytest.approx(tiered * share)
    assert tiered < flat
    # Of one minute, at 43,800 minutes a month.
    months = {one["finding"]: 0.0 for one in found["savings"]}
    for one in found["savings"]:
        months[one["finding"]] += one["usd_a_month"]
    assert months == pytest.approx({"cross-zone": 43_800 * usd, "internet": 4_380 * usd})


@pytest.mark.parametrize(
    ("filters", "findings"),
    [
        ({"path": "internet"}, {"internet"}),
        ({"kind": "internet"}, {"internet"}),
        ({"zone": "zone-b"}, {"cross-zone"}),
        ({"search": "api.example"}, {"internet"}),
        ({"namespace": "nowhere"}, set()),
    ],
    ids=str,
)
def test_what_to_save_is_found_where_the_filters_look(
    console: TestClient, filters: dict[str, Any], findings: set[str]
) -> None:
    found = costs(console, **filters)
    assert {one["finding"] for one in found["savings"]} == findings
    whole = sum(sum(by_namespace.values()) for by_namespace in USD.values())
    shares = {"internet": 0.1 * whole, "cross-zone": whole}
    assert found["month"]["so_far_usd"] == pytest.approx(sum(shares[one] for one in findings))
    if not findings:
        assert found["month"]["forecast_usd"] == found["month"]["internet_tiered_usd"] == 0
