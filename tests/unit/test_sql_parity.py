"""One record, four places: the wire, the insert columns, the tables, and the rollups' views."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from agent import wire
from sql import ends, schema, workloads
from sql.insert import insert_columns
from sql.migrate import known

DDL = "\n".join(migration.text for migration in known())
COLUMN = re.compile(r"^    (\w+) +[A-Z](?!.* DEFAULT )\w+.*$", re.MULTILINE)
ADDED = re.compile(
    r"ADD COLUMN IF NOT EXISTS (\w+)(?!.* DEFAULT ).*?(?: AFTER (\w+))?[,;]?$", re.MULTILINE
)


def columns(table: str) -> list[str]:
    """Those of the table's creation, with those that later migrations added in their places, less
    those that ClickHouse fills."""
    like = re.search(rf"CREATE TABLE IF NOT EXISTS {table} AS (\w+)", DDL)
    created = like.group(1) if like else table
    found = re.search(rf"CREATE TABLE IF NOT EXISTS {created}\n\((.*?)\n\)", DDL, re.DOTALL)
    assert found
    names = COLUMN.findall(found.group(1))
    for alteration in re.findall(rf"ALTER TABLE {table}\n.*?;\n", DDL, re.DOTALL):
        for name, before in ADDED.findall(alteration):
            names.insert(names.index(before) + 1 if before else len(names), name)
    return names


def selected(view: str) -> str:
    """What the last migration that speaks of the view has it select."""
    begin = rf"CREATE .*VIEW (?:IF NOT EXISTS )?{view} "
    found = re.findall(rf"^{begin}(?s:.*?);\n", DDL, re.MULTILINE)
    assert found
    return str(found[-1])


def test_every_measure_of_the_wire_is_inserted() -> None:
    assert list(schema.COUNTERS) == list(wire.COUNTERS)
    assert list(schema.COUNTERS_SINCE_2) == list(wire.COUNTERS_SINCE_2)
    assert list(schema.DISTRIBUTIONS) == list(wire.DISTRIBUTIONS)
    assert list(schema.LEDGER) == [field.name for field in fields(wire.Ledger)]


def test_measures_have_the_wires_types() -> None:
    for name in schema.FLOWS.names:
        if name in wire.SCHEMA.names and name not in ("client_address", "server_address"):
            of_wire = wire.SCHEMA.field(name).type
            assert schema.FLOWS.field(name).type in (of_wire, "int8"), name


@pytest.mark.parametrize("table", schema.TABLES)
def test_insert_columns_are_the_tables(table: str) -> None:
    assert insert_columns(table) == columns(table)


@pytest.mark.parametrize("table", [*schema.LEVELS[1:], "unclaimed"])
def test_merging_adds_up_what_shares_all_dimensions(table: str) -> None:
    texts = re.findall(rf"(?:CREATE TABLE IF NOT EXISTS|ALTER TABLE) {table}\b(?s:.*?);\n", DDL)
    measures = {*schema.COUNTERS, *schema.COUNTERS_SINCE_2, *workloads.MEASURES, *ends.MEASURES}
    keys = [key for text in texts for key in re.findall(r"ORDER BY \((?s:(.*?))\)", text)]
    inserted = set(insert_columns(table))
    key = set(re.findall(r"\w+", keys[-1]))
    assert not key & measures
    kinds = dict(re.findall(r"(\w+) +SimpleAggregateFunction\((\w+),", DDL))
    for name in inserted - key:
        ending = {"min": "min", "max": "max", "histogram": "sumMap", "reasons": "sumMap"}
        ending["labels"] = "anyLast"
        assert name in kinds, f"{name} is told apart by, and not in the key"
        assert kinds[name] == ending.get(name.rsplit("_", 1)[-1], "sum"), name


@pytest.mark.parametrize("view", ["flows_10s_to_1m", "flows_1m_to_1h"])
def test_no_view_fills_what_the_stream_inserts(view: str) -> None:
    assert DDL.rindex(f"DROP VIEW IF EXISTS {view};") > DDL.rindex(f"VIEW {view} TO")


def test_agents_totals_keep_every_field_of_the_ledger() -> None:
    text = selected("agent_ledger_to_totals")
    for name in schema.LEDGER:
        assert name in columns("agent_totals")
        assert f"max({name}) AS {name}" in text


def test_the_report_rule_reads_every_measure() -> None:
    rule = selected("reports_since")
    for name in columns("flows_10s"):
        if name != "flow_rows":
            assert re.search(rf"\b{name}\b", rule), name
