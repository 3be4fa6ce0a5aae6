"""Numbered migrations, each applied once, in order, and never edited afterwards."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from importlib import resources

from clickhouse_connect.driver import Client

from sql.client import connect, queries
from sql.cluster import Cluster
from sql.errors import MigrationEditedError, MigrationMissingError
from sql.settings import ClickHouse

HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    name       String,
    checksum   String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY name
"""


@dataclass(frozen=True)
class Migration:
    """One file of sql/migrations; its name begins with its number."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        """What to execute, in order: a statement ends with a line that ends in a semicolon."""
        parts = re.split(r";[ \t]*(?:\n|$)", self.text)
        return [part.strip() for part in parts if _has_code(part)]


def known() -> list[Migration]:
    """The migrations of this version of flowatlas, in order."""
    files = resources.files("sql").joinpath("migrations").iterdir()
    return sorted(
        (Migration(file.name, file.read_text()) for file in files if file.name.endswith(".sql")),
        key=lambda migration: migration.name,
    )


def pending(migrations: list[Migration], applied: dict[str, str]) -> list[Migration]:
    """Those not applied yet; `applied` maps names to checksums.

    Raises MigrationEditedError or MigrationMissingError if history and files disagree.
    """
    by_name = {migration.name: migration for migration in migrations}
    for name, checksum in applied.items():
        if name not in by_name:
            raise MigrationMissingError(name)
        if by_name[name].checksum != checksum:
            raise MigrationEditedError(name)
    return [migration for migration in migrations if migration.name not in applied]


def plan(settings: ClickHouse) -> list[Migration]:
    """What migrate() would apply now. Changes nothing. Raises what pending() raises."""
    with connect(replace(settings, database="")) as client, queries(settings):
        return pending(known(), _applied(client, settings.database))


def migrate(settings: ClickHouse, on_cluster: str = "") -> list[Migration]:
    """Make the database if need be, apply what is pending, and return that. on_cluster: the name of
    ClickHouse's cluster to do so on, see sql.cluster; empty: one server.

    ClickHouse has no transactions around DDL, so every statement is written to do nothing when
    repeated: a migration cut off half-way is run again from its start.
    """
    create = Migration("", f"CREATE DATABASE IF NOT EXISTS `{settings.database}`")
    with connect(replace(settings, database="")) as client, queries(settings):
        _run(client, create, on_cluster, settings.database)
    with connect(settings) as client, queries(settings):
        _run(client, Migration("", HISTORY), on_cluster, settings.database)
        outstanding = pending(known(), _applied(client, settings.database))
        for migration in outstanding:
            _run(client, migration, on_cluster, settings.database)
            _record(client, migration)
    return outstanding


def rendered(migration: Migration, on_cluster: str, database: str) -> list[str]:
    """The statements to execute, in order."""
    if not on_cluster:
        return migration.statements
    cluster = Cluster(on_cluster, database)
    return [text for statement in migration.statements for text in cluster.render(statement)]


def _run(client: Client, migration: Migration, on_cluster: str, database: str) -> None:
    for statement in rendered(migration, on_cluster, database):
        client.command(statement)


def _record(client: Client, migration: Migration) -> None:
    client.insert(
        "schema_migrations",
        [[migration.name, migration.checksum]],
        column_names=["name", "checksum"],
    )


def _applied(client: Client, database: str) -> dict[str, str]:
    parameters = {"database": database}
    exists = client.query(
        "SELECT 1 FROM system.tables"
        " WHERE database = {database:String} AND name = 'schema_migrations'",
        parameters=parameters,
    )
    if not exists.result_rows:
        return {}
    rows = client.query(
        "SELECT name, checksum FROM {database:Identifier}.schema_migrations FINAL ORDER BY name",
        parameters=parameters,
    )
    return {str(name): str(checksum) for name, checksum in rows.result_rows}


def _has_code(statement: str) -> bool:
    lines = (line.strip() for line in statement.splitlines())
    return any(line and not line.startswith("--") for line in lines)
