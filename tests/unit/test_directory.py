"""What topic `inventory` tells, as a cluster knows it as of a time."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

import numpy as np
import pytest

from agent.wire import Protocol
from stream import records
from stream.addresses import pack
from stream.cluster import NOBODY, Cluster
from stream.cluster_topic import ClusterTopic
from stream.directory import Directory
from stream.inventory_topic import Change
from stream.network.model import Network

NOW = 1_767_300_000_000
HOUR = 3_600_000


class Following:
    """A cluster that is told changes, and what it knows. Times are Unix ms less NOW."""

    def __init__(self, since: int = -HOUR) -> None:
        self.cluster = Cluster()
        self.directory = Directory(self.cluster, ["team"], NOW + since)

    def tell(self, *told: Any) -> None:
        """Records, or keys of what the topic forgets."""
        self.directory.apply(
            Change(each, None, NOW)
            if isinstance(each, str)
            else Change(records.key_of(each), each, NOW, 0, 7)
            for each in told
        )

    def who(self, address: str, *at: int) -> list[str]:
        """Names of the pods, nodes or Services that had it, "" for none."""
        places = self.cluster.places(np.array([pack(address)] * len(at), "V16"))
        found = self.cluster.at(places, (np.array(at) + NOW) * 1_000_000).tolist()
        return ["" if n == NOBODY else self.cluster.records[n].name for n in found]

    def behind(self, address: str, port: int) -> list[tuple[str, int, str]]:
        front = self.cluster.frontends[pack(address), port, int(Protocol.TCP)]
        return [
            (str(ip_address(each.address).ipv4_mapped), each.port, each.pod)  # type: ignore[union-attr]
            for each in front.backends
        ]


@pytest.fixture
def following() -> Following:
    return Following()


def moments(said: dict[str, Any]) -> dict[str, Any]:
    times = ("created", "started", "ended")
    return {name: value + NOW if name in times else value for name, value in said.items()}


def told_pod(uid: str, address: str = "10.0.0.1", **more: Any) -> records.Pod:
    said = {"namespace": "shop", "name": uid, "node": "n", "workload": "w", "workload_kind": "Pod"}
    addresses = (address,) if address else ()
    return records.Pod(uid=uid, addresses=addresses, **said | moments(more))


def test_a_recycled_address_is_the_pods_that_had_it_then(following: Following) -> None:
    following.tell(told_pod("one", started=100), told_pod("one", started=100, ended=200))
    following.tell(told_pod("two", started=300))
    assert following.who("10.0.0.1", 99, 100, 199, 200, 300, 999) == [
        *("", "one", "one", "", "two", "two")
    ]


def test_after_compaction_only_last_records_tell_the_same(following: Following) -> None:
    following.tell(told_pod("one", started=100, ended=200), told_pod("two", started=300))
    assert following.who("10.0.0.1", 99, 150, 250, 350) == ["", "one", "", "two"]
    assert len(following.cluster) == 1


def test_what_is_told_again_changes_nothing(following: Following) -> None:
    everything = [
        told_pod("one", started=-9_000),
        told_pod("one", started=-9_000, ended=-7_000),
        told_pod("two", started=-3_000),
        *("pod/one", "pod/nobody"),
    ]
    following.tell(*everything)
    size = len(following.cluster.records)
    for each in everything:
        following.tell(each)
    assert len(following.cluster.records) == size
    assert following.who("10.0.0.1", -8_000, -5_000, 0) == ["one", "", "two"]


def test_a_pod_that_is_forgotten_without_an_end_ends_then(following: Following) -> None:
    following.tell(told_pod("one", started=-100))
    following.tell("pod/one")
    assert following.who("10.0.0.1", -1, 0) == ["one", ""]
    assert len(following.cluster) == 0


def test_a_pod_of_a_kubelets_file_may_come_back_under_its_uid(following: Following) -> None:
    one = told_pod("one", started=100)
    following.tell(one, told_pod("one", started=100, ended=200), told_pod("one", started=300))
    assert following.who("10.0.0.1", 150, 250, 350) == ["one", "", "one"]


def test_what_ended_long_ago_takes_no_room() -> None:
    following = Following(since=500)
    following.tell(told_pod("one", started=100, ended=499), told_pod("two", started=1, ended=500))
    assert [record.name for record in following.cluster.records] == ["two"]


def test_a_node_is_not_undone_by_the_end_of_one_of_its_name(following: Following) -> None:
    old, new = (
        records.Node(
            uid=uid, name="n", addresses=("192.168.0.1",), zone=zone, created=NOW + created
        )
        for uid, zone, created in (("old", "a", 1), ("new", "b", 100))
    )
    following.tell(old, new)
    old.ended = NOW + 90
    following.tell(old)
    assert following.cluster.nodes["n"].zone == "b"
    afresh = Following()
    afresh.tell(new, old)
    assert afresh.cluster.nodes["n"].zone == "b"
    assert afresh.who("192.168.0.1", 200) == ["n"]


def shop_service(uid: str = "s", **more: Any) -> records.Service:
    ports = (records.ServicePort(80, "web", "TCP", 30_080),)
    said = {"namespace": "shop", "name": "web", "cluster_addresses": ("172.20.0.1",)}
    return records.Service(uid=uid, ports=ports, **said | moments(more))


def shop_slice(*ends: tuple[str, str, bool], uid: str = "e") -> records.Slice:
    return records.Slice(
        uid=uid,
        namespace="shop",
        name=uid,
        service="web",
        ports=(records.SlicePort(8080, "web"), records.SlicePort(9090, "metrics")),
        endpoints=tuple(records.Endpoint((address,), pod, ready=ok) for address, pod, ok in ends),
    )


def test_what_stands_behind_a_service_follows_its_slices(following: Following) -> None:
    following.tell(shop_slice(("10.0.0.1", "one", True), ("10.0.0.2", "two", False)))
    assert following.cluster.frontends == {}
    following.tell(shop_service())
    assert following.behind("172.20.0.1", 80) == [("10.0.0.1", 8080, "one")]
    assert (None, 30_080, int(Protocol.TCP)) in following.cluster.frontends
    following.tell(shop_slice(("10.0.0.3", "three", True), uid="f"))
    following.tell(shop_slice(("10.0.0.2", "two", True)))
    assert [pod for _, _, pod in following.behind("172.20.0.1", 80)] == ["two", "three"]
    following.tell("slice/e")
    assert [pod for _, _, pod in following.behind("172.20.0.1", 80)] == ["three"]
    following.tell(shop_service(ended=5))
    assert following.cluster.frontends == {}
    assert following.who("172.20.0.1", 4, 5) == ["shop/web", ""]


def test_a_service_made_anew_keeps_its_ways_in_when_the_old_one_ends(following: Following) -> None:
    following.tell(shop_slice(("10.0.0.1", "one", True)), shop_service("old", created=1))
    following.tell(shop_service("new", created=50), shop_service("old", created=1, ended=40))
    assert following.behind("172.20.0.1", 80) == [("10.0.0.1", 8080, "one")]
    assert following.who("172.20.0.1", 30, 45, 60) == ["shop/web", "", "shop/web"]
    following.tell("service/new")
    assert following.cluster.frontends == {}


def test_resolvers_look_anew_when_a_pod_comes_after_its_slice(
    following: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.directory.FRONTENDS_SECONDS", 0.0)
    editions = []
    for told in ([shop_service(), shop_slice(("10.0.0.1", "one", True))], [told_pod("one")], []):
        following.tell(*told)
        following.directory.settle()
        editions.append(following.cluster.edition)
    assert editions == [1, 2, 2]
    pod = following.cluster.pod("shop", "one")
    assert pod is not None
    assert pod.workload == "w"


def test_chosen_labels_are_kept_in_the_order_they_are_asked_for(following: Following) -> None:
    following.tell(told_pod("one", labels={"team": "blue", "noise": "x"}))
    pod = following.cluster.pod("", "one")
    assert pod is not None
    assert pod.labels == (("team", "blue"),)


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (told_pod("one", "ten"), "pod/one: field addresses is not an IP address: 'ten'"),
        (shop_slice(("ten", "", True)), "slice/e: field endpoints.addresses is not an IP address"),
        (shop_service(external_addresses=("x",)), "service/s: field external_addresses is not"),
    ],
)
def test_a_record_that_does_not_fit_is_one_line_and_its_last_version_stays(
    broken: Any, field: str, following: Following, caplog: pytest.LogCaptureFixture
) -> None:
    following.tell(told_pod("one"), shop_service(), shop_slice(("10.0.0.1", "one", True)))
    following.tell(broken, told_pod("two", "10.0.0.2"))
    (line,) = [record.getMessage() for record in caplog.records]
    assert field in line
    assert "partition=0 offset=7" in line
    assert following.who("10.0.0.1", 1) + following.who("10.0.0.2", 1) == ["one", "two"]
    assert following.behind("172.20.0.1", 80) == [("10.0.0.1", 8080, "one")]


def test_a_network_is_used_and_a_broken_one_is_told_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    topic = ClusterTopic("127.0.0.1:1", "inventory", Cluster())
    for offset, document in enumerate((b'{"vpc":""}', b'{"vpcs":[{"id":7}]}', b"{")):
        change = Change("network/account", records.Network(document), NOW, 0, offset)
        topic._reader._changes.append(change)
        topic.take()
        assert topic.network == Network()
    lines = [record.getMessage() for record in caplog.records]
    assert [re.findall(r"offset=(\d) network/account: (field vpcs|Expect)", x) for x in lines] == [
        [("1", "field vpcs")],
        [("2", "Expect")],
    ]
