"""What a live database has other than the migrations make, each difference in a sentence.

The migrations are applied once more, to a database of their own on the same server, which says what
they come to in that server's own words; then it is dropped. It holds no rows.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from clickhouse_connect.driver import Client

from sql.client import connect, queries
from sql.migrate import known, migrate, plan
from sql.settings import ClickHouse

TABLES = """
SELECT name, engine, engine_full, partition_key, primary_key, sorting_key, as_select
FROM system.tables WHERE database = {database:String}
"""
COLUMNS = """
SELECT
    table, name,
    concat(type, if(default_kind = '', '', concat(' ', default_kind, ' ', default_expression))),
    compression_codec
FROM system.columns WHERE database = {database:String} ORDER BY table, position
"""
FUNCTIONS = """
SELECT name, formatQuerySingleLine(create_query) FROM system.functions
WHERE origin = 'SQLUserDefined' AND name IN {names:Array(String)}
"""
FUNCTION = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION (?:IF NOT EXISTS )?(\w+) AS")
TTL = re.compile(r" TTL (.*?)(?= SETTINGS |$)")
SETTINGS = re.compile(r" SETTINGS (.*)$")
UNSET = "none"


@dataclass(frozen=True)
class Table:
    """A table or view as the server describes it. columns: what each is, and its codec."""

    engine: str
    partition_key: str
    primary_key: str
    sorting_key: str
    ttl: str
    settings: str
    text: str
    columns: dict[str, tuple[str, str]]


Database = dict[str, Table]


def check(settings: ClickHouse, on_cluster: str = "") -> list[str]:
    """Every difference, a sentence each; none if the database is as this version makes it.

    Leaves the live tables alone. Needs the rights that migrating needs. Raises what plan() raises.
    """
    outstanding = plan(settings)
    if outstanding:
        return [f"migration {each.name} is not applied" for each in outstanding]
    fresh = replace(settings, database=f"flowatlas_check_{secrets.token_hex(8)}")
    with connect(replace(settings, database="")) as client, queries(settings):
        wrong = list(_functions(client))
        try:
            migrate(fresh, on_cluster)
            wanted = _describe(client, fresh.database)
        finally:
            on = f" ON CLUSTER '{on_cluster}'" if on_cluster else ""
            client.command(f"DROP DATABASE IF EXISTS {fresh.database}{on} SYNC")
        found = _describe(client, settings.database)
    return [*differences(wanted, found), *wrong]


def differences(wanted: Database, found: Database) -> Iterator[str]:
    """Of the tables and views that are wanted; others may be a user's own."""
    for name, right in sorted(wanted.items()):
        kind = "view" if right.engine.endswith("View") else "table"
        if name not in found:
            yield f"{kind} {name} is missing"
            continue
        live = found[name]
        for column in right.columns.keys() - live.columns.keys():
            yield f"{kind} {name} has no column {column}"
        for column in live.columns.keys() - right.columns.keys():
            yield f"{kind} {name} has a column {column} that no migration makes"
        yield from _columns(f"{kind} {name}", right, live)
        for part in fields(Table)[:-1]:
            wish, fact = getattr(right, part.name), getattr(live, part.name)
            if wish != fact:
                yield _sentence(f"{kind} {name}", part.name.replace("_", " "), wish, fact)


def _columns(whose: str, right: Table, live: Table) -> Iterator[str]:
    for column, (kind, codec) in right.columns.items():
        now = live.columns.get(column, (kind, codec))
        if now[0] != kind:
            yield f"column {column} of {whose} is {now[0]} and should be {kind}"
        if now[1] != codec:
            yield (
                f"column {column} of {whose} is compressed by {now[1] or UNSET} and should be by "
                f"{codec or UNSET}"
            )


def _sentence(whose: str, part: str, wish: str, fact: str) -> str:
    if part == "text":
        return f"{whose} selects something else than its migration says"
    return f"{whose} has {part} {fact or UNSET} and should have {wish or UNSET}"


def _describe(client: Client, database: str) -> Database:
    parameters = {"database": database}
    columns: dict[str, dict[str, tuple[str, str]]] = {}
    for table, name, kind, codec in client.query(COLUMNS, parameters=parameters).result_rows:
        columns.setdefault(table, {})[name] = kind, codec
    described = {}
    for name, engine, full, partition, primary, sorting, text in client.query(
        TABLES, parameters=parameters
    ).result_rows:
        ttl, settings = TTL.search(full), SETTINGS.search(full)
        described[str(name)] = Table(
            engine=engine,
            partition_key=partition,
            primary_key=primary,
            sorting_key=sorting,
            ttl=ttl[1] if ttl else "",
            settings=", ".join(sorted(settings[1].split(", "))) if settings else "",
            text=re.sub(rf"(`?){re.escape(database)}\1(?=\W)", "", text),
            columns=columns.get(name, {}),
        )
    return described


def _functions(client: Client) -> Iterator[str]:
    """They belong to the server, so there cannot be others beside them to compare with."""
    texts = {
        found[1]: statement[found.start() :]
        for migration in known()
        for statement in migration.statements
        if (found := FUNCTION.search(statement))
    }
    parameters = {"names": list(texts)}
    live = {row[0]: row[1] for row in client.query(FUNCTIONS, parameters=parameters).result_rows}
    for name, text in sorted(texts.items()):
        plain = re.sub(r"^CREATE .*?FUNCTION .*?(?=\w+ AS)", "CREATE FUNCTION ", text)
        wanted = client.query(
            "SELECT formatQuerySingleLine({text:String})", parameters={"text": plain}
        ).result_rows[0][0]
        if name not in live:
            yield f"function {name} is missing"
        elif live[name] != wanted:
            yield f"function {name} computes something else than its migration says"
