"""What tables and views say that traffic cost, from batches on: AWS's bill, whoever reports."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from clickhouse_connect.driver import Client

from agent import wire
from sql import ask
from sql.client import connect
from sql.insert import insert
from sql.migrate import migrate
from sql.schema import ROLLUPS
from stream.columns import Rows, join
from stream.endpoints import Endpoint, Endpoints
from stream.heard import Heard
from stream.network import file
from stream.places import End
from stream.price import tiered
from stream.price_book import builtin
from stream.resolve import Ends
from stream.rollup import levels
from stream.settings import Settings
from stream.store import Store
from stream.tariff import Tariff, of
from stream.windows import aggregate
from tests.integration.clickhouse import embedded, empty, flow, flows, insert_levels
from tests.unit.account import NETWORK
from tests.unit.stream_batches import SECOND, batch
from tests.unit.test_price_examples import CASES, ENDS, GB, Case, cases

pytestmark = pytest.mark.integration

EXAMPLES = cases(CASES)
REPORTED = ("flows_10s", *ROLLUPS)
IN_CLUSTER = {"pod", "node"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with embedded(tmp_path_factory.mktemp("clickhouse")) as there:
        migrate(there)
        with connect(there) as client:
            yield client


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("account") / "network.json"
    path.write_text(file.dump(NETWORK))
    return str(path)


class Known:
    """The examples' endpoints, as if resolved; an example is told by the port of its server."""

    def __init__(self, examples: Sequence[Case]) -> None:
        self.endpoints = Endpoints()
        added = [
            (self._add(ENDS[case.client], f"c{n}"), self._add(ENDS[case.server], f"s{n}"))
            for n, case in enumerate(examples)
        ]
        self._ids = np.array(added, np.int64)

    def _add(self, end: End, name: str) -> int:
        inside = end.kind in IN_CLUSTER
        node, region = (name, "us-east-1") if inside else ("", end.region)
        found = Endpoint(
            *(end.address, end.kind, "", name, "", name, node),
            zone=end.zone,
            zone_id=end.zone_id,
            region=region,
            service=end.service,
            host=end.host,
        )
        return self.endpoints.add(found)

    def forget_if_full(self) -> None:
        """They are few."""

    def resolve(self, rows: Rows) -> Ends:
        ports = rows.numbers("server_port")
        client, server = self._ids[ports].T
        return Ends(client, server, ports)


def reports(examples: Sequence[Case]) -> list[wire.Batch]:
    """Each end's agent sends half of the bytes in each of two minutes."""
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    start = int(this_hour.timestamp()) * SECOND
    found = []
    for number, case in enumerate(examples):
        ends = ["client", "server"] if case.reports == "both" else [case.reports]
        for end in ends:
            row: dict[str, Any] = {
                "server_port": number,
                "reporter": 1 if end == "client" else 2,
                "bytes_to_server": int(case.to_server * GB) // 2,
                "bytes_to_client": int(case.to_client * GB) // 2,
            }
            rows = [row | {"interval_start": start + s * SECOND} for s in (0, 60)]
            found.append(batch(rows, node=f"{end[0]}{number}"))
    return found


def put(client: Client, by: Tariff, examples: Sequence[Case], token: str) -> None:
    known = Known(examples)
    windows = aggregate(join(reports(examples)), known, 10)  # type: ignore[arg-type]
    priced = by.price(windows, known.endpoints)
    heard = Heard(Store(client), "shop")
    for table, rows in levels(priced, known.endpoints, "shop", heard.silent).items():
        insert(client, table, rows, token)
    insert(client, "internet_tiers", by.tiers(), f"tiers {token}")


@pytest.fixture(scope="module")
def client(server: Client, network: str) -> Client:
    by = of(Settings(network=network))
    by.read()
    put(server, by, EXAMPLES, "examples")
    return server


def by_example(client: Client, source: str, column: str = "sum(cost_usd)") -> list[Any]:
    query = f"SELECT server_port, {column} FROM {source} GROUP BY 1 ORDER BY 1"
    rows = client.query(query).result_rows
    assert [row[0] for row in rows] == list(range(len(EXAMPLES)))
    return [row[1] for row in rows]


SOURCES = [
    *(f"(SELECT * FROM reports WHERE rollup = '{level}')" for level in REPORTED),
    *("edges", "edges_1h", "conversations"),
]


@pytest.mark.parametrize("source", SOURCES)
def test_every_example_costs_what_aws_bills_at_every_level(client: Client, source: str) -> None:
    expected = [case.usd for case in EXAMPLES]
    assert [float(usd) for usd in by_example(client, source)] == pytest.approx(expected, abs=1e-9)


def test_every_example_goes_by_its_path(client: Client) -> None:
    way = "if(path = path_behind, toString(path), concat(path, '>', path_behind))"
    found = by_example(client, "edges", f"any({way})")
    assert found == [case.path for case in EXAMPLES]


def test_what_has_no_price_is_told_in_bytes(client: Client) -> None:
    left = by_example(client, "edges", "sum(unpriced_bytes)")
    unpriced = {case.server for case, bytes_ in zip(EXAMPLES, left, strict=True) if bytes_}
    assert unpriced == {
        *("ClusterIP with backends all over", "Global Accelerator", "internet", "partner's VM"),
        *("site behind a blackhole", "site behind an appliance", "multicast"),
    }
    for case, bytes_ in zip(EXAMPLES, left, strict=True):
        assert bytes_ in (0, int((case.to_server + case.to_client) * GB))


