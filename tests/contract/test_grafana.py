"""Dashboards and provisioning, as far as they can be looked at without Grafana."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
import yaml

from benchmarks.grafana import DIRECTORY, dashboards

DASHBOARDS = dashboards()
PANELS = [
    pytest.param(panel, id=f"{name}: {panel['title']}")
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    if panel["type"] != "row"
]
OURS = {"type": "grafana-clickhouse-datasource", "uid": "flowatlas-clickhouse"}
TYPES = {"nodeGraph", "table", "timeseries", "stat", "row"}
LEAST_SCHEMA = 36
"""Of Grafana 9.1, since which panels name their datasource by type and uid."""


def provisioned(kind: str, name: str) -> list[dict[str, Any]]:
    settings = yaml.safe_load((DIRECTORY / "provisioning" / kind / name).read_text())
    assert settings["apiVersion"] == 1
    found: list[dict[str, Any]] = settings["datasources" if kind == "datasources" else "providers"]
    return found


def test_there_is_one_for_each_of_what_people_look_for() -> None:
    assert set(DASHBOARDS) == {"map", "flows", "slow", "cost", "health", "pipeline"}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_as_grafana_keeps_it(name: str) -> None:
    dashboard = DASHBOARDS[name]
    assert dashboard["uid"] == f"flowatlas-{name}"
    assert dashboard["schemaVersion"] >= LEAST_SCHEMA
    assert "id" not in dashboard
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    assert {panel["type"] for panel in dashboard["panels"]} <= TYPES
    for variable in dashboard["templating"]["list"]:
        assert variable["datasource"] == OURS
        assert variable["definition"] == variable["query"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_lie_side_by_side(name: str) -> None:
    places = [panel["gridPos"] for panel in DASHBOARDS[name]["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_the_provisioned_datasource(panel: dict[str, Any]) -> None:
    assert panel["datasource"] == OURS
    refs = [target["refId"] for target in panel["targets"]]
    assert len(refs) == len(set(refs))
    for target in panel["targets"]:
        assert target["datasource"] == OURS
        assert target["editorType"] == "sql"
        over_time = panel["type"] == "timeseries"
        assert target["format"] == (0 if over_time else 1)
        assert target["queryType"] == ("timeseries" if over_time else "table")


@pytest.mark.parametrize("panel", PANELS)
def test_what_has_an_override_is_a_column(panel: dict[str, Any]) -> None:
    asked = "".join(target["rawSql"] for target in panel["targets"])
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["id"] == "byName":
            name = override["matcher"]["options"]
            assert f'AS "{name}"' in asked or f"AS {name}" in asked, name


def test_links_lead_to_dashboards_that_are_there() -> None:
    uids = {dashboard["uid"] for dashboard in DASHBOARDS.values()}
    links = [
        link["url"]
        for dashboard in DASHBOARDS.values()
        for panel in dashboard["panels"]
        for override in panel.get("fieldConfig", {}).get("overrides", [])
        for place in override["properties"]
        if place["id"] == "links"
        for link in place["value"]
    ]
    assert links
    assert {link.removeprefix("/d/").partition("?")[0] for link in links} <= uids


def test_provisioning_says_what_the_dashboards_need() -> None:
    clickhouse, _ = provisioned("datasources", "clickhouse.yaml")
    assert {key: clickhouse[key] for key in OURS} == OURS
    (provider,) = provisioned("dashboards", "flowatlas.yaml")
    assert provider["type"] == "file"
