"""What AWS charges for the bytes of a flow, each charge once.

AWS charges at the ends of a transfer: an instance pays for what it sends across zones, and the
instance at the other end pays for what it receives, so 1 GB across zones is 0.01 + 0.01 USD. NAT
gateways, endpoints and transit gateways charge for what they process; that is counted to the end
whose packets it is that go through them.

The one-charge-once rule
------------------------
1. Each charge belongs to one end of the conversation: Rates has four columns, what each end is
   charged for what it sends and for what it receives, and no charge is in two of them.
2. Each report carries its own end's charges in `own`, whoever else reports. Both ends' reports
   together so hold each charge once, and a plain sum of `own` over all reports counts none twice.
3. Beside it, each report carries in `far` what the other end is charged on this account's bill.
   It counts where nobody reports for that end, and nowhere else: see `settled`.

So the money of a conversation is the sum of `own` over its reports, and of `far` over those whose
other end has no agent. Unlike bytes, of which one report counts, money is taken from both. That is
right over raw rows and over a view that has one row a conversation alike, as long as both
apply rule 3, and it stays right where a report is missing, late, or sees only a part of a Service's
backends: every byte that an end's own agent saw is charged by that agent's report.

Whether the other end reports is not asked here. It is known for certain only later (in the table
`agents`, by hour), and what is inserted must be a function of the range of offsets alone, or a
repeated insert would differ from the first. The store applies rule 3 when it is asked:

    cost_usd + if((cluster, <far end's node>, toStartOfHour(window))
                  NOT IN (SELECT cluster, node, hour FROM agents), cost_far_usd, 0)

An AWS service, the internet and the site have no node, so theirs counts always.

A report whose path is unknown (a Service's address where no translation was seen and its backends'
zones differ) charges nothing for its end, and nobody else does: `priced` in pricer.py is false
there, so that the bytes without a price can be summed up and shown.

Money is in whole picodollars (1e-12 USD) in 64 bits, each amount rounded to the nearest: sums are
exact, whatever their order, and a row is off by half a picodollar at most for each rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from sql.schema import DOLLARS
from stream.paths import Paths, Transfer
from stream.places import UNSAID
from stream.price_book import EVERYWHERE, Prices, Tier

PICODOLLARS = 10**12


class Rates(NamedTuple):
    """Picodollars per byte, an entry a pair: what each end is charged for what it does."""

    client_sends: np.ndarray
    client_receives: np.ndarray
    server_sends: np.ndarray
    server_receives: np.ndarray

    def any_cost(self) -> np.ndarray:
        """Whether anybody is charged for anything."""
        found: np.ndarray = np.any([column != 0 for column in self], axis=0)
        return found


class Charges(NamedTuple):
    """Picodollars, an entry a row: the reporting end's, and the other's on this account's bill."""

    own: np.ndarray
    far: np.ndarray


def rates(paths: Paths, regions: Sequence[str], prices: Prices) -> Rates:
    """regions: the words of the regions' codes, as Gazetteer.regions lists them."""
    names = [word or EVERYWHERE for word in regions]

    def local(name: str) -> np.ndarray:
        figures: np.ndarray = np.array([prices.usd(name, region) for region in names])
        gathered: np.ndarray = figures[paths.near_region]
        return gathered

    pairs = np.array([[prices.between(a, b) for b in names] for a in names])
    known = (paths.near_region != UNSAID) & (paths.far_region != UNSAID)
    outward = np.where(known, pairs[paths.near_region, paths.far_region], 0)
    inward = np.where(known, pairs[paths.far_region, paths.near_region], 0)

    def of(transfer: Transfer, figures: np.ndarray) -> np.ndarray:
        return np.where(paths.transfer == transfer, figures, 0)

    across = of(Transfer.ZONE, local("cross_zone"))
    public = of(Transfer.PUBLIC_ADDRESS, local("public_address"))
    endpoint = of(Transfer.INTERFACE_ENDPOINT, local("interface_endpoint"))
    to_nat = local("cross_zone") + local("cross_zone_to_nat")
    processing = np.where(paths.nat, local("nat"), 0) + np.where(paths.nat_crosses_zone, to_nat, 0)
    transit = np.where(paths.transit, local("transit_gateway"), 0)
    out = (
        of(Transfer.REGION, outward)
        + of(Transfer.INTERFACE_ENDPOINT, outward)
        + of(Transfer.INTERNET, local("internet"))
        + of(Transfer.ON_PREM, local("on_prem"))
    )
    near_sends = (across + public + out) * paths.near_billed + endpoint + processing + transit
    near_receives = (across + public) * paths.near_billed + endpoint + processing
    far_sends = (across + public + of(Transfer.REGION, inward) + transit) * paths.far_billed
    far_receives = (across + public) * paths.far_billed
    client = paths.near_is_client
    per_byte = PICODOLLARS / prices.gb
    return Rates(
        np.where(client, near_sends, far_sends) * per_byte,
        np.where(client, near_receives, far_receives) * per_byte,
        np.where(client, far_sends, near_sends) * per_byte,
        np.where(client, far_receives, near_receives) * per_byte,
    )


def charge(
    rates: Rates,
    pair: np.ndarray,
    client_reports: np.ndarray,
    bytes_to_server: np.ndarray,
    bytes_to_client: np.ndarray,
) -> Charges:
    """pair: each row's place in the rates. client_reports: whether the row is the client's."""
    client = _picodollars(bytes_to_server, rates.client_sends[pair])
    client += _picodollars(bytes_to_client, rates.client_receives[pair])
    server = _picodollars(bytes_to_client, rates.server_sends[pair])
    server += _picodollars(bytes_to_server, rates.server_receives[pair])
    return Charges(
        np.where(client_reports, client, server), np.where(client_reports, server, client)
    )


def settled(charges: Charges, far_reports: np.ndarray) -> np.ndarray:
    """Picodollars that count of each row, by whether the other end has an agent (rule 3)."""
    return charges.own + np.where(far_reports, 0, charges.far)


def dollars(picodollars: pa.Array) -> pa.Array:
    """As tables have them, who add up in 128 bits; 64 hold nine million dollars a row."""
    amounts = picodollars.to_numpy().astype(np.int64)
    words = np.stack([amounts, amounts >> 63], axis=1)
    return pa.Array.from_buffers(DOLLARS, len(words), [None, pa.py_buffer(words)])


def tiered(gb: float, tiers: Sequence[Tier]) -> float:
    """USD of a month's total; flowatlasTiered does the same in SQL."""
    total, start = 0.0, 0.0
    for tier in tiers:
        end = np.inf if tier.up_to_gb is None else tier.up_to_gb
        total += max(0.0, min(gb, end) - start) * tier.usd_per_gb
        start = end
    return total


def _picodollars(count: np.ndarray, rate: np.ndarray) -> np.ndarray:
    amount: np.ndarray = np.rint(count * rate).astype(np.int64)
    return amount
