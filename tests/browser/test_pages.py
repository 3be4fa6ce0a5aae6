"""The console's frame, panels and pages, in Chromium, over made-up answers."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import answers as made
from tests.browser.chromium import ORIGIN, PAGE, serve
from tests.browser.shop import CART, DATABASE

pytestmark = pytest.mark.integration

AXE = PAGE.parent / "node_modules" / "axe-core" / "axe.min.js"
EDGE = f"{CART}|{DATABASE}"
VIEWS = {
    "flows": f"view=flows&selected={EDGE}",
    "health": "view=health&namespace=shop",
    "costs": "view=costs",
    "changes": "view=changes",
    "coverage": "view=coverage",
    "map": f"selected={CART}",
}
SHOWN = {"health": ".worst", "costs": ".savings", "map": ".charts"}
"""What is there once a view has its answer; a table on all others."""
CLIPBOARD = """
    const writeText = async (text) => { window.copied = text; };
    Object.defineProperty(navigator, "clipboard", { value: { writeText } });
"""
"""There is none on a page that came neither by https nor from localhost."""


def show(page: Page, query: str, **other: Any) -> list[tuple[str, dict[str, list[str]]]]:
    asked = serve(page, made.answers() | other)
    page.goto(f"{ORIGIN}/?{query}")
    return asked


def test_a_copied_url_shows_the_same_view(page: Page) -> None:
    show(page, "view=flows")
    page.get_by_role("button", name="1h", exact=True).click()
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Namespace").select_option("payments")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("cart")
    page.wait_for_url(re.compile("search=cart"))
    page.get_by_role("link", name="External").click()
    page.get_by_role("button", name="Bytes").click()
    page.get_by_role("link", name="shop/cart", exact=True).click()
    url = page.url
    asked = show(page, url.partition("?")[2])
    expect(page.get_by_role("button", pressed=True)).to_have_text("1h")
    expect(page.get_by_role("searchbox")).to_have_value("cart")
    expect(page.get_by_role("button", name="Remove the filter namespace payments")).to_be_visible()
    expect(page.get_by_role("complementary")).to_contain_text("shop/postgres-primary")
    table = next(parameters for name, parameters in asked if name == "flows/external")
    assert table == {
        "range": ["1h"], "namespace": ["payments"], "search": ["cart"],
        "sort": ["bytes"], "order": ["desc"], "limit": ["50"], "offset": ["0"],
    }  # fmt: skip
    assert page.url == url


def test_a_labels_values_are_offered_once_its_key_is_told(page: Page) -> None:
    show(page, "view=flows")
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Label", exact=True).fill("team")
    offered = page.locator("#label-values option")
    expect(offered).to_have_count(2)
    values = [option.get_attribute("value") for option in offered.all()]
    assert values == ["buying", "selling"]
    page.get_by_label("Value of the label").fill(values[1] or "")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("button", name="Remove the filter label team=selling")).to_be_visible()
    assert "label=team%3Dselling" in page.url


def test_back_undoes_a_choice_but_not_each_letter_typed(page: Page) -> None:
    show(page, "view=flows")
    page.get_by_role("link", name="AWS services").click()
    page.get_by_role("searchbox").press_sequentially("cart", delay=5)
    page.wait_for_url(re.compile("search=cart"))
    page.go_back()
    expect(page.get_by_role("link", name="Cluster", exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_all_rows_are_reached_sorted_and_saved(page: Page) -> None:
    asked = show(page, "view=flows")
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Last").click()
    expect(rows).to_have_count(made.FLOWS - 100)
    expect(page.get_by_role("navigation", name="Pages of flows")).to_contain_text(
        "101 to 137 of 137"
    )
    header = page.get_by_role("columnheader", name="Bytes")
    for order in ("descending", "ascending"):
        header.get_by_role("button").click()
        expect(header).to_have_attribute("aria-sort", order)
    expect(rows.first).to_contain_text(f"shop/front-end-{made.FLOWS - 1}")
    tables = [parameters for name, parameters in asked if name == "flows/cluster"]
    assert tables[-1]["offset"] == ["0"]
    csv = page.get_by_role("link", name="CSV of all rows").get_attribute("href")
    assert csv == "/api/flows/cluster?range=15m&sort=bytes&order=asc&format=csv"


def test_sql_is_copied_as_the_answer_has_it(page: Page) -> None:
    page.add_init_script(CLIPBOARD)
    show(page, "view=flows")
    page.get_by_text("SQL", exact=True).click()
    page.get_by_role("button", name="Copy SQL").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("window.copied") == made.SQL


def test_a_panel_compares_in_words_and_closes_by_esc(page: Page) -> None:
    show(page, f"view=flows&selected={EDGE}")
    panel = page.get_by_role("complementary")
    row = panel.get_by_role("row", name="Retransmits").first
    expect(row).to_contain_text("4.1 %")
    expect(row).to_contain_text("×205 up")
    expect(row).to_contain_text("not seen")
    expect(panel.get_by_role("cell", name="pod_uid").first).to_have_attribute(
        "title", re.compile("cgroup")
    )
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    assert "selected" not in page.url


def test_a_panel_tells_failures_by_cause_over_time(page: Page) -> None:
    show(page, f"view=flows&selected={EDGE}")
    chart = page.get_by_role("complementary").locator("figure").filter(has_text="Failures by cause")
    expect(chart.locator(".legend")).to_have_text("timed out 2half-open 1")
    expect(chart.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile("timed out: at most 2, last 2; half-open: at most 1, last 1")
    )


def test_health_leads_to_the_edge_on_the_map(page: Page) -> None:
    show(page, "view=health&range=1h")
    page.get_by_role("link", name="shop/cart → shop/postgres-primary").click()
    expect(page.get_by_role("complementary")).to_be_visible()
    assert "view=" not in page.url
    assert "range=1h" in page.url


def test_a_banner_stands_while_clickhouse_is_away(page: Page) -> None:
    page.clock.install()
    away = {"is": False}
    given = {
        name: (lambda asked, name=name: 503 if away["is"] else made.answers()[name](asked))
        for name in made.answers()
    }
    show(page, "view=flows", **given)
    expect(page.locator("tbody tr")).to_have_count(50)
    away["is"] = True
    page.clock.fast_forward(6000)
    expect(page.locator(".banner")).to_contain_text("A made-up 503.")
    expect(page.locator("tbody tr")).to_have_count(50)
    away["is"] = False
    for _ in range(4):  # the slowest asks every 15 s
        page.clock.fast_forward(6000)
        page.wait_for_timeout(50)
    expect(page.locator(".banner")).to_have_count(0)


def test_the_badge_warns_of_bytes_that_are_missing(page: Page) -> None:
    show(page, "view=health")
    badge = page.get_by_role("link", name="Only 99.71 % covered")
    expect(badge).to_have_class("badge warns")
    badge.click()
    expect(page.get_by_text("2.60 GiB were lost")).to_be_visible()


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_shows_it_without_scrolling_sideways(page: Page, view: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    show(page, VIEWS[view])
    expect(page.locator(SHOWN.get(view, "table")).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser: Browser, theme: Any) -> None:
    page = browser.new_context(
        viewport={"width": 1280, "height": 800}, color_scheme=theme
    ).new_page()
    found = []
    for view, query in VIEWS.items():
        page.unroute_all()
        show(page, query)
        expect(page.locator(SHOWN.get(view, "table")).first).to_be_visible()
        found += [(view, *one) for one in _axe(page)]
    page.context.close()
    assert found == []


def _axe(page: Page) -> list[tuple[str, str]]:
    page.add_script_tag(path=AXE)
    violations = page.evaluate("axe.run().then((result) => result.violations)")
    return [
        (one["id"], node["html"][:120])
        for one in violations
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"][:3]
    ]
