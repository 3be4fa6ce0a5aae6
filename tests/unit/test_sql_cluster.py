"""Migrations as they are rendered for a cluster of servers."""

from __future__ import annotations

import re

import pytest

from sql.cluster import Cluster
from sql.migrate import HISTORY, known

CLUSTER = Cluster("atlas", "net")
STATEMENTS = [HISTORY, *(text for migration in known() for text in migration.statements)]


def rendered(statement: str) -> str:
    return ";\n".join(CLUSTER.render(statement)) + ";\n"


def test_a_table_is_replicated_and_distributed_by_node() -> None:
    statement = """-- Why; it is there.
CREATE TABLE IF NOT EXISTS t
(
    cluster LowCardinality(String),
    node    LowCardinality(String)
)
ENGINE = AggregatingMergeTree
ORDER BY (cluster, node)
SETTINGS non_replicated_deduplication_window = 10000
"""
    assert (
        rendered(statement)
        == """CREATE TABLE IF NOT EXISTS t_local ON CLUSTER 'atlas'
(
    cluster LowCardinality(String),
    node    LowCardinality(String)
)
ENGINE = ReplicatedAggregatingMergeTree
ORDER BY (cluster, node)
SETTINGS replicated_deduplication_window = 10000
;
CREATE OR REPLACE TABLE t ON CLUSTER 'atlas' AS t_local
ENGINE = Distributed('atlas', 'net', 't_local', cityHash64(cluster, node));
"""
    )


@pytest.mark.parametrize(
    ("statement", "golden"),
    [
        (
            "CREATE TABLE n AS t\nENGINE = ReplacingMergeTree(at)\nORDER BY a",
            "CREATE TABLE n_local ON CLUSTER 'atlas' AS t_local\n"
            "ENGINE = ReplicatedReplacingMergeTree(at)\nORDER BY a;\n"
            "CREATE OR REPLACE TABLE n ON CLUSTER 'atlas' AS n_local\n"
            "ENGINE = Distributed('atlas', 'net', 'n_local', cityHash64(cluster, node));\n",
        ),
        (
            "ALTER TABLE t MODIFY SETTING merge_selector_base = 16",
            "ALTER TABLE t_local ON CLUSTER 'atlas' MODIFY SETTING merge_selector_base = 16;\n",
        ),
        (
            "ALTER TABLE offset_ranges\n    ADD COLUMN IF NOT EXISTS d Int8",
            "ALTER TABLE offset_ranges_local ON CLUSTER 'atlas'\n"
            "    ADD COLUMN IF NOT EXISTS d Int8;\n"
            "CREATE OR REPLACE TABLE offset_ranges ON CLUSTER 'atlas' AS offset_ranges_local\n"
            "ENGINE = Distributed('atlas', 'net', 'offset_ranges_local', "
            "cityHash64(consumer_group, topic, partition));\n",
        ),
        (
            "CREATE MATERIALIZED VIEW IF NOT EXISTS v TO s AS SELECT sum(t.a) AS a FROM t",
            "CREATE MATERIALIZED VIEW IF NOT EXISTS v ON CLUSTER 'atlas' TO s_local AS "
            "SELECT sum(t.a) AS a FROM t_local AS t;\n",
        ),
        (
            "CREATE OR REPLACE VIEW v AS SELECT _table AS rollup FROM t\n"
            "WHERE a NOT IN (SELECT a FROM s) AND b IN ('x')",
            "CREATE OR REPLACE VIEW v ON CLUSTER 'atlas' AS "
            "SELECT replaceOne(_table, '_local', '') AS rollup FROM t\n"
            "WHERE a GLOBAL NOT IN (SELECT a FROM s) AND b IN ('x');\n",
        ),
        ("DROP VIEW IF EXISTS v", "DROP VIEW IF EXISTS v ON CLUSTER 'atlas';\n"),
        (
            "DROP TABLE t",
            "DROP TABLE t ON CLUSTER 'atlas' SYNC;\nDROP TABLE t_local ON CLUSTER 'atlas' SYNC;\n",
        ),
        (
            "EXCHANGE TABLES a AND b",
            "EXCHANGE TABLES a_local AND b_local ON CLUSTER 'atlas';\n",
        ),
        ("INSERT INTO a SELECT * FROM b", "INSERT INTO a SELECT * FROM b;\n"),
        (
            "CREATE FUNCTION IF NOT EXISTS f AS x -> x + 1",
            "CREATE FUNCTION IF NOT EXISTS f ON CLUSTER 'atlas' AS x -> x + 1;\n",
        ),
        (
            "CREATE DATABASE IF NOT EXISTS `net`",
            "CREATE DATABASE IF NOT EXISTS `net` ON CLUSTER 'atlas';\n",
        ),
    ],
)
def test_each_kind_of_statement_has_its_rule(statement: str, golden: str) -> None:
    assert rendered(statement) == golden


def test_a_kind_without_a_rule_is_an_error() -> None:
    with pytest.raises(ValueError, match="no rule for a cluster: RENAME TABLE a TO b"):
        CLUSTER.render("RENAME TABLE a TO b")


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda text: text.split("(")[0][-60:])
def test_every_migration_has_its_place_on_every_server(statement: str) -> None:
    for text in CLUSTER.render(statement):
        assert "ON CLUSTER 'atlas'" in text or text.startswith("INSERT INTO ")
        assert not re.search(r"ENGINE = (?!Replicated|Distributed)", text)
        assert "non_replicated" not in text
        assert not re.search(r"(?<!GLOBAL )(?<!NOT )\b(NOT )?IN \(SELECT", text)
