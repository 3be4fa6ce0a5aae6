"""What the Kubernetes API tells becomes names in ClickHouse: an API server stand-in, the watcher,
the topic, a worker, all of them processes but the first."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from agent.wire import Reporter
from deploy.local.broker import EmbeddedBroker
from sql.client import connect
from sql.migrate import migrate
from sql.settings import ClickHouse
from stream import records
from stream.addresses import pack
from stream.cluster import Cluster as AsOf
from stream.cluster_topic import ClusterTopic
from stream.inventory_topic import InventoryTopic
from tests.integration.clickhouse import await_answer, embedded, free_port
from tests.integration.watcher import Watcher, wait_for
from tests.kafka import running as apache_kafka
from tests.kubernetes_api import KubernetesApi
from tests.kubernetes_objects import endpoint, endpoint_slice, node, pod, service
from tests.unit.stream_batches import SECOND, batch, message

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

SERVER = "server_kind, server_pod, server_node, server_zone_id, server_service, server_method"
CLIENT = "client_kind, client_pod, client_workload, client_labels['app.kubernetes.io/name']"


def running(name: str, on: str, address: str, age: float, **more: Any) -> dict[str, Any]:
    """A pod whose network was ready so many seconds ago."""
    moment = datetime.fromtimestamp(time.time() - age, UTC).isoformat(timespec="seconds")
    thing = pod(name, on, address, **more)
    thing["status"]["startTime"] = moment
    for condition in thing["status"]["conditions"]:
        condition["lastTransitionTime"] = moment
    return thing


class Cluster:
    """The API server, the broker, ClickHouse, and a worker between the latter two."""

    def __init__(self, api: KubernetesApi, kafka: str, clickhouse: ClickHouse, log: Path) -> None:
        self.api, self.kafka, self._clickhouse, self.log = api, kafka, clickhouse, log
        self._producer = Producer({"bootstrap.servers": kafka})
        self._port, self._sent = free_port(), 0

    def start(self, *flags: str) -> None:
        """Until it works."""
        command = [
            *(sys.executable, "-m", "stream", f"--kafka={self.kafka}"),
            f"--clickhouse-url={self._clickhouse.url}",
            *(f"--metrics-port={self._port}", "--refresh-seconds=0.1"),
            *("--labels=app.kubernetes.io/name", *flags),
        ]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out)
        wait_for(lambda: "stream started" in self.log.read_text() or self.process.poll())
        assert self.process.poll() is None, self.log.read_text()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) == 0

    def metric(self, name: str) -> float:
        told = await_answer(f"http://127.0.0.1:{self._port}/metrics", self.process)
        found = re.search(rf"^flowatlas_stream_inventory_{re.escape(name)} (.*)$", told, re.M)
        return float(found[1]) if found else 0.0

    def send(self, *rows: dict[str, Any]) -> None:
        value, headers = message(batch(rows, "node-a", self._sent))
        self._producer.produce("flows", value, key="node-a", headers=dict(headers))
        self._producer.flush(10)
        self._sent += 1

    def tell(self, key: str, value: bytes | None) -> None:
        """The topic, past the watcher."""
        self._producer.produce("inventory", value, key=key)
        self._producer.flush(10)

    def query(self, columns: str) -> list[tuple[Any, ...]]:
        """Of the rows by their bytes, which tell them apart."""
        text = f"SELECT {columns} FROM flows_10s ORDER BY bytes_to_server"
        with closing(connect(self._clickhouse)) as client:
            return [tuple(row) for row in client.query(text).result_rows]


def flow(number: int, age: float, **more: Any) -> dict[str, Any]:
    """From shop/cart at 10.9.0.5, `age` seconds ago."""
    begin = time.time_ns() - round(age * SECOND)
    times = {"interval_start": begin, "interval_end": begin + SECOND}
    return times | {"client_address": "10.9.0.5", "bytes_to_server": number} | more


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    api = KubernetesApi()
    api.start()
    broker = EmbeddedBroker(tmp_path)
    with embedded(tmp_path / "tables") as clickhouse:
        migrate(clickhouse)
        made = Cluster(api, broker.start(), clickhouse, tmp_path / "stream.log")
        try:
            yield made
        finally:
            made.process.kill()
            made.process.wait()
            broker.stop()
            api.stop()


def test_what_comes_and_goes_in_the_cluster_is_named_as_of_then(
    cluster: Cluster, tmp_path: Path
) -> None:
    api = cluster.api
    api.put("nodes", node("node-a", "192.168.0.1", "us-east-1a"))
    api.put("pods", running("cart", "node-a", "10.9.0.5", 900, owner=("StatefulSet", "cart", "s")))
    api.put("pods", running("old", "node-a", "10.9.0.1", 900))
    api.put("services", service("web", "172.20.0.1"))
    ends = [endpoint("10.9.0.1", "uid-shop-old", "node-a")]
    api.put("endpointslices", endpoint_slice("web-1", "web", ends))
    watcher = Watcher(api, cluster.kafka, tmp_path).watching()
    try:
        wait_for(lambda: watcher.published() == 5)
        cluster.start()
        cluster.send(flow(1, 30, server_address="172.20.0.1"))
        wait_for(lambda: len(cluster.query("1")) == 1)

        # Another node, and a pod on it that takes the address over.
        api.put("nodes", node("node-b", "192.168.0.2", "us-east-1b"))
        api.delete("pods", "uid-shop-old")
        api.put("pods", running("new", "node-b", "10.9.0.1", -5))
        ends = [endpoint("10.9.0.1", "uid-shop-new", "node-b")]
        api.put("endpointslices", endpoint_slice("web-1", "web", ends))
        wait_for(lambda: cluster.metric('objects{kind="node"}') == 2)
        wait_for(lambda: "uid-shop-new" in str(api.objects("pods")))
        wait_for(lambda: watcher.published() == 9)
        wait_for(lambda: cluster.metric("lag_messages") == 0)

        # And one that is in flows before it is in the inventory.
        uid = {"pod_uid": "uid-shop-late", "reporter": int(Reporter.CLIENT)}
        cluster.send(
            flow(2, 30, server_address="10.9.0.1"),
            flow(3, -15, server_address="10.9.0.1"),
            flow(4, 0, client_address="10.9.0.7", server_address="192.168.0.2", **uid),
        )
        time.sleep(0.5)
        api.put("pods", running("late", "node-b", "10.9.0.7", 1))
        wait_for(lambda: len(cluster.query("1")) == 4)

        old, new = ("pod", "old", "node-a", "use1-az1"), ("pod", "new", "node-b", "use1-az2")
        assert cluster.query(SERVER) == [
            (*old, "shop/web", "cluster_ip"),
            (*old, "", "pod_ip"),
            (*new, "", "pod_ip"),
            ("node", "", "node-b", "use1-az2", "", "host_ip"),
        ]
        cart = ("pod", "cart", "cart", "main")
        assert cluster.query(CLIENT) == [cart, cart, cart, ("pod", "late", "late", "main")]
        assert cluster.metric("current_timestamp_seconds") > time.time() - 60

        # What is broken changes nothing.
        (key, value) = told(0, addresses=("ten",))
        for broken in (b"{", value):
            cluster.tell(key, broken)
        cluster.tell("node/uid--node-b", b'{"uid":"uid--node-b","name":7}')
        wait_for(lambda: cluster.metric("malformed_total") == 3)
        # As of when the new pod has the address, however fast the test got here; and by another
        # port, or the row would be one with flow 3's where their windows are.
        cluster.send(flow(5, -15, server_address="10.9.0.1", server_port=81))
        wait_for(lambda: cluster.query("server_pod, server_node")[4:] == [("new", "node-b")])
    finally:
        watcher.stop()
    cluster.stop()
    lines = [line for line in cluster.log.read_text().splitlines() if "record not used" in line]
    problem = r"partition=\d offset=\d+ (pod/pod-0: Input data was truncated|"
    problem += (
        r"pod/pod-0: field addresses is not an IP address: 'ten'|node/uid--node-b: .* `\$.name`)"
    )
    assert [bool(re.search(problem, line)) for line in lines] == [True] * 3


def told(number: int, **more: Any) -> tuple[str, bytes]:
    """Key and record of a pod of StatefulSet `web`."""
    record = records.Pod(
        uid=f"pod-{number}",
        namespace="shop",
        name=f"web-{number}",
        node="n",
        workload="web",
        workload_kind="StatefulSet",
        **more,
    )
    return records.key_of(record), records.encode(record)


def test_compaction_takes_nothing_that_is_needed_nor_the_place(tmp_path: Path) -> None:
    """A reader that was there before, and one that comes after, on Apache Kafka."""
    now = round(time.time() * 1000)
    compacted = {
        "cleanup.policy": "compact",
        "segment.ms": "200",
        "min.cleanable.dirty.ratio": "0.01",
        "delete.retention.ms": "100",
    }

    with (
        apache_kafka(tmp_path, settings={"log.cleaner.backoff.ms": "100"}) as kafka,
        ExitStack() as end,
    ):
        admin = AdminClient({"bootstrap.servers": kafka.address})
        made = admin.create_topics([NewTopic("compacted", 1, config=compacted)])
        made["compacted"].result(10)
        producer = Producer({"bootstrap.servers": kafka.address})

        def send(*messages: tuple[str, bytes | None]) -> None:
            for key, value in messages:
                producer.produce("compacted", value, key)
            producer.flush(10)

        def following() -> tuple[ClusterTopic, AsOf]:
            cluster = AsOf()
            topic = ClusterTopic(kafka.address, "compacted", cluster)
            end.callback(topic.stop)
            topic.start(time.time() - 3600)
            topic.catch_up(30)
            assert topic.complete
            return topic, cluster

        def first_left() -> int:
            reader = InventoryTopic(kafka.address, "compacted")
            reader.open()
            offsets = [message.offset for message in reader.read()]
            reader.close()
            return offsets[0]

        for age in (900_000, 600_000):  # the first states are superseded
            send(*(told(n, addresses=("10.9.0.1",), started=now - age) for n in range(100)))
        send(*(told(n, addresses=("10.9.0.1",), ended=now - 300_000) for n in range(50)))
        send(*((f"pod/pod-{n}", None) for n in range(25)))
        topic, before = following()
        fillers = count(1000)
        while first_left() < 150:  # compaction leaves the segment alone that is being written
            send(told(next(fillers)))
            time.sleep(0.3)
        send(told(999, addresses=("10.9.0.9",), started=now))

        def came() -> bool:
            topic.take()
            return "pod-999" in before.pods

        wait_for(came)
        _, after = following()
        assert len(before) == len(after) == 50 + next(fillers) - 1000 + 1
        for cluster in (before, after):
            places = cluster.places(np.array([pack("10.9.0.9")], "V16"))
            (record,) = cluster.at(places, np.array([(now + 1) * 1_000_000])).tolist()
            assert cluster.records[record].name == "web-999"
