"""The demo's inventory has the shape of what kubectl prints, and the stream can read it."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.local.demo.inventory import inventory
from deploy.local.demo.shop import SHOP
from stream.inventory import load

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
