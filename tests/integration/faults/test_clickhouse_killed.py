"""ClickHouse killed in the midst of inserts, and started again on what it left."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.integration.faults.bench import Bench

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

KILLS = 5


def test_killed_in_mid_insert_it_has_everything_once_it_is_back(bench: Bench) -> None:
    worker = bench.worker()
    with bench.traffic.flowing(per_second=40):
        for _ in range(KILLS):
            bench.await_ranges(1)
            time.sleep(random.random() * 0.2)
            bench.engine.kill()
            bench.engine.start()
    assert worker.running
    bench.finish(worker)


@pytest.mark.parametrize("table", ["offset_ranges", "flows_1m"])
def test_killed_between_the_token_and_the_rows_it_takes_the_repetition(
    bench: Bench, table: str
) -> None:
    """The engine logs an insert's token, then renames the part that holds the rows. That is too
    soon past to be hit, so the rename is undone in the directory of an engine that is dead."""
    bench.traffic.send(16)
    killed = bench.worker(point="recorded" if table == "offset_ranges" else f"inserted:{table}")
    assert killed.wait() == -signal.SIGKILL
    bench.engine.kill()
    (part,) = bench.engine.parts(bench.clickhouse.database, table)
    part.rename(part.with_name(f"tmp_insert_{part.name}"))
    bench.engine.start()
    bench.finish(bench.worker())


def test_killed_together_with_the_worker(bench: Bench) -> None:
    """The next worker finds a range that was recorded and an insert that nobody answered."""
    bench.traffic.send(32)
    for table in ("flows_10s", "flows_1m", "agent_ledger"):
        killed = bench.worker(point=f"inserting:{table}", nth=2)
        assert killed.wait() == -signal.SIGKILL
        bench.engine.kill()
        bench.engine.start()
    bench.finish(bench.worker())
