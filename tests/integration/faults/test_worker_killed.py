"""Workers killed, at each named point of the cycle and at any instant."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.integration.faults.bench import Bench

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

TABLES = ("flows_10s", "flows_1m", "flows_1h", "workloads_1m", "ends_1h", "agent_ledger")
POINTS = (
    "decoded",
    "recorded",
    *(f"{moment}:{table}" for table in TABLES for moment in ("inserting", "inserted")),
    "committed",
)
"""`inserted:agent_ledger` is after all inserts, before the commit."""


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_a_point_of_the_cycle(bench: Bench, point: str) -> None:
    bench.traffic.send(16)
    killed = bench.worker(point=point, nth=3)
    assert killed.wait() == -signal.SIGKILL
    assert f"killed at {point}" in bench.words()
    bench.traffic.send(16)  # the next worker would cut larger ranges, were it left to it
    bench.finish(bench.worker())


KILLS = 50
GROUPS = 3
WORKERS = 2


@pytest.mark.timeout(600)  # 60 s on two quiet cores
def test_killed_at_fifty_random_instants(bench: Bench) -> None:
    """In several groups at once, since each rests for a session when one of its members is gone."""
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")  # pytest shows it if the test fails
    chance = random.Random(seed)
    groups = [bench, *(bench.another() for _ in range(GROUPS - 1))]
    workers = {group: [group.worker() for _ in range(WORKERS)] for group in groups}
    ranges = dict.fromkeys(groups, 0)
    kills = 0
    with bench.traffic.flowing(per_second=20):
        while kills < KILLS:
            for group in groups:
                if group.ranges() > ranges[group]:
                    time.sleep(chance.random() * 0.4)
                    victim = chance.randrange(WORKERS)
                    workers[group][victim].kill()
                    ranges[group] = group.ranges()
                    workers[group][victim] = group.worker()
                    kills += 1
    for group in groups:
        group.finish(*workers[group])