def rows(client: Client, question: str, **given: str) -> list[dict[str, str]]:
    text = ask.run(client, question, "TabSeparatedWithNames", False, **given)
    names, *lines = (line.split("\t") for line in text.splitlines())
    return [dict(zip(names, line, strict=True)) for line in lines]


def test_a_months_egress_is_priced_by_tiers_of_its_total(client: Client) -> None:
    egress = sum(
        case.to_client if case.client == "internet" else case.to_server
        for case in EXAMPLES
        if case.path.endswith("internet")
    )
    by_region = client.query("SELECT * EXCEPT month FROM internet_months").result_rows
    (region, bytes_, flat, tiered_usd, difference) = by_region[0]
    assert (len(by_region), region, bytes_) == (1, "us-east-1", egress * GB)
    tiers = builtin().at(date.today()).tiers("us-east-1")
    assert [flat, tiered_usd] == pytest.approx([egress * 0.09, tiered(egress, tiers)])
    found = {row["path"]: row for row in rows(client, "costs")}
    total = sum(case.usd for case in EXAMPLES)
    assert float(found["all"]["flat_usd"]) == pytest.approx(total, abs=1e-5)
    assert float(found["all"]["tiered_usd"]) == pytest.approx(total + difference, abs=1e-5)
    by_path = [float(row["difference_usd"]) for path, row in found.items() if path != "all"]
    assert sum(by_path) == pytest.approx(difference, abs=1e-5)


def test_every_finding_has_its_dollars_and_its_evidence(client: Client) -> None:
    found = rows(client, "savings", minutes="100000", limit="100")
    assert {row["finding"] for row in found} == {
        *("cross-zone", "gateway-endpoint", "interface-endpoint", "internet", "cross-region")
    }
    for row in found:
        seen = float(row["seen"].split(" USD")[0])
        proof = client.query(row["evidence"].replace("\\'", "'"))
        usd = sum(line[proof.column_names.index("cost_usd")] for line in proof.result_rows)
        assert float(usd) == pytest.approx(seen, abs=2e-6), row


PRICED = {"path": 2, "path_behind": 2, "cost_usd": Decimal("3.65")}
BY_NAT = PRICED | {"path": 4, "gateway": "nat-1", "server_pod": "", "server_namespace": ""}
SQS = {"path_behind": 7, "server_kind": "aws_service", "server_service": "SQS"}
SOME = {"path_behind": 8, "server_kind": "internet", "server_dns_name": "api.example.com"}
OUTSIDE = {"server_workload": "", "server_zone": "", "server_node": ""}


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with embedded(tmp_path_factory.mktemp("others")) as there:
        migrate(there)
        with connect(there) as client:
            yield client


def advice(client: Client, *found: dict[str, Any], **given: str) -> list[tuple[float, str, str]]:
    """What is to be changed if that is all that was seen in one minute, three dollars or so."""
    empty(client)
    insert_levels(client, flows(*map(flow_of, found)), f"{random.getrandbits(64):x}")
    told = rows(client, "savings", minutes="2880", **given)
    return [(float(row["usd_a_month"]), row["finding"], row["change"]) for row in told]


def flow_of(given: dict[str, Any]) -> dict[str, Any]:
    return flow(**({"window": datetime.now(UTC).replace(second=0)} | given))


MONTH = 3.65 * 43_800
"""Dollars, if every minute costs what the one did."""


def test_traffic_distribution_is_for_a_service_that_runs_in_the_clients_zone_too(
    others: Client,
) -> None:
    far = PRICED | {"server_service": "shop/redis"}
    at_home = {"path": 1, "path_behind": 1, "server_zone": "zone-a"}
    ((usd, finding, apart),) = advice(others, far)
    assert finding == "cross-zone"
    assert usd == pytest.approx(MONTH)
    assert apart.endswith("run both in one zone, or shop/redis in zone-a as well")
    ((_, _, both),) = advice(others, far, at_home)
    assert both.endswith("set trafficDistribution: PreferClose on Service shop/redis")


def test_an_interface_endpoint_is_advised_net_of_its_own_price(others: Client) -> None:
    row = BY_NAT | OUTSIDE | SQS | {"bytes_to_server": 10 * GB}
    ((usd, finding, _),) = advice(others, row)
    assert finding == "interface-endpoint"
    assert usd == pytest.approx(MONTH - 10 * 0.01 * 43_800 - 730 * 0.01, abs=0.01)
    little = row | {"cost_usd": Decimal("0.0001"), "bytes_to_server": 0}
    assert advice(others, little) == []


def test_internet_talkers_on_the_list_are_left_out(others: Client) -> None:
    row = BY_NAT | OUTSIDE | SOME
    ((_, finding, change),) = advice(others, row)
    assert finding == "internet"
    assert change.startswith("shop/cart talks to api.example.com through nat-1")
    for allow in ("example.com", "api.example.com", "other, shop/cart"):
        assert advice(others, row, allow=allow) == []
    assert advice(others, row, allow="le.com,shop/car") != []
