"""What the demo asks of its host, and what it asks of the system."""

import os
import shutil
from pathlib import Path

import pytest

from deploy.local.demo import cgroups
from deploy.local.demo.cluster import DemoCluster
from deploy.local.demo.errors import MissingProgramsError, NoCgroup2Error, NotRootError
from deploy.local.demo.settings import Settings


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NotRootError, match="sudo"):
        DemoCluster().start()


@pytest.mark.usefixtures("root")
def test_missing_programs_are_named_by_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"nginx", "dnsmasq"}
    monkeypatch.setattr(shutil, "which", lambda name: None if name in missing else name)
    with pytest.raises(MissingProgramsError, match=r"apt-get install .* dnsmasq-base nginx"):
        DemoCluster().start()


@pytest.mark.usefixtures("root")
def test_without_cgroup2_it_says_how_to_mount_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n")
    monkeypatch.setattr(cgroups, "MOUNTS", mounts)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    with pytest.raises(NoCgroup2Error, match="mount -t cgroup2"):
        DemoCluster().start()


@pytest.mark.parametrize("mounted_at", ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"])
def test_cgroup2_is_found_wherever_it_is_mounted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mounted_at: str
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"proc /proc proc rw 0 0\ncgroup2 {mounted_at} cgroup2 rw 0 0\n")
    monkeypatch.setattr(cgroups, "MOUNTS", mounts)
    assert cgroups.mount_point() == Path(mounted_at)


def test_a_cluster_that_was_never_started_stops_without_a_word() -> None:
    DemoCluster().stop()


def test_every_node_gets_its_own_agent_and_metrics_port() -> None:
    nodes = {"node-a": Path("/cgroup/node-a"), "node-b": Path("/cgroup/node-b")}
    plan = Settings(agent_port=9101).plan(Path("/data"), nodes, str.upper, Path("/shop"))
    assert [(agent.node, agent.cgroup) for agent in plan.agents] == [
        ("node-a", "/cgroup/node-a"),
        ("node-b", "/cgroup/node-b"),
    ]
    assert [agent.network_namespace for agent in plan.agents] == ["NODE-A", "NODE-B"]
    ports = [agent.metrics_port for agent in plan.agents]
    assert not {plan.ports.bridge, plan.ports.stream, plan.ports.clickhouse} & set(ports)
    assert len(set(ports)) == 2
    assert plan.inventory == Path("/shop/inventory.json")
