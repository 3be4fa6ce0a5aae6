"""The embedded server, asked by clients that nobody here wrote: clickhouse-connect and curl."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.contract.clickhouse_server import ClickHouseServer

PASSWORDS = {"default": "let me in", "reader": "let me look"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    running = ClickHouseServer(
        tmp_path_factory.mktemp("clickhouse") / "data",
        "--password",
        PASSWORDS["default"],
        "--reader-password",
        PASSWORDS["reader"],
    )
    running.start()
    yield running
    running.stop()


def connect(server: ClickHouseServer, user: str = "default", **options: Any) -> Any:
    password = options.pop("password", PASSWORDS.get(user, ""))
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, username=user, password=password, **options
    )


@pytest.fixture
def client(server: ClickHouseServer) -> Any:
    return connect(server)


def curl(server: ClickHouseServer, query: str, *options: str, user: str = "default") -> str:
    """What curl prints, headers included."""
    address = f"{server.url}/{query}"
    login = f"{user}:{PASSWORDS[user]}"
    command = ["curl", "-sS", "-i", "--max-time", "20", "-u", login, *options, address]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="replace")


def code_of(client: Any, sql: str) -> int:
    """ClickHouse's code for why the statement fails."""
    with pytest.raises(DatabaseError) as raised:
        client.command(sql)
    assert raised.value.code is not None
    return raised.value.code


def make_table(client: Any, name: str) -> str:
    client.command("CREATE DATABASE IF NOT EXISTS shop")
    client.command(f"CREATE OR REPLACE TABLE shop.{name} (id UInt64, name String) ORDER BY id")
    return f"shop.{name}"


@pytest.mark.parametrize("compress", [False, "gzip", "zstd", "lz4"])
def test_rows_inserted_come_back_whatever_the_compression(
    server: ClickHouseServer, compress: bool | str
) -> None:
    client = connect(server, compress=compress)
    table = make_table(client, "compressed")
    rows = [(number, f"it's \\ {number}\n\té") for number in range(50_000)]
    client.insert(table, rows, column_names=["id", "name"])
    assert client.query(f"SELECT * FROM {table} ORDER BY id").result_rows == rows


def test_arrow_goes_in_and_comes_out(client: Any) -> None:
    table = make_table(client, "arrow")
    rows = pa.table({"id": pa.array(range(1000), pa.uint64()), "name": ["x"] * 1000})
    client.insert_arrow(table, rows)
    found = client.query_arrow(f"SELECT id, name FROM {table} ORDER BY id", use_strings=True)
    assert found.to_pydict() == rows.to_pydict()


def test_a_large_result_streams(client: Any) -> None:
    total = 0
    with client.query_row_block_stream("SELECT number FROM numbers(2000000)") as blocks:
        for block in blocks:
            total += sum(row[0] for row in block)
    assert total == 2_000_000 * 1_999_999 // 2


def test_parameters_are_values_and_nothing_else(client: Any) -> None:
    hostile = "'; DROP TABLE shop.x -- \\ \n\t"
    found = client.query(
        "SELECT {text:String}, {ids:Array(UInt8)}", parameters={"text": hostile, "ids": [1, 2]}
    )
    assert found.result_rows == [(hostile, [1, 2])]


def test_settings_hold_for_their_query_only(client: Any) -> None:
    ask = "SELECT getSetting('max_block_size')"
    assert client.query(ask, settings={"max_block_size": 7}).result_rows == [(7,)]
    assert client.query(ask).result_rows != [(7,)]


def test_a_session_keeps_what_was_set_in_it(server: ClickHouseServer) -> None:
    client = connect(server, session_id="kept")
    make_table(client, "any")
    client.command("SET max_block_size = 77")
    client.command("USE shop")
    found = client.query("SELECT getSetting('max_block_size'), currentDatabase()").result_rows
    assert found == [(77, "shop")]
    assert connect(server).command("SELECT currentDatabase()") == "default"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM nowhere", 60),
        ("SELEC 1", 62),
        ("SELECT 1; SELECT 2", 62),
        ("SELECT nothing", 47),
        ("SELECT throwIf(1)", 395),
        ("SELECT 1 SETTINGS no_such_setting = 1", 115),
    ],
)
def test_errors_carry_clickhouse_codes(client: Any, sql: str, code: int) -> None:
    assert code_of(client, sql) == code


