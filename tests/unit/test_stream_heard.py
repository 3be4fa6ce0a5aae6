"""Which nodes are silent: what was once heard stays heard, and the table is asked seldom."""

from __future__ import annotations

import time
from collections.abc import Collection

import pytest

from stream import heard
from stream.heard import Heard

HOUR = 1_800_000_000 // 3600 * 3600


class Log:
    """A table `agents` in memory."""

    def __init__(self) -> None:
        self.told: dict[int, set[str]] = {}
        self.asked: list[int] = []

    def agents(self, cluster: str, hour: int) -> Collection[str]:
        assert cluster == "c"
        self.asked.append(hour)
        return sorted(self.told.get(hour, set()))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_node_is_silent_until_the_table_has_it_in_that_hour(clock: list[float]) -> None:
    log = Log()
    nodes = Heard(log, "c")
    assert nodes.silent(HOUR, {"n1"}, set()) == {"n1"}
    log.told = {HOUR: {"n1"}}
    clock[0] += heard.ASK_SECONDS + 1
    assert nodes.silent(HOUR, {"n1", "n2"}, set()) == {"n2"}
    assert nodes.silent(HOUR + 3600, {"n1"}, set()) == {"n1"}


def test_who_tells_in_the_same_range_is_heard_and_nobody_is_asked() -> None:
    log = Log()
    assert Heard(log, "c").silent(HOUR, {"n1"}, {"n1", "n2"}) == set()
    assert not log.asked


def test_who_only_told_of_a_range_may_not_be_in_the_table_yet() -> None:
    nodes = Heard(Log(), "c")
    nodes.silent(HOUR, {"n1"}, {"n1"})
    assert nodes.silent(HOUR, {"n1"}, set()) == {"n1"}


def test_the_table_is_asked_now_and_then_while_a_node_is_silent(clock: list[float]) -> None:
    log = Log()
    nodes = Heard(log, "c")
    for _ in range(10):
        nodes.silent(HOUR, {"silent"}, set())
    clock[0] += heard.ASK_SECONDS + 1
    nodes.silent(HOUR, {"silent"}, set())
    assert len(log.asked) == 2


def test_no_more_hours_are_remembered_than_are_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard, "MOST_HOURS", 3)
    log = Log()
    log.told = {HOUR + hour * 3600: {"n1"} for hour in range(9)}
    nodes = Heard(log, "c")
    for hour in sorted(log.told):
        assert nodes.silent(hour, {"n1"}, set()) == set()
    assert len(nodes._known) <= 3
