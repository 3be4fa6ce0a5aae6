"""What an address turns out to be, by an inventory as kubectl prints it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from agent.wire import Batch
from stream import vpc_endpoints
from stream.addresses import pack
from stream.cluster import Cluster
from stream.columns import join
from stream.errors import MalformedInventoryError
from stream.evidence import WORDS
from stream.files import Followed
from stream.inventory import Inventory, load
from stream.network.model import EndpointType, Interface, Network, VpcEndpoint
from stream.prefixes import SPECIAL, Class, Prefix, Prefixes, site
from stream.resolve import Resolver
from stream.rollup import levels
from stream.seen_names import SeenNames
from stream.settings import Settings
from stream.sources import of
from stream.windows import aggregate
from tests.unit.stream_batches import SECOND, START, all_heard, batch, name_rows

EC2 = Prefix("52.0.0.0/15", Class("aws_service", "EC2", "us-east-1", "ip_ranges"))
S3 = Prefix("52.216.0.0/15", Class("aws_service", "S3", "us-east-1", "ip_ranges"))


def windows(batches: list[Batch], resolver: Resolver) -> pa.Table:
    found = aggregate(join(batches), resolver, 10)
    return levels(found, resolver.endpoints, "test", all_heard)["flows_10s"]


def node(name: str, zone: str, *addresses: str) -> dict[str, Any]:
    return {
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "topology.kubernetes.io/zone": zone,
                "topology.kubernetes.io/region": "eu-1",
                "topology.k8s.aws/zone-id": f"id-of-{zone}",
            },
        },
        "status": {
            "addresses": [
                {"type": "Hostname", "address": name},
                *({"type": "InternalIP", "address": address} for address in addresses),
            ]
        },
    }


def pod(name: str, on: str, *addresses: str, **extra: Any) -> dict[str, Any]:
    owner = extra.get("owner")
    controller = {"kind": owner[0], "name": owner[1], "controller": True} if owner else None
    return {
        "kind": "Pod",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"uid-of-{name}",
            "annotations": extra.get("annotations", {}),
            "creationTimestamp": extra.get("created", "2023-01-01T00:00:00Z"),
            "labels": extra.get("labels", {}),
            "ownerReferences": [controller] if controller else [],
        },
        "spec": {"nodeName": on, "hostNetwork": extra.get("host_network", False)},
        "status": {
            "phase": extra.get("phase", "Running"),
            "podIP": addresses[0] if addresses else None,
            "podIPs": [{"ip": address} for address in addresses],
        },
    }


def deployed(name: str, on: str, *addresses: str, **extra: Any) -> dict[str, Any]:
    """A pod of Deployment `name` minus its last two parts, as Kubernetes builds such names."""
    replica_set, _, _ = name.rpartition("-")
    labels = {"pod-template-hash": replica_set.rpartition("-")[2]}
    return pod(name, on, *addresses, owner=("ReplicaSet", replica_set), labels=labels, **extra)


def service(name: str, *addresses: str, port: int = 80, **extra: Any) -> dict[str, Any]:
    return {
        "kind": "Service",
        "metadata": {"namespace": "shop", "name": name},
        "spec": {
            "clusterIP": addresses[0],
            "clusterIPs": list(addresses),
            "externalIPs": extra.get("external", []),
            "ports": [
                {"name": "web", "port": port, "protocol": "TCP", "nodePort": extra.get("node_port")}
            ],
        },
        "status": {"loadBalancer": {"ingress": extra.get("ingress", [])}},
    }


def endpoint_slice(of: str, port: int, *endpoints: tuple[str, str, bool]) -> dict[str, Any]:
    """Endpoints as address, pod ("" for none) and whether ready."""
    return {
        "kind": "EndpointSlice",
        "metadata": {
            "namespace": "shop",
            "name": f"{of}-1",
            "labels": {"kubernetes.io/service-name": of},
        },
        "ports": [{"name": "web", "port": port, "protocol": "TCP"}],
        "endpoints": [
            {
                "addresses": [address],
                "conditions": {"ready": ready},
                "targetRef": {"kind": "Pod", "name": target} if target else None,
            }
            for address, target, ready in endpoints
        ],
    }


CLUSTER = [
    node("n1", "eu-1a", "10.0.0.1", "fd00::1"),
    node("n2", "eu-1b", "10.0.0.2"),
    deployed("cart-5d4f-abcde", "n1", "10.1.0.1", "fd01::1"),
    deployed("cart-5d4f-fghij", "n2", "10.1.0.2"),
    deployed("pay-77-aaaaa", "n1", "10.1.0.3"),
    deployed("pay-77-bbbbb", "n1", "10.1.0.4"),
    pod("db-0", "n2", "10.1.0.5", owner=("StatefulSet", "db")),
    pod("log-x1", "n1", "10.1.0.6", owner=("DaemonSet", "log")),
    pod("nightly-29384756-x", "n1", "10.1.0.7", owner=("Job", "nightly-29384756")),
    pod("import-x", "n1", "10.1.0.8", owner=("Job", "import")),
    pod("shell", "n2", "10.1.0.9"),
    pod("proxy-x", "n1", "10.0.0.1", owner=("DaemonSet", "proxy"), host_network=True),
    pod("etcd-n2", "n2", "10.0.0.2", owner=("Node", "n2"), host_network=True,
        annotations={"kubernetes.io/config.mirror": "hash-of-etcd"}),
    pod("done-x", "n2", "10.1.0.1", phase="Succeeded", created="2023-02-01T00:00:00Z"),
    pod("old-x", "n2", "10.1.0.10", created="2023-01-01T00:00:00Z"),
    pod("young-x", "n1", "10.1.0.10", created="2023-01-02T00:00:00Z"),
    service("cart", "10.96.0.1", "fd96::1", node_port=30080),
    endpoint_slice(
        "cart", 8080, ("10.1.0.1", "cart-5d4f-abcde", True), ("10.1.0.2", "cart-5d4f-fghij", True)
    ),
    service("pay", "10.96.0.2", external=["198.51.100.7"], ingress=[{"ip": "198.51.100.8"}]),
    endpoint_slice(
        "pay", 80, ("10.1.0.3", "pay-77-aaaaa", True), ("10.1.0.4", "pay-77-bbbbb", True)
    ),
    service("mixed", "10.96.0.3"),
    endpoint_slice("mixed", 81, ("10.1.0.5", "db-0", True), ("10.1.0.3", "pay-77-aaaaa", True)),
    service("db", "10.96.0.4", port=5432),
    endpoint_slice("db", 5433, ("10.1.0.5", "db-0", True), ("10.1.0.9", "shell", False)),
    service("proxy", "10.96.0.5"),
    endpoint_slice("proxy", 9000, ("10.0.0.1", "proxy-x", True)),
    service("legacy", "10.96.0.6"),
    endpoint_slice("legacy", 1521, ("192.168.7.7", "", True)),
    service("headless", "None"),
    {"kind": "ConfigMap", "metadata": {"name": "ignored"}},
]  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write(tmp_path / "inventory.json", CLUSTER)


def write(path: Path, items: Any) -> Path:
    path.write_text(json.dumps({"kind": "List", "items": items}))
    return path


def known(inventory: Inventory, seconds: int = 0) -> Cluster:
    """At so many seconds after START."""
    cluster = Cluster()
    cluster.take(inventory, START + seconds * SECOND)
    return cluster


@pytest.fixture
def resolver(path: Path) -> Resolver:
    return Resolver(known(load(path)), Prefixes([*SPECIAL, S3, EC2]))


def ends(resolver: Resolver, **row: Any) -> dict[str, Any]:
    table = windows([batch([row], node="n1")], resolver)
    found: dict[str, Any] = table.to_pylist()[0]
    return found


def client(resolver: Resolver, address: str) -> tuple[str, ...]:
    row = ends(resolver, client_address=address)
    names = ("kind", "workload", "workload_kind", "pod", "node", "zone", "region", "method")
    return tuple(row[f"client_{name}"] for name in names)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.0.1", ("pod", "cart", "Deployment", "cart-5d4f-abcde", "n1", "eu-1a")),
        ("fd01::1", ("pod", "cart", "Deployment", "cart-5d4f-abcde", "n1", "eu-1a")),
        ("10.1.0.5", ("pod", "db", "StatefulSet", "db-0", "n2", "eu-1b")),
        ("10.1.0.6", ("pod", "log", "DaemonSet", "log-x1", "n1", "eu-1a")),
        ("10.1.0.7", ("pod", "nightly", "CronJob", "nightly-29384756-x", "n1", "eu-1a")),
        ("10.1.0.8", ("pod", "import", "Job", "import-x", "n1", "eu-1a")),
        ("10.1.0.9", ("pod", "shell", "Pod", "shell", "n2", "eu-1b")),
    ],
)
def test_a_pod_is_named_by_what_the_user_deployed(
    resolver: Resolver, address: str, expected: tuple[str, ...]
) -> None:
    assert client(resolver, address) == (*expected, "eu-1", "pod_ip")


@pytest.mark.parametrize("address", ["10.0.0.1", "fd00::1", "127.0.0.1", "169.254.20.10", "::1"])
def test_node_addresses_and_local_ones_are_the_node(resolver: Resolver, address: str) -> None:
    assert client(resolver, address) == ("node", "n1", "Node", "", "n1", "eu-1a", "eu-1", "host_ip")


def test_loopback_means_another_node_in_another_nodes_report(resolver: Resolver) -> None:
    row = {"client_address": "127.0.0.1"}
    table = windows([batch([row], node=name) for name in ("n1", "n2")], resolver)
    assert table["client_node"].to_pylist() == ["n1", "n2"]


@pytest.mark.parametrize(
    ("address", "kind", "service_name", "method"),
    [
        ("52.216.1.1", "aws_service", "S3", "ip_ranges"),
        ("192.168.3.3", "on_prem", "", "private_range"),
        ("93.184.216.34", "internet", "", "public_range"),
        ("224.0.0.1", "unknown", "", "none"),
    ],
)
def test_addresses_outside_the_cluster(
    resolver: Resolver, address: str, kind: str, service_name: str, method: str
) -> None:
    row = ends(resolver, server_address=address)
    assert row["server_kind"] == kind
    assert row["server_service"] == service_name
    assert row["server_method"] == method


@pytest.mark.parametrize(
    ("row", "confidence"),
    [
        ({"server_address": "10.1.0.1"}, "high"),
        ({"server_address": "10.1.0.1", "reporter": 2, "pod_uid": "uid-of-db-0"}, "high"),
        ({"server_address": "10.0.0.2"}, "high"),
        ({"server_address": "52.216.1.1"}, "high"),
        ({"server_address": "52.0.0.1"}, "low"),
        ({"server_address": "192.168.3.3"}, "medium"),
        ({"server_address": "93.184.216.34"}, "medium"),
        ({"server_address": "224.0.0.1"}, "none"),
        ({"server_address": "10.96.0.1", "server_port": 80}, "medium"),
        ({"server_address": "10.96.0.1", "backend_address": "10.1.0.2", "backend_port": 1}, "high"),
        ({"server_address": "10.96.0.6", "backend_address": "192.168.7.7", "backend_port": 1},
            "medium"),
    ],
)  # fmt: skip
def test_each_answer_says_how_sure_it_is(
    resolver: Resolver, row: dict[str, Any], confidence: str
) -> None:
    assert WORDS[ends(resolver, **row)["server_confidence"]] == confidence


def test_addresses_of_interface_endpoints_and_the_sites_own_ranges_come_before_any_list(
    path: Path,
) -> None:
    def interface(service: str, *addresses: str) -> VpcEndpoint:
        interfaces = tuple(Interface("subnet", (ip_address(text),)) for text in addresses)
        return VpcEndpoint("vpce", "vpc", EndpointType.INTERFACE, service, interfaces)

    network = Network(
        region="eu-1",
        endpoints=(
            interface("com.amazonaws.eu-west-1.sqs", "10.7.0.1", "10.7.0.2", "fd07::1"),
            interface("com.amazonaws.eu-west-1.ecr.dkr", "10.7.0.3"),
            interface("com.amazonaws.vpce.eu-west-1.vpce-svc-0123", "10.7.0.4"),
            interface("eu.example.own", "10.7.0.5"),
        ),
    )
    site_ranges = site(["10.7.0.0/16", "52.216.1.0/24"])
    owners = [*SPECIAL, S3, *site_ranges, *vpc_endpoints.prefixes(network)]
    resolver = Resolver(known(load(path)), Prefixes(owners))
    found = {}
    for last in ("10.7.0.1", "10.7.0.2", "fd07::1", "10.7.0.3", "10.7.0.4", "10.7.0.5"):
        row = ends(resolver, server_address=last)
        assert (row["server_kind"], row["server_method"]) == ("aws_service", "vpc_endpoint")
        assert WORDS[row["server_confidence"]] == "high"
        found[last] = row["server_service"], row["server_region"]
    assert found == {
        **dict.fromkeys(("10.7.0.1", "10.7.0.2", "fd07::1"), ("SQS", "eu-west-1")),
        "10.7.0.3": ("ECR", "eu-west-1"),
        "10.7.0.4": ("PRIVATELINK", "eu-west-1"),
        "10.7.0.5": ("AMAZON", "eu-1"),
    }
    for address in ("10.7.0.9", "52.216.1.1"):
        row = ends(resolver, server_address=address)
        assert (row["server_kind"], row["server_method"]) == ("on_prem", "site_range")


def test_zone_ids_and_chosen_labels_are_told_of_pods_and_services(tmp_path: Path) -> None:
    items = json.loads(json.dumps(CLUSTER))
    for item in items:
        if item["kind"] == "Pod":
            item["metadata"]["labels"] |= {"team": "checkout", "tier": item["metadata"]["name"]}
    path = write(tmp_path / "labelled.json", items)
    resolver = Resolver(known(load(path, ("team", "missing"))), Prefixes(SPECIAL))
    row = ends(resolver, client_address="10.1.0.2", server_address="10.96.0.1", server_port=80)
    assert (row["client_zone_id"], row["server_zone_id"]) == ("id-of-eu-1b", "")
    assert row["client_labels"] == row["server_labels"] == [("team", "checkout")]
    assert ends(resolver, client_address="10.0.0.2")["client_zone_id"] == "id-of-eu-1b"


def test_a_pod_knows_the_address_of_its_node(resolver: Resolver) -> None:
    ends(resolver, client_address="10.1.0.2")
    hosts = {end.pod: end.host for end in map(resolver.endpoints.__getitem__, range(2))}
    assert hosts["cart-5d4f-fghij"] == pack("10.0.0.2")


def test_a_finished_pod_does_not_keep_its_address(resolver: Resolver) -> None:
    assert client(resolver, "10.1.0.1")[3] == "cart-5d4f-abcde"


def test_of_two_pods_with_one_address_the_younger_has_it(resolver: Resolver) -> None:
    assert client(resolver, "10.1.0.10")[3] == "young-x"


def server(resolver: Resolver, address: str, port: int = 80, **translated: Any) -> tuple[Any, ...]:
    row = ends(resolver, server_address=address, server_port=port, **translated)
    names = ("kind", "workload", "pod", "node", "zone", "service", "method")
    return *(row[f"server_{name}"] for name in names), row["server_port"]


@pytest.mark.parametrize(
    ("address", "port", "expected"),
    [
        ("10.96.0.1", 80, ("pod", "cart", "", "", "", "shop/cart", "cluster_ip", 8080)),
        ("fd96::1", 80, ("pod", "cart", "", "", "", "shop/cart", "cluster_ip", 8080)),
        ("10.0.0.2", 30080, ("pod", "cart", "", "", "", "shop/cart", "cluster_ip", 8080)),
        ("10.96.0.2", 80, ("pod", "pay", "", "n1", "eu-1a", "shop/pay", "cluster_ip", 80)),
        ("198.51.100.7", 80, ("pod", "pay", "", "n1", "eu-1a", "shop/pay", "cluster_ip", 80)),
        ("198.51.100.8", 80, ("pod", "pay", "", "n1", "eu-1a", "shop/pay", "cluster_ip", 80)),
        ("10.96.0.3", 80, ("service", "", "", "", "", "shop/mixed", "cluster_ip", 81)),
        ("10.96.0.4", 5432, ("pod", "db", "db-0", "n2", "eu-1b", "shop/db", "cluster_ip", 5433)),
        ("10.96.0.5", 80,
            ("pod", "proxy", "proxy-x", "n1", "eu-1a", "shop/proxy", "cluster_ip", 9000)),
        ("10.96.0.6", 80, ("service", "", "", "", "", "shop/legacy", "cluster_ip", 1521)),
        ("10.96.0.1", 81, ("service", "", "", "", "", "shop/cart", "cluster_ip", 81)),
        ("10.0.0.2", 22, ("node", "n2", "", "n2", "eu-1b", "", "host_ip", 22)),
    ],
)  # fmt: skip
def test_a_service_says_only_what_all_its_backends_share(
    resolver: Resolver, address: str, port: int, expected: tuple[Any, ...]
) -> None:
    assert server(resolver, address, port) == expected


def test_a_udp_port_is_not_the_services_tcp_port(resolver: Resolver) -> None:
    row = ends(resolver, server_address="10.96.0.1", server_port=80, protocol=17)
    assert (row["server_kind"], row["server_port"]) == ("service", 80)


@pytest.mark.parametrize(
    ("address", "backend", "expected"),
    [
        (("10.96.0.1", 80), ("10.1.0.2", 8080),
            ("pod", "cart", "cart-5d4f-fghij", "n2", "eu-1b", "shop/cart", "conntrack", 8080)),
        (("10.0.0.2", 30080), ("10.1.0.1", 8080),
            ("pod", "cart", "cart-5d4f-abcde", "n1", "eu-1a", "shop/cart", "conntrack", 8080)),
        (("10.96.0.3", 80), ("10.1.0.3", 81),
            ("pod", "pay", "pay-77-aaaaa", "n1", "eu-1a", "shop/mixed", "conntrack", 81)),
        (("10.96.0.5", 80), ("10.0.0.1", 9000),
            ("pod", "proxy", "proxy-x", "n1", "eu-1a", "shop/proxy", "conntrack", 9000)),
        (("10.96.0.6", 80), ("192.168.7.7", 1521),
            ("on_prem", "", "", "", "", "shop/legacy", "conntrack", 1521)),
        (("10.96.0.1", 81), ("10.1.0.1", 8081),
            ("pod", "cart", "cart-5d4f-abcde", "n1", "eu-1a", "shop/cart", "conntrack", 8081)),
        (("93.184.216.34", 443), ("10.1.0.9", 8443),
            ("pod", "shell", "shell", "n2", "eu-1b", "", "conntrack", 8443)),
        (("93.184.216.34", 443), ("127.0.0.1", 15001),
            ("node", "n1", "", "n1", "eu-1a", "", "conntrack", 15001)),
    ],
)  # fmt: skip
def test_the_backend_that_conntrack_saw_is_the_server(
    resolver: Resolver,
    address: tuple[str, int],
    backend: tuple[str, int],
    expected: tuple[Any, ...],
) -> None:
    translated: dict[str, Any] = {"backend_address": backend[0], "backend_port": backend[1]}
    assert server(resolver, *address, **translated) == expected


def test_rows_of_one_batch_go_to_the_backends_of_their_own(resolver: Resolver) -> None:
    chosen = [
        {"backend_address": "10.1.0.1", "backend_port": 8080},
        {},
        {"backend_address": "10.1.0.2", "backend_port": 8080},
    ]
    rows = [{"server_address": "10.96.0.1", "server_port": 80} | backend for backend in chosen]
    table = windows([batch(rows)], resolver)
    assert table["server_zone"].to_pylist() == ["eu-1a", "", "eu-1b"]
    assert table["server_port"].to_pylist() == [8080] * 3


@pytest.mark.parametrize(
    ("uid", "address", "expected"),
    [
        ("uid-of-proxy-x", "10.0.0.1", ("pod", "proxy", "proxy-x", "n1", "pod_uid")),
        ("uid-of-db-0", "127.0.0.1", ("pod", "db", "db-0", "n2", "pod_uid")),
        ("hash-of-etcd", "10.0.0.2", ("pod", "etcd", "etcd-n2", "n2", "pod_uid")),
        ("uid-of-etcd-n2", "10.0.0.2", ("node", "n2", "", "n2", "host_ip")),
        ("unheard-of", "10.1.0.5", ("pod", "db", "db-0", "n2", "pod_ip")),
        (None, "10.0.0.1", ("node", "n1", "", "n1", "host_ip")),
    ],
)
@pytest.mark.parametrize("side", ["client", "server"])
def test_the_reporting_end_is_the_pod_of_its_cgroup(
    resolver: Resolver, side: str, uid: str | None, address: str, expected: tuple[str, ...]
) -> None:
    reporter = {"client": 1, "server": 2}[side]
    both = {"client_address": address, "server_address": address}
    row = ends(resolver, pod_uid=uid, reporter=reporter, **both)
    names = ("kind", "workload", "pod", "node", "method")
    assert tuple(row[f"{side}_{name}"] for name in names) == expected
    other = {"client": "server", "server": "client"}[side]
    assert row[f"{other}_method"] != "pod_uid"


def test_what_was_resolved_may_be_forgotten(
    resolver: Resolver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.resolve.MAX_ENDPOINTS", 1)
    first = ends(resolver, client_address="10.1.0.5", server_address="10.96.0.1")
    assert ends(resolver, client_address="10.1.0.5", server_address="10.96.0.1") == first


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ({}, "has no list `items`"),
        ([{**CLUSTER[0], "metadata": {}}], "Node: field metadata.name is missing"),
        (
            [pod("p", "n1", "10.1.0.999")],
            "Pod shop/p: field status.podIPs[0].ip is not an IP address: '10.1.0.999'",
        ),
        (
            [{**CLUSTER[0], "status": {"addresses": "x"}}],
            "Node n1: field status.addresses is not a list: 'x'",
        ),
        ([service("s", "10.96.0.1", port="http")],  # type: ignore[arg-type]
            "Service shop/s: field spec.ports[0].port is not a int: 'http'"),
        ([service("s", "nowhere")], "Service shop/s: field spec.clusterIPs is not an IP address"),
    ],
)  # fmt: skip
def test_a_malformed_inventory_is_one_sentence_naming_object_and_field(
    tmp_path: Path, items: Any, said: str
) -> None:
    path = write(tmp_path / "inventory.json", items)
    with pytest.raises(MalformedInventoryError) as caught:
        load(path)
    assert said in caught.value.message
    assert str(path) in caught.value.message
    assert "kubectl get nodes,pods,services,endpointslices" in caught.value.message


@pytest.mark.parametrize("content", ["", "[]", "{not json", "null"])
def test_a_file_that_is_no_inventory_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "inventory.json"
    path.write_text(content)
    with pytest.raises(MalformedInventoryError):
        load(path)


def test_a_changed_inventory_is_used_and_a_bad_one_is_not(path: Path) -> None:
    followed = Followed(str(path), load, Inventory())
    followed.read()
    assert not followed.refresh()
    write(path, [*CLUSTER, pod("new", "n1", "10.1.0.77")])
    assert followed.refresh()
    assert "new" in {pod.name for pod in followed.content.pods}
    path.write_text("{")
    assert not followed.refresh()
    path.unlink()
    assert not followed.refresh()
    assert "new" in {pod.name for pod in followed.content.pods}


SQS = "sqs.us-east-1.amazonaws.com"
BUCKET = "photos.s3.us-east-1.amazonaws.com"


def told(name: str, address: str, to: str, at: int = 0, uid: str | None = None) -> dict[str, Any]:
    """An answer of 60 s to the pod with an address, `at` seconds after START."""
    return {
        "time": START + at * SECOND,
        "receiver": to,
        "address": address,
        "name": name,
        "pod_uid": uid,
    }


@pytest.fixture
def named(path: Path) -> Callable[..., dict[str, Any]]:
    """The server's columns of a row, once answers were told on node n1."""

    def find(answers: list[dict[str, Any]], **row: Any) -> dict[str, Any]:
        seen = SeenNames()
        seen.add(name_rows(answers), "n1")
        resolver = Resolver(known(load(path)), Prefixes([*SPECIAL, S3, EC2]), seen)
        row = ends(resolver, **{"client_address": "10.1.0.1"} | row)
        row["server_confidence"] = WORDS[row["server_confidence"]]
        found = ("kind", "service", "region", "method", "confidence", "dns_name")
        return {name: row[f"server_{name}"] for name in found}

    return find


