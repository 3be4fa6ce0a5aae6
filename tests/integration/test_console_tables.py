"""The console's tables, health, costs, changes and coverage against what plain SQL says."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver import Client
from fastapi.testclient import TestClient

from sql.client import connect
from sql.insert import insert
from sql.migrate import migrate
from sql.settings import ClickHouse
from tests.console import asking
from tests.integration.clickhouse import (
    embedded,
    flow,
    flows,
    free_port,
    insert_levels,
    ledger,
)

pytestmark = pytest.mark.integration

START = int(time.time()) // 60 * 60 - 600
RANGE = {"since": START, "until": START + 300}
OUTSIDE = {
    "server_namespace": "",
    "server_workload": "",
    "server_pod": "",
    "server_node": "",
    "server_zone": "",
    "server_service": "",
}
TRACKER = OUTSIDE | {"server_kind": "internet", "server_dns_name": "tracker.example.net"}
S3 = OUTSIDE | {"server_kind": "aws_service", "server_service": "S3", "server_region": "us-east-1"}
LABELS = {"client_labels": [("app", "cart"), ("team", "buying")]}
PACKETS = {"packets_to_server": 1000, "packets_to_client": 1000}


def rows() -> list[dict[str, Any]]:
    """Five minutes of three edges: one that begins to lose segments between two zones in the
    third, one to a tracker, and one to S3 that is there from the third on."""
    found = []
    for tenth in range(30):
        window = datetime.fromtimestamp(START + 10 * tenth, UTC)
        late = tenth >= 12
        connections = {"connections_attempted": 10, "connections_established": 10}
        again = {"retransmitted_segments": 80 if late else 0}
        found += [
            flow(
                window=window,
                bytes_to_server=100,
                cost_usd=Decimal("0.0001"),
                **PACKETS,
                **connections,
                **again,
            ),
            flow(
                window=window,
                bytes_to_client=7,
                server_zone="zone-a",
                server_pod="redis-2",
            ),
            flow(window=window, bytes_to_server=10_000, server_port=443, **PACKETS, **TRACKER),
        ]
        if late:
            found.append(
                flow(window=window, bytes_to_client=50_000, server_port=443, **PACKETS, **S3)
            )
    return [row | LABELS for row in found]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with embedded(tmp_path_factory.mktemp("clickhouse")) as there:
        migrate(there)
        with connect(there) as client:
            insert_levels(client, flows(*rows()), "rows")
            moment = datetime.fromtimestamp(START, UTC)
            told = {"kernel_bytes": 2_000_000, "lost_bytes": 500_000, "lost_records": 3}
            insert(client, "agent_ledger", ledger(time=moment, **told), "ledger")
        yield there


@pytest.fixture(scope="module")
def console(server: ClickHouse) -> TestClient:
    return asking(server)


@pytest.fixture
def client(server: ClickHouse) -> Iterator[Client]:
    with connect(server) as made:
        yield made


def get(console: TestClient, path: str, **parameters: Any) -> Any:
    answer = console.get(f"/api/{path}", params=RANGE | parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def column(answer: dict[str, Any], name: str) -> list[Any]:
    place = [one["name"] for one in answer["columns"]].index(name)
    return [row[place] for row in answer["rows"]]


def test_a_conversation_is_in_the_view_of_its_kind(console: TestClient) -> None:
    found = {view: get(console, f"flows/{view}") for view in ("cluster", "aws", "external")}
    assert column(found["cluster"], "server") == ["shop/redis"]
    assert column(found["aws"], "aws_service") == ["S3"]
    assert column(found["external"], "remote_name") == ["tracker.example.net"]
    assert column(found["cluster"], "bytes_to_server") == [3000]
    assert column(found["cluster"], "bytes_to_client") == [210]
    assert column(found["cluster"], "retransmit_rate") == [pytest.approx(18 * 80 / 60_000)]
    assert [one["total"] for one in found.values()] == [1, 1, 1]


def test_the_sql_of_a_table_gives_the_table(console: TestClient, client: Client) -> None:
    for view in ("cluster", "aws", "external"):
        answer = get(console, f"flows/{view}", search="shop", sort="rtt_p95", order="asc")
        pasted = client.query(answer["sql"])
        assert list(pasted.column_names) == [one["name"] for one in answer["columns"]]
        assert [list(row) for row in pasted.result_rows] == answer["rows"]
    ends = {"client": "workload:shop/cart", "server": "workload:shop/redis"}
    answer = get(console, "conversations", **ends)
    assert [list(row) for row in client.query(answer["sql"]).result_rows] == answer["rows"]


def test_pages_put_together_are_the_table(console: TestClient) -> None:
    ends = {"client": "workload:shop/cart", "server": "workload:shop/redis"}
    whole = get(console, "conversations", **ends)
    pages = [get(console, "conversations", **ends, limit=1, offset=offset) for offset in range(3)]
    assert [row for page in pages for row in page["rows"]] == whole["rows"]
    assert [page["total"] for page in pages] == [2, 2, 2]
    assert column(whole, "server_pod") == ["redis-1", "redis-2"]
    assert column(whole, "server_method") == ["pod_ip", "pod_ip"]


def test_a_table_is_to_be_had_as_csv(console: TestClient) -> None:
    answer = console.get("/api/flows/external", params=RANGE | {"format": "csv"})
    assert "attachment" in answer.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["remote_name"], row["bytes_to_server"], row["rtt_p95"]) == (
        "tracker.example.net", "300000", "",
    )  # fmt: skip


def test_filters_leave_what_has_one_of_their_values(console: TestClient) -> None:
    def servers(**given: Any) -> list[str]:
        return column(get(console, "flows/cluster", **given), "server")

    assert servers(zone=["zone-b", "zone-x"]) == ["shop/redis"]
    assert servers(zone="zone-x") == []
    assert servers(namespace="shop", kind="pod", search="REDIS") == ["shop/redis"]
    assert servers(label="app=cart") == ["shop/redis"]
    assert servers(label="app=checkout") == []


def test_the_worst_edge_comes_with_what_since_when_and_where(console: TestClient) -> None:
    answer = get(console, "health")
    began = datetime.fromtimestamp(START + 120, UTC)
    (edge,) = answer["edges"]
    assert (edge["client"], edge["server"]) == ("workload:shop/cart", "workload:shop/redis")
    assert edge["sentence"] == f"retransmits 2.4 %, began {began:%H:%M} UTC"
    assert edge["now"]["retransmitted_segments"] == 18 * 80
    assert answer["healthy_edges"] == 2


def test_a_live_panel_ends_where_the_data_does(console: TestClient) -> None:
    ends = {"client": "workload:shop/cart", "server": "workload:shop/redis"}
    live = console.get("/api/edge", params={"since": START - 3600, **ends}).json()
    assert live["step"] == 60
    assert live["points"][-1]["time"] == START + 240
    past = get(console, "edge", until=START + 600, **ends)
    assert past["points"][-1]["time"] == START + 590


def test_changes_against_the_time_before(console: TestClient) -> None:
    answer = get(console, "changes", since=START + 120, until=START + 240)
    found = {(one["change"], one["server"]): one for one in answer["changes"]}
    assert set(found) == {("new", "aws_service:S3")}
    assert found["new", "aws_service:S3"]["bytes"] == 12 * 50_000
    assert found["new", "aws_service:S3"]["first_seen"] == START + 120
    ever = get(console, "changes", since=START - 7200)
    assert ever["note"].startswith("Agents report since the hour of ")
    later = get(console, "changes", since=START + 300, until=START + 600)
    assert {one["change"] for one in later["changes"]} == {"vanished"}
    assert "no week before" in get(console, "changes", against="week")["note"]


def test_costs_add_up(console: TestClient, client: Client) -> None:
    answer = get(console, "costs")
    ((usd,),) = client.query("SELECT toFloat64(sum(cost_usd)) FROM edges").result_rows
    for by in ("by_path", "by_namespace", "by_pair"):
        assert sum(one["cost_usd"] for one in answer[by]) == pytest.approx(usd)
        assert sum(one["bytes"] for one in answer[by]) == 3000 + 210 + 300_000 + 18 * 50_000
    assert answer["month"]["so_far_usd"] == pytest.approx(usd)


def test_what_can_be_chosen_is_what_was_seen(console: TestClient) -> None:
    told = console.get("/api/status").json()
    assert told["clusters"] == ["c"]
    assert told["namespaces"] == ["shop"]
    assert told["zones"] == ["zone-a", "zone-b"]
    assert told["kinds"] == ["aws_service", "internet", "pod"]
    assert told["label_keys"] == ["app", "team"]
    assert told["newest"] == START + 290
    assert console.get("/api/labels?key=app").json() == {"key": "app", "values": ["cart"]}
    assert console.get("/api/labels?key=app&cluster=d").json()["values"] == []


def test_coverage_tells_what_is_missing(console: TestClient) -> None:
    answer = get(console, "coverage")
    assert answer["lost_bytes"] == 500_000
    assert answer["covered"] == pytest.approx(answer["table_bytes"] / 2_500_000)
    assert answer["nodes"][0]["node"] == "n1"


@pytest.mark.parametrize(
    ("path", "parameters", "said"),
    [
        ("flows/cluster", {"sort": "x"}, "sort 'x' is no column"),
        ("flows/cluster", {"limit": 0}, "limit: "),
        ("flows/moon", {}, "view: "),
        ("conversations", {"client": "pod:a/b"}, "server: "),
        ("health", {"range": "soon"}, "range 'soon' is not like 15m"),
        ("changes", {"against": "ever"}, "against: "),
    ],
)
def test_a_bad_parameter_is_told_in_a_sentence(
    console: TestClient, path: str, parameters: dict[str, Any], said: str
) -> None:
    answer = console.get(f"/api/{path}", params=parameters)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(said)


def test_without_clickhouse_it_says_so_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    with embedded(tmp_path / "tables", port) as there:
        migrate(there)
        console = asking(there)
        assert console.get("/api/coverage").status_code == 200
    away = console.get("/api/flows/cluster")
    assert away.status_code == 503
    assert "does not answer" in away.json()["detail"]
    with embedded(tmp_path / "tables", port):
        assert console.get("/api/flows/cluster").status_code == 200
