"""Deduplication tokens that outlived the rows they stand for."""

from __future__ import annotations

from pathlib import Path

import pytest

from sql.server.tokens import forget_lost


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table's directory, without parts, in the data directory `tmp_path`."""
    made = tmp_path / "store" / "e04" / "e043"
    (made / "deduplication_logs").mkdir(parents=True)
    return made


def logged(table: Path, *lines: str, number: int = 1) -> Path:
    log = table / "deduplication_logs" / f"deduplication_log_{number}.txt"
    log.write_text("".join(f"{line}\n" for line in lines))
    return log


def test_a_token_whose_part_never_came_is_struck(table: Path, tmp_path: Path) -> None:
    log = logged(table, "1\t20261124_1_1_0\ta", "1\t20261124_2_2_0\tb")
    for name in ("20261124_1_1_0", "tmp_insert_20261124_2_2_0", "20261125_2_2_0", "detached"):
        (table / name).mkdir()
    assert forget_lost(tmp_path) == 1
    assert log.read_text().splitlines()[2:] == ["2\t20261124_2_2_0\tb"]
    assert forget_lost(tmp_path) == 0


def test_a_token_whose_part_was_merged_into_another_stays(table: Path, tmp_path: Path) -> None:
    names = ("1_1_0", "5_5_0", "9_9_0", "10_10_0")
    logged(table, *(f"1\tall_{name}\t{name}" for name in names))
    for name in ("all_1_9_2", "all_5_5_0", "all_3_7_1", "all_10_10_0_12"):
        (table / name).mkdir()
    assert forget_lost(tmp_path) == 0


def test_the_newest_log_has_the_last_word(table: Path, tmp_path: Path) -> None:
    first = logged(table, "1\tall_1_1_0\ta", "1\tall_2_2_0\tb")
    last = logged(table, "2\tall_1_1_0\ta", "1\tall_11_11_0\tc", number=10)
    logged(table, number=9)
    (table / "all_2_2_0").mkdir()
    assert forget_lost(tmp_path) == 1
    assert len(first.read_text().splitlines()) == 2
    assert last.read_text().splitlines()[-1] == "2\tall_11_11_0\tc"


def test_a_new_directory_has_none(tmp_path: Path) -> None:
    assert forget_lost(tmp_path) == 0
