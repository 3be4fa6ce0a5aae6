"""Windows to windows with their way and their money, by what was in force at their time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from math import inf

import numpy as np
import pyarrow as pa

from sql.schema import INTERNET_TIERS
from stream import metrics
from stream.endpoints import Endpoints
from stream.files import Followed
from stream.network.model import Network
from stream.network.versions import Versions
from stream.places import End, Ends
from stream.price_book import Book, builtin, by_edition, load
from stream.pricer import Priced, Pricer, Traffic
from stream.settings import Settings
from stream.windows import Way, Windows

OFF = "off"
CLIENT = 1
"""Of the dimension `reporter`."""


def of(settings: Settings) -> Tariff:
    """As the settings say, nothing read yet."""
    charged = settings.prices != OFF
    own: Followed[Book | None] = Followed(settings.prices if charged else "", load, None)
    networks = Versions(settings.network, settings.on_prem.split(","))
    return Tariff(networks, own, charged=charged, external_snat=settings.external_snat)


class Tariff:
    """For one thread. `price` is a pure function of the windows and of the files last read.

    own: a price book that wins over the built-in one. charged: whether there is a bill at all;
    without, ways are told and no money.
    """

    def __init__(
        self,
        networks: Versions,
        own: Followed[Book | None],
        *,
        charged: bool = True,
        external_snat: bool = False,
    ) -> None:
        self._networks = networks
        self._own = own
        self._charged = charged
        self._external_snat = external_snat
        self._book = builtin()
        self._desks: dict[int, _Desk] = {}
        self.edition = 0
        """Counts how often what is priced by was read."""

    def read(self) -> None:
        """Raises MalformedFileError."""
        self._networks.read()
        self._own.read()
        self._start_anew()

    def refresh(self) -> bool:
        """Use files that have changed, from the next windows on; says whether any had."""
        changed = [source.refresh() for source in (self._networks, self._own)]
        if any(changed):
            self._start_anew()
        return any(changed)

    def tell(self, network: Network) -> bool:
        """A network to use where no file tells any; says whether it is another than before."""
        told = self._networks.tell(network)
        if told:
            self._start_anew()
        return told

    @property
    def network(self) -> Network:
        """The newest version."""
        return self._networks.all()[-1]

    def tiers(self) -> pa.Table:
        """Rows of internet_tiers: what rows' flat price of internet egress stands for."""
        now = datetime.now(UTC)
        found = []
        for day, prices in by_edition(self._book, self._own.content):
            for region in prices.regions():
                tiers = prices.tiers(region)
                bounds = [inf if tier.up_to_gb is None else tier.up_to_gb for tier in tiers]
                usd = [tier.usd_per_gb for tier in tiers]
                flat = prices.usd("internet", region)
                told = (region, day, bounds, usd, flat, prices.gb, now)
                found.append(dict(zip(INTERNET_TIERS.names, told, strict=True)))
        return pa.Table.from_pylist(found, INTERNET_TIERS)

    def price(self, windows: Windows, endpoints: Endpoints) -> Windows:
        """The same windows, none of which has a way or money yet."""
        with metrics.stage("price"):
            return self._price(windows, endpoints)

    def _price(self, windows: Windows, endpoints: Endpoints) -> Windows:
        found = windows.dimensions
        traffic = Traffic(
            found["client"],
            found["server"],
            found["reporter"] == CLIENT,
            windows.measures["bytes_to_server"].to_numpy().astype(np.uint64),
            windows.measures["bytes_to_client"].to_numpy().astype(np.uint64),
            found["window"],
        )
        rows = len(found["window"])
        way = np.zeros(rows, np.int64)
        money = {name: np.zeros(rows, np.int64) for name in ("cost_usd", "cost_far_usd")}
        unpriced = np.zeros(rows, np.uint64)
        ways: list[Way] = []
        in_force = self._networks.in_force(found["window"])
        for version in np.unique(in_force).tolist():
            some = np.flatnonzero(in_force == version)
            part = traffic if len(some) == rows else Traffic(*(each[some] for each in traffic))
            priced = self._desk(version).price(part, endpoints)
            places, named = _ways(priced)
            way[some] = places + len(ways)
            ways += named
            if self._charged:
                money["cost_usd"][some], money["cost_far_usd"][some] = priced.charges
                told = part.bytes_to_server + part.bytes_to_client
                unpriced[some] = np.where(priced.priced, 0, told)
        metrics.unpriced_bytes.inc(int(unpriced.sum()))
        measures = windows.measures | {
            name: pa.array(usd.view(np.uint64)) for name, usd in money.items()
        }
        return replace(
            windows,
            dimensions=found | {"way": way},
            measures=measures | {"unpriced_bytes": pa.array(unpriced)},
            ways=ways or [Way()],
        )

    def _desk(self, version: int) -> _Desk:
        if version not in self._desks:
            network = self._networks.all()[version]
            self._desks[version] = _Desk(
                network, self._book, self._own.content, self._external_snat
            )
        return self._desks[version]

    def _start_anew(self) -> None:
        self._desks = {}
        self.edition += 1
        today = datetime.now(UTC).date()
        edition = self._book.at(today, self._own.content).layers[0].valid_from
        metrics.price_book.set(datetime.combine(edition, time(), UTC).timestamp())


class _Desk:
    """A pricer of one version of the network, which learns of endpoints as their table grows."""

    def __init__(self, network: Network, book: Book, own: Book | None, external_snat: bool) -> None:
        self._pricer = Pricer(network, book, own, external_snat)
        self._endpoints: Endpoints | None = None
        self._learnt = 0

    def price(self, traffic: Traffic, endpoints: Endpoints) -> Priced:
        if endpoints is not self._endpoints:
            self._pricer.forget()
            self._endpoints, self._learnt = endpoints, 0
        if self._learnt < len(endpoints):
            addresses, told, of = endpoints.since(self._learnt, End._fields[1:])
            self._pricer.learn(Ends(addresses, [End(b"", *each) for each in told], of))
            self._learnt = len(endpoints)
        return self._pricer.price(traffic)


def _ways(priced: Priced) -> tuple[np.ndarray, list[Way]]:
    """The different ways, and of each row its way's place."""
    numbers: dict[Way, int] = {}
    words = [priced.gateways[code] for code in priced.paths.gateway.tolist()]
    columns = (priced.paths.path.tolist(), priced.paths.behind.tolist(), words)
    of_path = [numbers.setdefault(Way(*told), len(numbers)) for told in zip(*columns, strict=True)]
    return np.array(of_path, np.int64)[priced.of], list(numbers)
