"""The spool keeps what Kafka has not acknowledged: in order, bounded, every loss counted."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.errors import SpoolError
from agent.spool import CorruptBatchError, Entry, Message, Spool

BLOCK = 4096
LIMIT = 6 * BLOCK


def message(number: int, size: int = 10) -> Message:
    return Message("flows", [("sequence", str(number).encode())], bytes(size))


def sequence(of: Message) -> int:
    return int(dict(of.headers)["sequence"])


def put(spool: Spool, number: int, size: int = 10) -> None:
    spool.put(message(number, size), rows=number, volume=2 * number)


def waiting(spool: Spool) -> list[int]:
    """The sequences in the order in which they would be handed over."""
    spool.put_all_back()
    entries = [spool.take() for _ in range(len(spool))]
    found = [sequence(spool.read(entry)) for entry in entries]
    spool.put_all_back()
    return found


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    opened = Spool(tmp_path, LIMIT)
    opened.open()
    return opened


class Model(RuleBasedStateMachine):
    """Any order of putting, handing over, acknowledging, refusing, failing and dying."""

    def __init__(self) -> None:
        super().__init__()
        self._directory = TemporaryDirectory()
        self._spool = Spool(Path(self._directory.name), LIMIT)
        self._spool.open()
        self._number = 0
        self._waiting: list[int] = []
        self._handed: dict[int, Entry] = {}
        self._dropped = 0
        self._sizes: dict[int, int] = {}

    def teardown(self) -> None:
        self._spool.close()
        self._directory.cleanup()

    @rule(blocks=st.integers(1, 7))
    def put(self, blocks: int) -> None:
        self._number += 1
        size = blocks * BLOCK
        while self._waiting and self._used() + size > LIMIT:
            self._dropped += self._waiting.pop(0)
        if self._used() + size > LIMIT:
            self._dropped += self._number
        else:
            self._waiting.append(self._number)
            self._sizes[self._number] = size
        put(self._spool, self._number, size - BLOCK // 2)

    def _used(self) -> int:
        return sum(self._sizes[number] for number in [*self._waiting, *self._handed])

    @precondition(lambda self: self._waiting)
    @rule()
    def hand_over(self) -> None:
        entry = self._spool.take()
        number = self._waiting.pop(0)
        assert sequence(self._spool.read(entry)) == number
        self._handed[number] = entry

    @precondition(lambda self: self._handed)
    @rule(choice=st.data())
    def acknowledge(self, choice: st.DataObject) -> None:
        number = choice.draw(st.sampled_from(sorted(self._handed)))
        self._spool.remove(self._handed.pop(number))

    @precondition(lambda self: self._handed)
    @rule(choice=st.data())
    def refuse(self, choice: st.DataObject) -> None:
        number = choice.draw(st.sampled_from(sorted(self._handed)))
        self._spool.drop(self._handed.pop(number), "refused")
        self._dropped += number

    @rule()
    def fail(self) -> None:
        self._spool.put_all_back()
        self._all_wait()

    @rule()
    def die(self) -> None:
        dropped = self._spool.dropped_rows
        self._spool.close()
        self._spool = Spool(Path(self._directory.name), LIMIT)
        self._spool.open()
        self._spool.dropped_rows += dropped
        self._spool.dropped_bytes += 2 * dropped
        self._all_wait()

    def _all_wait(self) -> None:
        self._waiting = sorted([*self._waiting, *self._handed])
        self._handed.clear()

    @invariant()
    def keeps_its_bound_and_counts(self) -> None:
        files = list(Path(self._directory.name).glob("*.batch"))
        assert len(self._spool) == len(files) == len(self._waiting) + len(self._handed)
        assert self._spool.size == self._used() <= LIMIT
        assert sum(path.stat().st_size for path in files) <= self._spool.size
        assert self._spool.dropped_rows == self._dropped
        assert self._spool.dropped_bytes == 2 * self._dropped


Model.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestAnyOrder = Model.TestCase


def test_a_full_spool_drops_the_oldest_that_waits(spool: Spool) -> None:
    for number in range(1, 7):
        put(spool, number)
    in_flight = spool.take()
    put(spool, 7)
    assert (spool.dropped_rows, spool.dropped_bytes) == (2, 4)
    assert in_flight.rows == 1
    assert waiting(spool) == [1, 3, 4, 5, 6, 7]


def test_a_smaller_bound_after_a_restart_drops_the_oldest(spool: Spool, tmp_path: Path) -> None:
    for number in range(1, 7):
        put(spool, number)
    spool.close()
    smaller = Spool(tmp_path, 2 * BLOCK)
    smaller.open()
    assert waiting(smaller) == [5, 6]
    assert smaller.dropped_rows == 1 + 2 + 3 + 4


def test_what_comes_after_a_restart_goes_after_what_was_left(spool: Spool, tmp_path: Path) -> None:
    put(spool, 1)
    put(spool, 2)
    spool.remove(spool.take())
    spool.close()
    again = Spool(tmp_path, LIMIT)
    again.open()
    put(again, 3)
    assert waiting(again) == [2, 3]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "gone"])
def test_a_damaged_file_is_set_aside_and_its_rows_counted(
    spool: Spool, tmp_path: Path, damage: str
) -> None:
    put(spool, 5)
    (path,) = tmp_path.glob("*.batch")
    content = path.read_bytes()
    match damage:
        case "truncated":
            path.write_bytes(content[:-1])
        case "flipped":
            path.write_bytes(content[:-1] + b"\xff")
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
    entry = spool.take()
    with pytest.raises(CorruptBatchError, match=entry.name):
        spool.read(entry)
    spool.set_aside(entry)
    assert (len(spool), spool.size, spool.dropped_rows, spool.dropped_bytes) == (0, 0, 5, 10)
    assert len(list(tmp_path.glob("*.corrupt"))) == (damage != "gone")


def test_few_damaged_files_are_kept(spool: Spool, tmp_path: Path) -> None:
    for number in range(20):
        put(spool, number)
        spool.set_aside(spool.take())
    kept = sorted(path.name for path in tmp_path.glob("*.corrupt"))
    assert len(kept) == 8
    assert kept[-1].startswith("00000000000000000019-")


def test_a_file_that_was_never_finished_is_none(spool: Spool, tmp_path: Path) -> None:
    put(spool, 1)
    spool.close()
    (tmp_path / "00000000000000000001-9-9.part").write_bytes(b"half")
    again = Spool(tmp_path, LIMIT)
    again.open()
    assert waiting(again) == [1]
    assert not list(tmp_path.glob("*.part"))


def test_a_second_agent_is_told_to_use_another_directory(spool: Spool) -> None:
    with pytest.raises(SpoolError, match=r"another agent.*--spool-directory"):
        Spool(spool.directory, LIMIT).open()


def test_a_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match=r"file/spool cannot be used.*--spool-directory"):
        Spool(tmp_path / "file" / "spool", LIMIT).open()
