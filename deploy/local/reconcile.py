"""A Kafka cluster's topics brought to what is declared. Nothing is shrunk, nothing is deleted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
)

from deploy.local.errors import KafkaRefusesError, UnreachableError
from deploy.local.topics import Topic

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
VISIBLE_SECONDS = 30.0

Request = Callable[[AdminClient], Mapping[Any, "Future[Any]"]]


@dataclass(frozen=True)
class Change:
    """One request to Kafka, and what it changes, in a line."""

    text: str
    topic: Topic
    request: Request


@dataclass
class Plan:
    """What is to change, in order, and what will stay other than declared and why."""

    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def connect(address: str) -> AdminClient:
    """Raises UnreachableError if no broker answers there."""
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    try:
        admin.list_topics(timeout=CONNECT_SECONDS)
    except KafkaException as error:
        raise UnreachableError("Kafka", address, "--kafka") from error
    return admin


def plan(admin: AdminClient, declared: Iterable[Topic], *, only_missing: bool = False) -> Plan:
    """Compare; changes nothing. `only_missing`: leave the topics that there are as they are.

    Raises KafkaRefusesError.
    """
    metadata = admin.list_topics(timeout=ANSWER_SECONDS)
    brokers = len(metadata.brokers)
    found = Plan(notes=_lowered(declared, brokers))
    for topic in (topic.fitted(brokers) for topic in declared):
        if topic.name not in metadata.topics:
            found.changes.append(_create(topic))
        elif not only_missing:
            partitions = metadata.topics[topic.name].partitions
            _grow(found, topic, len(partitions))
            _replicas(found, topic, min(len(one.replicas) for one in partitions.values()))
            _alter(found, topic, _settings(admin, topic.name))
    return found


def apply(admin: AdminClient, changes: Iterable[Change]) -> None:
    """Carry the changes out; returns when brokers tell clients of them. Raises KafkaRefusesError.

    What another `flowatlas migrate` has just done is done.
    """
    done = []
    for change in changes:
        for result in change.request(admin).values():
            try:
                result.result(ANSWER_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise KafkaRefusesError(change.text, error.args[0].str()) from error
        done.append(change.topic)
    deadline = time.monotonic() + VISIBLE_SECONDS
    while unled := [topic.name for topic in done if not _led(admin, topic)]:
        if time.monotonic() > deadline:
            raise KafkaRefusesError(f"topic {unled[0]}", "no broker leads its partitions")
        time.sleep(0.05)


def bring_up_to_date(
    address: str, declared: Iterable[Topic], *, only_missing: bool = False
) -> None:
    """Plan and apply at once."""
    admin = connect(address)
    apply(admin, plan(admin, declared, only_missing=only_missing).changes)


def _led(admin: AdminClient, topic: Topic) -> bool:
    there = admin.list_topics(timeout=ANSWER_SECONDS).topics.get(topic.name)
    leaders = [partition.leader for partition in there.partitions.values()] if there else []
    return len(leaders) >= topic.partitions and min(leaders) >= 0


def _lowered(declared: Iterable[Topic], brokers: int) -> list[str]:
    if not (names := [topic.name for topic in declared if topic.replication > brokers]):
        return []
    there = f"{brokers} broker" + ("s" if brokers > 1 else "")
    return [
        f"replication of {', '.join(names)} is lowered to what {there} can keep, and "
        "min.insync.replicas with it"
    ]


def _create(topic: Topic) -> Change:
    settings = " ".join(f"{key}={value}" for key, value in topic.settings.items())
    text = f"partitions={topic.partitions} replication={topic.replication} {settings}"
    new = NewTopic(topic.name, topic.partitions, topic.replication, config=dict(topic.settings))
    return Change(
        f"topic {topic.name}: created with {text.rstrip()}",
        topic,
        lambda admin: admin.create_topics([new]),
    )


def _grow(found: Plan, topic: Topic, partitions: int) -> None:
    if partitions > topic.partitions:
        found.notes.append(
            f"topic {topic.name} keeps its {partitions} partitions, though {topic.partitions} are "
            "declared, because Kafka cannot take any away"
        )
    elif partitions < topic.partitions:
        more = NewPartitions(topic.name, topic.partitions)
        text = f"topic {topic.name}: partitions {partitions} -> {topic.partitions}"
        found.changes.append(Change(text, topic, lambda admin: admin.create_partitions([more])))


def _replicas(found: Plan, topic: Topic, replicas: int) -> None:
    if replicas != topic.replication:
        found.notes.append(
            f"topic {topic.name} keeps its replication of {replicas}, though {topic.replication} "
            "is declared: kafka-reassign-partitions.sh moves replicas"
        )


def _settings(admin: AdminClient, name: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    try:
        (described,) = admin.describe_configs([resource]).values()
        entries = described.result(ANSWER_SECONDS)
    except KafkaException as error:
        raise KafkaRefusesError(f"settings of topic {name}", error.args[0].str()) from error
    return {key: str(entry.value) for key, entry in entries.items()}


def _alter(found: Plan, topic: Topic, current: Mapping[str, str]) -> None:
    differ = {key: value for key, value in topic.settings.items() if current.get(key) != value}
    if not differ:
        return
    altered = ConfigResource(
        ConfigResource.Type.TOPIC,
        topic.name,
        incremental_configs=[
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in differ.items()
        ],
    )
    was = ", ".join(f"{key} {current.get(key)} -> {value}" for key, value in differ.items())
    found.changes.append(
        Change(
            f"topic {topic.name}: {was}",
            topic,
            lambda admin: admin.incremental_alter_configs([altered]),
        )
    )
