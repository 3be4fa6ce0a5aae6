"""What the fault tests and the deployment rely on in Apache Kafka: topics, replicas, leaders."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from click.testing import CliRunner, Result
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, ConfigResource

from deploy.local import reconcile
from deploy.local.kafka import ApacheKafka, Node
from deploy.local.migrate import command as migrate
from deploy.local.topics import load

FILES = count()


def client(kafka: ApacheKafka) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka.address, "log_level": 0})


def until(reached: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, "not reached in time"
        time.sleep(0.05)


def declared(directory: Path, topic: str, **settings: object) -> str:
    """A file that declares one topic."""
    file = directory / f"topics-{next(FILES)}.yaml"
    lines = [f"  {key.replace('_', '.')}: {value}" for key, value in settings.items()]
    file.write_text("\n".join([f"{topic}:", *lines]))
    return str(file)


def run(kafka: ApacheKafka, *words: str) -> Result:
    result = CliRunner().invoke(migrate, ["--only=topics", f"--kafka={kafka.address}", *words])
    assert result.exit_code == 0, result.output
    return result


def partitions(kafka: ApacheKafka, topic: str) -> int:
    there = client(kafka).list_topics(timeout=10).topics
    return len(there[topic].partitions) if topic in there else 0


def setting(kafka: ApacheKafka, topic: str, name: str) -> str:
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    admin = client(kafka)
    (described,) = admin.describe_configs([resource]).values()
    return str(described.result(10)[name].value)


def test_topics_are_created_as_declared(kafka: ApacheKafka) -> None:
    for topic in load(partitions="flows=4"):
        fitted = topic.fitted(1)
        assert partitions(kafka, topic.name) == topic.partitions
        for name, value in fitted.settings.items():
            assert setting(kafka, topic.name, name) == value


def test_a_second_run_changes_nothing(kafka: ApacheKafka) -> None:
    result = run(kafka, "--partitions=flows=4")
    assert f"nothing to do, Kafka at {kafka.address} is up to date" in result.output
    assert "replication of flows, flows.dead, names, inventory is lowered" in result.output


def test_partitions_grow_and_settings_are_altered(kafka: ApacheKafka, tmp_path: Path) -> None:
    shape = {"partitions": 2, "replication": 1}
    run(kafka, "--topics-file", declared(tmp_path, "growing", **shape, retention_ms=1000))
    new = declared(tmp_path, "growing", **(shape | {"partitions": 3}), retention_ms=2000)
    dry = run(kafka, "--topics-file", new, "--dry-run")
    assert partitions(kafka, "growing") == 2
    result = run(kafka, "--topics-file", new)
    for change in (
        "topic growing: partitions 2 -> 3",
        "topic growing: retention.ms 1000 -> 2000",
    ):
        assert f"-- {change}\n" in dry.output
        assert f"{change}\n" in result.output
    until(lambda: partitions(kafka, "growing") == 3)
    assert setting(kafka, "growing", "retention.ms") == "2000"


def test_nothing_is_shrunk_or_deleted(kafka: ApacheKafka, tmp_path: Path) -> None:
    run(kafka, "--topics-file", declared(tmp_path, "wide", partitions=3, replication=1))
    result = run(kafka, "--topics-file", declared(tmp_path, "wide", partitions=1, replication=1))
    assert "topic wide keeps its 3 partitions, though 1 are declared" in result.output
    run(kafka, "--topics-file", declared(tmp_path, "other", partitions=1, replication=1))
    assert partitions(kafka, "wide") == 3


def test_the_deployment_does_not_alter_the_topics_of_a_shared_cluster(
    kafka: ApacheKafka, tmp_path: Path
) -> None:
    run(kafka, "--topics-file", declared(tmp_path, "shared", partitions=1, replication=1))
    wider = load(declared(tmp_path, "shared", partitions=2, replication=1))
    reconcile.bring_up_to_date(kafka.address, wider, only_missing=True)
    assert partitions(kafka, "shared") == 1


def test_what_kafka_refuses_is_one_sentence(kafka: ApacheKafka, tmp_path: Path) -> None:
    file = declared(tmp_path, "bad", partitions=1, replication=1, cleanup_policy="sometimes")
    words = ["--only=topics", f"--kafka={kafka.address}", f"--topics-file={file}"]
    result = CliRunner().invoke(migrate, words)
    assert result.exit_code == 1
    assert "Error: Kafka refuses (topic bad: created with" in result.output
    assert "sometimes" in result.output


def test_a_kafka_that_does_not_answer_is_named() -> None:
    result = CliRunner().invoke(migrate, ["--only=topics", "--kafka=127.0.0.1:1"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: Kafka does not answer at 127.0.0.1:1: start it")


def test_a_killed_broker_comes_back_at_its_address_with_its_messages(kafka: ApacheKafka) -> None:
    address = kafka.address
    producer = Producer({"bootstrap.servers": address, "log_level": 0})
    producer.produce("names", b"kept", partition=0)
    assert producer.flush(30) == 0
    kafka.kill()
    assert kafka.start() == address
    reader = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": "after",
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    reader.subscribe(["names"])
    found = reader.poll(30)
    reader.close()
    assert found is not None
    assert found.value() == b"kept"


def leader(kafka: ApacheKafka, but: int = 0) -> Node | None:
    """The node that leads partition 0 of flows, if it is not `but`."""
    partition = client(kafka).list_topics("flows", timeout=10).topics["flows"].partitions[0]
    found = {node.number: node for node in kafka.nodes}.get(partition.leader)
    return found if found and found.number != but else None


def in_sync(kafka: ApacheKafka) -> int:
    there = client(kafka).list_topics("flows", timeout=10).topics["flows"].partitions
    return min(len(partition.isrs) for partition in there.values())


def test_three_brokers_keep_three_replicas(kafka_cluster: ApacheKafka) -> None:
    until(lambda: in_sync(kafka_cluster) == 3)
    assert setting(kafka_cluster, "flows", "min.insync.replicas") == "2"


def test_producer_and_consumer_go_on_when_the_leader_is_killed_and_comes_back(
    kafka_cluster: ApacheKafka,
) -> None:
    producer = Producer(
        {"bootstrap.servers": kafka_cluster.address, "enable.idempotence": True, "log_level": 0}
    )
    reader = Consumer(
        {
            "bootstrap.servers": kafka_cluster.address,
            "group.id": "across",
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6000,
            "log_level": 0,
        }
    )
    reader.subscribe(["flows"])
    received: list[bytes | None] = []

    def send(*values: bytes) -> None:
        for value in values:
            producer.produce("flows", value, partition=0)
        assert producer.flush(30) == 0

    def receive() -> bool:
        received.extend(
            message.value() for message in reader.consume(100, 0.2) if not message.error()
        )
        return set(received) == set(sent)

    sent = [b"before"]
    send(*sent)
    until(receive)
    killed = leader(kafka_cluster)
    assert killed is not None
    address = killed.address
    killed.kill()
    sent += [b"%d" % number for number in range(100)]
    send(*sent[1:])
    assert leader(kafka_cluster, but=killed.number) is not None
    until(receive)
    killed.start()
    killed.wait()
    assert killed.address == address
    until(lambda: in_sync(kafka_cluster) == 3, 60)
    sent.append(b"after")
    send(b"after")
    until(receive)
    reader.close()
    # A follower that leads before it has learnt what was committed tells a reader that is ahead of
    # it to begin anew, so messages may come again; the order of first arrivals is theirs.
    assert list(dict.fromkeys(received)) == sent
