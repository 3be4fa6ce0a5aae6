"""The price book: editions by date, the user's figures over the built-in ones, clear errors."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from stream.errors import MalformedFileError
from stream.price import tiered
from stream.price_book import TRANSFERS, Book, builtin, load

TODAY = date(2026, 1, 1)


def figure(usd: float) -> dict[str, Any]:
    return {"usd_per_gb": usd, "source": "contract"}


def edition(day: str, **regions: dict[str, Any]) -> dict[str, Any]:
    named = {name.replace("_", "-") if name != "all" else "*": r for name, r in regions.items()}
    return {"valid_from": day, "sources": {"contract": "our contract"}, "regions": named}


def book(tmp_path: Path, *editions: dict[str, Any]) -> Book:
    path = tmp_path / "prices.json"
    path.write_text(json.dumps({"gb": 2**30, "editions": editions}))
    return load(path)


def test_every_region_has_every_price() -> None:
    prices = builtin().at(TODAY)
    for region in ("us-east-1", "eu-central-1", "mx-central-1"):
        assert all(prices.usd(name, region) > 0 for name in TRANSFERS)
        assert prices.tiers(region)[-1].up_to_gb is None


def test_every_figure_cites_a_source_of_aws() -> None:
    for one in builtin().editions:
        assert all(source.startswith("https://aws.amazon.com/") for source in one.sources.values())


def test_the_flat_internet_price_is_the_first_tier_that_costs() -> None:
    prices = builtin().at(TODAY)
    for region in builtin().editions[0].regions:
        first = next(tier for tier in prices.tiers(region) if tier.usd_per_gb)
        assert first.usd_per_gb == prices.usd("internet", region)


def test_the_edition_of_the_day_counts(tmp_path: Path) -> None:
    own = book(
        tmp_path,
        edition("2026-03-01", all={"nat": figure(0.03)}),
        edition("2026-01-01", all={"nat": figure(0.04)}),
    )
    days = ("2025-12-31", "2026-01-01", "2026-02-28", "2026-03-01", "2027-01-01")
    found = [own.at(date.fromisoformat(day)).usd("nat", "us-east-1") for day in days]
    assert found == [0.04, 0.04, 0.04, 0.03, 0.03]


def test_the_users_figures_win_and_the_rest_stays(tmp_path: Path) -> None:
    own = book(
        tmp_path,
        edition(
            "2020-01-01",
            all={"nat": figure(0.02), "inter_region": {"eu-west-1": figure(0.005)}},
            us_east_1={"internet": figure(0.03)},
        ),
    )
    prices = builtin().at(TODAY, own)
    assert prices.usd("nat", "eu-central-1") == 0.02
    assert prices.usd("internet", "us-east-1") == 0.03
    assert prices.usd("internet", "us-west-2") == 0.09
    assert prices.between("us-east-1", "eu-west-1") == 0.005
    assert prices.between("us-east-1", "us-east-2") == 0.01
    assert prices.between("us-east-1", "us-east-1") == 0


@pytest.mark.parametrize(
    ("region", "said"),
    [
        (
            {"nat": figure(-1)},
            r"field editions\[0\].regions.\*.nat.usd_per_gb is not 0 or more: -1",
        ),
        ({"nat": {"usd_per_gb": 1, "source": "?"}}, "nat.source is none of the sources: '?'"),
        ({"nat": {"usd_per_gb": "1", "source": "contract"}}, "nat.usd_per_gb is not a number: '1'"),
        ({"natt": figure(1)}, r"field editions\[0\].regions.\*.natt is not known"),
        ({"inter_region": {"x": figure(-1)}}, "inter_region.x.usd_per_gb is not 0 or more"),
        ({"internet_tiers": [{"up_to_gb": 9, "usd_per_gb": 1}]}, "internet_tiers do not rise to"),
    ],
)
def test_a_broken_figure_is_named(tmp_path: Path, region: dict[str, Any], said: str) -> None:
    with pytest.raises(MalformedFileError, match=said):
        book(tmp_path, edition("2026-01-01", all=region))


@pytest.mark.parametrize(
    ("gb", "usd"),
    [
        (0, 0),
        (100, 0),
        (200, 9.0),
        (10_240, 10_140 * 0.09),
        (51_200, 10_140 * 0.09 + 40_960 * 0.085),
        (200_000, 10_140 * 0.09 + 40_960 * 0.085 + 102_400 * 0.07 + 46_400 * 0.05),
    ],
)
def test_a_months_total_is_billed_by_tiers(gb: float, usd: float) -> None:
    assert tiered(gb, builtin().at(TODAY).tiers("us-east-1")) == pytest.approx(usd)
