"""Debian's Prometheus, and promtool, for tests."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.integration.clickhouse import await_answer, free_port


@contextmanager
def prometheus(jobs: Mapping[str, str], directory: Path) -> Iterator[str]:
    """Scrapes each job's metrics URL twice a second; yields the URL of its query API."""
    port = free_port()
    configuration = {
        "global": {"scrape_interval": "500ms"},
        "scrape_configs": [
            {"job_name": job, "static_configs": [{"targets": [urllib.parse.urlsplit(url).netloc]}]}
            for job, url in jobs.items()
        ],
    }
    (directory / "prometheus.yml").write_text(json.dumps(configuration))
    words = [
        "prometheus",
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(words, f"http://127.0.0.1:{port}/-/ready"):
        yield f"http://127.0.0.1:{port}/api/v1/query"


@contextmanager
def running(words: list[str], url: str) -> Iterator[None]:
    """A process, from its first answer at `url` to its end."""
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        try:
            await_answer(url, process)
            yield
        finally:
            process.terminate()
            process.wait(timeout=15)


def scrape(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def query(api: str, expression: str) -> list[float]:
    """The values of an expression, in Prometheus's order."""
    answer = json.loads(scrape(f"{api}?{urllib.parse.urlencode({'query': expression})}"))
    return [float(sample["value"][1]) for sample in answer["data"]["result"]]


def complaints(metrics: str) -> tuple[int, str]:
    """Exit code and words of `promtool check metrics`: (0, "") for none."""
    check = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics, text=True, capture_output=True, check=False
    )
    return check.returncode, check.stdout + check.stderr
