"""The map as people use it, over made-up answers."""

from __future__ import annotations

import copy
import random
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect

from tests.browser import made_up
from tests.browser.chromium import ORIGIN, Answers, Parameters, serve

pytestmark = pytest.mark.integration

ANSWER = made_up.map_answer(24, 50, seed=11)
WORST = min(ANSWER["edges"], key=lambda edge: edge["health"])
SVG = "{http://www.w3.org/2000/svg}"


def answers(**others: Any) -> Answers:
    return {"map": lambda _: ANSWER, "timeline": lambda _: made_up.timeline()} | others


def opened(page: Page, address: str = "", **others: Any) -> list[tuple[str, Parameters]]:
    asked = serve(page, answers(**others))
    page.goto(f"{ORIGIN}/{address}")
    return asked


def in_url(page: Page, name: str) -> str:
    return parse_qs(urlparse(page.url).query).get(name, [""])[0]


def rows(page: Page) -> Any:
    return page.locator(".map-list li button")


def asked_last(asked: list[tuple[str, Parameters]], name: str) -> Parameters:
    return [parameters for path, parameters in asked if path == name][-1]


def test_the_worst_edge_is_first_in_the_list_and_a_click_selects_it(page: Page) -> None:
    opened(page)
    first = rows(page).first
    expect(first).to_contain_text(str(round(WORST["health"])))
    first.click()
    assert in_url(page, "selected") == f"{WORST['client']}|{WORST['server']}"
    expect(first).to_have_attribute("aria-pressed", "true")
    first.press("Escape")
    assert in_url(page, "selected") == ""


def test_the_list_is_walked_by_arrow_keys_with_one_stop_of_the_tab_key(page: Page) -> None:
    opened(page)
    page.locator(".map-list").get_by_role("button", name="Ends", exact=True).click()
    rows(page).first.focus()
    page.keyboard.press("ArrowDown")
    expect(rows(page).nth(1)).to_be_focused()
    expect(page.locator('.map-list li button[tabindex="0"]')).to_have_count(1)
    page.keyboard.press("f")
    assert in_url(page, "focus") != ""
    expect(page.locator(".map-note")).to_contain_text("and its neighbours")
    page.get_by_role("button", name="Show all").click()
    assert in_url(page, "focus") == ""


def test_an_end_is_selected_by_a_click_on_the_canvas_and_focused_by_two(page: Page) -> None:
    alone = copy.deepcopy(ANSWER)
    alone["nodes"], alone["edges"] = alone["nodes"][:1], []
    opened(page, map=lambda _: alone)
    canvas = page.locator(".map-canvas canvas")  # a single end is in the middle
    canvas.click()
    assert in_url(page, "selected") == alone["nodes"][0]["id"]
    page.wait_for_timeout(800)  # a panel may have come beside it
    canvas.dblclick()
    assert in_url(page, "focus") == alone["nodes"][0]["id"]


def test_a_double_click_counts_though_the_panel_comes_under_the_pointer(page: Page) -> None:
    alone = copy.deepcopy(ANSWER)
    alone["nodes"], alone["edges"] = alone["nodes"][:1], []
    opened(page, map=lambda _: alone)
    page.locator(".map-timeline").wait_for()
    page.wait_for_timeout(900)  # what came beneath it has made the map smaller
    box = page.locator(".map-canvas canvas").bounding_box()
    assert box
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    where = (box["x"] + box["width"] - 60, box["y"] + box["height"] - 120)
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(*where, steps=5)
    page.mouse.up()
    page.mouse.dblclick(*where, delay=60)
    expect(page.get_by_role("complementary")).to_be_visible()
    panel = page.get_by_role("complementary").bounding_box()
    assert panel
    assert panel["x"] < where[0]
    assert in_url(page, "focus") == in_url(page, "selected") == alone["nodes"][0]["id"]


def test_choices_are_asked_for_and_are_in_the_url(page: Page) -> None:
    asked = opened(page)
    page.locator(".map-controls").get_by_text("Pods", exact=True).click()
    page.locator(".map-controls").get_by_label("Show").select_option("20")
    page.locator(".map-controls").get_by_label("Boxes").select_option("zone")
    page.locator(".map-controls").get_by_label("Colour").select_option("rtt")
    expect(page.locator(".map-legend")).to_contain_text("over 100 ms")
    assert [in_url(page, name) for name in ("ends", "limit", "group", "colour")] == [
        "pod",
        "20",
        "zone",
        "rtt",
    ]
    assert asked_last(asked, "map")["ends"] == ["pod"]
    assert asked_last(asked, "map")["nodes"] == ["20"]


def test_a_search_marks_what_it_finds_and_hides_nothing(page: Page) -> None:
    asked = opened(page, "?search=S3")
    expect(page.locator(".map-note")).to_have_text("1 end of 30 with “S3”; the rest is dimmed.")
    assert "search" not in asked_last(asked, "map")


