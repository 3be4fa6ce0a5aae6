"""Brokers killed in full flow: one alone, and the leader of three."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from deploy.local.kafka import ApacheKafka
from tests.integration.faults.bench import Bench
from tests.integration.faults.processes import Engine, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def test_a_broker_that_comes_back_is_read_on_where_it_was(bench: Bench, kafka: ApacheKafka) -> None:
    worker = bench.worker()
    (broker,) = kafka.nodes
    with bench.traffic.flowing(per_second=40):
        for _ in range(2):
            bench.await_ranges(5)
            broker.kill()
            broker.start()
            broker.wait()
        bench.await_ranges(5)
    assert worker.running, bench.words()
    bench.finish(worker)


def leader(kafka: ApacheKafka, topic: str) -> int:
    """The number of the node that leads the topic's first partition, -1 while there is none."""
    client = AdminClient({"bootstrap.servers": kafka.address, "log_level": 0})
    return int(client.list_topics(topic, timeout=10).topics[topic].partitions[0].leader)


def test_a_new_leader_has_all_that_the_old_one_acknowledged(
    kafka_cluster: ApacheKafka, engine: Engine, tmp_path: Path
) -> None:
    bench = Bench(kafka_cluster.address, engine, tmp_path, replicas=3)
    try:
        workers = [bench.worker(), bench.worker()]
        with bench.traffic.flowing(per_second=40):
            bench.await_ranges(5)
            old = leader(kafka_cluster, bench.traffic.topic)
            node = next(node for node in kafka_cluster.nodes if node.number == old)
            node.kill()
            until(lambda: leader(kafka_cluster, bench.traffic.topic) not in (old, -1))
            bench.await_ranges(5)
            node.start()
            node.wait()
            bench.await_ranges(5)
        for worker in workers:
            assert worker.running, bench.words()
        bench.finish(*workers)
    finally:
        bench.close()
