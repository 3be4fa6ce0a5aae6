"""The statements behind the console's tables, and answers that are kept."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from sql.console.api.costs import forecast
from sql.console.errors import BadParameterError
from sql.console.kept import Kept
from sql.console.scope import Scope
from sql.console.tables import COLUMNS, table

HOUR = Scope(
    since=3600, until=7200, live=False, cluster="", namespaces=(), kinds=(), zones=(), paths=(),
    labels=(), search="",
)  # fmt: skip


def of(**more: object) -> Scope:
    return Scope(**{**HOUR.__dict__, **more})


def test_a_statement_to_paste_has_its_values_in_it_and_no_filter_that_asks_for_nothing() -> None:
    pasted = table("flows_cluster", HOUR, sort="", order="desc").pasted()
    assert "{" not in pasted
    assert "WHERE true" in pasted
    assert "since = toDateTime(3600, 'UTC'), until = toDateTime(7200, 'UTC')" in pasted


def test_a_live_range_stays_live_when_it_is_pasted() -> None:
    pasted = table("flows_aws", of(live=True), sort="", order="desc").pasted()
    assert "since = now() - INTERVAL 3600 SECOND, until = now()" in pasted


def test_words_from_outside_stay_words() -> None:
    scope = of(namespaces=("it's",), search="\\' OR 1")
    pasted = table("flows_cluster", scope, sort="", order="desc").pasted()
    assert "client_namespace IN ['it\\'s']" in pasted
    assert "'\\\\\\' OR 1'" in pasted


def test_only_columns_are_sorted_by() -> None:
    with pytest.raises(BadParameterError, match="there are client_id, "):
        table("flows_cluster", HOUR, sort="1; DROP TABLE flows_1h", order="desc")


@pytest.mark.parametrize("name", COLUMNS)
def test_the_order_is_one_for_all_pages(name: str) -> None:
    statement = table(name, HOUR, sort="cost_usd", order="asc").statement
    order = statement.rpartition("ORDER BY ")[2]
    assert order.startswith("cost_usd ASC NULLS LAST, ")
    assert "port" in order


def test_a_kept_answer_is_asked_for_once_until_it_is_old() -> None:
    asked = count(1)
    kept = Kept(lambda: next(asked), 60.0)
    assert [kept(), kept()] == [1, 1]
    old = Kept(lambda: next(asked), 0.0)
    assert [old(), old()] == [2, 3]


def test_a_failure_is_not_kept() -> None:
    answers: list[int] = []
    kept = Kept(answers.pop, 60.0)
    with pytest.raises(IndexError):
        kept()
    answers.append(7)
    assert kept() == 7


def test_the_month_is_forecast_at_the_rate_of_the_last_days() -> None:
    day = 86400
    row: dict[str, Any] = {"begins": 0, "ends": 30 * day, "now": 10 * day, "recent_since": 3 * day}
    row |= {"so_far_usd": 8.0, "recent_usd": 7.0, "internet_flat_usd": None}
    found = forecast(row | {"internet_tiered_usd": None})
    assert found.forecast_usd == pytest.approx(8 + 20)
    assert found.internet_flat_usd == 0
