"""Pictures of every view of the console over the running demo: `python -m tests.browser.screenshots
DIRECTORY`. The README's is map.png of these."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page

from tests.browser.chromium import started
from tests.browser.demo import running

LOSSY = "workload:shop/checkout|workload:shop/payment"
VIEWS = {
    "map": ("range=5m", ".map-list li"),
    "edge": (f"range=5m&selected={LOSSY}", ".figures"),
    "flows": ("range=5m&view=flows", "table"),
    "health": ("range=5m&view=health", ".worst"),
    "costs": ("range=5m&view=costs", "table"),
    "changes": ("range=5m&view=changes", "table"),
    "coverage": ("range=5m&view=coverage", "table"),
}
"""By name: the query of the URL, and what is there once it has its answer."""
WINDOWS = 5


def take(page: Page, console: str, directory: Path) -> list[Path]:
    """One picture a view."""
    directory.mkdir(parents=True, exist_ok=True)
    taken = []
    for name, (query, shown) in VIEWS.items():
        page.goto(f"{console}/?{query}")
        page.locator(shown).first.wait_for(timeout=30_000)
        page.wait_for_timeout(1500)  # what is new has faded in
        taken.append(directory / f"{name}.png")
        page.screenshot(path=taken[-1])
    return taken


def main(directory: str) -> None:
    """Run the demo and take them."""
    with TemporaryDirectory() as data, running(Path(data)) as demo, started() as browser:
        demo.wait_for_windows(WINDOWS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        for path in take(page, demo.console, Path(directory)):
            print(path)


if __name__ == "__main__":
    main(sys.argv[1])
