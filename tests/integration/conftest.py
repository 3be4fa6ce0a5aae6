"""What several of these tests stand on. A file that needs other hosts or cgroups makes its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.probe import find_cgroup2
from sql.migrate import migrate
from sql.settings import ClickHouse
from tests.hosts import Host, own_cgroup, two_hosts
from tests.integration.clickhouse import embedded


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Host, Host]]:
    with two_hosts() as pair:
        yield pair


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """This process is in it, so its sockets are."""
    with own_cgroup(find_cgroup2()) as directory:
        yield directory


@pytest.fixture
def closing() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A migrated ClickHouse, for the tests of one file."""
    with embedded(tmp_path_factory.mktemp("clickhouse")) as there:
        migrate(there)
        yield there
