"""Where a statement ends and its data begins, and what a rendering gives away."""

from __future__ import annotations

import pytest

from sql.server.errors import QueryError
from sql.server.statement import data_offset, inspect


@pytest.mark.parametrize(
    ("text", "data"),
    [
        (b"INSERT INTO t FORMAT Native\n\x01\x02", b"\x01\x02"),
        (b"INSERT INTO t FORMAT CSV\n\n1", b"\n1"),
        (b"insert into `a FORMAT b` (format, x) Format CSV 1,2", b"1,2"),
        (b"INSERT /* VALUES */ INTO t -- FORMAT CSV\n VALUES (1)", b" (1)"),
        (b"INSERT INTO t SETTINGS a = 'FORMAT b' FORMAT TSV\n1", b"1"),
    ],
)
def test_data_begins_after_the_format(text: bytes, data: bytes) -> None:
    offset = data_offset(text)
    assert offset is not None
    assert text[offset:] == data


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SELECT 1 FORMAT CSV\n1",
        b"INSERT INTO t SELECT 1 FORMAT CSV\n",
        b"INSERT INTO t FORMAT Nati",  # more may follow
        b"INSERT INTO `t FORMAT CSV 1",
        b"/*" * 100_000,
    ],
)
def test_what_is_not_an_insert_with_data_has_none(text: bytes) -> None:
    assert data_offset(text) is None


@pytest.mark.parametrize(
    "rendered",
    [
        "SELECT 1 INTO OUTFILE '/x'",
        "INSERT INTO t FROM INFILE '/x' FORMAT CSV",
        "SELECT file('/x')",
        "SELECT 'it\\'s' AS a, FILE(a) AS `b``c`",
        "CREATE TEMPORARY TABLE t (`a` Int32)",
    ],
)
def test_a_statement_that_would_reach_outside_is_refused(rendered: str) -> None:
    with pytest.raises(QueryError):
        inspect(rendered)


@pytest.mark.parametrize(
    "rendered", ["SELECT ' INTO OUTFILE ', `file(`", "SELECT '\\' file(\\''", "SELECT profile(1)"]
)
def test_what_is_quoted_is_data(rendered: str) -> None:
    assert inspect(rendered).streams


def test_a_result_goes_to_a_file_in_the_format_that_was_asked_for() -> None:
    own = inspect("SELECT ' FORMAT XML' FORMAT CSV SETTINGS a = 1")
    assert own.format == "CSV"
    assert own.into_file("/p", "TSV", "zstd") == (
        "SELECT ' FORMAT XML' INTO OUTFILE '/p' TRUNCATE COMPRESSION 'zstd' "
        "FORMAT CSV SETTINGS a = 1"
    )
    assert inspect("SELECT 1").into_file("/p", "TSV", "none").endswith("'none' FORMAT TSV")
    assert inspect("SELECT 1 FORMAT `Null`").format == "Null"
