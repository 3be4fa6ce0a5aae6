"""Native as clickhouse-go, and so Grafana's data source, asks for it over HTTP.

What the right bytes are is told by the engine itself: a column's values alone are all that follows
the header of a block of that column.
"""

from __future__ import annotations

import gzip
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from tests.contract.clickhouse_server import ClickHouseServer

REVISION = 54_460
EARLIER_BLOCK, LATER_BLOCK = b"\1\0\2\xff\xff\xff\xff\0", b"\1\0\2\xff\xff\xff\xff\3\0\0"
COLUMNS = {
    "UInt8": "number",
    "Bool": "number % 2",
    "DateTime('UTC')": "number",
    "DateTime64(3, 'UTC')": "number",
    "Date": "number",
    "Enum8('a, (b' = 0, 'c\\'' = 1)": "number % 2",
    "UUID": "toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')",
    "IPv6": "'::1'",
    "Float64": "number",
    "Decimal(9, 2)": "number",
    "Decimal(38, 12)": "number",
    "Decimal(76, 12)": "number",
    "Int256": "number",
    "String": "repeat('x', number * 61)",
    "FixedString(3)": "toString(number)",
    "Nullable(String)": "[NULL, 'xy'][1 + number % 2]",
    "Nullable(UInt32)": "[NULL, 7][1 + number % 2]",
    "LowCardinality(String)": "toString(number % 3)",
    "LowCardinality(Nullable(String))": "[NULL, 'xy'][1 + number % 2]",
    "LowCardinality(FixedString(2))": "toString(number % 3)",
    "Array(UInt16)": "range(number % 4)",
    "Array(Array(Nullable(String)))": "[arrayMap(x -> toString(x), range(number % 3)), [NULL]]",
    "Array(LowCardinality(String))": "arrayMap(x -> toString(x), range(number % 4))",
    "Map(UInt8, UInt64)": "map(number % 4, number)",
    "Map(LowCardinality(String), Array(String))": "map('k', ['a', toString(number)])",
    "Tuple(UInt8, String)": "(number, 'x')",
    "Tuple(a UInt8, `b c` LowCardinality(String), d Array(UInt8))": "(1, 'y', [number])",
    "SimpleAggregateFunction(sum, UInt64)": "number",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    running = ClickHouseServer(tmp_path_factory.mktemp("clickhouse") / "data")
    running.start()
    yield running
    running.stop()


def ask(server: ClickHouseServer, sql: str, **parameters: object) -> bytes:
    query = urlencode({"default_format": "Native", **parameters})
    headers = {"Accept-Encoding": "gzip"} if "enable_http_compression" in parameters else {}
    request = urllib.request.Request(f"{server.url}/?{query}", sql.encode(), headers)
    with urllib.request.urlopen(request) as answer:
        body: bytes = answer.read()
        return gzip.decompress(body) if answer.headers["Content-Encoding"] == "gzip" else body


def values(number: int) -> str:
    kind, expression = list(COLUMNS.items())[number]
    quoted = kind.replace("\\", "\\\\").replace("'", "\\'")
    return f"CAST({expression}, '{quoted}') AS c{number}"


@pytest.mark.parametrize("rows", [0, 1, 200])
@pytest.mark.parametrize(("revision", "begin"), [(REVISION, EARLIER_BLOCK), (54_500, LATER_BLOCK)])
def test_columns_of_all_types_are_told_apart(
    server: ClickHouseServer, rows: int, revision: int, begin: bytes
) -> None:
    expected = b""
    for number in range(len(COLUMNS)):
        alone = ask(server, f"SELECT {values(number)} FROM numbers({rows})")
        if rows:
            size_of_rows = 2 if rows > 127 else 1
            name = alone[1 + size_of_rows :]
            kind = name[1 + name[0] :]
            assert kind[0] < 128
            after = 1 + kind[0]
            expected += name[: 1 + name[0]] + kind[:after] + b"\0" + kind[after:]
            header = begin + bytes([len(COLUMNS)]) + alone[1 : 1 + size_of_rows]
    every = ", ".join(values(number) for number in range(len(COLUMNS)))
    found = ask(server, f"SELECT {every} FROM numbers({rows})", client_protocol_version=revision)
    if rows:
        assert found == header + expected
    else:
        assert len(found) == 0 or found.startswith(begin)


def test_what_a_data_source_asks_first_is_answered(server: ClickHouseServer) -> None:
    hello = "SELECT displayName(), version(), revision(), timezone()"
    found = ask(server, hello, client_protocol_version=REVISION, enable_http_compression=1)
    assert found.startswith(EARLIER_BLOCK + b"\4\1\x0ddisplayName()\6String\0")
    one = ask(server, "SELECT 1", client_protocol_version=REVISION, max_execution_time=30)
    assert one == EARLIER_BLOCK + b"\1\1\x011\5UInt8\0\1"


def test_many_blocks_come_in_order(server: ClickHouseServer) -> None:
    sql = "SELECT number, toString(number) FROM numbers(200000) SETTINGS max_block_size = 1000"
    found = ask(server, sql, client_protocol_version=REVISION, enable_http_compression=1)
    plain = ask(server, sql)
    blocks = found.split(EARLIER_BLOCK + b"\2")[1:]
    assert len(blocks) == plain.count(b"\6number\6UInt64") == 200
    assert len(found) == len(plain) + len(blocks) * (len(EARLIER_BLOCK) + 2)


def test_a_type_that_cannot_be_told_is_a_clear_error(server: ClickHouseServer) -> None:
    with pytest.raises(urllib.error.HTTPError) as raised:
        ask(server, "SELECT sumState(1)", client_protocol_version=REVISION)
    assert raised.value.code == 501
    assert "cast it" in raised.value.read().decode()
