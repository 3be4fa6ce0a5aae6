"""Statements that come again are parsed once."""

from __future__ import annotations

import pytest

from sql.server.errors import QueryError
from sql.server.parsed import KEPT, LONGEST, Parsed
from sql.server.statement import Statement, inspect


class Parser:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, text: str) -> Statement:
        self.asked.append(text)
        return inspect(text)


def test_the_same_text_is_parsed_once_and_another_by_itself() -> None:
    parsed, parse = Parsed(), Parser()
    for text in ("SELECT 1", "SELECT 2", "SELECT 1", "SELECT 2"):
        assert parsed.get(text, parse).sql == text
    assert parse.asked == ["SELECT 1", "SELECT 2"]


def test_what_was_refused_is_refused_again() -> None:
    parsed, parse = Parsed(), Parser()
    for _ in range(2):
        with pytest.raises(QueryError, match="file"):
            parsed.get("SELECT file('/etc/passwd')", parse)
    assert len(parse.asked) == 2


def test_only_the_latest_and_no_long_ones_are_kept() -> None:
    parsed, parse = Parsed(), Parser()
    texts = [f"SELECT {number}" for number in range(KEPT)]
    for text in (*texts, texts[0], "SELECT 'one more'", texts[0], texts[1]):
        parsed.get(text, parse)
    assert parse.asked[KEPT:] == ["SELECT 'one more'", texts[1]]
    long = f"SELECT '{'x' * LONGEST}'"
    for _ in range(2):
        parsed.get(long, parse)
    assert parse.asked[-2:] == [long, long]
