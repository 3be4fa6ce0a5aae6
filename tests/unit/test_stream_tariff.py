"""Windows get the way and the money of what was in force at their time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pyarrow as pa
import pytest

from stream.addresses import pack
from stream.endpoints import Endpoint, Endpoints
from stream.errors import MalformedFileError
from stream.network import file
from stream.network.model import Network
from stream.settings import Settings
from stream.tariff import Tariff, of
from stream.windows import Windows
from tests.unit.account import NETWORK

GB = 2**30
FIRST, SECOND = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
WITHOUT_NAT = tuple(
    replace(table, routes=tuple(r for r in table.routes if not r.gateway.startswith("nat-")))
    for table in NETWORK.route_tables
)


def network(collected: datetime, **other: object) -> Network:
    return replace(NETWORK, collected=collected.isoformat(), **other)  # type: ignore[arg-type]


def write(path: Path, content: Network) -> str:
    """Anew, as whoever renames a file over another does it."""
    (path.parent / "next").write_text(file.dump(content))
    (path.parent / "next").replace(path)
    return str(path)


def to_the_internet(endpoints: Endpoints, *windows: datetime) -> Windows:
    """A GB each way of a pod in zone 1, told by it, in each window."""
    pod = endpoints.add(Endpoint(pack("10.0.0.10"), "pod", zone="us-east-1a"))
    world = endpoints.add(Endpoint(pack("93.184.216.34"), "internet"))
    rows = len(windows)
    seconds = pa.array([int(window.timestamp()) for window in windows]).to_numpy()
    constant = {"node": 0, "reporter": 1, "client": pod, "server": world, "way": 0}
    dimensions = {name: seconds * 0 + value for name, value in constant.items()}
    told = {
        name: pa.array([GB] * rows, pa.uint64()) for name in ("bytes_to_server", "bytes_to_client")
    }
    return Windows({"window": seconds, **dimensions}, ["n1"], told)


def priced(by: Tariff, *windows: datetime) -> list[tuple[int, str, float, int]]:
    """Path, gateway, dollars and bytes without a price of each window."""
    endpoints = Endpoints()
    found = by.price(to_the_internet(endpoints, *windows), endpoints)
    usd = found.measures["cost_usd"].to_pylist()
    ways = [found.ways[place] for place in found.dimensions["way"].tolist()]
    unpriced = found.measures["unpriced_bytes"].to_pylist()
    return [
        (way.path, way.gateway, round(cost / 1e12, 6), left)
        for way, cost, left in zip(ways, usd, unpriced, strict=True)
    ]


BY_NAT = (4, "nat-1", 0.18, 0)
NO_WAY = (0, "", 0.0, 2 * GB)


def made(**given: object) -> Tariff:
    found = of(Settings(**given))  # type: ignore[arg-type]
    found.read()
    return found


def test_a_windows_way_and_money_are_those_of_its_networks_routes(tmp_path: Path) -> None:
    by = made(network=write(tmp_path / "network.json", NETWORK))
    assert priced(by, SECOND) == [BY_NAT]


def test_each_window_goes_by_the_version_in_force_at_its_time(tmp_path: Path) -> None:
    write(tmp_path / "a.json", network(FIRST))
    write(tmp_path / "b.json", network(SECOND, route_tables=WITHOUT_NAT))
    by = made(network=str(tmp_path))
    day = timedelta(days=1)
    found = priced(by, FIRST - day, SECOND + day, SECOND - day, SECOND)
    assert found == [BY_NAT, NO_WAY, BY_NAT, NO_WAY]


def test_a_changed_file_is_for_what_comes_after_it_was_collected(tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    by = made(network=write(path, network(FIRST)))
    write(path, network(SECOND, route_tables=WITHOUT_NAT))
    by.refresh()
    assert priced(by, SECOND - timedelta(seconds=10), SECOND) == [BY_NAT, NO_WAY]


@pytest.mark.parametrize("broken", ["{", '{"collected": "yesterday"}', '{"vpcs": [{"id": 7}]}'])
def test_a_broken_file_leaves_the_last_good_version_in_use(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "network.json"
    by = made(network=write(path, NETWORK))
    path.write_text(broken)
    by.refresh()
    assert priced(by, SECOND) == [BY_NAT]
    with pytest.raises(MalformedFileError, match=str(path)):
        made(network=str(path))


def test_ones_own_prices_win_and_change_while_running(tmp_path: Path) -> None:
    book = tmp_path / "prices.json"
    text = (
        '{{"gb": 1073741824, "editions": [{{"valid_from": "2026-01-01", "sources": {{"deal": ""}},'
        ' "regions": {{"*": {{"nat": {{"usd_per_gb": {}, "source": "deal"}}}}}}}}]}}'
    )
    book.write_text(text.format(0.02))
    by = made(network=write(tmp_path / "network.json", NETWORK), prices=str(book))
    assert priced(by, SECOND)[0][2] == pytest.approx(0.13)
    book.write_text(text.format(0.001))
    by.refresh()
    assert priced(by, SECOND)[0][2] == pytest.approx(0.092)


def test_without_a_bill_there_are_ways_and_no_money(tmp_path: Path) -> None:
    by = made(network=write(tmp_path / "network.json", NETWORK), prices="off")
    assert priced(by, SECOND) == [(4, "nat-1", 0.0, 0)]


def test_ranges_of_the_site_are_those_of_the_file_and_of_the_setting(tmp_path: Path) -> None:
    listed = replace(NETWORK, on_prem=(ip_network("198.51.100.0/24"),))
    path = write(tmp_path / "network.json", listed)
    by = made(network=path, on_prem="93.184.0.0/16, 10.9.0.0/16")
    assert [str(cidr) for cidr in by.network.on_prem][1:] == ["93.184.0.0/16", "10.9.0.0/16"]


def test_a_network_that_is_told_is_used_where_no_file_tells_one(tmp_path: Path) -> None:
    first, second = network(FIRST), network(SECOND, route_tables=WITHOUT_NAT)
    tariff = of(Settings())
    tariff.read()
    assert [tariff.tell(told) for told in (first, first, second)] == [True, False, True]
    assert tariff.network == second
    tariff = of(Settings(network=write(tmp_path / "network.json", first)))
    tariff.read()
    assert not tariff.tell(second)
    assert tariff.network == first