def test_an_error_midway_is_not_taken_for_the_end(client: Any) -> None:
    sql = "SELECT throwIf(number = 5000000) FROM numbers(6000000) SETTINGS max_threads = 1"
    with (
        pytest.raises(Exception, match="throwIf"),
        client.query_row_block_stream(sql) as blocks,
    ):
        for _ in blocks:
            pass


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM file('/etc/hostname', 'LineAsString')",
        "SELECT file('/etc/hostname')",
        "SELECT `file`('/etc/hostname')",
        "SELECT * FROM default.`/etc/hostname`",
        "SELECT * FROM '/etc/hostname'",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
        "SELECT * FROM remote('127.0.0.1:1', 'system', 'one')",
        "SELECT * FROM executable('x', 'TSV', 'a Int32')",
        "SELECT * FROM python(app)",
        "SELECT 1 INTO OUTFILE '{path}/out'",
        "SELECT 1 INTO /* */ OUTFILE '{path}/out'",
        "EXPLAIN SELECT 1 INTO OUTFILE '{path}/out'",
        "INSERT INTO shop.outward FROM INFILE '/etc/hostname' FORMAT LineAsString",
        "INSERT INTO FUNCTION file('{path}/out', 'CSV', 'a Int32') VALUES (1)",
        "CREATE TABLE shop.f (a Int32) ENGINE = File(CSV, '{path}/out')",
        "CREATE DATABASE fs ENGINE = Filesystem('/etc')",
        "CREATE DICTIONARY shop.d (a UInt64) PRIMARY KEY a SOURCE(EXECUTABLE(COMMAND 'id' "
        "FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(1)",
        "CREATE DICTIONARY shop.d (a UInt64) PRIMARY KEY a SOURCE(HTTP(URL 'http://127.0.0.1:1/' "
        "FORMAT 'CSV')) LAYOUT(FLAT()) LIFETIME(1)",
        "CREATE TABLE shop.p (a Int32) ENGINE = ExecutablePool('x', 'CSV')",
        "CREATE TABLE shop.o (a Int8) ORDER BY a SETTINGS disk = disk(type=local, path='{path}/')",
        "BACKUP TABLE shop.outward TO File('{path}/out')",
        "CREATE USER intruder",
    ],
)
@pytest.mark.parametrize("user", ["default", "reader"])
def test_no_statement_reaches_outside_the_engine(
    server: ClickHouseServer, tmp_path: Path, user: str, sql: str
) -> None:
    make_table(connect(server), "outward")
    refused = code_of(connect(server, user), sql.replace("{path}", str(tmp_path)))
    assert refused in (60, 164, 344, 497)  # no such table, read-only, disabled, no privilege
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO shop.readable VALUES (1, 'x')",
        "INSERT INTO shop.readable SELECT 1, 'x'",
        "CREATE TABLE shop.mine (a Int32) ENGINE = Memory",
        "DROP TABLE shop.readable",
        "TRUNCATE TABLE shop.readable",
        "ALTER TABLE shop.readable DELETE WHERE 1",
        "OPTIMIZE TABLE shop.readable",
        "SYSTEM FLUSH LOGS",
        "KILL QUERY WHERE 1",
        "SET readonly = 0",
        "SET max_memory_usage = 0",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SELECT 1; DROP TABLE shop.readable",
    ],
)
def test_a_reader_reads_and_does_nothing_else(server: ClickHouseServer, sql: str) -> None:
    writer, reader = connect(server), connect(server, "reader")
    writer.insert(make_table(writer, "readable"), [[1, "kept"]], column_names=["id", "name"])
    assert code_of(reader, sql) in (62, 164)
    assert reader.query("SELECT * FROM shop.readable").result_rows == [(1, "kept")]


def test_a_reader_cannot_lift_its_limits_by_url(server: ClickHouseServer) -> None:
    ask = "?query=SELECT+getSetting('{0}')&{0}={1}"
    assert "Code: 164" in curl(server, ask.format("max_memory_usage", 0), user="reader")
    assert "Code: 164" in curl(server, "?query=SELECT+1&allow_ddl=1", user="reader")
    assert curl(server, ask.format("max_execution_time", 0), user="reader").endswith("\n60\n")
    assert curl(server, ask.format("max_execution_time", 5), user="reader").endswith("\n5\n")
    assert curl(server, ask.format("readonly", 0), user="reader").endswith("\n1\n")


