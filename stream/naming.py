"""Names for the far ends outside of the cluster: those under which the reporting pod was given
their addresses, and the AWS services that these names are of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from agent.wire import Reporter
from stream.columns import NULL, Entries, Rows, pairs
from stream.endpoints import Endpoint, Endpoints
from stream.evidence import WORDS, Confidence, Method
from stream.holders import octets as octets_of
from stream.hosts import AMAZON, Host, load
from stream.prefixes import ADDRESS
from stream.seen_names import SeenNames, nodes, pods

FOREIGN = frozenset(
    {
        *(Method.VPC_ENDPOINT, Method.SITE_RANGE, Method.IP_RANGES),
        *(Method.PRIVATE_RANGE, Method.PUBLIC_RANGE, Method.NONE),
    }
)
"""How endpoints were found that a name says more of."""
LISTED = frozenset({Method.SITE_RANGE, Method.IP_RANGES})
"""Of these, what is said of the address itself; a name that is less sure yields to it."""
LEVELS = len(Confidence)


class Naming:
    """Endpoints with a name are endpoints of their own: `add` puts them into the table."""

    def __init__(self, seen: SeenNames, add: Callable[[Endpoint], int]) -> None:
        self._seen = seen
        self._add = add
        self._hosts: dict[str, Host | None] = {}
        self.forget()

    def forget(self) -> None:
        """The table starts anew."""
        self._named: dict[tuple[int, str, int], int] = {}

    def name(
        self,
        rows: Rows,
        addresses: Entries,
        uids: Entries,
        endpoints: Endpoints,
        ends: tuple[np.ndarray, np.ndarray],
    ) -> None:
        """Put named endpoints for those far ends that have a name, in place. ends: ids of clients
        and of servers."""
        client, server = ends
        outward = rows.numbers("reporter") == Reporter.CLIENT
        far = np.where(outward, server, client)
        entry = np.where(outward, addresses.rows[1], addresses.rows[0])
        octets = octets_of(addresses.distinct)
        heard = self._seen.heard(octets.view(ADDRESS).ravel())
        worth = heard[addresses.codes[entry]] & endpoints.among("method", far, FOREIGN)
        positions = np.flatnonzero(worth)
        if not positions.size:
            return
        own = np.where(outward, addresses.rows[0], addresses.rows[1])[positions]
        found = self._seen.lookup(
            octets[addresses.codes[entry[positions]]].view(ADDRESS).ravel(),
            _askers(uids, positions, octets[addresses.codes[own]]),
            nodes(list(rows.nodes))[rows.batches[positions]],
            rows.numbers("interval_end")[positions],
        )
        known = found.names >= 0
        positions, names = positions[known], found.names[known] * LEVELS + found.confidence[known]
        different, place = pairs(far[positions], names)
        ids = np.array([self._id(endpoints, *pair) for pair in different], np.int64)[place]
        outward = outward[positions]
        server[positions[outward]] = ids[outward]
        client[positions[~outward]] = ids[~outward]

    def _id(self, endpoints: Endpoints, number: int, told: int) -> int:
        name, confidence = self._seen.words[told // LEVELS], told % LEVELS
        key = number, name, confidence
        if key not in self._named:
            endpoint = self._apply(endpoints[number], name, Confidence(confidence))
            self._named[key] = number if endpoint is None else self._add(endpoint)
        return self._named[key]

    def _apply(self, end: Endpoint, name: str, confidence: Confidence) -> Endpoint | None:
        """None where the name says nothing: long ago told to others, of an address that many names
        may share."""
        if name not in self._hosts:
            self._hosts[name] = load()[name]
        host = self._hosts[name]
        if host is None or end.method == Method.VPC_ENDPOINT:
            return end._replace(dns_name=name) if confidence > Confidence.LOW else None
        sure = end.method not in LISTED or confidence >= WORDS.index(end.confidence)
        same = host.service in {end.service, AMAZON} and end.kind == "aws_service"
        if same or not sure:
            return end._replace(dns_name=name) if confidence > Confidence.LOW else None
        return end._replace(
            kind="aws_service",
            service=host.service,
            region=host.region or end.region,
            method=Method.DNS,
            confidence=WORDS[confidence],
            dns_name=name,
        )


def _askers(uids: Entries, positions: np.ndarray, addresses: np.ndarray) -> np.ndarray:
    """Keys of the reporting ends: their pods, or `addresses` where no pod was told."""
    keys = np.ascontiguousarray(addresses).view("u8").reshape(-1, 2).copy()
    entry = uids.rows[0][positions]
    told = np.flatnonzero(entry != NULL)
    if told.size:
        codes, place = np.unique(uids.codes[entry[told]], return_inverse=True)
        words = uids.distinct.take(pa.array(codes)).to_pylist()
        keys[told] = pods(words)[place]
    return keys