@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        (SQS, "10.7.0.1", ("aws_service", "SQS", "us-east-1", "dns", "high")),
        (SQS, "52.0.0.7", ("aws_service", "SQS", "us-east-1", "dns", "high")),
        (BUCKET, "52.216.1.1", ("aws_service", "S3", "us-east-1", "ip_ranges", "high")),
        ("db.abc.us-east-1.rds.amazonaws.com", "10.7.0.2",
            ("aws_service", "RDS", "us-east-1", "dns", "high")),
        ("www.example.com", "93.184.216.34", ("internet", "", "", "public_range", "medium")),
        ("www.example.com", "52.0.0.8", ("aws_service", "EC2", "us-east-1", "ip_ranges", "low")),
        ("erp.corp.example", "192.168.3.3", ("on_prem", "", "", "private_range", "medium")),
    ],
)  # fmt: skip
def test_a_name_tells_the_aws_service_and_is_a_column_of_its_own(
    named: Any, name: str, address: str, expected: tuple[str, ...]
) -> None:
    found = named([told(name, address, "10.1.0.1")], server_address=address)
    assert tuple(found.values()) == (*expected, name)


def test_a_name_counts_for_who_was_told_it_at_that_time(named: Any) -> None:
    first, second = "uid-of-cart-5d4f-abcde", "uid-of-pay-77-aaaaa"
    answers = [
        told(SQS, "10.7.0.1", "10.1.0.1", uid=first),
        told("kms.us-east-1.amazonaws.com", "10.7.0.1", "10.1.0.3", uid=second),
        told("sts.us-east-1.amazonaws.com", "10.7.0.1", "10.1.0.1", at=3600, uid=first),
    ]

    def service(uid: str | None, seconds: int, server: str = "10.7.0.1") -> tuple[str, str]:
        times = {"interval_start": START + (seconds - 10) * SECOND}
        times["interval_end"] = START + seconds * SECOND
        found = named(answers, server_address=server, pod_uid=uid, **times)
        return found["service"], found["confidence"]

    assert service(first, 5) == ("SQS", "high")
    assert service(second, 5) == ("KMS", "high")
    assert service(first, 1800) == ("SQS", "medium")
    assert service(first, 3605) == ("STS", "high")
    assert service(second, 3605) == ("KMS", "medium")
    assert service(first, -5) == ("", "medium")
    assert service(first, 5, "10.7.0.9") == ("", "medium")


