"""What a worker says of its health."""

from __future__ import annotations

import time
from http import HTTPStatus

import pytest

from stream import health, metrics
from stream.errors import RangeTakenError
from stream.health import Health


@pytest.fixture
def working() -> Health:
    made = Health()
    made.assigned([2, 0])
    return made


def test_a_worker_is_not_ready_before_it_has_partitions() -> None:
    status, told = Health().answer()
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert told["state"] == "starting"
    assert told["reason"] == "Starting for 0 s: Kafka has not assigned partitions yet."


def test_a_working_worker_tells_its_partitions_lag_and_ages(working: Health) -> None:
    metrics.lag.clear()
    metrics.lag.labels(0).set(3)
    metrics.lag.labels(2).set(4)
    metrics.waiting_ranges.set(1)
    metrics.watermark.set(time.time() - 7)
    metrics.last_insert.set(0)
    status, told = working.answer()
    metrics.lag.clear()
    assert status == HTTPStatus.OK
    assert told.pop("watermark_age_seconds") == pytest.approx(7, abs=1)
    assert told == {
        "state": "working",
        "reason": "",
        "partitions": [0, 2],
        "lag_messages": 7,
        "waiting_ranges": 1,
        "last_insert_age_seconds": None,
    }


def test_a_worker_that_stands_by_without_partitions_is_well() -> None:
    made = Health()
    made.assigned([])
    assert made.answer()[0] == HTTPStatus.OK


def test_it_waits_while_clickhouse_does_not_answer(working: Health) -> None:
    reasons = ["connection refused"]
    working.unanswered = lambda: reasons[0]
    status, told = working.answer()
    assert (status, told["state"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "waiting")
    assert "ClickHouse does not answer (connection refused)" in told["reason"]
    reasons[0] = ""
    assert working.answer()[0] == HTTPStatus.OK


def test_only_a_long_rebalance_is_unwell(working: Health, monkeypatch: pytest.MonkeyPatch) -> None:
    working.rebalancing()
    status, told = working.answer()
    assert (status, told["state"], told["partitions"]) == (HTTPStatus.OK, "rebalancing", [])
    monkeypatch.setattr(health, "REBALANCE_PATIENCE", 0.0)
    assert "has been rebalancing" in working.answer()[1]["reason"]
    working.assigned([1])
    assert working.answer()[0] == HTTPStatus.OK


def test_what_ended_the_worker_stays_the_reason(working: Health) -> None:
    error = RangeTakenError(3, 17)
    working.fail(error)
    working.draining()
    status, told = working.answer()
    assert (status, told["state"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "failed")
    assert told["reason"] == error.message
