"""The watcher as a process: from an API server stand-in through Kafka to a worker's held."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from deploy.local.broker import EmbeddedBroker
from stream import inventory_metrics
from stream.inventory_topic import InventoryReader, InventoryTopic
from tests.integration.watcher import Watcher, wait_for
from tests.inventory import Held
from tests.kubernetes_api import KubernetesApi
from tests.kubernetes_objects import cluster, node, pod

pytestmark = pytest.mark.integration

NODES, PODS = 50, 1_000


class Worker:
    """Reads the topic as a worker does."""

    def __init__(self, broker: str) -> None:
        self.held = Held()
        self.reader = InventoryReader(broker, "inventory")
        self.reader.start()

    def apply(self) -> Worker:
        self.held.apply(self.reader.take())
        return self

    def catch_up(self) -> Worker:
        wait_for(lambda: self.apply().reader.caught_up)
        return self


@pytest.fixture
def api() -> Iterator[KubernetesApi]:
    server = KubernetesApi()
    for resource, thing in cluster(NODES, PODS):
        server.put(resource, thing)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[str]:
    embedded = EmbeddedBroker(tmp_path)
    yield embedded.start()
    embedded.stop()


@pytest.fixture
def worker(broker: str) -> Iterator[Worker]:
    worker = Worker(broker)
    yield worker
    worker.reader.stop()


@pytest.fixture
def run(api: KubernetesApi, broker: str, tmp_path: Path) -> Iterator[Callable[..., Watcher]]:
    started: list[Watcher] = []

    def start(*more: str) -> Watcher:
        started.append(Watcher(api, broker, tmp_path, *more))
        return started[-1]

    yield start
    for watcher in started:
        if watcher.process.poll() is None:
            watcher.stop(signal.SIGKILL)


def addresses(api: KubernetesApi) -> dict[str, str]:
    return {pod["metadata"]["uid"]: pod["status"]["podIP"] for pod in api.objects("pods")}


def pod_claims(worker: Worker) -> dict[str, str]:
    """Addresses of the pods that are there, by uid."""
    pods = worker.apply().held.pods
    return {uid: pod.addresses[0] for uid, pod in pods.items() if pod.addresses and not pod.ended}


def test_from_the_api_to_the_worker(
    api: KubernetesApi, run: Callable[..., Watcher], worker: Worker, tmp_path: Path
) -> None:
    network = tmp_path / "network.json"
    network.write_text('{"vpc":"vpc-1","collected":"now"}')
    watcher = run("--network-file", str(network), "--network-minutes", "0.001").watching()
    wait_for(lambda: pod_claims(worker) == addresses(api))
    held = worker.held
    assert len(held.nodes) == NODES
    assert len(held.services) == len(held.slices) == PODS / 20
    wait_for(lambda: worker.apply().held.network == network.read_bytes())
    wait_for(lambda: worker.reader.current > (time.time() - 60) * 1000)
    wait_for(lambda: inventory_metrics.lag._value.get() == 0)

    uid = next(iter(addresses(api)))
    api.delete("pods", uid)
    api.put("pods", pod("late", "n", "10.99.0.1"))
    wait_for(lambda: pod_claims(worker) == addresses(api))
    assert held.pods[uid].ended > time.time() * 1000 - 30_000

    network.write_text("{")
    wait_for(
        lambda: "flowatlas_inventory_network_failures_total 0.0" not in watcher.get("/metrics")
    )
    log = watcher.stop()
    assert watcher.process.returncode == 0
    assert f"{network}: is no object of JSON" in log
    assert worker.apply().held.network == b'{"vpc":"vpc-1","collected":"now"}'


def test_killed_and_started_again_it_publishes_only_what_changed(
    api: KubernetesApi, run: Callable[..., Watcher], worker: Worker
) -> None:
    first = run()
    wait_for(lambda: worker.apply().held.nodes)
    first.stop(signal.SIGKILL)
    second = run().watching()
    wait_for(lambda: pod_claims(worker) == addresses(api))
    second.stop(signal.SIGKILL)
    uid, other = list(addresses(api))[:2]
    api.delete("pods", uid)
    api.delete("pods", other)
    again = run().watching()
    wait_for(lambda: pod_claims(worker) == addresses(api))
    assert again.published() == 2


def test_while_kafka_is_away_it_waits_and_still_stops_when_asked(
    api: KubernetesApi, broker: str, tmp_path: Path, run: Callable[..., Watcher]
) -> None:
    (tmp_path / "other").mkdir()
    other = EmbeddedBroker(tmp_path / "other")
    watcher = run("--kafka", other.start()).watching()
    queued = "flowatlas_inventory_queued_messages 0.0"
    wait_for(lambda: queued in watcher.get("/metrics"))
    other.stop()
    api.delete("pods", next(iter(addresses(api))))
    wait_for(lambda: queued not in watcher.get("/metrics"))
    assert "stopped before Kafka confirmed records=" in watcher.stop()
    assert watcher.process.returncode == 0


def test_two_watchers_at_once_end_with_the_same_state(
    api: KubernetesApi, run: Callable[..., Watcher], worker: Worker, broker: str
) -> None:
    one, two = run(), run()
    one.watching()
    two.watching()
    uids = list(addresses(api))[:100]
    for n, uid in enumerate(uids):
        api.delete("pods", uid)
        api.put("pods", pod(f"new-{n}", "n", f"10.99.0.{n}"))
    wait_for(lambda: pod_claims(worker) == addresses(api))
    one.stop()
    api.put("pods", pod("after", "n", "10.99.1.1"))
    wait_for(lambda: pod_claims(worker) == addresses(api))
    fresh = Worker(broker)
    fresh.catch_up()
    assert pod_claims(fresh) == addresses(api)
    fresh.reader.stop()


def test_a_broken_record_is_told_and_the_last_good_one_stays(
    broker: str, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    producer = Producer({"bootstrap.servers": broker})
    good = {"uid": "u", "name": "n", "addresses": ["192.168.0.1"]}
    producer.produce("inventory", json.dumps(good), "node/u")
    producer.produce("inventory", json.dumps(good | {"addresses": 7}), "node/u")
    producer.produce("inventory", json.dumps(good | {"uid": "v"}), "node/v")
    producer.flush(10)
    wait_for(lambda: len(worker.apply().held.nodes) == 2)
    assert worker.held.nodes["u"].addresses == ("192.168.0.1",)
    (line,) = [record.getMessage() for record in caplog.records]
    assert "node/u: Expected `array`, got `int` - at `$.addresses`" in line
    assert re.search(r"partition=\d offset=1 ", line)


def test_an_empty_topic_is_caught_up_with_at_once(broker: str) -> None:
    topic = InventoryTopic(broker, "inventory")
    topic.open()
    assert list(topic.read()) == []
    topic.close()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["--kubeconfig", "/nowhere"], ["No way to a Kubernetes API", "--kubeconfig"]),
        (["--kafka", "127.0.0.1:9"], ["Kafka at 127.0.0.1:9 does not answer"]),
        (["--metrics-host", "192.0.2.1"], ["--metrics-port"]),
    ],
)
def test_what_is_wrong_at_the_start_is_one_sentence(
    settings: list[str], words: list[str], run: Callable[..., Watcher]
) -> None:
    watcher = run(*settings)
    assert watcher.process.wait(30) == 1
    (error,) = [line for line in watcher.log.read_text().splitlines() if line[:6] == "Error:"]
    assert "Traceback" not in watcher.log.read_text()
    assert all(word in error for word in words)


def test_a_watcher_that_may_not_list_ends_with_a_sentence(
    api: KubernetesApi, run: Callable[..., Watcher]
) -> None:
    api.put("nodes", node("n", "192.168.0.1"))
    api.forbidden = {("list", "nodes")}
    watcher = run()
    assert watcher.process.wait(30) == 1
    assert "forbids to list nodes: apply the ClusterRole" in watcher.log.read_text()
