"""The time line under the map against the rows that it was made of."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from sql.client import connect
from sql.console.api.timeline import POINTS
from sql.console.app import application
from sql.console.settings import Settings
from sql.console.store import Store
from sql.settings import ClickHouse
from tests.integration.clickhouse import flow, flows, insert_levels

pytestmark = pytest.mark.integration

UNTIL = int(time.time()) // 3600 * 3600


@pytest.fixture(scope="module")
def web(server: ClickHouse) -> TestClient:
    def at(seconds: int, **given: Any) -> dict[str, Any]:
        return flow(window=datetime.fromtimestamp(UNTIL - seconds, UTC), **given)

    rows = flows(
        at(600, bytes_to_server=100, bytes_to_client=20),
        at(590, bytes_to_server=1, connections_refused=2),
        at(60, bytes_to_server=7, retransmitted_segments=3, server_workload="web"),
        at(7200, bytes_to_server=5),
    )
    with contextlib.closing(connect(server)) as client:
        insert_levels(client, rows, "timeline")
    return TestClient(application(Store(Settings(clickhouse=server))))


def got(web: TestClient, **parameters: Any) -> dict[str, Any]:
    answer = web.get("/api/timeline", params={"until": UNTIL} | parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def point(seconds: int, bytes_: int, failed: int = 0, again: int = 0) -> dict[str, int]:
    return {
        "time": UNTIL - seconds,
        "bytes": bytes_,
        "connections_failed": failed,
        "retransmitted_segments": again,
    }


def test_steps_have_the_sums_of_their_rows_in_order_of_time(web: TestClient) -> None:
    answer = got(web, since=UNTIL - 3600)
    assert (answer["seconds"], answer["step"]) == (60, 60)
    assert answer["points"] == [point(600, 121, failed=2), point(60, 7, again=3)]


def test_a_short_range_is_told_as_finely_as_there_are_windows(web: TestClient) -> None:
    answer = got(web, since=UNTIL - 900)
    assert answer["step"] == 10
    assert [one["time"] for one in answer["points"]] == [UNTIL - 600, UNTIL - 590, UNTIL - 60]


def test_a_long_range_has_steps_that_a_screen_can_show(web: TestClient) -> None:
    answer = got(web, since=UNTIL - 90 * 86400)
    assert answer["step"] % answer["seconds"] == 0
    assert 90 * 86400 / answer["step"] <= POINTS
    assert sum(one["bytes"] for one in answer["points"]) == 133


def test_filters_leave_their_rows_only(web: TestClient) -> None:
    assert got(web, since=UNTIL - 3600, search="shop/web")["points"] == [point(60, 7, again=3)]


def test_of_nothing_there_are_no_points(web: TestClient) -> None:
    assert got(web, since=UNTIL - 3600, namespace="elsewhere")["points"] == []
