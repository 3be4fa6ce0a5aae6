"""Every role's settings from the command line: checked, printed, and wrong in one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.cli import ROLES

ROLES_WITH_SETTINGS = [
    "up",
    "demo",
    "agent",
    "stream",
    "inventory",
    "server",
    "bridge",
    "migrate",
    "sql",
    "ask",
]


def flowatlas(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it as users do; settings are read on import, so each run takes a process of its own."""
    clean = {name: value for name, value in os.environ.items() if "FLOWATLAS" not in name}
    return subprocess.run(
        [sys.executable, "-m", "deploy.local.cli", *arguments],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def assert_one_sentence(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode != 0
    assert result.stdout == ""
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.stderr
    assert "Traceback" not in result.stderr
    for word in words:
        assert word in errors[0]


def test_the_overview_names_every_role_and_imports_none() -> None:
    result = flowatlas("--help")
    assert all(f"\n  {name} " in result.stdout for name in ROLES)
    listing = (
        "import sys; from deploy.local.cli import main; main(['--help'], standalone_mode=False)"
    )
    listing += (
        "; sys.exit(bool({'faust', 'chdb', 'confluent_kafka', 'pyarrow'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", listing], check=False).returncode == 0


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_help(role: str) -> None:
    result = flowatlas(role, "--help")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("Usage: ")


@pytest.mark.parametrize("role", ROLES_WITH_SETTINGS)
def test_what_dump_prints_is_a_file_that_gives_the_same_settings(role: str, tmp_path: Path) -> None:
    if role != "migrate":  # which checks more than its settings
        assert flowatlas(role, "--check").stdout == "ok\n"
    printed = flowatlas(role, "--dump")
    assert printed.returncode == 0, printed.stderr
    file = tmp_path / "settings.toml"
    file.write_text(printed.stdout)
    again = flowatlas(role, "--dump", FLOWATLAS_SETTINGS=str(file))
    assert again.stdout == printed.stdout
    assert f"[{role}]" in printed.stdout


def test_flags_win_over_the_environment_which_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[agent]\nnode = "file"\ntopic = "file"\nkafka = "file:1"\n')
    variables = {"FLOWATLAS_SETTINGS": str(file), "FLOWATLAS_AGENT_TOPIC": "environment"}
    variables["FLOWATLAS_AGENT_NODE"] = "environment"
    printed = flowatlas("agent", "--dump", "--node", "flag", **variables).stdout
    assert 'node = "flag"' in printed
    assert 'topic = "environment"' in printed
    assert 'kafka = "file:1"' in printed


def test_an_unknown_key_is_named_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[agent]\nintervall = 5\n")
    result = flowatlas("agent", "--check", FLOWATLAS_SETTINGS=str(file))
    assert_one_sentence(result, "intervall", str(file), "flowatlas agent --help")


def test_a_value_of_the_wrong_type_is_named_with_its_variable() -> None:
    result = flowatlas("bridge", "--check", FLOWATLAS_BRIDGE_PORT="http")
    assert_one_sentence(result, "'http'", "FLOWATLAS_BRIDGE_PORT", "int")


def test_a_value_of_the_wrong_type_is_named_with_its_key_and_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[bridge]\nport = "http"\n')
    result = flowatlas("bridge", "--check", FLOWATLAS_SETTINGS=str(file))
    assert_one_sentence(result, "'http'", str(file), "bridge.port")


def test_a_value_out_of_bounds_is_explained() -> None:
    assert_one_sentence(flowatlas("agent", "--interval", "0"), "interval must be 0.1 to 300")


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[agent\n")
    result = flowatlas("agent", "--check", FLOWATLAS_SETTINGS=str(file))
    assert_one_sentence(result, str(file), "line 1")


def test_a_settings_file_that_does_not_exist_is_an_error() -> None:
    result = flowatlas("agent", "--check", FLOWATLAS_SETTINGS="/nowhere/settings.toml")
    assert_one_sentence(result, "/nowhere/settings.toml")


def test_an_unknown_role_is_refused() -> None:
    assert_one_sentence(flowatlas("agnet"), "agnet")


def test_a_missing_extra_is_named_with_the_way_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "faust.py").write_text("raise ModuleNotFoundError('gone', name='faust')\n")
    result = flowatlas("stream", "--check", PYTHONPATH=str(tmp_path))
    assert_one_sentence(result, "faust", "pip install 'flowatlas[stream]'")
