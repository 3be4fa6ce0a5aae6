"""What a reader may take of the embedded server, and that nobody else goes short for it."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.contract.clickhouse_server import ClickHouseServer

ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"
SECONDS, READERS = 2, 4
MIB = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    running = ClickHouseServer(
        tmp_path_factory.mktemp("clickhouse") / "data",
        *("--password", "in", "--reader-password", "look", "--reader-seconds", str(SECONDS)),
        *("--reader-threads", str(READERS), "--reader-rows", "1000"),
        *("--reader-memory", str(256 * MIB)),
    )
    running.start()
    ask(running, "CREATE DATABASE shop", user="default")
    ask(running, "CREATE TABLE shop.t (id UInt64) ORDER BY id", user="default")
    yield running
    running.stop()


def ask(
    server: ClickHouseServer, sql: str, user: str = "reader", **parameters: Any
) -> tuple[int, str]:
    """HTTP status and body."""
    password = {"reader": "look", "default": "in"}[user]
    query = urlencode({"user": user, "password": password, **parameters})
    request = urllib.request.Request(f"{server.url}/?{query}", sql.encode())
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize(
    ("sql", "parameters", "code"),
    [
        (ENDLESS, {}, 159),
        (ENDLESS, {"max_execution_time": 1}, 159),
        (ENDLESS, {"max_execution_time": 0}, 159),
        (f"SELECT * FROM ({ENDLESS} SETTINGS max_execution_time = 0)", {}, 159),
        ("SELECT uniqExact(number) FROM numbers(1000000000)", {}, 241),
        ("SELECT number FROM numbers(1001)", {}, 396),
        ("SELECT number FROM numbers(1001)", {"max_result_rows": 1_000_000}, 396),
        ("SELECT number FROM numbers(11)", {"max_result_rows": 10}, 396),
        (f"SELECT 1 UNION ALL {ENDLESS} SETTINGS max_memory_usage = 0", {}, 164),
        ("SELECT 1", {"max_memory_usage_for_user": 0}, 164),
    ],
)
def test_a_reader_is_held_to_its_limits(
    server: ClickHouseServer, sql: str, parameters: dict[str, Any], code: int
) -> None:
    began = time.monotonic()
    status, body = ask(server, sql, **parameters)
    assert status != 200
    assert f"Code: {code}." in body
    assert time.monotonic() - began < SECONDS + 5


def test_threads_are_at_most_the_machines(server: ClickHouseServer) -> None:
    _, found = ask(server, "SELECT getSetting('max_threads')", max_threads=100_000)
    assert 1 <= int(found) <= 1024
    assert ask(server, "SELECT getSetting('max_threads')", max_threads=1) == (200, "1\n")


def test_writers_go_on_while_readers_run_away(server: ClickHouseServer) -> None:
    """More readers than there are threads for, none of which ends by itself."""
    with ThreadPoolExecutor(3 * READERS) as readers:
        runaway = [readers.submit(ask, server, ENDLESS) for _ in range(3 * READERS)]
        took = []
        while not all(each.done() for each in runaway):
            began = time.monotonic()
            assert ask(server, "INSERT INTO shop.t VALUES (1)", user="default")[0] == 200
            took.append(time.monotonic() - began)
        assert all("Code: 159." in each.result()[1] for each in runaway)
    assert len(took) > 10
    assert max(took) < SECONDS
    inserted = ask(server, "SELECT count() FROM shop.t", user="default")[1]
    assert int(inserted) == len(took)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 AS a FORMAT Protobuf SETTINGS output_format_schema = '{path}/out'",
        "SET output_format_schema = '{path}/out'",
        "SELECT 1 AS a FORMAT Template SETTINGS format_template_row = '/etc/hostname'",
        "CREATE TABLE shop.r (a Int32) ENGINE = EmbeddedRocksDB(0, '{path}/out') PRIMARY KEY a",
        "CREATE DATABASE lake ENGINE = DataLakeCatalog('http://127.0.0.1:1')"
        " SETTINGS warehouse = 'x', catalog_type = 'rest'",
        "CREATE TABLE shop.e (a Int32) ENGINE = SomethingNew('http://127.0.0.1:1')",
        "INSERT INTO shop.t SETTINGS input_format_record_errors_file_path = '{path}/out'"
        " VALUES (1)",
    ],
)
@pytest.mark.parametrize("user", ["default", "reader"])
def test_neither_settings_nor_engines_reach_outside(
    server: ClickHouseServer, tmp_path: Path, user: str, sql: str
) -> None:
    status, body = ask(server, sql.replace("{path}", str(tmp_path)), user=user)
    assert (status, body[:9]) in ((403, "Code: 497"), (500, "Code: 164"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("output_format_schema", "{path}/out"),
        ("format_template_row", "/etc/hostname"),
        ("input_format_record_errors_file_path", "{path}/out"),
        ("default_format", "TSV INTO OUTFILE '{path}/out'"),
        ("max_block_size = 1, readonly", "0"),
        ("database", "x`; DROP TABLE shop.t; --"),
    ],
)
def test_the_url_is_no_way_around(
    server: ClickHouseServer, tmp_path: Path, name: str, value: str
) -> None:
    parameters = {name: value.replace("{path}", str(tmp_path))}
    for user in ("default", "reader"):
        for sql in ("SELECT 1 AS a FORMAT Protobuf", "SELECT 1"):
            status, _ = ask(server, sql, user, **parameters)
            assert status in (403, 404, 500) or "FORMAT" in sql
    assert list(tmp_path.iterdir()) == []
    assert ask(server, "EXISTS shop.t", user="default") == (200, "1\n")


def test_a_value_with_a_quote_stays_a_value(server: ClickHouseServer) -> None:
    hostile = "x', readonly = '0"
    sql = "SELECT getSetting('log_comment') = {text:String}, getSetting('readonly')"
    assert ask(server, sql, log_comment=hostile, param_text=hostile) == (200, "1\t1\n")
    injected = ask(server, "SELECT * FROM {table:Identifier}", param_table="file('/etc/hostname')")
    assert injected[0] == 404


def test_a_large_answer_does_not_lie_in_memory(server: ClickHouseServer) -> None:
    """A gigabyte, read at whatever speed curl has."""
    before = server.resident()
    sql = "SELECT toString(number), repeat('x', 100) FROM numbers(9000000) FORMAT TSV"
    query = urlencode({"query": sql, "user": "default", "password": "in"})
    command = ["curl", "-sS", "--output", "/dev/null", "-w", "%{size_download}"]
    with subprocess.Popen([*command, f"{server.url}/?{query}"], stdout=subprocess.PIPE) as curl:
        most = 0
        while curl.poll() is None:
            most = max(most, server.resident())
            time.sleep(0.05)
        assert curl.stdout is not None
        assert int(curl.stdout.read()) > 900 * MIB
    assert most - before < 200 * MIB
