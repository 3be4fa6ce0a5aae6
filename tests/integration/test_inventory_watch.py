"""Lists and watches of an API server stand-in (tests/kubernetes_api.py) that fails on order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream import records
from stream.inventory_topic import Change
from stream.watch import api as watch_api
from stream.watch import follow
from stream.watch.api import Api, connect
from stream.watch.cluster import Cluster
from stream.watch.convert import Converter
from stream.watch.errors import (
    ApiUnreachableError,
    ForbiddenError,
    LoginError,
    NoClusterError,
    ResourceMissingError,
)
from stream.watch.follow import Follower
from stream.watch.health import answer
from stream.watch.published import Published
from stream.watch.resources import OWNERS, RESOURCES
from tests.inventory import Held
from tests.kubernetes_api import Fault, KubernetesApi
from tests.kubernetes_objects import (
    cluster,
    endpoint,
    endpoint_slice,
    node,
    pod,
    replica_set,
    service,
)

pytestmark = pytest.mark.integration

SOON = 10.0


class Watched:
    """A watcher of the stand-in whose topic is in memory and read at once."""

    def __init__(self, api: KubernetesApi, path: Path, patience: float = SOON) -> None:
        self.held = Held()
        self.sent: list[str] = []
        cluster = Cluster(Published(self._publish, 1 << 40), Converter([]))
        self._api = Api(connect(api.kubeconfig(path / "kubeconfig"), ""))
        owners = [Follower(self._api, each, cluster, (), patience) for each in OWNERS]
        self.followers = owners + [
            Follower(self._api, each, cluster, owners, patience)
            for each in RESOURCES
            if each not in OWNERS
        ]

    def _publish(self, key: str, value: bytes | None) -> None:
        self.sent.append(key)
        record = None if value is None else records.decode(key, value)
        self.held.apply([Change(key, record, 0)])

    def start(self) -> None:
        for follower in self.followers:
            follower.start()

    def stop(self) -> None:
        for follower in self.followers:
            follower.stop()
        self._api.close()
        for follower in self.followers:
            follower.join(SOON)

    def listed(self) -> None:
        wait_for(lambda: all(follower.listed.is_set() for follower in self.followers))

    def failure(self) -> BaseException:
        wait_for(lambda: any(follower.failure for follower in self.followers))
        return next(follower.failure for follower in self.followers if follower.failure)

    def names(self) -> list[str]:
        return sorted(pod.name for pod in self.held.pods.values() if not pod.ended)


def wait_for(condition: Callable[[], Any], seconds: float = SOON) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(follow, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(watch_api, "PAGE", 3)


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    server = KubernetesApi()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def watched(api: KubernetesApi, tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(api, tmp_path)
    yield watched
    watched.stop()


def pods(api: KubernetesApi, *names: str) -> None:
    for name in names:
        api.put("pods", pod(name, "n", f"10.0.0.{ord(name[-1]) % 250}"))


def test_a_list_of_many_pages_is_all_there_is(api: KubernetesApi, watched: Watched) -> None:
    for resource, thing in cluster(4, 40):
        api.put(resource, thing)
    watched.start()
    watched.listed()
    assert len(watched.names()) == 40
    assert {pod.workload for pod in watched.held.pods.values()} == {"app-00000", "app-00001"}
    lists = [call for call in api.calls if call[:3] == ("list", "", "pods")]
    assert len(lists) == 14
    role = {(verb, each.group, each.name) for each in RESOURCES for verb in ("list", "watch")}
    wait_for(lambda: {call[:3] for call in api.calls} == role)
    partial = {call.resource for call in api.calls if "PartialObjectMetadata" in call.accept}
    assert partial == {"replicasets", "jobs", "namespaces"}


def test_events_are_followed_and_what_is_deleted_ends(api: KubernetesApi, watched: Watched) -> None:
    watched.start()
    watched.listed()
    pods(api, "a", "b")
    wait_for(lambda: watched.names() == ["a", "b"])
    api.delete("pods", "uid-shop-a")
    wait_for(lambda: watched.names() == ["b"])
    assert watched.held.pods["uid-shop-a"].ended


@pytest.mark.parametrize("mid_event", [True, False])
def test_a_dropped_connection_goes_on_where_it_was(
    mid_event: bool, api: KubernetesApi, watched: Watched
) -> None:
    watched.start()
    watched.listed()
    pods(api, "a")
    wait_for(lambda: watched.names() == ["a"])
    api.drop("pods", mid_event)
    pods(api, "b")
    wait_for(lambda: watched.names() == ["a", "b"])
    assert sum(call[:3] == ("list", "", "pods") for call in api.calls) == 1
    assert len(watched.sent) == 2


def test_a_connection_aborted_within_an_event_loses_nothing(
    api: KubernetesApi, watched: Watched
) -> None:
    api.fail("watch", "pods", Fault(drop_after=3000))
    watched.start()
    watched.listed()
    pods(api, "a", "b", "c", "d")
    wait_for(lambda: watched.names() == ["a", "b", "c", "d"])
    assert sum(call[:3] == ("list", "", "pods") for call in api.calls) == 1


def test_a_bookmark_moves_on_past_what_is_forgotten(api: KubernetesApi, watched: Watched) -> None:
    pods(api, "a")
    watched.start()
    watched.listed()
    wait_for(lambda: any(call[:3] == ("watch", "", "pods") for call in api.calls))
    time.sleep(0.05)
    api.bookmark("pods")
    api.compact("pods")
    api.drop("pods", mid_event=False)
    pods(api, "b")
    wait_for(lambda: watched.names() == ["a", "b"])
    assert sum(call[:3] == ("list", "", "pods") for call in api.calls) == 1


def test_after_gone_what_was_deleted_meanwhile_ends(api: KubernetesApi, watched: Watched) -> None:
    pods(api, "a", "b")
    watched.start()
    watched.listed()
    wait_for(lambda: any(call[:3] == ("watch", "", "pods") for call in api.calls))
    api.fail("watch", "pods", Fault(status=500))
    api.drop("pods")
    wait_for(lambda: not api._faults["watch", "pods"])
    api.fail("watch", "pods", *[Fault(status=503)] * 3)
    api.delete("pods", "uid-shop-a")
    api.gone("pods")
    pods(api, "c")
    wait_for(lambda: watched.names() == ["b", "c"])
    assert watched.sent.count("pod/uid-shop-b") == 1


def test_a_list_whose_rest_expired_begins_anew(api: KubernetesApi, watched: Watched) -> None:
    pods(api, *"abcdefg")
    api.fail("list", "pods", Fault(), Fault(status=410), Fault(drop_after=200))
    watched.start()
    watched.listed()
    assert watched.names() == list("abcdefg")
    assert len(watched.sent) == 7


def test_too_many_requests_and_errors_are_waited_out(api: KubernetesApi, watched: Watched) -> None:
    pods(api, "a")
    api.fail("list", "pods", Fault(status=429, headers={"Retry-After": "1"}), Fault(status=500))
    api.fail("list", "services", Fault(delay=0.5))
    began = time.monotonic()
    watched.start()
    watched.listed()
    assert time.monotonic() - began > 1.0
    assert watched.names() == ["a"]


def test_health_tells_what_is_being_waited_for(api: KubernetesApi, watched: Watched) -> None:
    api.fail("list", "nodes", *[Fault(status=503)] * 20)
    watched.start()
    wait_for(lambda: watched.followers[2].problem)
    status, told = answer(watched.followers)
    assert (status, told["state"]) == (503, "starting")
    assert told["reason"] == "The first list of nodes is not done (503 as told)."
    watched.listed()
    wait_for(lambda: answer(watched.followers)[1]["state"] == "watching")
    assert answer(watched.followers)[0] == 200


def test_what_is_forbidden_is_named_with_the_file_that_permits_it(
    api: KubernetesApi, watched: Watched
) -> None:
    api.forbidden = {("list", "endpointslices")}
    watched.start()
    error = watched.failure()
    assert isinstance(error, ForbiddenError)
    assert "list endpointslices.discovery.k8s.io" in error.message
    assert "deploy/kubernetes/inventory.yaml" in error.message


def test_a_watch_may_be_forbidden_alone(api: KubernetesApi, watched: Watched) -> None:
    api.forbidden = {("watch", "pods")}
    watched.start()
    assert "forbids to watch pods:" in str(watched.failure())


def test_wrong_credentials_and_missing_resources_are_told(
    api: KubernetesApi, watched: Watched, tmp_path: Path
) -> None:
    api.fail("list", "jobs", Fault(status=404))
    watched.start()
    assert isinstance(watched.failure(), ResourceMissingError)
    other = Watched(api, tmp_path)
    api.token = "another"
    other.start()
    assert isinstance(other.failure(), LoginError)
    other.stop()


def test_an_api_that_never_answers_ends_it_with_its_address(tmp_path: Path) -> None:
    silent = KubernetesApi()
    silent.port = 9
    watched = Watched(silent, tmp_path, patience=0.1)
    watched.start()
    error = watched.failure()
    watched.stop()
    assert isinstance(error, ApiUnreachableError)
    assert "http://127.0.0.1:9" in error.message


def test_without_a_cluster_the_error_says_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    for path in (tmp_path / "none", tmp_path / "broken"):
        (tmp_path / "broken").write_text("kind: Config\n")
        with pytest.raises(NoClusterError, match="--kubeconfig"):
            connect(str(path), "")


# Any interleaving of what happens to the cluster and to the connections.

FEW = st.integers(0, 3)
CHANGES = st.one_of(
    st.tuples(st.just("pod"), FEW, st.integers(0, 5)),
    st.tuples(st.just("unpod"), FEW),
    st.tuples(st.just("owner"), st.integers(0, 1), st.sampled_from(["Deployment", "Rollout"])),
    st.tuples(st.just("node"), FEW, st.sampled_from("abc")),
    st.tuples(st.just("unnode"), FEW),
    st.tuples(st.just("service"), FEW, FEW),
    st.tuples(st.just("unservice"), FEW),
    st.tuples(st.just("slice"), FEW, st.lists(FEW, unique=True)),
)
RESOURCE = st.sampled_from(["pods", "nodes", "services", "endpointslices", "replicasets"])
TROUBLES = st.one_of(
    st.tuples(st.just("drop"), RESOURCE, st.booleans()),
    st.tuples(st.just("gone"), RESOURCE),
    st.tuples(st.just("compact"), RESOURCE),
    st.tuples(st.just("bookmark"), RESOURCE),
    st.tuples(st.just("abort"), RESOURCE, st.integers(0, 5000)),
    st.tuples(st.just("refuse"), RESOURCE, st.sampled_from([410, 429, 500])),
    st.tuples(st.just("wait")),
)


def happen(api: KubernetesApi, what: tuple[Any, ...], life: dict[str, int]) -> None:
    """A thing that was deleted comes back under another uid, as in a real cluster."""

    def delete(resource: str, name: str) -> None:
        uid = f"{name}-{life.get(name, 0)}"
        if any(each["metadata"]["uid"] == uid for each in api.objects(resource)):
            api.delete(resource, uid)
            life[name] = life.get(name, 0) + 1

    def put(resource: str, name: str, thing: dict[str, Any]) -> None:
        thing["metadata"]["uid"] = f"{name}-{life.get(name, 0)}"
        api.put(resource, thing)

    match what:
        case ("pod", n, address):
            owner = ("ReplicaSet", f"rs-{n % 2}", f"rs-{n % 2}-0")
            put("pods", f"pod-{n}", pod(f"pod-{n}", "n", f"10.0.0.{address}", owner=owner))
        case ("owner", n, kind):
            put("replicasets", f"rs-{n}", replica_set(f"rs-{n}", (kind, f"app-{n}", "d")))
        case ("node", n, zone):
            put("nodes", f"node-{n}", node(f"node-{n}", f"10.1.0.{n}", f"us-east-1{zone}"))
        case ("service", n, address):
            put("services", f"service-{n}", service(f"service-{n}", f"172.20.0.{address}"))
        case ("slice", n, ends):
            found = [endpoint(f"10.0.0.{end}", f"pod-{end}") for end in ends]
            put("endpointslices", f"slice-{n}", endpoint_slice(f"slice-{n}", "s", found))
        case ("unpod" | "unnode" | "unservice" as name, n):
            delete(f"{name[2:]}s", f"{name[2:]}-{n}")
        case ("drop", resource, mid_event):
            api.drop(resource, mid_event)
        case ("gone" | "compact" | "bookmark" as name, resource):
            getattr(api, name)(resource)
        case ("abort", resource, after):
            api.fail("watch", resource, Fault(drop_after=after))
        case ("refuse", resource, status):
            api.fail("list", resource, Fault(status=status))
            api.fail("watch", resource, Fault(status=status))
        case ("wait",):
            time.sleep(0.02)


def truth(api: KubernetesApi) -> set[tuple[str, ...]]:
    """What the API server has, by the facts that records tell."""
    owner = {
        each["metadata"]["uid"]: each["metadata"]["ownerReferences"][0]
        for each in api.objects("replicasets")
    }
    found: set[tuple[str, ...]] = set()
    for each in api.objects("pods"):
        (reference,) = each["metadata"]["ownerReferences"]
        top = owner.get(reference["uid"], reference)
        address = each["status"]["podIP"]
        found.add((each["metadata"]["uid"], address, top["kind"], top["name"]))
    for each in api.objects("nodes"):
        zone = each["metadata"]["labels"]["topology.kubernetes.io/zone"]
        found.add((each["metadata"]["uid"], zone))
    for each in api.objects("services"):
        found.add((each["metadata"]["uid"], each["spec"]["clusterIP"]))
    for each in api.objects("endpointslices"):
        ends = sorted(end["addresses"][0] for end in each["endpoints"])
        found.add((each["metadata"]["uid"], *ends))
    return found


def known(held: Held) -> set[tuple[str, ...]]:
    pods = [
        (each.uid, *each.addresses, each.workload_kind, each.workload)
        for each in list(held.pods.values())
        if not each.ended
    ]
    nodes = [(each.uid, each.zone) for each in list(held.nodes.values()) if not each.ended]
    services = [
        (each.uid, *each.cluster_addresses)
        for each in list(held.services.values())
        if not each.ended
    ]
    slices = [
        (each.uid, *(end.addresses[0] for end in each.endpoints))
        for each in list(held.slices.values())
        if not each.ended
    ]
    return {*pods, *nodes, *services, *slices}


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    before=st.lists(CHANGES, max_size=8),
    after=st.lists(st.one_of(CHANGES, TROUBLES), min_size=5, max_size=40),
)
def test_whatever_happens_the_reader_ends_with_what_the_api_server_has(
    before: list[tuple[Any, ...]], after: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    api = KubernetesApi()
    api.start()
    watched = Watched(api, tmp_path)
    life: dict[str, int] = {}
    try:
        for what in before:
            happen(api, what, life)
        watched.start()
        for what in after:
            happen(api, what, life)
        wait_for(lambda: known(watched.held) == truth(api))
        watched.listed()
        wait_for(lambda: known(watched.held) == truth(api))
    finally:
        watched.stop()
        api.stop()
    assert not any(follower.failure for follower in watched.followers)