def test_a_live_map_asks_again_and_shows_a_new_edge(page: Page) -> None:
    later = copy.deepcopy(ANSWER)
    new = made_up.edge("workload:shop/service-1", "internet:new.example.com", random.Random(1))
    later["nodes"].append(
        later["nodes"][-1] | {"id": new["server"], "name": "new.example.com", "kind": "internet"}
    )
    later["edges"].append(new | {"is_new": True, "health": 1})
    given = iter([ANSWER])
    asked = opened(page, map=lambda _: next(given, later))
    expect(rows(page).first).not_to_contain_text("new.example.com")
    expect(rows(page).first).to_contain_text("new.example.com (new)", timeout=8000)
    assert len([name for name, _ in asked if name == "map"]) == 2


def places(page: Page) -> dict[str, tuple[str, str]]:
    """Where each end is, as the drawing that is saved has it."""
    with page.expect_download() as download:
        page.get_by_role("button", name="SVG").click()
    groups = ET.parse(download.value.path()).iter(f"{SVG}g")
    written = [(group.findtext(f"{SVG}title"), group.find(f"{SVG}text")) for group in groups]
    return {
        name: (text.attrib["x"], text.attrib["y"])
        for name, text in written
        if name is not None and text is not None
    }


def test_ends_stay_put_when_others_come(page: Page) -> None:
    later = copy.deepcopy(ANSWER)
    later["nodes"].append(later["nodes"][0] | {"id": "workload:shop/new", "name": "shop/new"})
    given = iter([ANSWER])
    asked = opened(page, map=lambda _: next(given, later))
    rows(page).first.wait_for()
    before = places(page)
    page.wait_for_timeout(6000)
    assert len([name for name, _ in asked if name == "map"]) >= 2
    after = places(page)
    assert after.keys() - before.keys() == {"workload:shop/new"}
    assert {name: after[name] for name in before} == before


def test_the_past_is_replayed_by_dragging_on_the_time_line(page: Page) -> None:
    asked = opened(page, f"?since={made_up.UNTIL - 1800}&until={made_up.UNTIL - 900}")
    over = page.locator(".map-timeline .u-over")
    box = over.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 20, steps=4)
    page.mouse.up()
    page.wait_for_url("**/*since=*")
    since, until = int(in_url(page, "since")), int(in_url(page, "until"))
    assert until - since == pytest.approx(0.1 * 6 * 3600, rel=0.02)
    expect(page.locator(".map-scrubber output")).to_contain_text(" to ")
    page.wait_for_timeout(300)
    assert asked_last(asked, "map")["until"] == [str(until)]
    page.get_by_role("button", name="Forward by one window").click()
    assert int(in_url(page, "since")) == until
    page.locator(".map-scrubber").get_by_role("button", name="Live").click()
    assert in_url(page, "until") == ""


def test_an_empty_map_says_what_to_do(page: Page) -> None:
    nothing = made_up.answer([], [])
    opened(page, map=lambda _: nothing)
    message = page.locator(".map-message")
    expect(message).to_contain_text("Nothing was seen in the last 15 minutes.")
    expect(message).to_contain_text("flowatlas doctor")
    page.goto(f"{ORIGIN}/?namespace=shop&range=1h")
    expect(message).to_contain_text("Nothing that passes the filters was seen in the last hour.")
    page.get_by_role("button", name="Take the filters off").click()
    assert in_url(page, "namespace") == ""


def test_clickhouse_away_is_told_and_the_map_comes_back(page: Page) -> None:
    given = iter([503])
    opened(page, map=lambda _: next(given, ANSWER))
    expect(page.locator(".map").get_by_role("alert")).to_contain_text("A made-up 503.")
    expect(rows(page).first).to_be_visible(timeout=8000)
    expect(page.locator(".map").get_by_role("alert")).to_have_count(0)


def test_the_map_is_saved_as_a_picture_and_as_a_drawing(page: Page, tmp_path: Path) -> None:
    opened(page)
    rows(page).first.wait_for()
    for ending in ("PNG", "SVG"):
        with page.expect_download() as download:
            page.get_by_role("button", name=ending).click()
        name = download.value.suggested_filename
        assert name == f"flowatlas-map-workloads-health-2026-09-21T1413Z.{ending.lower()}"
        download.value.save_as(tmp_path / name)
    picture, drawing = (next(tmp_path.glob(f"*.{ending}")) for ending in ("png", "svg"))
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000
    titles = [title.text for title in ET.parse(drawing).iter(f"{SVG}title")]
    assert {node["id"] for node in ANSWER["nodes"]} <= set(titles)
    assert f"{WORST['client']} → {WORST['server']}" in titles
