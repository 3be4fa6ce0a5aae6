"""An agent's gap-free numbers: what they show, and that each batch is passed on once."""

from __future__ import annotations

from collections.abc import Collection

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from stream.columns import join
from stream.decode import Delivery
from stream.ledger import ledger_rows
from stream.repeats import Numbers, Repeats, Runs, Sender
from tests.unit.stream_batches import SECOND, START, batch


class Log:
    """The tables' memory of batches: number to time of sending."""

    def __init__(self) -> None:
        self.sent: dict[tuple[str, str], dict[int, int]] = {}

    def insert(self, deliveries: list[Delivery]) -> None:
        for each in deliveries:
            origin = each.batch.origin
            times = self.sent.setdefault((origin.node, origin.agent), {})
            times[origin.sequence] = round(each.timestamp * 1000)

    def batch_numbers(self, _: str, agents: Collection[Sender]) -> dict[Sender, Runs]:
        return {
            agent: [(number, number) for number in sorted(self.sent.get(agent, {}))]
            for agent in agents
        }

    def batch_time(self, _: str, node: str, agent: str, sequence: int) -> int | None:
        return self.sent.get((node, agent), {}).get(sequence)


def sent(*messages: tuple[str, int, float]) -> list[Delivery]:
    """Messages of node, number and time."""
    return [Delivery(0, time, batch([{}], node, number)) for node, number, time in messages]


def counted(name: str) -> float:
    return REGISTRY.get_sample_value(f"flowatlas_stream_{name}_batches_total") or 0.0


def test_repeated_and_missing_batches_are_counted_per_agent() -> None:
    repeated, missing = counted("repeated"), counted("missing")
    log = Log()
    numbers = [("a", 4), ("b", 0), ("a", 5), ("a", 5), ("a", 8), ("b", 1), ("a", 4)]
    messages = sent(*((node, number, float(at)) for at, (node, number) in enumerate(numbers)))
    passed, repeats = Repeats(log, "c").part(messages, 0)
    assert [message.timestamp for message in passed] == [0, 1, 2, 4, 5]
    assert [message.timestamp for message in repeats] == [3, 6]
    assert counted("repeated") - repeated == 2
    assert counted("missing") - missing == 2


def test_a_batch_that_comes_late_is_no_repeat() -> None:
    messages = sent(("a", 0, 1.0), ("a", 2, 2.0), ("a", 1, 3.0), ("a", 1, 4.0))
    assert Repeats(Log(), "c").part(messages, 0) == (messages[:3], messages[3:])


def test_what_another_worker_inserted_is_asked_for_after_a_rebalance() -> None:
    log = Log()
    repeats = Repeats(log, "c")
    first, again = sent(("a", 0, 1.0)), sent(("a", 1, 5.0))
    assert repeats.part(first, epoch=0) == (first, [])
    log.insert(sent(("a", 0, 1.0), ("a", 1, 2.0)))
    assert repeats.part(again, epoch=1) == ([], again)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), max_size=12), st.data())
def test_a_range_repeated_after_a_crash_is_the_same(
    numbered: list[tuple[int, int]], data: st.DataObject
) -> None:
    messages = sent(*(("a", number, float(at)) for at, (number, _) in enumerate(numbered)))
    cut = data.draw(st.integers(0, len(messages)))
    before, crashed = messages[:cut], messages[cut:]
    log = Log()
    worker = Repeats(log, "c")
    log.insert(worker.part(before, 0)[0])
    inserted, repeated = worker.part(crashed, 0)
    if data.draw(st.booleans()):
        log.insert(inserted)
    assert Repeats(log, "c").part(crashed, 0, again=True) == (inserted, repeated)


def test_the_ledger_tells_the_newest_interval_end() -> None:
    ends = [START + 3 * SECOND, START + 5 * SECOND, START + 4 * SECOND]
    told = Delivery(0, 1e9, batch([{"interval_end": end} for end in ends]))
    silent = Delivery(1, 1e9 + 0.5, batch([]))
    newest = (
        ledger_rows([told, silent], join([told.batch, silent.batch]), "c")["newest"]
        .cast(pa.int64())
        .to_pylist()
    )
    assert newest == [START // 1_000_000 + 5000, 10**12 + 500]


@given(st.lists(st.integers(0, 20)))
def test_numbers_are_a_set(values: list[int]) -> None:
    numbers, seen = Numbers(), set[int]()
    for value in values:
        assert numbers.gap(value) == (max(0, value - max(seen) - 1) if seen else 0)
        assert numbers.add(value) == (value not in seen)
        seen.add(value)
