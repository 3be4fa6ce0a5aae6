"""A host that cannot carry the agent is told so in one sentence with the way out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent import probe
from agent.errors import HostError
from agent.settings import Settings


def test_a_host_without_cgroup2_is_told_how_to_mount_it(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("proc /proc proc rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n")
    with pytest.raises(HostError, match="mount -t cgroup2"):
        probe.find_cgroup2(mounts)


def test_cgroup2_is_found_wherever_it_is_mounted(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("cgroup2 /some/where cgroup2 rw 0 0\n")
    assert probe.find_cgroup2(mounts) == Path("/some/where")


def test_another_user_than_root_is_told_to_be_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostError, match="must be root"):
        probe.Probe("", 5.0, 4096).start()


def test_a_directory_that_is_no_cgroup_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_check_root", lambda: None)
    with pytest.raises(HostError, match=r"is no cgroup v2 directory.*--cgroup"):
        probe.Probe(str(tmp_path), 5.0, 4096).start()


@pytest.mark.parametrize(
    ("name", "value"), [("interval", 0.0), ("ring_bytes", 12_288), ("batch_rows", 0)]
)
def test_a_setting_out_of_range_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        Settings(**{name: value})  # type: ignore[arg-type]
