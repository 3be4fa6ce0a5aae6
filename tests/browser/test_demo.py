"""The console over the running demo, in Chromium: what it shows is what SQL says."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import screenshots
from tests.browser.demo import Demo, running

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

WINDOWS = 4
LIVE_SECONDS = 10.0
WORKLOADS = {
    "catalogue", "cart", "cart-redis", "checkout", "payment", "storefront", "thumbnailer",
    "nightly-report", "shoppers",
}  # fmt: skip
EDGES = """
SELECT
    flowatlasName(client_kind, client_namespace, client_workload, client_service),
    flowatlasName(server_kind, server_namespace, server_workload, server_service),
    sum(bytes_to_server), sum(bytes_to_client), sum(connections_established)
FROM edges_between(since = {since:UInt32}, until = {until:UInt32})
WHERE client_kind = 'pod' AND server_kind = 'pod'
GROUP BY 1, 2
"""
Edges = dict[tuple[str, str], tuple[int, int, int]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with running(tmp_path_factory.mktemp("demo")) as made:
        made.wait_for_windows(WINDOWS)
        yield made


@pytest.fixture(autouse=True)
def _patience() -> Iterator[None]:
    """The shop, its agents and the browser share the machine."""
    expect.set_options(timeout=30_000)
    yield
    expect.set_options(timeout=5_000)


def shown(page: Page, demo: Demo, query: str) -> None:
    page.goto(f"{demo.console}/?{query}")


def in_the_list(page: Page, name: str) -> Any:
    return page.locator(".map-list li button").filter(has_text=name)


def test_the_map_has_the_shops_edges_with_the_figures_of_sql(page: Page, demo: Demo) -> None:
    until = int(time.time()) // 10 * 10 - 10  # a window that nothing is added to any more
    given = {"since": until - 60, "until": until}
    with page.expect_response(re.compile("/api/map")) as told:
        shown(page, demo, f"since={given['since']}&until={given['until']}")
    drawn = told.value.json()
    rows = demo.client.query(EDGES, parameters=given).result_rows
    said: Edges = {(row[0], row[1]): (row[2], row[3], row[4]) for row in rows}
    seen: Edges = {
        (_workload(edge["client"]), _workload(edge["server"])): (
            edge["bytes_to_server"], edge["bytes_to_client"], edge["connections_established"],
        )
        for edge in drawn["edges"]
        if _workload(edge["client"]) and _workload(edge["server"])
    }  # fmt: skip
    assert seen == said
    assert {f"shop/{name}" for name in WORKLOADS} <= {end for edge in seen for end in edge}
    expect(in_the_list(page, "shop/cart → shop/cart-redis")).to_be_visible()
    page.get_by_role("button", name="Ends", exact=True).click()
    for name in WORKLOADS:
        expect(in_the_list(page, f"shop/{name}").first).to_be_visible()


def _workload(end: str) -> str:
    kind, _, name = end.partition(":")
    return name if kind == "workload" else ""


def test_the_lossy_edge_is_the_worst_in_health_and_says_why(page: Page, demo: Demo) -> None:
    shown(page, demo, "view=health&range=5m")
    worst = page.locator(".worst li").first
    expect(worst).to_contain_text("shop/checkout")
    expect(worst).to_contain_text("shop/payment")
    expect(worst).to_contain_text(re.compile(r"retransmits \d"))
    worst.get_by_role("link").first.click()
    expect(page.get_by_role("complementary")).to_contain_text("Retransmits")
    expect(page.get_by_role("complementary")).to_contain_text(re.compile("checkout-.*"))


def test_who_talks_to_the_internet_is_in_external_and_in_changes(page: Page, demo: Demo) -> None:
    shown(page, demo, "view=flows&table=external&range=5m")
    row = page.get_by_role("row").filter(has_text="collect.tracker.example.net").first
    expect(row).to_contain_text("shop/catalogue")
    shown(page, demo, "view=changes&range=5m")
    row = page.get_by_role("row").filter(has_text="collect.tracker.example.net").first
    expect(row).to_contain_text("new")
    expect(row).to_contain_text("shop/catalogue")


def test_aws_services_are_named(page: Page, demo: Demo) -> None:
    shown(page, demo, "view=flows&range=5m")
    page.get_by_role("link", name="AWS services").click()
    for service in ("S3", "SQS", "DYNAMODB"):
        expect(page.get_by_role("row").filter(has_text=service).first).to_be_visible()


def test_a_filter_leaves_what_has_an_end_in_it(page: Page, demo: Demo) -> None:
    shown(page, demo, "view=flows&range=5m")
    expect(page.get_by_role("row").filter(has_text="cart-redis").first).to_be_visible()
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Namespace").select_option("kube-system")
    expect(page.get_by_role("row").filter(has_text="cart-redis")).to_have_count(0)
    rows = page.locator("tbody tr")
    expect(rows.first).to_be_visible()
    assert all("kube-system/dnsmasq" in text for text in rows.all_inner_texts())
    assert "namespace=kube-system" in page.url


def test_a_new_edge_is_on_the_map_soon_after_its_traffic(page: Page, demo: Demo) -> None:
    shown(page, demo, "range=5m")
    expect(in_the_list(page, "shop/cart → shop/cart-redis")).to_be_visible()
    expect(in_the_list(page, "shop/cart → shop/catalogue")).to_have_count(0)
    demo.run_in_pod_of("cart", "curl", "-sf", "http://catalogue/2000")
    began = time.monotonic()
    expect(in_the_list(page, "shop/cart → shop/catalogue")).to_be_visible(timeout=60_000)
    assert time.monotonic() - began < LIVE_SECONDS


def test_every_byte_is_covered_or_on_its_way(page: Page, demo: Demo) -> None:
    shown(page, demo, "view=coverage&range=5m")
    expect(page.get_by_role("link", name=re.compile("covered"))).to_be_visible()
    for node in ("node-a", "node-b", "node-c"):
        expect(page.get_by_role("row").filter(has_text=node)).to_be_visible()


def test_every_view_has_its_picture(page: Page, demo: Demo, tmp_path: Path) -> None:
    pictures = screenshots.take(page, demo.console, tmp_path)
    assert [path.stem for path in pictures] == list(screenshots.VIEWS)
    assert all(path.stat().st_size > 10_000 for path in pictures)
