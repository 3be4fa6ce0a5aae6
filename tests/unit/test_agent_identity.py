"""Cgroup paths as the kubelet and the runtimes really make them, and the memory of them."""

from __future__ import annotations

import pytest

from agent.identity import NOBODY, Container, Identity, parse

UID = "3f0a1c52-9d6e-4b7a-8c11-0a2b3c4d5e6f"
SLICE_UID = UID.replace("-", "_")
STATIC_UID = "8a1d4b0c2e3f45678a9b0c1d2e3f4a5b"
ID = "9f" * 32
SYSTEMD = "/sys/fs/cgroup/kubepods.slice"
BURSTABLE = f"{SYSTEMD}/kubepods-burstable.slice/kubepods-burstable-pod{SLICE_UID}.slice"
KIND = "kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice"


@pytest.mark.parametrize(
    "path",
    [
        f"{BURSTABLE}/cri-containerd-{ID}.scope",
        f"{BURSTABLE}/crio-{ID}.scope",
        f"{BURSTABLE}/crio-{ID}.scope/container",
        f"{BURSTABLE}/docker-{ID}.scope",
        f"{BURSTABLE}/cri-containerd-{ID}.scope/init.scope",
        f"{BURSTABLE}/cri-containerd-{ID}.scope/system.slice/nginx.service",
        f"{SYSTEMD}/kubepods-pod{SLICE_UID}.slice/cri-containerd-{ID}.scope",
        f"/sys/fs/cgroup/unified/kubepods.slice/kubepods-pod{SLICE_UID}.slice/{ID}",
        f"/sys/fs/cgroup/kubepods/burstable/pod{UID}/{ID}",
        f"/sys/fs/cgroup/kubepods/pod{UID}/crio-{ID}",
        f"/sys/fs/cgroup/docker/{'ab' * 32}/{KIND}/kubelet-kubepods-besteffort-pod{SLICE_UID}.slice"
        f"/cri-containerd-{ID}.scope",
        f"/system.slice/containerd.service/kubepods-burstable-pod{SLICE_UID}.slice"
        f":cri-containerd:{ID}",
        f"/sys/fs/cgroup/unified/flowatlas-demo-1f2e/node-a/kubepods/pod{UID}/{ID}",
    ],
)
def test_every_layout_names_pod_and_container(path: str) -> None:
    assert parse(path) == Container(UID, ID)


def test_a_static_pods_uid_is_a_hash_without_dashes() -> None:
    path = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{STATIC_UID}.slice"
    assert parse(f"{path}/cri-containerd-{ID}.scope") == Container(STATIC_UID, ID)


@pytest.mark.parametrize("path", [BURSTABLE, f"{BURSTABLE}/crio-conmon-{ID}.scope"])
def test_what_is_in_a_pod_but_in_no_container_has_the_pod_only(path: str) -> None:
    assert parse(path) == Container(UID, None)


@pytest.mark.parametrize(
    "path",
    [
        "/sys/fs/cgroup",
        f"{SYSTEMD}/kubepods-burstable.slice",
        "/sys/fs/cgroup/system.slice/sshd.service",
        f"/sys/fs/cgroup/system.slice/docker-{ID}.scope",
        "/sys/fs/cgroup/podman/podinfo",
        "",
    ],
)
def test_what_is_outside_pods_belongs_to_nobody(path: str) -> None:
    assert parse(path) == NOBODY


def test_a_cluster_inside_a_pod_counts_as_that_pod() -> None:
    inner = f"kubelet.slice/kubelet-kubepods-pod{STATIC_UID}.slice/cri-containerd-{'cd' * 32}.scope"
    assert parse(f"{BURSTABLE}/cri-containerd-{ID}.scope/{inner}") == Container(UID, ID)


class Tree:
    """A tree of cgroups and a clock."""

    def __init__(self) -> None:
        self.paths = {number: f"/kubepods/pod{UID}/{number:064x}" for number in range(100)}
        self.asked: list[int] = []
        self.now = 0.0

    def path(self, cgroup_id: int) -> str | None:
        self.asked.append(cgroup_id)
        return self.paths.get(cgroup_id)


@pytest.fixture
def tree() -> Tree:
    return Tree()


def test_a_cgroup_is_known_for_an_hour_after_it_is_gone(tree: Tree) -> None:
    identity = Identity(tree.path, clock=lambda: tree.now)
    identity.learn([7])
    tree.paths.clear()
    tree.now = 3599.0
    assert identity[7].container_id == f"{7:064x}"
    tree.now += 3601.0
    identity.learn([1])
    assert len(identity) == 1
    assert identity[7] == NOBODY


def test_a_cgroup_is_looked_up_once(tree: Tree) -> None:
    identity = Identity(tree.path, clock=lambda: tree.now)
    for _ in range(3):
        identity.learn([1, 2, 999])
    assert tree.asked == [1, 2, 999]


def test_the_longest_unused_is_forgotten_first(tree: Tree) -> None:
    identity = Identity(tree.path, most=3, clock=lambda: tree.now)
    identity.learn([1, 2, 3, 1, 4])
    assert len(identity) == 3
    tree.asked.clear()
    identity.learn([1, 3, 4])
    assert tree.asked == []
