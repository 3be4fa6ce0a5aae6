"""Kubernetes objects become records, and only what differs is published."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from stream import records
from stream.watch import resources
from stream.watch.cluster import Cluster
from stream.watch.convert import Converter
from stream.watch.published import Published
from stream.watch.resources import JOBS, NODES, PODS, REPLICA_SETS, RESOURCES, SERVICES, SLICES
from tests.kubernetes_objects import (
    endpoint,
    endpoint_slice,
    heartbeat,
    node,
    pod,
    replica_set,
    service,
)

NOW = 1_767_300_000_000
HOUR = 3_600_000
RBAC = Path(__file__).parents[2] / "deploy" / "kubernetes" / "inventory.yaml"


class Topic:
    """What is published, and a cluster that publishes it."""

    def __init__(self, held: dict[str, bytes] | None = None) -> None:
        self.sent: list[tuple[str, bytes | None]] = []
        self.now = NOW
        published = Published(lambda key, value: self.sent.append((key, value)), 25 * HOUR)
        for key, value in (held or {}).items():
            published.load(key, value)
        self.cluster = Cluster(
            published, Converter(["app.kubernetes.io/name"]), clock=lambda: self.now
        )

    def put(self, resource: resources.Resource, *things: dict[str, Any]) -> None:
        for thing in things:
            self.cluster.put(resource, raw(thing))

    def held(self) -> dict[str, bytes]:
        held = dict(self.sent)
        return {key: value for key, value in held.items() if value is not None}

    def last(self) -> Any:
        key, value = self.sent[-1]
        assert value is not None
        return records.decode(key, value)


def raw(thing: dict[str, Any]) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(thing).encode())


@pytest.fixture
def topic() -> Topic:
    return Topic()


OWNED = {
    "Deployment": (("ReplicaSet", "web-6d4c", "rs"), {"pod-template-hash": "6d4c"}),
    "Rollout": (("ReplicaSet", "web-6d4c", "rs"), {"rollouts-pod-template-hash": "6d4c"}),
}


@pytest.mark.parametrize("kind", OWNED)
def test_a_replica_sets_owner_is_the_workload_whether_it_comes_first_or_last(
    kind: str, topic: Topic
) -> None:
    owner, _ = OWNED[kind]
    thing = pod("web-6d4c-x", "n", "10.0.0.1", owner=owner)
    topic.put(PODS, thing)
    assert (topic.last().workload, topic.last().workload_kind) == ("web-6d4c", "ReplicaSet")
    topic.put(REPLICA_SETS, replica_set("web-6d4c", (kind, "web", "d"), uid="rs"))
    assert (topic.last().workload, topic.last().workload_kind) == ("web", kind)
    topic.put(PODS, thing)
    assert len(topic.sent) == 2


@pytest.mark.parametrize("kind", OWNED)
def test_an_unknown_replica_set_is_told_by_its_names(kind: str, topic: Topic) -> None:
    owner, labels = OWNED[kind]
    topic.put(PODS, pod("web-6d4c-x", "n", "10.0.0.1", owner=owner, labels=labels))
    assert (topic.last().workload, topic.last().workload_kind) == ("web", kind)


def test_what_was_known_of_a_workload_outlives_its_replica_set(topic: Topic) -> None:
    """`kubectl delete --cascade=orphan`, and a controller of a custom kind."""
    controller = replica_set("web-6d4c", ("Canary", "web", "c"), uid="rs")
    topic.put(REPLICA_SETS, controller)
    topic.put(PODS, pod("web-6d4c-x", "n", owner=("ReplicaSet", "web-6d4c", "rs")))
    topic.cluster.remove(REPLICA_SETS, raw(controller))
    topic.put(PODS, pod("web-6d4c-x", "n", "10.0.0.1", owner=("ReplicaSet", "web-6d4c", "rs")))
    assert (topic.last().workload, topic.last().workload_kind) == ("web", "Canary")


@pytest.mark.parametrize(
    ("owner", "job_owner", "expected"),
    [
        (("Job", "backup-29876543", "j"), ("CronJob", "backup", "c"), ("backup", "CronJob")),
        (("Job", "backup-29876543", "j"), None, ("backup-29876543", "Job")),
        (("DaemonSet", "fluentd", "d"), None, ("fluentd", "DaemonSet")),
        (("StatefulSet", "db", "s"), None, ("db", "StatefulSet")),
        (("SparkApplication", "sums", "s"), None, ("sums", "SparkApplication")),
        (("Node", "n", "n"), None, ("name", "StaticPod")),
        (None, None, ("name-n", "Pod")),
    ],
)
def test_other_controllers(owner: Any, job_owner: Any, expected: tuple[str, str]) -> None:
    topic = Topic()
    topic.put(JOBS, replica_set("backup-29876543", job_owner, uid="j"))
    topic.put(PODS, pod("name-n", "n", "10.0.0.1", owner=owner))
    assert (topic.last().workload, topic.last().workload_kind) == expected


def test_a_pods_life_is_three_records(topic: Topic) -> None:
    topic.put(PODS, pod("web", ""))
    assert topic.sent == []
    topic.put(PODS, pod("web", "n"))
    assert topic.last().addresses == ()
    topic.put(PODS, pod("web", "n", "10.0.0.1"), pod("web", "n", "10.0.0.1", ready=False))
    assert topic.last().addresses == ("10.0.0.1",)
    assert topic.last().started == topic.last().created + 4_000
    assert topic.last().labels == {"app.kubernetes.io/name": "main"}
    done = pod("web", "n", "10.0.0.1", phase="Succeeded", ended="2026-01-01T10:00:00Z")
    topic.put(PODS, done)
    topic.cluster.remove(PODS, raw(done))
    assert topic.last().ended == topic.last().created + 10 * HOUR
    assert len(topic.sent) == 3


def test_a_deleted_pod_is_forgotten_after_the_retention(topic: Topic) -> None:
    thing = pod("web", "n", "10.0.0.1")
    topic.put(PODS, thing)
    topic.cluster.remove(PODS, raw(thing))
    assert topic.last().ended == NOW
    topic.now += 25 * HOUR - 1
    topic.cluster.expire()
    assert len(topic.sent) == 2
    topic.now += 1
    topic.cluster.expire()
    assert topic.sent[2:] == [("pod/uid-shop-web", None)]


def test_an_end_of_unknown_time_stays_as_it_was_told_first(topic: Topic) -> None:
    evicted = pod("web", "n", "10.0.0.1", phase="Failed")
    topic.put(PODS, evicted)
    topic.now += HOUR
    topic.put(PODS, evicted)
    topic.cluster.remove(PODS, raw(evicted))
    assert [topic.last().ended, len(topic.sent)] == [NOW, 1]


def test_a_host_network_pod_has_no_addresses_and_a_mirror_its_kubelets_uid(topic: Topic) -> None:
    mirror = pod("proxy-n", "n", "192.168.0.1", host_network=True, owner=("Node", "n", "n"))
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "of-the-kubelet"}
    topic.put(PODS, mirror)
    assert topic.last().addresses == ()
    assert topic.last().host_network
    assert topic.sent[-1][0] == "pod/of-the-kubelet"
    topic.cluster.remove(PODS, raw(mirror))
    assert topic.last().ended == NOW


def test_heartbeats_are_not_published(topic: Topic) -> None:
    for minute in range(10):
        thing = node("n", "192.168.0.1")
        thing["status"]["conditions"] = heartbeat(minute)
        topic.put(NODES, thing)
    assert len(topic.sent) == 1
    assert topic.last().zone_id == "use1-az1"


def test_a_service_and_its_slices(topic: Topic) -> None:
    spec = {"externalIPs": ["203.0.113.7"], "trafficDistribution": "PreferClose"}
    balancer = {"ingress": [{"ip": "198.51.100.1"}, {"hostname": "k8s-1.elb.amazonaws.com"}]}
    thing = service("db", "172.20.0.9", 5432, node_port=30000, spec=spec, load_balancer=balancer)
    topic.put(SERVICES, thing)
    found = topic.last()
    assert found.cluster_addresses == ("172.20.0.9",)
    assert found.external_addresses == ("203.0.113.7",)
    assert found.balancer_addresses == ("198.51.100.1",)
    assert found.balancer_names == ("k8s-1.elb.amazonaws.com",)
    assert found.ports == (records.ServicePort(5432, "main", "TCP", 30000),)
    ends = [endpoint("10.0.0.2", "b", "n", ready=False), endpoint("10.0.0.1", "a", "n")]
    topic.put(SLICES, endpoint_slice("db-1", "db", ends), endpoint_slice("db-1", "db", ends[::-1]))
    assert len(topic.sent) == 2
    assert [(end.pod, end.ready) for end in topic.last().endpoints] == [("a", True), ("b", False)]


def broken(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    thing = pod("web", "n", "10.0.0.1")
    change(thing)
    return thing


@pytest.mark.parametrize(
    ("thing", "field"),
    [
        (broken(lambda o: o["status"].update(podIPs=[{"ip": "ten"}])), "status.podIPs"),
        (broken(lambda o: o["status"].update(startTime="noon")), "$.status.startTime"),
        (broken(lambda o: o["spec"].update(nodeName=7)), "$.spec.nodeName"),
        (broken(lambda o: o["metadata"].pop("name")), "name"),
    ],
)
def test_a_broken_object_is_named_and_its_last_state_stays(
    thing: dict[str, Any], field: str, topic: Topic, caplog: pytest.LogCaptureFixture
) -> None:
    topic.put(PODS, pod("web", "n", "10.0.0.1"))
    uid = topic.cluster.put(PODS, raw(thing))
    topic.cluster.retain(PODS, {uid})
    assert len(topic.sent) == 1
    (message,) = [record.getMessage() for record in caplog.records]
    assert field in message
    assert "Pod/shop/" in message


def test_a_restarted_watcher_publishes_only_what_changed_meanwhile(topic: Topic) -> None:
    things = [pod(name, "n", f"10.0.0.{i}") for i, name in enumerate("abc", 1)]
    topic.put(PODS, *things)
    again = Topic(topic.held())
    moved = pod("b", "n", "10.0.0.9")
    uids = {again.cluster.put(PODS, raw(thing)) for thing in (things[0], moved)}
    again.cluster.retain(PODS, uids)
    assert [key for key, _ in again.sent] == ["pod/uid-shop-b", "pod/uid-shop-c"]
    assert again.last().ended == NOW
    once_more = Topic(topic.held() | again.held())
    once_more.cluster.retain(PODS, uids)
    assert once_more.sent == []
    once_more.now += 26 * HOUR
    once_more.cluster.expire()
    assert once_more.sent == [("pod/uid-shop-c", None)]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (b'{"uid":"u","name":7}', "$.name"),
        (b'{"uid":"v","name":"x"}', "$.uid"),
        (b'{"uid":"u","name":"x","created":9999999999999999}', "$.created"),
        (b'{"uid":"u","name":"x","ended":-1}', "$.ended"),
        (b'{"uid":"u"}', "name"),
        (b'{"uid":"u', "truncated"),
        (b"\xff", "malformed"),
    ],
)
def test_a_broken_record_names_key_and_field(value: bytes, field: str) -> None:
    with pytest.raises(records.MalformedRecordError, match=rf"namespace/u: .*{re.escape(field)}"):
        records.decode("namespace/u", value)


def test_records_are_small() -> None:
    value = records.encode(records.Namespace(uid="u", name="shop"))
    assert value == b'{"uid":"u","name":"shop"}'
    assert records.decode("namespace/u", value) == records.Namespace(uid="u", name="shop")
    assert records.decode("volume/u", b"{}") is None


def test_the_cluster_role_permits_what_is_asked_and_nothing_else() -> None:
    documents = list(yaml.safe_load_all(RBAC.read_text()))
    (role,) = [document for document in documents if document["kind"] == "ClusterRole"]
    permitted = {
        (verb, group, resource)
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert permitted == {(v, r.group, r.name) for r in RESOURCES for v in ("list", "watch")}