def test_what_others_were_told_does_not_outweigh_what_the_address_itself_tells(named: Any) -> None:
    answers = [told(SQS, "52.216.1.1", "10.1.0.3", uid="uid-of-pay-77-aaaaa")]
    found = named(answers, server_address="52.216.1.1", pod_uid="uid-of-cart-5d4f-abcde")
    assert (found["service"], found["method"]) == ("S3", "ip_ranges")
    own = named(answers, server_address="52.216.1.1", pod_uid="uid-of-pay-77-aaaaa")
    assert (own["service"], own["method"]) == ("SQS", "dns")


def test_the_far_end_of_a_server_s_report_is_the_client(path: Path) -> None:
    seen = SeenNames()
    seen.add(name_rows([told("erp.corp.example", "192.168.3.3", "10.1.0.1")]), "n1")
    resolver = Resolver(known(load(path)), Prefixes(SPECIAL), seen)
    both = {"client_address": "192.168.3.3", "server_address": "10.1.0.1"}
    assert ends(resolver, reporter=2, **both)["client_dns_name"] == "erp.corp.example"
    assert ends(resolver, reporter=1, **both)["client_dns_name"] == ""


def test_pods_and_services_go_by_their_own_names(named: Any) -> None:
    for address in ("10.1.0.3", "10.96.0.1", "10.0.0.2"):
        answers = [told(SQS, address, "10.1.0.1")]
        assert named(answers, server_address=address)["dns_name"] == ""


