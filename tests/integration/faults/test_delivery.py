"""What Kafka delivers again, later, in another order; and who reads it while members change."""

from __future__ import annotations

import random
import time

import pytest

from tests.integration.faults.bench import PARTITIONS, Bench
from tests.integration.faults.processes import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


def test_a_resent_spool_counts_once_in_whatever_order_it_comes(bench: Bench) -> None:
    """Again at once, again much later, out of order, and over other partitions than before, as
    after partitions were added to the topic."""
    traffic = bench.traffic
    first = traffic.send(24)
    worker = bench.worker()
    until(lambda: bench.unread() == 0)
    second = [traffic.make() for _ in range(24)]
    spool = [*first[12:], *second]
    random.shuffle(spool)
    traffic.post(spool)
    traffic.post(reversed(second))
    until(lambda: bench.unread() == 0)
    traffic.post(spool, partitions=PARTITIONS)
    third = [traffic.make() for _ in range(24)]
    random.shuffle(third)
    traffic.post([*third, *third], partitions=PARTITIONS)
    bench.finish(worker)
    with bench.client() as client:
        told = client.query("SELECT count() FROM repeated_batches").result_rows
    assert told == [(2 * len(spool) + len(third),)]


def test_workers_that_join_and_leave_in_full_flow_lose_and_repeat_nothing(bench: Bench) -> None:
    workers = [bench.worker()]
    with bench.traffic.flowing(per_second=40):
        for _ in range(2):
            for _ in range(2):
                workers.append(bench.worker())
                bench.await_ranges(5)
            for _ in range(2):
                time.sleep(random.random() * 0.3)
                assert workers.pop(0).end() == 0, bench.words()
                bench.await_ranges(5)
    bench.finish(*workers)
