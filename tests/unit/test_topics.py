"""The declaration of Kafka's topics: what it says, and what is wrong with one."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.wire import FLOWS_TOPIC, names
from deploy.local.errors import MalformedTopicsError
from deploy.local.topics import Topic, load
from stream.settings import Settings


def test_every_topic_that_a_role_uses_is_declared() -> None:
    stream = Settings()
    used = {FLOWS_TOPIC, names.NAMES_TOPIC, stream.topic, stream.dead_letter_topic}
    assert {topic.name for topic in load()} == used | {"inventory"}


def test_names_are_partitioned_as_flows_are() -> None:
    partitions = {topic.name: topic.partitions for topic in load()}
    assert partitions["names"] == partitions["flows"]


def test_partitions_can_be_given_apart_from_the_file() -> None:
    partitions = {topic.name: topic.partitions for topic in load(partitions="flows=3, names=5")}
    assert (partitions["flows"], partitions["names"], partitions["inventory"]) == (3, 5, 1)


@pytest.mark.parametrize(("brokers", "replication", "in_sync"), [(1, 1, 1), (2, 2, 1), (3, 3, 2)])
def test_one_replica_of_several_may_be_away(brokers: int, replication: int, in_sync: int) -> None:
    topic = Topic("t", 1, 3, {"min.insync.replicas": "2"}).fitted(brokers)
    assert topic.replication == replication
    assert topic.settings["min.insync.replicas"] == str(in_sync)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("flows: {partition: 3, replication: 1}", "unknown keys: ['partition']"),
        ("flows: {partitions: 3, replication: 1, retention: 3}", "unknown keys: ['retention']"),
        ("flows: {partitions: many, replication: 1}", "needs partitions, a number from 1 on"),
        ("flows: {partitions: 3}", "needs replication, a number from 1 on"),
        ("flows: {partitions: 3, replication: 1, retention.ms: }", "no value for retention.ms"),
        ("flows:", "topic flows has no settings"),
        ("", "it declares no topics"),
        ("flows: {", "line 1"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "topics.yaml"
    file.write_text(text)
    with pytest.raises(MalformedTopicsError) as error:
        load(str(file))
    assert str(file) in error.value.message
    assert problem in error.value.message
    assert "\n" not in error.value.message


@pytest.mark.parametrize("partitions", ["flows", "flows=0", "flows=x", "unheard=1"])
def test_an_override_that_cannot_be_is_named(partitions: str) -> None:
    with pytest.raises(MalformedTopicsError, match="--partitions"):
        load(partitions=partitions)


def test_a_file_that_does_not_exist_is_named() -> None:
    with pytest.raises(MalformedTopicsError, match=r"/nowhere/topics\.yaml: No such file"):
        load("/nowhere/topics.yaml")
