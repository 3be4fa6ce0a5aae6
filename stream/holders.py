"""Who had the addresses of a range's rows when: looked up once an address, and a row only for
addresses that changed hands meanwhile."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from stream.cluster import NOBODY, Cluster
from stream.columns import NULL, Entries, Rows, pairs
from stream.prefixes import ADDRESS

LATEST = 2**62


class Holders(NamedTuple):
    """Pairs of an address and who had it, and the entries of rows as such pairs.

    codes: of each pair the address among entries.distinct, as octets of shape (n, 16) too. records:
    the number of the holder's record, NOBODY. pairs: of each entry.
    """

    entries: Entries
    codes: np.ndarray
    octets: np.ndarray
    records: np.ndarray
    pairs: np.ndarray


def find(cluster: Cluster, addresses: Entries, rows: Rows) -> Holders:
    """An entry whose address changed hands becomes one for each holder."""
    begins, ends = (rows.numbers(name) for name in ("interval_start", "interval_end"))
    every = octets(addresses.distinct)
    places = cluster.places(every.view(ADDRESS).ravel())
    # An interval of a clock that was set may end before it begins.
    first = int(begins.min(initial=LATEST))
    last = int(np.maximum(begins, ends).max(initial=first))
    records, steady = cluster.holders(places, first, last)
    codes = np.arange(len(every))
    numbers = addresses.codes.astype(np.int64)
    if not steady.all():
        unsteady = ~steady[addresses.codes]
        for column, entry in enumerate(addresses.rows):
            positions = np.flatnonzero((entry != NULL) & unsteady[entry])
            if not positions.size:
                continue
            place = places[addresses.codes[entry[positions]]]
            held = cluster.at(place, begins[positions])
            held = np.where(held == NOBODY, cluster.at(place, ends[positions]), held)
            found, which = pairs(entry[positions], held + 1)
            old, holder = np.array(found, np.int64).T
            addresses.rows[column] = entry.copy()
            addresses.rows[column][positions] = len(addresses.codes) + which
            numbers = np.concatenate([numbers, len(codes) + np.arange(len(old))])
            codes = np.concatenate([codes, addresses.codes[old]])
            records = np.concatenate([records, holder - 1])
            addresses = addresses._replace(
                codes=np.concatenate([addresses.codes, addresses.codes[old]])
            )
            unsteady = np.concatenate([unsteady, np.zeros(len(old), bool)])
    return Holders(addresses, codes, every[codes], records, numbers)


def octets(addresses: pa.Array) -> np.ndarray:
    """Of shape (n, 16)."""
    _, memory = addresses.buffers()
    whole = np.frombuffer(memory, "u1")[16 * addresses.offset :][: 16 * len(addresses)]
    return whole.reshape(-1, 16)
