"""Which migrations are due, and what a file says."""

from __future__ import annotations

import re

import pytest

from sql.errors import MigrationEditedError, MigrationMissingError
from sql.migrate import Migration, known, pending

FIRST, SECOND = Migration("0001_a.sql", "SELECT 1;\n"), Migration("0002_b.sql", "SELECT 2;\n")


def test_only_what_is_not_applied_is_pending() -> None:
    assert pending([FIRST, SECOND], {}) == [FIRST, SECOND]
    assert pending([FIRST, SECOND], {FIRST.name: FIRST.checksum}) == [SECOND]


def test_an_edited_migration_is_named() -> None:
    with pytest.raises(MigrationEditedError, match=r"0001_a\.sql was edited"):
        pending([Migration(FIRST.name, "SELECT 3;\n")], {FIRST.name: FIRST.checksum})


def test_a_database_ahead_of_the_program_is_an_error() -> None:
    with pytest.raises(MigrationMissingError, match=r"0002_b\.sql"):
        pending([FIRST], {FIRST.name: FIRST.checksum, SECOND.name: SECOND.checksum})


def test_statements_end_at_a_semicolon_that_ends_a_line() -> None:
    text = "-- why; so\nSELECT ';' AS a,\n  2;\n\n-- nothing more\n"
    assert Migration("x", text).statements == ["-- why; so\nSELECT ';' AS a,\n  2"]


def test_every_migration_is_numbered_and_repeatable() -> None:
    """A statement does nothing when repeated, or works on what the migration drops before it."""
    for number, migration in enumerate(known(), start=1):
        assert re.match(rf"{number:04d}_\w+\.sql", migration.name)
        dropped: set[str] = set()
        for statement in migration.statements:
            guarded = re.search("IF (NOT )?EXISTS|CREATE OR REPLACE|MODIFY SETTING", statement)
            assert guarded or dropped & set(re.findall(r"\w+", statement))
            dropped |= set(re.findall(r"DROP \w+ IF EXISTS (\w+)", statement))
