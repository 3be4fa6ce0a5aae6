"""The port of a worker: health and metrics, whatever its event loop does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from deploy.local.probes import free_ports
from stream import exposition
from stream.exposition import Exposition
from stream.health import Health

pytestmark = pytest.mark.integration


def get(url: str) -> tuple[int, str]:
    try:
        with urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def served(ask: Callable[[str], Any], stuck_for: float = 0.0) -> Any:
    """What `ask` gets from a server at the address it is given, its loop stuck at first."""

    async def serve() -> Any:
        (port,) = free_ports(1)
        made = Health()
        made.assigned([1])
        server = Exposition("127.0.0.1", port, made.answer)
        server.start(asyncio.get_running_loop())
        try:
            asked = asyncio.create_task(asyncio.to_thread(ask, f"http://127.0.0.1:{port}"))
            await asyncio.sleep(0)
            time.sleep(stuck_for)
            return await asked
        finally:
            server.stop()

    return asyncio.run(serve())


def test_health_and_metrics_share_a_port() -> None:
    (status, body), (_, numbers) = served(lambda url: (get(f"{url}/health"), get(f"{url}/metrics")))
    assert status == HTTPStatus.OK
    assert json.loads(body)["partitions"] == [1]
    assert "# TYPE flowatlas_stream_rows_total counter" in numbers


def test_a_stuck_event_loop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exposition, "LOOP_PATIENCE", 0.1)
    status, body = served(lambda url: get(f"{url}/health"), stuck_for=0.5)
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert json.loads(body)["state"] == "stuck"