def at(seconds: float, **row: Any) -> dict[str, Any]:
    """A row of an interval of a second that ends so many seconds after START."""
    end = START + int(seconds * SECOND)
    return {"interval_start": end - SECOND, "interval_end": end} | row


def inventory_of(directory: Path, *items: dict[str, Any]) -> Inventory:
    return load(write(directory / "inventory.json", list(items)))


def when(seconds: int) -> str:
    return datetime.fromtimestamp(START // SECOND + seconds, UTC).isoformat()


def test_a_recycled_address_is_the_pod_s_that_had_it_then(tmp_path: Path) -> None:
    nodes = [node("n1", "eu-1a", "10.0.0.1"), node("n2", "eu-1b", "10.0.0.2")]
    old = pod("old-x", "n1", "10.1.0.1", created=when(-1000))
    new = pod("new-x", "n2", "10.1.0.1", created=when(100))
    cluster = Cluster()
    cluster.take(inventory_of(tmp_path, *nodes, old), START)
    resolver = Resolver(cluster, Prefixes(SPECIAL))
    before = ends(resolver, **at(50, client_address="10.1.0.1"))
    cluster.take(inventory_of(tmp_path, *nodes, new), START + 110 * SECOND)
    rows = [at(seconds, client_address="10.1.0.1") for seconds in (50, -2000, 99, 130, 105)]
    rows += [at(60, client_address="10.1.0.9", server_address="10.1.0.1")]
    table = windows([batch(rows[:3], "n1"), batch(rows[3:], "n1")], resolver).to_pylist()
    told = {
        (row["client_address"], row["window"].timestamp() - START // SECOND): row for row in table
    }
    address = pack("10.1.0.1")
    assert before["client_pod"] == "old-x"
    assert told[address, 40]["client_pod"] == told[address, 90]["client_pod"] == "old-x"
    assert (told[address, 120]["client_pod"], told[address, 120]["client_zone"]) == (
        "new-x",
        "eu-1b",
    )
    assert told[address, -2010]["client_kind"] == "on_prem"
    assert told[pack("10.1.0.9"), 50]["server_pod"] == "old-x"


def test_a_pod_that_vanished_is_known_to_rows_of_its_time(tmp_path: Path) -> None:
    cluster = Cluster()
    short = pod("short", "n1", "10.1.0.1", created=when(0))
    cluster.take(inventory_of(tmp_path, short), START + 5 * SECOND)
    cluster.take(inventory_of(tmp_path), START + 8 * SECOND)
    resolver = Resolver(cluster, Prefixes(SPECIAL))
    assert ends(resolver, **at(7, client_address="10.1.0.1"))["client_pod"] == "short"
    assert ends(resolver, **at(20, client_address="10.1.0.1"))["client_kind"] == "on_prem"
    own = {"client_address": "127.0.0.1", "pod_uid": "uid-of-short"}
    assert ends(resolver, **at(20, **own))["client_pod"] == "short"
    cluster.take(inventory_of(tmp_path, short), START + 30 * SECOND)
    assert ends(resolver, **at(40, client_address="10.1.0.1"))["client_pod"] == "short"


def test_a_finished_pod_had_its_address_until_its_last_container_ended(tmp_path: Path) -> None:
    done = pod("done", "n1", "10.1.0.1", created=when(0), phase="Succeeded")
    ended = [{"state": {"terminated": {"finishedAt": when(seconds)}}} for seconds in (20, 30)]
    done["status"]["containerStatuses"] = ended
    resolver = Resolver(known(inventory_of(tmp_path, done), 100), Prefixes(SPECIAL))
    assert ends(resolver, **at(25, client_address="10.1.0.1"))["client_pod"] == "done"
    assert ends(resolver, **at(35, client_address="10.1.0.1"))["client_kind"] == "on_prem"


def test_an_address_is_a_pod_s_from_when_its_network_is_ready(tmp_path: Path) -> None:
    late = pod("late", "n1", "10.1.0.1", created=when(0))
    ready = {"type": "PodReadyToStartContainers", "status": "True"}
    late["status"] |= {
        "startTime": when(1),
        "conditions": [ready | {"lastTransitionTime": when(40)}],
    }
    resolver = Resolver(known(inventory_of(tmp_path, late), 100), Prefixes(SPECIAL))
    assert ends(resolver, **at(20, client_address="10.1.0.1"))["client_kind"] == "on_prem"
    assert ends(resolver, **at(40, client_address="10.1.0.1"))["client_pod"] == "late"


def test_what_changes_is_told_anew(tmp_path: Path) -> None:
    late = {"client_address": "10.1.0.1", "server_address": "10.96.0.1", "server_port": 80}
    first = pod("cart", "n1", "10.1.0.1", created=when(0))
    cluster = known(inventory_of(tmp_path, first, service("cart", "10.96.0.1")))
    resolver = Resolver(cluster, Prefixes(SPECIAL))

    def told() -> tuple[str, str, str]:
        row = ends(resolver, **at(60, **late))
        return row["client_workload"], row["client_zone"], row["server_pod"]

    assert told() == ("cart", "", "")
    others = [service("cart", "10.96.0.1"), endpoint_slice("cart", 80, ("10.1.0.1", "cart", True))]
    cluster.take(inventory_of(tmp_path, first, *others), START)
    assert told() == ("cart", "", "cart")
    others.append(node("n1", "eu-1a", "10.0.0.1"))
    cluster.take(inventory_of(tmp_path, first, *others), START)
    assert told() == ("cart", "eu-1a", "cart")
    owned = pod("cart", "n1", "10.1.0.1", created=when(0), owner=("StatefulSet", "carts"))
    cluster.take(inventory_of(tmp_path, owned, *others), START)
    assert told() == ("carts", "eu-1a", "cart")
    others[-1] = node("n1", "eu-1c", "10.0.0.1")
    cluster.take(inventory_of(tmp_path, owned, *others), START)
    assert told() == ("carts", "eu-1c", "cart")


def test_what_is_long_gone_is_forgotten_and_the_rest_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.cluster.LITTLE", 1)
    stays = [node("n1", "eu-1a", "10.0.0.1"), pod("stays", "n1", "10.1.0.2", created=when(0))]
    cluster = Cluster(keep_seconds=60)
    gone = pod("gone", "n1", "10.1.0.1", created=when(0))
    cluster.take(inventory_of(tmp_path, gone, *stays), START)
    resolver = Resolver(cluster, Prefixes(SPECIAL))
    asked = at(5, client_address="10.1.0.1", server_address="10.1.0.2")

    def told() -> tuple[str, str, str]:
        row = ends(resolver, **asked)
        return row["client_pod"], row["server_pod"], row["server_zone"]

    for seconds, expected in ((10, "gone"), (69, "gone"), (71, "")):
        cluster.take(inventory_of(tmp_path, *stays), START + seconds * SECOND)
        assert told() == (expected, "stays", "eu-1a")
    assert len(cluster.records) == len(stays)
    own = {"client_address": "10.0.0.1", "pod_uid": "uid-of-stays"}
    assert ends(resolver, **at(5, **own))["client_pod"] == "stays"


def test_a_range_waits_once_for_the_inventory_of_a_pod_that_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "inventory.json", CLUSTER)
    sources = of(Settings(inventory=str(path), names_topic=""))
    sources.read()
    rows = [batch([{"pod_uid": "uid-of-late"}])]

    def wait(moment: float) -> float:
        started = time.monotonic()
        sources.wait(rows, moment, 1.0)
        return time.monotonic() - started

    assert wait(time.time() - 3600) < 0.5
    late = threading.Timer(0.2, write, (path, [*CLUSTER, pod("late", "n1", "10.1.0.99")]))
    late.start()
    assert 0.2 <= wait(time.time()) < 1.0
    assert "uid-of-late" in sources.cluster.pods
    rows = [batch([{"pod_uid": "uid-of-nobody"}])]
    assert wait(time.time()) >= 1.0
    assert wait(time.time()) < 0.5
