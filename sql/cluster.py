"""The same migrations for a cluster of ClickHouse servers: tables replicated and sharded.

Each table becomes two: `flows_1m_local`, which holds a shard's rows and is replicated within it,
and `flows_1m`, which is Distributed over the shards, so that inserts, views and queries stay as
they are. A row's shard hangs on the row alone. So an insert that is repeated comes to the same
shards as before, each of which knows its token.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sql.schema import WORKLOAD_LEVELS

BY_PAIR = (
    "cityHash64(cluster, client_namespace, client_workload, server_namespace, server_workload)"
)
"""Rows of workloads have no node."""
SHARD_BY = {
    **dict.fromkeys(WORKLOAD_LEVELS, BY_PAIR),
    "schema_migrations": "cityHash64(name)",
    "offset_ranges": "cityHash64(consumer_group, topic, partition)",
    "internet_tiers": "cityHash64(region)",
}
BY_NODE = "cityHash64(cluster, node)"
"""All that a node tells is on one shard, whatever the table: sums per node never leave it."""

_COMMENTS = re.compile(r"^(?:\s*--[^\n]*\n)*\s*")
_CREATE_TABLE = re.compile(r"CREATE TABLE (IF NOT EXISTS |)(\w+)(?: AS (\w+))?")
_ALTER_TABLE = re.compile(r"ALTER TABLE (\w+)")
_DROP_TABLE = re.compile(r"DROP TABLE (IF EXISTS |)(\w+)$")
_EXCHANGE = re.compile(r"EXCHANGE TABLES (\w+) AND (\w+)$")
_FILLED_VIEW = re.compile(
    r"CREATE (OR REPLACE |)MATERIALIZED VIEW (IF NOT EXISTS |)(\w+) TO (\w+) AS"
)
_NAMED = re.compile(
    r"(?:CREATE|DROP) (?:OR REPLACE )?(?:VIEW|FUNCTION|DATABASE) (?:IF (?:NOT )?EXISTS )?"
    r"(?:`[^`]+`|\w+)"
)
_CHANGES_COLUMNS = re.compile(r"\b(ADD|MODIFY|DROP|RENAME) COLUMN\b")
_ENGINE = re.compile(r"\bENGINE = (?=\w*MergeTree\b)")
_WINDOW = re.compile(r"\bnon_replicated_deduplication_window\b")
_SUBQUERY = re.compile(r"\b(NOT IN|IN) (?=\(SELECT\b)")
_SOURCE = re.compile(r"\bFROM (\w+)")


@dataclass(frozen=True)
class Cluster:
    """A cluster as remote_servers names it, and the database to be on all its servers."""

    name: str
    database: str

    def render(self, statement: str) -> list[str]:
        """The statements that do on the cluster what a migration's one does on a server.

        Raises ValueError for a kind of statement that no migration had before.
        """
        text = _COMMENTS.sub("", statement)
        if text.startswith("INSERT INTO "):
            return [text]  # through the Distributed tables, from and to all shards
        for pattern, rule in (
            (_CREATE_TABLE, self._create),
            (_ALTER_TABLE, self._alter),
            (_DROP_TABLE, self._drop),
            (_EXCHANGE, self._exchange),
            (_FILLED_VIEW, self._filled_view),
            (_NAMED, self._named),
        ):
            if found := pattern.match(text):
                return rule(found, text[found.end() :])
        raise ValueError(f"no rule for a cluster: {text.splitlines()[0]}")

    @property
    def _on(self) -> str:
        return f" ON CLUSTER '{self.name}'"

    def _create(self, found: re.Match[str], rest: str) -> list[str]:
        guard, table, like = found.groups()
        head = f"CREATE TABLE {guard}{table}_local{self._on}" + (
            f" AS {like}_local" if like else ""
        )
        return [head + _replicated(rest), self._distributed(table)]

    def _alter(self, found: re.Match[str], rest: str) -> list[str]:
        local = f"ALTER TABLE {found[1]}_local{self._on}{_replicated(rest)}"
        return [local, self._distributed(found[1])] if _CHANGES_COLUMNS.search(rest) else [local]

    def _drop(self, found: re.Match[str], _: str) -> list[str]:
        guard, table = found.groups()
        return [f"DROP TABLE {guard}{name}{self._on} SYNC" for name in (table, f"{table}_local")]

    def _exchange(self, found: re.Match[str], _: str) -> list[str]:
        return [f"EXCHANGE TABLES {found[1]}_local AND {found[2]}_local{self._on}"]

    def _filled_view(self, found: re.Match[str], rest: str) -> list[str]:
        """On each shard, of what is inserted there."""
        again, guard, view, table = found.groups()
        head = f"CREATE {again}MATERIALIZED VIEW {guard}{view}{self._on} TO {table}_local AS"
        return [head + _SOURCE.sub(r"FROM \1_local AS \1", rest)]

    def _named(self, found: re.Match[str], rest: str) -> list[str]:
        """Subqueries run once for all shards; a row's table is its name there, which is local."""
        over = _SUBQUERY.sub(r"GLOBAL \1 ", rest)
        over = over.replace("_table AS rollup", "replaceOne(_table, '_local', '') AS rollup")
        return [f"{found[0]}{self._on}{over}"]

    def _distributed(self, table: str) -> str:
        """It holds no rows of its own, so it is made anew whenever columns change."""
        key = SHARD_BY.get(table, BY_NODE)
        return (
            f"CREATE OR REPLACE TABLE {table}{self._on} AS {table}_local\n"
            f"ENGINE = Distributed('{self.name}', '{self.database}', '{table}_local', {key})"
        )


def _replicated(text: str) -> str:
    """Without arguments: the path in Keeper is the server's default_replica_path, by the table's
    uuid, which goes with the rows when tables are exchanged."""
    return _WINDOW.sub("replicated_deduplication_window", _ENGINE.sub("ENGINE = Replicated", text))
