"""Servers that contract and integration tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.kafka import ApacheKafka
from tests.kafka import running


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """Apache Kafka of one broker."""
    with running(tmp_path_factory.mktemp("kafka")) as made:
        yield made


@pytest.fixture(scope="module")
def kafka_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """Apache Kafka of three brokers, any one of which may be killed and started again."""
    with running(tmp_path_factory.mktemp("kafka"), 3) as made:
        yield made
