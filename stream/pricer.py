"""Rows to paths and money: what paths.py and price.py know of pairs, gathered per row."""

from __future__ import annotations

import logging
from datetime import date
from typing import NamedTuple

import numpy as np

from stream.keys import Keys
from stream.network.model import Network
from stream.paths import Paths, Router, Transfer
from stream.places import Ends, Gazetteer, Places
from stream.price import Charges, Rates, charge, rates
from stream.price_book import Book

log = logging.getLogger(__name__)

MAX_PAIRS = 2_000_000
"""Remembered at 30 bytes or so each; beyond this, what was learnt is forgotten."""

KIND_WORDS = len(Paths._fields) // 4
"""Four columns of a path, each below 2**16, in a word of 8 bytes."""


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
    """of: of each row, the entry of paths that it goes by; equal ones go the same way and cost the
    same. gateways: the words of their codes."""

    of: np.ndarray
    paths: Paths
    gateways: list[str]
    charges: Charges

    @property
    def path(self) -> np.ndarray:
        """Codes of paths.Path, an entry a row."""
        codes: np.ndarray = self.paths.path[self.of]
        return codes

    @property
    def behind(self) -> np.ndarray:
        codes: np.ndarray = self.paths.behind[self.of]
        return codes

    @property
    def gateway(self) -> list[str]:
        return [self.gateways[code] for code in self.paths.gateway[self.of].tolist()]

    @property
    def priced(self) -> np.ndarray:
        """Whether AWS's charges are known; where not, what is known of them is in the charges."""
        known: np.ndarray = (self.paths.transfer != Transfer.UNPRICED)[self.of]
        return known


class Pricer:
    """Prices by one version of the network and the books. Endpoints are numbered as they are
    learnt, from 0; `forget` when their table starts anew. A pair's path is found once; the
    different ones are few, so prices are of these."""

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
        self._rates: dict[date, Rates] = {}
        self._kinds = Keys(KIND_WORDS)
        self._paths: Paths | None = None
        self.forget()

    def forget(self) -> None:
        self._places = self._gazetteer.locate(Ends.each([]))
        self._learnt: list[Places] = []
        self._forget_pairs()

    def _forget_pairs(self) -> None:
        self._pairs = Keys(1)
        self._of_pair = np.zeros(1024, np.int32)

    def learn(self, ends: Ends) -> None:
        """Once for each endpoint, in the order of their ids."""
        self._learnt.append(self._gazetteer.locate(ends))

    def price(self, rows: Traffic) -> Priced:
        """At least one row."""
        of = self._kinds_of(rows.client, rows.server)
        assert self._paths
        charges = Charges(np.zeros(len(of), np.int64), np.zeros(len(of), np.int64))
        for tariff, some in self._tariffs(rows.seconds):
            costs = tariff.any_cost()[of[some]]
            dear = np.flatnonzero(costs) if isinstance(some, slice) else some[costs]
            found = charge(
                tariff,
                of[dear],
                rows.client_reports[dear],
                rows.bytes_to_server[dear],
                rows.bytes_to_client[dear],
            )
            charges.own[dear], charges.far[dear] = found
        return Priced(of, self._paths, self._router.gateways.list(), charges)

    def _kinds_of(self, client: np.ndarray, server: np.ndarray) -> np.ndarray:
        """Of each row, the number of its path among the different ones."""
        if len(self._pairs) > MAX_PAIRS:
            self._forget_pairs()
        known = len(self._pairs)
        numbers = self._pairs.add((client.astype(np.int64) << 32 | server).view(np.uint64))
        if len(self._pairs) > known:
            new = self._pairs.keys[known:, 0].astype(np.int64)
            self._learn_pairs(known, new >> 32, new & 0xFFFFFFFF)
        of: np.ndarray = self._of_pair.take(numbers)
        return of

    def _learn_pairs(self, known: int, clients: np.ndarray, servers: np.ndarray) -> None:
        places = self._known()
        paths = self._router.paths(places.take(clients), places.take(servers))
        columns = [column.astype(np.int64) for column in paths]
        words = np.zeros((len(clients), KIND_WORDS), np.uint64)
        for place, column in enumerate(columns):
            words[:, place // 4] |= (column << 16 * (place % 4)).view(np.uint64)
        before = len(self._kinds)
        kinds = self._kinds.add(words)
        if len(self._kinds) > before:
            first = np.unique(kinds, return_index=True)
            rows = first[1][first[0] >= before]
            fresh = Paths(*(column[rows] for column in paths))
            old = self._paths or Paths(*(column[:0] for column in paths))
            self._paths = Paths(*(np.concatenate(c) for c in zip(old, fresh, strict=True)))
            self._rates = {}
        end = known + len(kinds)
        if end > len(self._of_pair):
            room = np.zeros(2 * end, np.int32)
            room[:known] = self._of_pair[:known]
            self._of_pair = room
        self._of_pair[known:end] = kinds

    def _known(self) -> Places:
        if self._learnt:
            parts = zip(self._places, *self._learnt, strict=True)
            self._places = Places(*(np.concatenate(columns) for columns in parts))
            self._learnt = []
        return self._places

    def _tariffs(self, seconds: np.ndarray) -> list[tuple[Rates, np.ndarray | slice]]:
        """The rates in effect and the rows that they are for: one, but for a batch across the
        midnight of a change."""
        days = seconds // 86_400
        different = np.unique(days) if days.min() != days.max() else days[:1]
        found = [self._tariff(day) for day in different.astype("datetime64[D]").tolist()]
        if len(found) == 1:
            return [(found[0], slice(None))]
        return [
            (rates, np.flatnonzero(days == day))
            for rates, day in zip(found, different, strict=True)
        ]

    def _tariff(self, day: date) -> Rates:
        if day not in self._rates:
            assert self._paths
            prices = self._book.at(day, self._own)
            self._rates[day] = rates(self._paths, self._gazetteer.regions.list(), prices)
        return self._rates[day]
