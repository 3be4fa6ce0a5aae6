"""Prometheus's configuration and rules, by promtool, and by the catalogue of metrics."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
DIRECTORY = REPOSITORY / "deploy" / "prometheus"
RULES = sorted(DIRECTORY.glob("rules/*.yml"))
CASES = Path(__file__).with_name("prometheus_rules.yml")
CATALOGUE = (REPOSITORY / "docs" / "metrics.md").read_text()


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *words], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_configuration_is_valid() -> None:
    checked = promtool("check", "config", str(DIRECTORY / "prometheus.yml"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert len(RULES) == 3
    for file in RULES:
        assert str(file) in checked.stdout + checked.stderr


def test_that_for_kubernetes_is_valid_but_for_its_discovery(tmp_path: Path) -> None:
    """Debian's Prometheus is built without the Kubernetes client; promtool cannot look at that."""
    settings = yaml.safe_load((DIRECTORY / "kubernetes.yml").read_text())
    for scraped in settings["scrape_configs"]:
        (discovery,) = scraped.pop("kubernetes_sd_configs")
        assert discovery == {"role": "pod", "namespaces": {"names": ["flowatlas"]}}
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(settings))
    checked = promtool("check", "config", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    cases = tmp_path / "cases.yml"
    cases.write_text(CASES.read_text().replace("{{RULES}}", ", ".join(map(str, RULES))))
    tested = promtool("test", "rules", str(cases))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_has_a_case() -> None:
    groups = yaml.safe_load((DIRECTORY / "rules" / "alerts.yml").read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"]}
    cases = yaml.safe_load(CASES.read_text().replace("[{{RULES}}]", "[]"))["tests"]
    fired = {
        case["alertname"]
        for test in cases
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    assert fired == alerts


def test_every_metric_is_one_that_is_exported() -> None:
    text = "".join(file.read_text() for file in RULES)
    known = set(re.findall(r"`(flowatlas_\w+)`", CATALOGUE))
    histograms = set(re.findall(r"`(flowatlas_\w+)` \| histogram", CATALOGUE))
    known |= {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}
    used = set(re.findall(r"\b(flowatlas_\w+)", text))
    assert used
    assert used <= known


def test_every_recorded_series_that_is_used_is_recorded() -> None:
    text = "".join(file.read_text() for file in RULES)
    recorded = set(re.findall(r"record: (flowatlas:\S+)", text))
    assert set(re.findall(r"\bflowatlas:[\w:]+", text)) == recorded
