"""The embedded server, asked by clients that programs are written with: the official one of npm,
and clickhouse-connect's for asyncio. test_clickhouse_http.py has its blocking one, and curl.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from tests.contract.clickhouse_server import ClickHouseServer

NODE = Path(__file__).parent / "node"
ROWS = [[number, f"it's \\ {number}\n\té"] for number in range(20_000)]
ENDLESS = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 2"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    running = ClickHouseServer(
        tmp_path_factory.mktemp("clickhouse") / "data", "--password", "let me in"
    )
    running.start()
    yield running
    running.stop()


def test_the_javascript_client_works(server: ClickHouseServer) -> None:
    """`make test` installs it (deploy/local/setup.sh)."""
    done = subprocess.run(
        ["node", str(NODE / "talk.mjs"), server.url, "default", "let me in"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "ping": True,
        "rows": [
            {"id": "2", "name": ""},
            {"id": "18446744073709551615", "name": "it's \\ a\n\té"},
        ],
        "streamed": 300_000,
        "error": {"code": "60", "type": "UNKNOWN_TABLE"},
        "aborted": "The user aborted a request.",
    }


def test_clients_for_asyncio_talk_at_once(server: ClickHouseServer) -> None:
    async def talk() -> list[Any]:
        client = await clickhouse_connect.get_async_client(
            host="127.0.0.1", port=server.port, password="let me in", autogenerate_session_id=False
        )
        await client.command("CREATE DATABASE IF NOT EXISTS aio")
        await client.command("CREATE OR REPLACE TABLE aio.t (id UInt64, name String) ORDER BY id")
        await client.insert("aio.t", ROWS, column_names=["id", "name"])
        questions = [client.query("SELECT * FROM aio.t ORDER BY id") for _ in range(8)]
        answers: list[Any] = [each.result_rows for each in await asyncio.gather(*questions)]
        with pytest.raises(DatabaseError, match="Unknown table"):
            await client.query("SELECT * FROM aio.nowhere")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.query(ENDLESS), 0.5)
        running = "SELECT count() FROM system.processes WHERE query LIKE '%sipHash64(number) = 2%'"
        async with asyncio.timeout(15):
            while await client.command(running) != 1:  # this question is one itself
                await asyncio.sleep(0.2)
        await client.close()
        return answers

    answers = asyncio.run(talk())
    assert all(answer == [tuple(row) for row in ROWS] for answer in answers)
