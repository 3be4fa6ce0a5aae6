"""The demo's inventory has the shape of what kubectl prints, and the stream can read it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.wire import Protocol
from deploy.local.demo.inventory import inventory
from deploy.local.demo.shop import SHOP
from stream import records
from stream.addresses import pack
from stream.cluster import Cluster
from stream.directory import Directory
from stream.inventory import load
from stream.inventory_topic import Change
from stream.watch import cluster as watch
from stream.watch.convert import Converter
from stream.watch.from_file import FileFollower
from stream.watch.published import Published

ITEMS: list[dict[str, Any]] = inventory(SHOP)["items"]


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [item for item in ITEMS if item["kind"] == kind]


def test_it_is_a_list_of_the_four_kinds_without_doubles() -> None:
    whole = inventory(SHOP)
    assert (whole["apiVersion"], whole["kind"]) == ("v1", "List")
    assert {item["kind"] for item in ITEMS} == {"Node", "Pod", "Service", "EndpointSlice"}
    uids = [item["metadata"]["uid"] for item in ITEMS]
    assert len(uids) == len(set(uids))


def test_it_is_the_same_in_every_run() -> None:
    assert inventory(SHOP) == inventory(SHOP)


def test_a_node_has_its_zone_by_name_and_by_id() -> None:
    node = of_kind("Node")[0]
    assert (
        node["metadata"]["labels"]
        | {
            "topology.kubernetes.io/region": "us-east-1",
            "topology.kubernetes.io/zone": "us-east-1a",
            "topology.k8s.aws/zone-id": "use1-az1",
        }
        == node["metadata"]["labels"]
    )
    assert node["spec"]["providerID"].startswith("aws:///us-east-1a/i-")
    assert {"address": "10.0.1.10", "type": "InternalIP"} in node["status"]["addresses"]


@pytest.mark.parametrize(
    ("workload", "owner_kind"),
    [("cart", "ReplicaSet"), ("cart-redis", "StatefulSet"), ("nightly-report", "Job")],
)
def test_a_pod_names_its_owner_and_node(workload: str, owner_kind: str) -> None:
    (expected,) = SHOP.pods_of(workload)
    (pod,) = (p for p in of_kind("Pod") if p["metadata"]["name"] == expected.name)
    (owner,) = pod["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["controller"]) == (owner_kind, True)
    assert pod["spec"]["nodeName"] == expected.node.name
    assert pod["status"]["podIPs"] == [{"ip": address} for address in expected.addresses]
    assert pod["status"]["podIP"] == expected.addresses[0]
    assert pod["status"]["hostIP"] == expected.node.addresses[0]
    assert all(
        s["containerID"].startswith("containerd://") for s in pod["status"]["containerStatuses"]
    )


def test_a_replica_sets_name_ends_in_the_pods_template_hash() -> None:
    for pod in of_kind("Pod"):
        (owner,) = pod["metadata"]["ownerReferences"]
        template_hash = pod["metadata"]["labels"].get("pod-template-hash")
        assert (owner["kind"] == "ReplicaSet") is (template_hash is not None)
        if template_hash:
            assert owner["name"].endswith(f"-{template_hash}")
            assert pod["metadata"]["name"].startswith(f"{owner['name']}-")


def test_the_endpoints_of_a_slice_are_the_pods_that_the_service_selects() -> None:
    pods = {pod["metadata"]["uid"]: pod for pod in of_kind("Pod")}
    services = {service["metadata"]["name"]: service for service in of_kind("Service")}
    for endpoint_slice in of_kind("EndpointSlice"):
        name = endpoint_slice["metadata"]["labels"]["kubernetes.io/service-name"]
        ((label, value),) = services[name]["spec"]["selector"].items()
        selected = {uid for uid, pod in pods.items() if pod["metadata"]["labels"][label] == value}
        assert {e["targetRef"]["uid"] for e in endpoint_slice["endpoints"]} == selected
        for endpoint in endpoint_slice["endpoints"]:
            status = pods[endpoint["targetRef"]["uid"]]["status"]
            assert {"ip": endpoint["addresses"][0]} in status["podIPs"]


def test_the_stream_reads_every_object(tmp_path: Path) -> None:
    file = tmp_path / "inventory.json"
    file.write_text(json.dumps(inventory(SHOP)))
    known = load(file)
    assert {node.name for node in known.nodes} == {node.name for node in SHOP.nodes}
    assert {pod.workload for pod in known.pods} == {w.name for w in SHOP.workloads}
    assert len(known.frontends) == sum(len(s.addresses) * len(s.ports) for s in SHOP.services)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "inventory.json"
    path.write_text(json.dumps(inventory(SHOP)))
    return path


class Following:
    """A cluster that is told of a file by the topic's records."""

    def __init__(self, path: Path) -> None:
        self.cluster = Cluster()
        self._directory = Directory(self.cluster)
        self.follower = FileFollower(
            path, watch.Cluster(Published(self._publish, 3_600_000), Converter([]))
        )

    def _publish(self, key: str, value: bytes | None) -> None:
        record = None if value is None else records.decode(key, value)
        self._directory.apply([Change(key, record, time.time_ns() // 1_000_000)])

    def pods(self) -> list[str]:
        there = (record for record in self.cluster._current.values())
        return sorted(each.name for each in there if type(each).__name__ == "Pod")


@pytest.fixture
def following(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Following]:
    monkeypatch.setattr("stream.watch.from_file.LOOK_EVERY", 0.01)
    made = Following(file)
    made.follower.start()
    made.follower.listed.wait(10)
    yield made
    made.follower.stop()
    made.follower.join(10)


def until(reached: Any) -> None:
    deadline = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_by_the_topic_the_stream_knows_the_same_as_by_the_file(
    file: Path, following: Following
) -> None:
    direct = Cluster()
    direct.take(load(file), time.time_ns())
    told = following.cluster
    assert told._current.keys() == direct._current.keys()
    assert all(told._current[key] == record for key, record in direct._current.items())
    assert told.frontends.keys() == direct.frontends.keys()
    for key, front in direct.frontends.items():
        by_name = [(each.address, each.port, direct.pod("", each.pod)) for each in front.backends]
        behind = [
            (each.address, each.port, told.pod("", each.pod))
            for each in told.frontends[key].backends
        ]
        assert len(behind) == len(by_name)
        assert {each[:2] for each in behind} == {each[:2] for each in by_name}
        assert all(pod is not None for *_, pod in behind)


def test_what_is_no_longer_in_the_file_is_gone_and_a_broken_file_changes_nothing(
    file: Path, following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    whole = following.pods()
    web = pack("172.20.11.1"), 80, int(Protocol.TCP)
    assert web in following.cluster.frontends
    file.write_text("{")
    until(lambda: "last good version stays" in caplog.text)
    assert str(file) in caplog.text
    assert following.pods() == whole
    items = [item for item in ITEMS if item["metadata"]["name"] != "storefront"]
    left = [i for i in items if i["kind"] != "Pod" or "storefront" not in i["metadata"]["name"]]
    file.write_text(json.dumps({"items": left}))
    until(lambda: len(following.pods()) == len(whole) - 2)
    until(lambda: web not in following.cluster.frontends)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file"),
        ("{", "is not a list of objects"),
        ('{"items": 7}', "is not a list of objects"),
        ('{"items": [7]}', "is not a list of objects"),
    ],
)
def test_a_file_that_is_broken_at_the_start_ends_it_with_a_sentence(
    content: str | None, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "inventory.json"
    if content is not None:
        path.write_text(content)
    following = Following(path)
    following.follower.start()
    until(lambda: following.follower.failure)
    assert f"{path}: " in str(following.follower.failure)
    assert problem in str(following.follower.failure)
