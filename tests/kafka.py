"""Apache Kafka for tests: started with the declared topics, and killed at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.local import reconcile, topics
from deploy.local.kafka import ApacheKafka, installed

FAST = {
    "broker.session.timeout.ms": "3000",
    "controller.quorum.fetch.timeout.ms": "1000",
    "group.min.session.timeout.ms": "1000",
}
"""A dead broker or group member is noticed after seconds, so that tests need not wait long."""


@contextmanager
def running(
    directory: Path,
    brokers: int = 1,
    settings: Mapping[str, str] | None = None,
    *,
    partitions: str = "flows=4",
) -> Iterator[ApacheKafka]:
    """Brokers on free ports with the declared topics; `partitions` as in `flowatlas migrate`.

    Where Java or Kafka's jars are missing the test is skipped, under CI=true it fails.
    """
    require()
    made = ApacheKafka(directory, brokers, {**FAST, **(settings or {})}, heap_megabytes=256)
    try:
        made.start()
        reconcile.bring_up_to_date(made.address, topics.load(partitions=partitions))
        yield made
    finally:
        made.kill()


def require() -> None:
    """Skip, or fail under CI=true, if Apache Kafka is not installed."""
    if installed():
        return
    missing = "Apache Kafka is not installed: make kafka"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)