@pytest.mark.parametrize("user", ["default", "reader", "nobody"])
def test_a_wrong_password_is_refused(server: ClickHouseServer, user: str) -> None:
    with pytest.raises(DatabaseError) as raised:
        connect(server, user, password="wrong")
    assert raised.value.code == 516
    command = ["curl", "-sS", "-i", f"{server.url}/?query=SELECT+1&user={user}&password=wrong"]
    answer = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert answer.startswith("HTTP/1.1 403")


def test_curl_gets_clickhouse_headers(server: ClickHouseServer) -> None:
    answer = curl(server, "?query_id=mine&default_format=JSONEachRow", "-d", "SELECT 1 AS one")
    headers, _, body = answer.partition("\r\n\r\n")
    assert json.loads(body) == {"one": 1}
    for expected in (
        "X-ClickHouse-Query-Id: mine",
        "X-ClickHouse-Format: JSONEachRow",
        "X-ClickHouse-Timezone: UTC",
        "X-ClickHouse-Server-Display-Name: ",
        "X-ClickHouse-Summary: {",
    ):
        assert expected in headers
    failed = curl(server, "?query=SELECT+*+FROM+nowhere")
    assert failed.startswith("HTTP/1.1 404")
    assert "X-ClickHouse-Exception-Code: 60" in failed
    assert "Code: 60. DB::Exception: " in failed
    assert curl(server, "ping").endswith("Ok.\n")
    assert curl(server, "replicas_status").endswith("Ok.\n")


def test_get_changes_nothing(server: ClickHouseServer, client: Any) -> None:
    make_table(client, "got")
    assert "Code: 164" in curl(server, "?query=DROP+TABLE+shop.got")
    assert "Code: 164" in curl(server, "?query=DROP+TABLE+shop.got&readonly=0")
    assert "Exception-Code: 164" in curl(server, "?query=DROP+TABLE+shop.got", "--head")
    assert client.command("EXISTS shop.got") == 1


@pytest.mark.parametrize(
    ("sql", "data"),
    [
        ("INSERT INTO shop.posted FORMAT CSV", "1,one\n2,two\n"),
        (
            "INSERT INTO shop.posted FORMAT JSONEachRow",
            '{"id":1,"name":"one"}{"id":2,"name":"two"}',
        ),
        ("INSERT INTO shop.posted (name, id) VALUES", "('one', 1), ('two', 1 + 1)"),
        ("/* FORMAT x */ INSERT INTO shop.posted\nFORMAT TSV", "1\tone\n2\ttwo\n"),
    ],
)
@pytest.mark.parametrize("in_url", [True, False])
def test_an_insert_is_url_and_body_together(
    server: ClickHouseServer, client: Any, sql: str, data: str, in_url: bool
) -> None:
    table = make_table(client, "posted")
    if in_url:
        answer = curl(server, "", "--url-query", f"query={sql}", "--data-binary", data)
    else:
        answer = curl(server, "", "--data-binary", f"{sql}\n{data}")
    assert answer.startswith("HTTP/1.1 200"), answer
    found = client.query(f"SELECT id, name FROM {table} ORDER BY id").result_rows
    assert found == [(1, "one"), (2, "two")]


def test_curl_is_answered_compressed(server: ClickHouseServer) -> None:
    query = "?query=SELECT+number+FROM+numbers(300000)+FORMAT+JSON&enable_http_compression=1"
    answer = curl(server, query, "--compressed")
    body = answer.partition("\r\n\r\n")[2]
    assert json.loads(body)["rows"] == 300_000


def test_readers_are_answered_while_a_writer_inserts(server: ClickHouseServer) -> None:
    writer = connect(server)
    table = make_table(writer, "busy")
    rows, inserts = 20_000, 15
    counts: list[int] = []
    done = threading.Event()

    def read() -> None:
        reader = connect(server, "reader")
        while not done.is_set():
            counts.append(int(reader.command(f"SELECT count() FROM {table}")))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    block = [[number, "x"] for number in range(rows)]
    for _ in range(inserts):
        writer.insert(table, block, column_names=["id", "name"])
    done.set()
    for thread in threads:
        thread.join(timeout=20)
    assert len(counts) > inserts
    assert all(count % rows == 0 for count in counts), "a block is seen whole or not at all"
    assert int(writer.command(f"SELECT count() FROM {table}")) == rows * inserts


