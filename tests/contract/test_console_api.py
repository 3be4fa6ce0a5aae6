"""The console keeps to its OpenAPI document, whatever it is asked that the document allows, and
whatever it does not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from sql.client import connect
from sql.console.app import application, shared
from sql.console.settings import Settings
from sql.console.store import Store
from sql.migrate import migrate
from sql.settings import ClickHouse
from tests.integration.clickhouse import embedded, flow, flows, insert_levels

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

EXAMPLES = 5


# Its document does not need what it reads, which the fixture puts in place.
APP = application(Store(Settings()))
schema = schemathesis.openapi.from_asgi("/openapi.json", APP)


@pytest.fixture(scope="module", autouse=True)
def _store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with embedded(tmp_path_factory.mktemp("clickhouse")) as there:
        migrate(there)
        with connect(there) as client:
            window = datetime.fromtimestamp(int(time.time()) // 10 * 10, UTC)
            insert_levels(client, flows(flow(window=window, bytes_to_server=5)), "rows")
        reader = ClickHouse(url=there.url, user="reader")
        APP.state.shared = shared(Store(Settings(clickhouse=reader)))
        yield


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_no_request_makes_the_console_fail(case: schemathesis.Case[Any]) -> None:
    # That since lies before until is nothing that the document can say.
    case.call_and_validate(excluded_checks=[positive_data_acceptance])
