"""GET /api/costs: what the traffic costs, by path, namespace and pair; the month; what to save."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import APIRouter

from sql import ask
from sql.console.api.answers_tables import (
    CostsAnswer,
    MonthCost,
    NamespaceCost,
    PairCost,
    PathCost,
    Saving,
)
from sql.console.api.reading import Scoped, Sharing
from sql.console.graph import MONTH_HOURS
from sql.console.scope import Scope, moment
from sql.console.store import Store, asking, text

router = APIRouter()

PAIRS = 200
"""The dearest; all are in the flow tables."""
MONTH_SECONDS = 60.0
"""How old the month's sums may be, which take reading the month."""
Row = dict[str, Any]


@router.get("/costs")
def costs(shared: Sharing, asked: Scoped) -> CostsAnswer:
    """Dollars a month are of 730 hours at the rate of the range, as far as there are records."""
    store = shared.store
    with ThreadPoolExecutor(3) as pool:
        month_ = pool.submit(shared.month, asked.filters)
        savings = pool.submit(_savings, store, asked)
        first = pool.submit(store.rows, "first", asked.parameters())
        rows = store.rows("costs", asked.summed())
        (told,) = first.result()
    hours = max(asked.until - max(asked.since, told["first"] or 0), 60) / 3600

    def by(key: Callable[[Row], tuple[str, ...]]) -> list[tuple[tuple[str, ...], Row]]:
        sums: dict[tuple[str, ...], Row] = {}
        for row in rows:
            sum_ = sums.setdefault(key(row), {"bytes": 0, "cost_usd": 0.0})
            sum_["bytes"] += row["bytes"]
            sum_["cost_usd"] += row["cost_usd"]
        for sum_ in sums.values():
            sum_["cost_usd_month"] = sum_["cost_usd"] / hours * MONTH_HOURS
        return sorted(sums.items(), key=lambda one: (-one[1]["cost_usd"], -one[1]["bytes"], one[0]))

    paths, namespaces = by(lambda row: (row["way"],)), by(lambda row: (row["namespace"],))
    pairs = by(lambda row: (row["client"], row["server"], row["way"]))[:PAIRS]
    return CostsAnswer(
        since=asked.since,
        until=asked.until,
        seconds=told["seconds"],
        by_path=[PathCost(path=path, **sums) for (path,), sums in paths],
        by_namespace=[NamespaceCost(namespace=name, **sums) for (name,), sums in namespaces],
        by_pair=[
            PairCost(client=client, server=server, path=path, **sums)
            for (client, server, path), sums in pairs
        ],
        month=month_.result(),
        savings=savings.result(),
        unpriced_bytes=sum(row["unpriced_bytes"] for row in rows),
    )


def month(store: Store, filters: Scope) -> MonthCost:
    """The month so far and its forecast of what passes the filters, read anew."""
    return forecast(store.rows("month", filters.parameters())[0])


def forecast(row: Row) -> MonthCost:
    """What queries/month.sql tells, and the month's end at the rate of the last seven days, or of
    what there is of them."""
    seconds = max(row["now"] - row["recent_since"], 3600)
    rest = row["recent_usd"] / seconds * (row["ends"] - row["now"])
    return MonthCost(
        begins=row["begins"],
        so_far_usd=row["so_far_usd"],
        forecast_usd=row["so_far_usd"] + rest,
        internet_flat_usd=row["internet_flat_usd"] or 0.0,
        internet_tiered_usd=row["internet_tiered_usd"] or 0.0,
    )


def _savings(store: Store, asked: Scope) -> list[Saving]:
    """The named query, over the last of what was asked for, as far as it passes the filters."""
    question = ask.find("savings")
    minutes = max(asked.seconds // 60, 60)
    now = int(time.time())
    given = asked.parameters() | {"since": moment(now - 60 * minutes), "until": moment(now + 60)}
    statement = question.text
    if (filters := asking(given)) - {"apart"}:
        avoidable = text("avoidable", filters=filters)
        statement = statement.replace("FROM avoidable_costs\n", f"FROM {avoidable}")
    values = question.values(minutes=str(minutes), least="0.01")
    rows = store.select(statement, given | values)
    return [Saving(**row) for row in rows]
