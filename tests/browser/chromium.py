"""Debian's Chromium, driven by Playwright, over the page as built and answers that a test gives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

from playwright.sync_api import Browser, Page, Request, Route, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
PAGE = Path(str(resources.files("sql.console").joinpath("web", "dist")))
ORIGIN = "http://console.test"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}

Parameters = dict[str, list[str]]
Answers = dict[str, Callable[[Parameters], Any]]
"""What /api/NAME answers, by NAME: a JSON value, or an int, the status of an error."""


@contextmanager
def started() -> Iterator[Browser]:
    """Chromium without a screen, that renders by software as in CI. Fails if it is missing."""
    assert CHROMIUM.exists(), f"{CHROMIUM} is missing: run `deploy/local/setup.sh test`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def serve(page: Page, answers: Answers) -> list[tuple[str, Parameters]]:
    """Give `page` the built page and the answers, without a server. The list returned grows with
    each request to the API: its name and parameters. Open it at ORIGIN."""
    assert (PAGE / "index.html").exists(), f"{PAGE} is not built: run `make setup`"
    asked: list[tuple[str, Parameters]] = []

    def fulfil(route: Route, request: Request) -> None:
        url = urlparse(request.url)
        if url.path.startswith("/api/"):
            name = url.path.removeprefix("/api/")
            parameters = parse_qs(url.query)
            asked.append((name, parameters))
            value = answers[name](parameters) if name in answers else 503
            if isinstance(value, int):
                route.fulfill(status=value, json={"detail": f"A made-up {value}."})
            else:
                route.fulfill(body=json.dumps(value), content_type="application/json")
            return
        file = PAGE / (url.path.strip("/") or "index.html")
        if file.is_file():
            route.fulfill(path=file, content_type=TYPES[file.suffix])
        else:
            route.fulfill(status=404)

    page.route("**/*", fulfil)
    return asked
