"""The month's tiers in SQL, by the engine that nobody here wrote, against those in Python."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from chdb.session import Session

from sql.migrate import known
from stream.price import tiered
from stream.price_book import builtin

MONTHS = [0.0, 1.0, 100.0, 100.5, 10_240.0, 12_000.0, 51_200.0, 153_600.0, 1_000_000.0]


@pytest.mark.parametrize("region", ["us-east-1", "sa-east-1"])
def test_sql_and_python_agree_on_a_months_price(region: str, tmp_path: Path) -> None:
    tiers = builtin().at(date(2026, 1, 1)).tiers(region)
    bounds = ["inf" if tier.up_to_gb is None else repr(tier.up_to_gb) for tier in tiers]
    usd = [repr(tier.usd_per_gb) for tier in tiers]
    untyped: Any = Session
    session = untyped(str(tmp_path))
    (function,) = (s for m in known() for s in m.statements if "flowatlasTiered AS" in s)
    session.query(function)
    answer = session.query(
        f"SELECT flowatlasTiered(gb, [{', '.join(bounds)}], [{', '.join(usd)}]) AS month"
        f" FROM (SELECT arrayJoin({MONTHS}) AS gb)",
        "JSONCompactEachRow",
    )
    session.close()
    months = [json.loads(line)[0] for line in str(answer).splitlines()]
    assert months == pytest.approx([tiered(gb, tiers) for gb in MONTHS])
    assert months == sorted(months)
