"""`flowatlas console` as a process: its port, its end, and ClickHouse away."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.clickhouse import await_answer, free_port

pytestmark = pytest.mark.integration


@contextmanager
def console(clickhouse: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL, over a ClickHouse at that port."""
    port = free_port()
    flags = ["--port", str(port), "--clickhouse-url", f"http://127.0.0.1:{clickhouse}"]
    command = [sys.executable, "-m", "deploy.local.cli", "console", *flags]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            await_answer(f"{url}/metrics", process)
            yield process, url
        finally:
            process.kill()


def test_it_ends_within_a_second_though_a_request_is_open() -> None:
    mute = socket.create_server(("127.0.0.1", 0))
    with mute, console(mute.getsockname()[1]) as (process, url):
        request = threading.Thread(target=_ask, args=(f"{url}/api/map",), daemon=True)
        request.start()
        mute.accept()  # so the request has reached ClickHouse, which says nothing
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        assert time.monotonic() - began < 1


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "deploy.local.cli", "console", "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: port {port} on 127.0.0.1 is taken")
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_fails_is_told_in_the_log_and_the_numbers_and_nothing_else_is() -> None:
    with console(free_port()) as (process, url):
        status, answer = _ask(f"{url}/api/map?range=1h")
        assert status == 503
        assert "ClickHouse" in answer["detail"]
        assert _ask(f"{url}/api/map?range=never")[0] == 422
        for typed in ("/api/nothing", "/nothing"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{url}{typed}")
        with urllib.request.urlopen(f"{url}/metrics") as page:
            numbers = page.read().decode()
        process.terminate()
        assert process.stderr is not None
        log = process.stderr.read()
    assert 'flowatlas_console_requests_total{path="/api/map",status="503"} 1.0' in numbers
    assert 'flowatlas_console_requests_total{path="/api/map",status="422"} 1.0' in numbers
    assert 'flowatlas_console_requests_total{path="other",status="404"} 2.0' in numbers
    assert "nothing" not in numbers + log
    failures = 'flowatlas_console_clickhouse_failures_total{reason="away"}'
    assert f"{failures} 0.0" not in numbers
    assert "request='/api/map?range=1h' status=503" in log
    assert "never" not in log


def _ask(url: str) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
    except OSError:  # ended meanwhile
        return 0, {}
