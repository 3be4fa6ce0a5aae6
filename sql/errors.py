"""What can go wrong between flowatlas and ClickHouse, each a sentence with the way out."""

from __future__ import annotations

from pathlib import Path

import click


class SqlError(click.ClickException):
    """Base of everything that this package raises; `retryable` says whether waiting may help."""

    retryable = False


class AddressError(SqlError):
    """The URL is none."""

    def __init__(self, url: str) -> None:
        super().__init__(f"{url!r} is no URL: write --clickhouse-url like http://127.0.0.1:8123.")


class UnreachableError(SqlError):
    """Nothing answers at the address."""

    retryable = True

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(
            f"ClickHouse does not answer at {url} ({cause}): start one with `flowatlas server`, "
            "or name yours with --clickhouse-url."
        )


class RefusedError(SqlError):
    """It answers, but does not let this user or database in."""

    def __init__(self, url: str, cause: str) -> None:
        super().__init__(
            f"ClickHouse at {url} refuses: {cause}. Check --clickhouse-user, --clickhouse-password "
            "and --clickhouse-database; `flowatlas migrate` makes the database and its tables."
        )


class QueryError(SqlError):
    """ClickHouse understood the connection but not, or not wholly, the query."""


class ColumnsError(SqlError):
    """Rows for a table whose columns are not the table's."""

    def __init__(self, table: str, missing: list[str], unknown: list[str]) -> None:
        super().__init__(
            f"rows for table {table} do not fit it (missing: {', '.join(missing) or 'none'}; "
            f"unknown: {', '.join(unknown) or 'none'}): run one version of flowatlas everywhere."
        )


class MigrationEditedError(SqlError):
    """An applied migration's file no longer says what was applied."""

    def __init__(self, file: str) -> None:
        super().__init__(
            f"migration {file} was edited after it was applied: restore it and put the change "
            "into a new migration with the next number."
        )


class MigrationMissingError(SqlError):
    """The database is ahead of this program."""

    def __init__(self, file: str) -> None:
        super().__init__(
            f"the database has migration {file}, which this version of flowatlas does not know: "
            "use a version that does."
        )


class UnknownQuestionError(SqlError):
    """No named query of that name, or no such parameter of it."""


class PortTakenError(SqlError):
    """Somebody else listens where this role should."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(
            f"port {port} on {host} is taken: stop what listens there (`ss -ltnp` names it) "
            "or choose another with --port."
        )


class StateError(SqlError):
    """The bridge's state cannot be kept, or cannot be read."""

    def __init__(self, path: Path, cause: str) -> None:
        super().__init__(
            f"the bridge's state in {path} is of no use ({cause}): name a file that it may write "
            "with --state, or remove a damaged one; counters then start at 0."
        )