def test_a_client_that_leaves_takes_its_query_along(server: ClickHouseServer, client: Any) -> None:
    endless = "SELECT+count()+FROM+numbers(1000000000000)+WHERE+sipHash64(number)=1"
    with pytest.raises(subprocess.CalledProcessError):
        curl(server, f"?query={endless}", "--max-time", "1")
    running = (
        "SELECT count() FROM system.processes WHERE query LIKE '%FROM numbers(1000000000000)%'"
    )
    deadline = time.monotonic() + 10
    while int(client.command(running)) > 1:  # this question is one itself
        assert time.monotonic() < deadline
        time.sleep(0.1)


TOKEN = {"insert_deduplication_token": "flows/0/10-19"}
THROUGH_VIEWS = {"deduplicate_blocks_in_dependent_materialized_views": 1}
WINDOW = "SETTINGS non_replicated_deduplication_window = 100"


@pytest.mark.parametrize("end", [ClickHouseServer.stop, ClickHouseServer.kill])
def test_what_was_acknowledged_survives_and_counts_once(tmp_path: Path, end: Any) -> None:
    """Rows, and the token they came with, through a materialized view and across a restart."""
    server = ClickHouseServer(tmp_path / "data", "--password", PASSWORDS["default"])
    server.start()
    client = connect(server)
    client.command("CREATE DATABASE shop")
    client.command(f"CREATE TABLE shop.base (id UInt64, n UInt64) ORDER BY id {WINDOW}")
    client.command(
        "CREATE TABLE shop.sums (id UInt64, n SimpleAggregateFunction(sum, UInt64)) "
        f"ENGINE = AggregatingMergeTree ORDER BY id {WINDOW}"
    )
    client.command(
        "CREATE MATERIALIZED VIEW shop.into_sums TO shop.sums AS "
        "SELECT id % 10 AS id, sum(n) AS n FROM shop.base GROUP BY id"
    )
    client.command("CREATE TABLE default.also (id UInt64) ORDER BY id")
    client.command("INSERT INTO default.also VALUES (1)")

    def insert(client: Any) -> None:
        rows = pa.table({"id": pa.array(range(100), pa.uint64()), "n": [1] * 100})
        rows = rows.cast(pa.schema([("id", pa.uint64()), ("n", pa.uint64())]))
        client.insert_arrow("shop.base", rows, settings=TOKEN | THROUGH_VIEWS)

    def totals(client: Any) -> list[tuple[int, int]]:
        sums = "(SELECT sum(n) FROM shop.base), (SELECT sum(n) FROM shop.sums)"
        return list(client.query(f"SELECT {sums}").result_rows)

    insert(client)
    insert(client)
    assert totals(client) == [(100, 100)]
    end(server)
    server.start()
    client = connect(server)
    insert(client)
    assert totals(client) == [(100, 100)]
    assert client.command("SELECT count() FROM default.also") == 1
    assert server.stop() == 0


def test_a_stop_does_not_wait_for_an_endless_query(tmp_path: Path) -> None:
    server = ClickHouseServer(tmp_path / "data")
    server.start()
    endless = "SELECT+sum(sipHash64(number))+FROM+numbers(1000000000000)"
    with subprocess.Popen(["curl", "-s", "--max-time", "30", f"{server.url}/?query={endless}"]):
        time.sleep(0.5)
        assert server.stop() == 0


def test_a_taken_directory_and_a_taken_port_are_one_sentence(
    server: ClickHouseServer, tmp_path: Path
) -> None:
    def refused(port: int, path: Path) -> str:
        command = [sys.executable, "-m", "sql.server", "--port", str(port), "--path", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        return done.stderr

    assert "--port" in refused(server.port, tmp_path / "free")
    first = ClickHouseServer(tmp_path / "taken")
    first.start()
    assert "in use by another server" in refused(0, tmp_path / "taken")
    first.stop()
    (tmp_path / "file").write_text("")
    assert "--path" in refused(0, tmp_path / "file")
