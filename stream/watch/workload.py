"""What a user deployed: the end of a pod's chain of controllers."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import NamedTuple

from stream.watch.shapes import Item, Owner

OWNED = ("ReplicaSet", "Job")
"""Controllers that others own in turn. Any other is the workload itself, whoever made it."""
TEMPLATE_HASHES = {"pod-template-hash": "Deployment", "rollouts-pod-template-hash": "Rollout"}
"""Labels that the makers of ReplicaSets, Kubernetes and Argo, put on pods and into names."""
CRON_JOB_RUN = re.compile(r"-\d{8,10}$")
"""A CronJob names its Jobs after itself and the scheduled minute since 1970."""


class Workload(NamedTuple):
    name: str
    kind: str


def controller(item: Item) -> Owner | None:
    owners = item.metadata.owner_references or ()
    return next((owner for owner in owners if owner.controller), None)


class Owners:
    """ReplicaSets and Jobs, whose they are, and the pods that are theirs, all by uid."""

    def __init__(self) -> None:
        self._workloads: dict[str, dict[str, Workload]] = {kind: {} for kind in OWNED}
        self._owner_of: dict[str, str] = {}

    def put(self, kind: str, item: Item) -> bool:
        """Whether that is news."""
        owner, metadata = controller(item), item.metadata
        found = Workload(owner.name, owner.kind) if owner else Workload(metadata.name, kind)
        news = self._workloads[kind].get(metadata.uid) != found
        self._workloads[kind][metadata.uid] = found
        return news

    def drop(self, kind: str, uid: str) -> None:
        self._workloads[kind].pop(uid, None)

    def uids(self, kind: str) -> list[str]:
        return list(self._workloads[kind])

    def pods_of(self, uid: str) -> list[str]:
        return [pod for pod, owner in self._owner_of.items() if owner == uid]

    def forget_pod(self, uid: str) -> None:
        self._owner_of.pop(uid, None)

    def workload(self, kind: str, uid: str) -> Workload:
        return self._workloads[kind][uid]

    def of(self, uid: str, pod: Item, known: Callable[[], Workload | None]) -> Workload:
        """The workload of the pod. `known` looks up what was said of it before, which stays when
        the controller goes first; before the controller comes, names tell."""
        owner, name = controller(pod), pod.metadata.name
        if owner is None:
            return Workload(name, "Pod")
        if owner.kind == "Node":
            return Workload(name.removesuffix(f"-{owner.name}"), "StaticPod")
        if owner.kind not in OWNED:
            return Workload(owner.name, owner.kind)
        same = self._owner_of.get(uid, owner.uid) == owner.uid
        self._owner_of[uid] = sys.intern(owner.uid)
        if found := self._workloads[owner.kind].get(owner.uid):
            return found
        return (known() if same else None) or guess(owner, pod.metadata.labels or {})


def guess(owner: Owner, labels: dict[str, str]) -> Workload:
    if owner.kind == "ReplicaSet":
        for label, kind in TEMPLATE_HASHES.items():
            suffix = f"-{labels.get(label, '')}"
            if len(suffix) > 1 and owner.name.endswith(suffix):
                return Workload(owner.name.removesuffix(suffix), kind)
    if owner.kind == "Job" and CRON_JOB_RUN.search(owner.name):
        return Workload(CRON_JOB_RUN.sub("", owner.name), "CronJob")
    return Workload(owner.name, owner.kind)
