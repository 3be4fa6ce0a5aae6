"""How fast the map is, in Chromium that renders by software: the marks of the console."""

from __future__ import annotations

import gzip
import math
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser import made_up
from tests.browser.chromium import ORIGIN, PAGE, serve

pytestmark = pytest.mark.integration

FIRST_DRAW_MS = 1500
FRAMES_A_SECOND = 30
BUNDLE_BYTES = 600_000

WATCH = """
const { json } = Response.prototype;
Response.prototype.json = function () {
  if (this.url.includes('/api/map?')) performance.mark('answer');
  return json.call(this);
};
window.drawn = 0;
const { drawImage } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.drawImage = function (...given) {
  window.drawn += 1;
  return drawImage.apply(this, given);
};
"""
COUNT_FRAMES = """() => {
  window.frames = 0;
  window.drawn = 0;
  window.began = performance.now();
  const frame = () => { window.frames += 1; window.counting = requestAnimationFrame(frame); };
  window.counting = requestAnimationFrame(frame);
}"""
FRAMES = """() => {
  cancelAnimationFrame(window.counting);
  const seconds = (performance.now() - window.began) / 1000;
  return { shown: window.frames / seconds, drawn: window.drawn / seconds };
}"""
FIRST_DRAW = """() => {
  const [answer] = performance.getEntriesByName('answer');
  const [drawn] = performance.getEntriesByName('map drawn');
  return drawn.startTime - answer.startTime;
}"""
IS_DRAWN = "performance.getEntriesByName('map drawn').length > 0"


def opened(page: Page, workloads: int, edges: int) -> float:
    """Opens a map of that size; gives the milliseconds from the API's answer to its first draw."""
    answer = made_up.map_answer(workloads, edges)
    page.add_init_script(WATCH)
    serve(page, {"map": lambda _: answer, "timeline": lambda _: made_up.timeline()})
    page.goto(ORIGIN)
    page.wait_for_function(IS_DRAWN, timeout=60_000)
    return float(page.evaluate(FIRST_DRAW))


def frames(page: Page, move: Callable[[int], Any], seconds: float = 3.0) -> dict[str, float]:
    """Frames a second that the browser showed and that the map was drawn in, while `move` is called
    with 0, 1, … about as often as a mouse tells of itself."""
    page.evaluate(COUNT_FRAMES)
    end = time.monotonic() + seconds
    step = 0
    while time.monotonic() < end:
        move(step)
        step += 1
        time.sleep(0.008)
    found: dict[str, float] = page.evaluate(FRAMES)
    return found


def test_500_workloads_with_5000_edges_are_drawn_soon_and_move_smoothly(page: Page) -> None:
    took = opened(page, 500, 5000)
    page.wait_for_timeout(1000)
    box = page.locator(".map-canvas").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] - 6  # under all ends
    page.mouse.move(x, y)
    page.mouse.down()
    pan = frames(page, lambda at: page.mouse.move(x + 150 * math.sin(at / 20), y - at % 40))
    page.mouse.up()
    zoom = frames(page, lambda at: page.mouse.wheel(0, 60 if at // 40 % 2 else -60))
    print(f"first draw {took:.0f} ms, pan {pan}, zoom {zoom}")
    assert took < FIRST_DRAW_MS
    assert pan["shown"] >= FRAMES_A_SECOND
    assert zoom["shown"] >= FRAMES_A_SECOND
    assert pan["drawn"] >= FRAMES_A_SECOND / 2, "the map did not follow the mouse"


def test_3000_pods_with_30000_edges_are_put_together_and_said_so(page: Page) -> None:
    took = opened(page, 3000, 30_000)
    print(f"first draw {took:.0f} ms")
    assert took < 2 * FIRST_DRAW_MS
    assert 'drawn together as "others"' in page.locator(".map-note").inner_text()
    page.get_by_role("button", name="Zoom in").click(timeout=2000)  # it is not stuck


def test_the_page_is_small_enough_to_open_fast() -> None:
    files = [file for file in PAGE.rglob("*") if file.suffix in {".html", ".js", ".css"}]
    assert files, f"{PAGE} is not built: run `make setup`"
    size = sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)
    print(f"{size:,} bytes gzipped")
    assert size <= BUNDLE_BYTES


def test_tables_open_without_the_code_of_the_map() -> None:
    eager = [PAGE / "assets" / "main.js", *PAGE.glob("assets/chunk-*.js")]
    assert not any(b"fcose" in file.read_bytes() for file in eager)
