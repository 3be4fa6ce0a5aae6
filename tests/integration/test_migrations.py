"""Migrations on a real engine: planned, applied once, watched for edits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from click.testing import CliRunner, Result

from deploy.local.migrate import command as migrate_command
from sql import migrate as migrations
from sql.__main__ import ask_command, sql_command
from sql.client import connect
from sql.errors import MigrationEditedError
from sql.insert import ONCE, insert, insert_columns
from sql.schema import COUNTERS_SINCE_2, MONEY, PATH, SIDES, TABLES
from sql.settings import ClickHouse
from tests.integration.clickhouse import at, embedded, flow, flows, free_port, insert_levels, ledger

pytestmark = pytest.mark.integration

ENDS = ("zone_id", "confidence", "dns_name", "labels")
SINCE_IDENTITY = (
    *(f"{side}_{name}" for side in SIDES for name in ENDS),
    *(*PATH, *MONEY, "unpriced_bytes"),
)
TEAM = {"team": "shop"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with embedded(tmp_path_factory.mktemp("clickhouse")) as there:
        yield there


def invoke(server: ClickHouse, command: object, *words: str) -> Result:
    where = ("--clickhouse-url", server.url, "--clickhouse-database", server.database)
    return CliRunner().invoke(command, [*words, *where])  # type: ignore[arg-type]


def test_a_dry_run_prints_what_would_run_and_changes_nothing(server: ClickHouse) -> None:
    there = replace(server, database="dry")
    for _ in range(2):
        result = invoke(there, migrate_command, "--only=tables", "--dry-run")
        assert result.exit_code == 0
        assert "CREATE TABLE IF NOT EXISTS flows_10s" in result.output
    with connect(replace(server, database="")) as client:
        assert ("dry",) not in client.query("SHOW DATABASES").result_rows


def test_a_second_run_applies_nothing(server: ClickHouse) -> None:
    there = replace(server, database="twice")
    first, second = (invoke(there, migrate_command, "--only=tables") for _ in range(2))
    assert first.output.count("applied 0") == len(migrations.known())
    assert "nothing to do" in second.output
    assert migrations.plan(there) == []


def test_nothing_differs_from_what_the_migrations_make(server: ClickHouse) -> None:
    there = replace(server, database="un-changed")
    checked = invoke(there, migrate_command, "--only=tables", "--check")
    assert checked.exit_code == 1
    assert "migration 0001_flows.sql is not applied." in checked.output
    migrations.migrate(there)
    checked = invoke(there, migrate_command, "--only=tables", "--check")
    assert (checked.exit_code, "as this version makes it" in checked.output) == (0, True)
    with connect(replace(server, database="")) as client:
        databases = [row[0] for row in client.query("SHOW DATABASES").result_rows]
        assert not [name for name in databases if name.startswith("flowatlas_check")]


def test_each_change_by_hand_is_a_sentence(server: ClickHouse) -> None:
    there = replace(server, database="drifted")
    migrations.migrate(there)
    with connect(there) as client:
        for change in (
            "DROP VIEW coverage",
            "ALTER TABLE flows_1h DROP COLUMN unpriced_bytes",
            "ALTER TABLE flows_1m ADD COLUMN mine UInt8",
            "ALTER TABLE agent_ledger MODIFY COLUMN sampling UInt32 CODEC(Delta, ZSTD(1))",
            "ALTER TABLE agents MODIFY TTL hour + INTERVAL 1 MONTH",
            "ALTER TABLE flows_10s MODIFY SETTING ttl_only_drop_parts = 0",
            "ALTER TABLE flows_10s MODIFY COLUMN rtt_sum CODEC(ZSTD(3))",
            "CREATE OR REPLACE VIEW edges AS SELECT 1 AS one",
            "CREATE TABLE my_own (a Int8) ORDER BY a",
            "DROP FUNCTION flowatlasDuration",
            "CREATE OR REPLACE FUNCTION flowatlasName AS (a, b, c, d) -> 'x'",
        ):
            client.command(change)
        checked = invoke(there, migrate_command, "--only=tables", "--check")
        client.command("DROP FUNCTION flowatlasName")
        for statement in (text for each in migrations.known() for text in each.statements):
            if "FUNCTION" in statement:  # which are the server's, so other tests' too
                client.command(statement)
    assert checked.exit_code == 1
    for sentence in (
        "view coverage is missing.",
        "table flows_1h has no column unpriced_bytes.",
        "table flows_1m has a column mine that no migration makes.",
        "column sampling of table agent_ledger is UInt32 and should be UInt64.",
        "agents has ttl hour + toIntervalMonth(1) and should have hour + toIntervalMonth(13).",
        "table flows_10s has settings ",
        "is compressed by CODEC(ZSTD(3)) and should be by CODEC(T64, ZSTD(1)).",
        "view edges selects something else than its migration says.",
        "function flowatlasDuration is missing.",
        "function flowatlasName computes something else than its migration says.",
    ):
        assert sentence in checked.output
    assert "my_own" not in checked.output


def test_an_edited_applied_migration_is_an_error(
    server: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = replace(server, database="edited")
    migrations.migrate(there)
    first, *others = migrations.known()
    edited = [replace(first, text=first.text + "-- more\n"), *others]
    monkeypatch.setattr(migrations, "known", lambda: edited)
    with pytest.raises(MigrationEditedError, match=first.name):
        migrations.migrate(there)


def test_a_migration_cut_off_half_way_is_completed(
    server: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = replace(server, database="cut")
    first, *others = migrations.known()
    half = replace(first, text=first.text[: first.text.index("CREATE MATERIALIZED")] + "oops;\n")
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "known", lambda: [half])
        with pytest.raises(Exception, match="oops"):
            migrations.migrate(there)
    assert migrations.migrate(there) == [first, *others]


def test_data_of_wire_1_stays_and_adds_up_with_new_data(
    server: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = replace(server, database="grown")
    with monkeypatch.context() as patched:
        before = migrations.known()[:4]
        patched.setattr(migrations, "known", lambda: before)
        migrations.migrate(there)
    row = flow(bytes_to_server=1009, flow_rows=1)
    later = [*COUNTERS_SINCE_2, "drop_reasons", *SINCE_IDENTITY]
    old_flows = flows(row).drop_columns(later)
    old_ledger = ledger(shipped_rows=1).drop_columns(["dropped_rows", "dropped_bytes", "newest"])
    with connect(there) as client:
        once = ONCE | {"insert_deduplication_token": "old"}
        client.insert_arrow("flows_10s", old_flows, settings=once)
        client.insert_arrow("agent_ledger", old_ledger, settings=once)
        migrations.migrate(there)
        new = row | dict.fromkeys(COUNTERS_SINCE_2, 3) | {"drop_reasons": [("NO_SOCKET", 3)]}
        insert_levels(client, flows(new), "new")
        insert(client, "agent_ledger", ledger(sequence=1, dropped_rows=2), "new")
        sums = ", ".join(f"sum({name})" for name in ("bytes_to_server", *COUNTERS_SINCE_2))
        for level in ("flows_10s", "flows_1m", "flows_1h"):
            found = client.query(f"SELECT {sums}, sumMap(drop_reasons) FROM {level}").result_rows
            assert list(found[0]) == [2018, *(3 for _ in COUNTERS_SINCE_2), {"NO_SOCKET": 3}]
        coverage = "SELECT batches_received, shipped_rows, dropped_rows, table_rows FROM coverage"
        assert client.query(coverage).result_rows == [(2, 1, 2, 2)]
        ages = "SELECT sequence, toYear(newest), toYear(inserted_at) = 1970 FROM agent_ledger"
        assert client.query(ages + " WHERE sequence = 0").result_rows == [(0, 1970, True)]


def test_rows_are_carried_over_once_wherever_a_migration_is_cut_off(
    server: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = replace(server, database="carried")
    *before, parts = migrations.known()[:8]
    assert parts.name == "0008_parts.sql"
    cuts = [";\n".join([*parts.statements[:number], "oops;\n"]) for number in range(1, 9)]
    with monkeypatch.context() as patched, connect(replace(there, database="")) as client:
        patched.setattr(migrations, "known", lambda: before)
        migrations.migrate(there)
        rows = flows(*(flow(node=f"n{number}", bytes_to_server=2**number) for number in range(9)))
        with connect(there) as own:
            own.insert_arrow("flows_10s", rows.drop_columns(list(SINCE_IDENTITY)))
        question = "SELECT sum(bytes_to_server), sum(flow_rows) FROM carried.flows_10s"
        for text in cuts:
            cut_off = replace(parts, text=text)
            patched.setattr(migrations, "known", lambda cut_off=cut_off: [*before, cut_off])
            with pytest.raises(Exception, match="oops"):
                migrations.migrate(there)
            assert client.query(question).result_rows == [(511, 9)]
        patched.setattr(migrations, "known", lambda: [*before, parts])
        migrations.migrate(there)
        assert client.query(question).result_rows == [(511, 9)]
        tables = "SELECT name, engine FROM system.tables WHERE database = 'carried'"
        engines = {str(row[0]): row[1] for row in client.query(tables).result_rows}
        assert engines["flows_10s"] == "MergeTree"
        assert "flows_10s_next" not in engines


def test_identity_path_and_money_are_added_to_tables_with_rows(
    server: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = replace(server, database="priced")
    before = migrations.known()[:8]
    with monkeypatch.context() as patched, connect(replace(there, database="")) as client:
        patched.setattr(migrations, "known", lambda: before)
        migrations.migrate(there)
        old = flows(flow(bytes_to_server=1009)).drop_columns(list(SINCE_IDENTITY))
        for level in ("flows_10s", "flows_1m", "flows_1h"):
            here = [name for name in old.column_names if name in insert_columns(level)]
            client.insert_arrow(f"priced.{level}", old.select(here))
    migrations.migrate(there)
    told = {
        **{"path": 2, "path_behind": 2, "gateway": "pcx-1", "client_labels": [*TEAM.items()]},
        **{"client_zone_id": "use1-az1", "client_confidence": 3, "server_dns_name": "a.b"},
        **{"cost_usd": Decimal("0.000000000003"), "cost_far_usd": Decimal(2)},
    }
    (identity,) = (each for each in migrations.known() if each.name.startswith("0009"))
    with connect(there) as client:
        for statement in identity.statements:  # once more, as after being cut off
            client.command(statement)
        for token in "ab":
            row = flow(window=at("11:00:00"), bytes_to_server=7, **told)
            insert_levels(client, flows(row), token)
        for level in ("flows_10s", "flows_1m", "flows_1h"):
            client.command(f"OPTIMIZE TABLE {level} FINAL")
            found = client.query(
                "SELECT path, path_behind, gateway, client_zone_id, client_confidence,"
                " server_dns_name, any(client_labels), sum(cost_usd), sum(cost_far_usd),"
                f" sum(bytes_to_server) FROM {level} GROUP BY ALL ORDER BY 1"
            ).result_rows
            money = (Decimal("0.000000000006"), Decimal(4), 14)
            assert found == [
                ("unknown", "unknown", "", "", "none", "", {}, Decimal(0), Decimal(0), 1009),
                (*("cross_zone", "cross_zone", "pcx-1", "use1-az1", "high", "a.b"), TEAM, *money),
            ]
        merged = client.query("SELECT count() FROM flows_1h").result_rows
        assert merged == [(2,)]


def test_workloads_and_ends_are_filled_by_what_is_kept_however_often_it_is_cut_off(
    server: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = replace(server, database="filled")
    before = migrations.known()[:13]
    with monkeypatch.context() as patched, connect(replace(there, database="")) as client:
        patched.setattr(migrations, "known", lambda: before)
        migrations.migrate(there)
        lately = flow(window=at("10:07:00"), bytes_to_server=7)
        by_server = lately | {"node": "n2", "reporter": 2}
        old = lately | {"window": at("10:00:00") - timedelta(days=60), "bytes_to_server": 9}
        for level, kept in (
            ("flows_1m", [lately, by_server]),
            ("flows_1h", [lately, by_server, old]),
        ):
            rows = [row | {"window": row["window"].replace(minute=0)} for row in kept]
            found = flows(*(rows if level == "flows_1h" else kept))
            here = found.select(
                [name for name in found.column_names if name in insert_columns(level)]
            )
            client.insert_arrow(f"filled.{level}", here)
    migrations.migrate(there)
    filling = [each for each in migrations.known() if each.name[:4] in ("0014", "0015")]
    with connect(there) as client:
        for migration in filling:
            for statement in migration.statements:  # once more, as after being cut off
                client.command(statement)
        for table, size, count in (("1m", 7, 2), ("10m", 7, 2), ("1h", 16, 3)):
            sums = f"SELECT sum(bytes_to_server), sum(flow_rows) FROM workloads_{table}"
            assert client.query(sums).result_rows == [(size, count)], table
        for table, size in (("1m", 7), ("1h", 16)):
            sums = f"SELECT sum(bytes_sent), sum(bytes_received) FROM ends_{table}"
            assert client.query(sums).result_rows == [(size, 7)], table
        unclaimed = (
            "SELECT seconds, node, sum(bytes_to_server) FROM unclaimed GROUP BY ALL ORDER BY ALL"
        )
        assert client.query(unclaimed).result_rows == [(60, "n1", 7), (3600, "n1", 7)]


def test_insert_columns_are_those_of_the_created_tables(server: ClickHouse) -> None:
    there = replace(server, database="columns")
    migrations.migrate(there)
    with connect(there) as client:
        for table in TABLES:
            described = client.query(f"DESCRIBE {table}").result_rows
            assert insert_columns(table) == [row[0] for row in described if not row[2]]


def test_sql_and_ask_answer_from_the_command_line(server: ClickHouse) -> None:
    there = replace(server, database="answers")
    migrations.migrate(there)
    assert invoke(there, sql_command, "SELECT 6 * 7 AS answer").output == "answer\n42\n"
    assert invoke(there, sql_command, "--format", "JSONEachRow", "SELECT 1 AS a").output == (
        '{"a":1}\n'
    )
    assert invoke(there, sql_command, "SELECT 1 AS a FORMAT CSV").output == "1\n"
    assert invoke(there, ask_command, "edges", "minutes=5").exit_code == 0


def test_wrong_sql_is_one_sentence(server: ClickHouse) -> None:
    result = invoke(replace(server, database=""), sql_command, "SELECT nonsense")
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "nonsense" in result.output
    assert result.output.count("\n") == 1


def test_a_clickhouse_that_is_not_there_is_one_sentence() -> None:
    result = invoke(ClickHouse(url=f"http://127.0.0.1:{free_port()}"), sql_command, "SELECT 1")
    assert result.exit_code == 1
    assert result.output.startswith("Error: ClickHouse does not answer at http://127.0.0.1:")
    assert "--clickhouse-url" in result.output
    assert result.output.count("\n") == 1


def test_a_database_that_is_not_there_says_migrate(server: ClickHouse) -> None:
    result = invoke(replace(server, database="nowhere"), sql_command, "SELECT 1")
    assert result.exit_code == 1
    assert "flowatlas migrate" in result.output
