"""A broker, an engine, and for each test a topic, a database and workers of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.kafka import ApacheKafka
from tests.integration.faults.bench import Bench
from tests.integration.faults.processes import Engine
from tests.kafka import running


@pytest.fixture(scope="package")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """One for all tests here, which have topics of their own."""
    with running(tmp_path_factory.mktemp("kafka")) as made:
        yield made


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    made = Engine(tmp_path_factory.mktemp("clickhouse"))
    made.start()
    yield made
    made.kill()


@pytest.fixture
def bench(kafka: ApacheKafka, engine: Engine, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(kafka.address, engine, tmp_path)
    yield made
    made.close()
