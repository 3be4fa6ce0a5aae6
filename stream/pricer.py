"""Rows to paths and money: what paths.py and price.py know of pairs, gathered per row."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stream.network.model import Network
from stream.paths import Paths, Router, Transfer, unique_pairs
from stream.places import End, Gazetteer, Places
from stream.price import Charges, charge, rates
from stream.price_book import Book, Prices

log = logging.getLogger(__name__)


class Traffic(NamedTuple):
    """A column each, an entry a row. client, server: ids of endpoints. client_reports: whether
    the row is the client's report. seconds: its window, Unix time, on whose day (UTC) prices hang.
    """

    client: np.ndarray
    server: np.ndarray
    client_reports: np.ndarray
    bytes_to_server: np.ndarray
    bytes_to_client: np.ndarray
    seconds: np.ndarray


class Priced(NamedTuple):
    """A column each, an entry a row. path, behind: codes of paths.Path. priced: whether AWS's
    charges for it are known; where not, what is known of them is still in the charges."""

    path: np.ndarray
    behind: np.ndarray
    gateway: pa.DictionaryArray
    priced: np.ndarray
    charges: Charges


class Pricer:
    """Prices by one version of the network and the books. Endpoints are numbered as they are
    learnt, from 0; `forget` when their table starts anew."""

    def __init__(
        self, network: Network, book: Book, own: Book | None = None, external_snat: bool = False
    ) -> None:
        self._gazetteer = Gazetteer(network, external_snat)
        self._router = Router(self._gazetteer)
        self._book, self._own = book, own
        if network.region and not book.at(date.today(), own).names(network.region):
            log.warning(
                "region not in the price book, the general prices apply region=%s", network.region
            )
        self.forget()

    def forget(self) -> None:
        self._places = self._gazetteer.locate([])
        self._learnt: list[Places] = []

    def learn(self, ends: Sequence[End]) -> None:
        """Once for each endpoint, in the order of their ids."""
        self._learnt.append(self._gazetteer.locate(ends))

    def price(self, rows: Traffic) -> Priced:
        clients, servers, pair = unique_pairs(rows.client, rows.server)
        places = self._known()
        paths = self._router.paths(places.take(clients), places.take(servers))
        charges = Charges(np.zeros(len(pair), np.int64), np.zeros(len(pair), np.int64))
        for prices, some in self._editions(rows.seconds):
            tariff = rates(paths, self._gazetteer.regions.list(), prices)
            found = charge(
                tariff,
                pair[some],
                rows.client_reports[some],
                rows.bytes_to_server[some],
                rows.bytes_to_client[some],
            )
            charges.own[some], charges.far[some] = found
        return Priced(
            paths.path[pair],
            paths.behind[pair],
            self._gateways(paths, pair),
            (paths.transfer != Transfer.UNPRICED)[pair],
            charges,
        )

    def _known(self) -> Places:
        if self._learnt:
            parts = zip(self._places, *self._learnt, strict=True)
            self._places = Places(*(np.concatenate(columns) for columns in parts))
            self._learnt = []
        return self._places

    def _editions(self, seconds: np.ndarray) -> list[tuple[Prices, np.ndarray | slice]]:
        """The prices in effect and the rows that they are for: one, but for a batch across the
        midnight of a change."""
        days = np.unique(seconds // 86_400).astype("datetime64[D]").tolist()
        by_day = [self._book.at(day, self._own) for day in days]
        if all(prices == by_day[0] for prices in by_day):
            return [(prices, slice(None)) for prices in by_day[:1]]
        own_day = (seconds // 86_400).astype("datetime64[D]")
        return [
            (prices, np.flatnonzero(own_day == np.datetime64(day)))
            for prices, day in zip(by_day, days, strict=True)
        ]

    def _gateways(self, paths: Paths, pair: np.ndarray) -> pa.DictionaryArray:
        used = pa.array(paths.gateway[pair].astype(np.int32)).dictionary_encode()
        every = self._router.gateways.list()
        words = pa.array([every[code] for code in used.dictionary.to_pylist()], pa.string())
        return pa.DictionaryArray.from_arrays(used.indices, words)
