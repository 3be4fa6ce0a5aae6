"""What AWS charges per GB, as data: editions by date, figures by region, each with its source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import resources
from pathlib import Path

import numpy as np

from stream import documents
from stream.documents import MisfitError
from stream.errors import MalformedFileError

ORIGIN = "the built-in book in stream/prices as the pattern"
EVERYWHERE = "*"
"""Stands for all regions that are not named."""

TRANSFERS = (
    "cross_zone",
    "cross_zone_to_nat",
    "public_address",
    "nat",
    "interface_endpoint",
    "transit_gateway",
    "internet",
    "on_prem",
)


@dataclass(frozen=True)
class Figure:
    """`source` is a key of the edition's sources."""

    usd_per_gb: float
    source: str


@dataclass(frozen=True)
class Tier:
    """The price of what goes beyond the tier before, up to so many GB a month; null: any more."""

    up_to_gb: float | None
    usd_per_gb: float


@dataclass(frozen=True)
class Region:
    """What is not said of a region is what is said of EVERYWHERE. `inter_region`: what it costs
    this region to send to another one. The figure `internet` is the first tier that costs."""

    cross_zone: Figure | None = None
    cross_zone_to_nat: Figure | None = None
    public_address: Figure | None = None
    nat: Figure | None = None
    interface_endpoint: Figure | None = None
    transit_gateway: Figure | None = None
    internet: Figure | None = None
    on_prem: Figure | None = None
    internet_tiers: tuple[Tier, ...] = ()
    inter_region: dict[str, Figure] = field(default_factory=dict)


@dataclass(frozen=True)
class Edition:
    """Prices from the start of a day on, UTC, until the next edition."""

    valid_from: date
    sources: dict[str, str]
    regions: dict[str, Region]


@dataclass(frozen=True)
class Prices:
    """What is in effect at one time: the user's word first, and a region's own before that of all.

    `gb` is the number of bytes that AWS bills as one GB.
    """

    layers: tuple[Edition, ...]
    gb: int

    def usd(self, name: str, region: str) -> float:
        """USD per GB of one of TRANSFERS."""
        for prices in self._of(region):
            figure: Figure | None = getattr(prices, name)
            if figure:
                return figure.usd_per_gb
        raise KeyError(name)

    def between(self, sender: str, receiver: str) -> float:
        """USD per GB that the sending region is charged."""
        if sender == receiver:
            return 0.0
        for prices in self._of(sender):
            figure = prices.inter_region.get(receiver) or prices.inter_region.get(EVERYWHERE)
            if figure:
                return figure.usd_per_gb
        raise KeyError("inter_region")

    def tiers(self, region: str) -> tuple[Tier, ...]:
        """Of internet egress; who gives the figure `internet` and no tiers has none."""
        for prices in self._of(region):
            if prices.internet_tiers:
                return prices.internet_tiers
            if prices.internet:
                return (Tier(None, prices.internet.usd_per_gb),)
        raise KeyError("internet")

    def regions(self) -> list[str]:
        """All that are named, EVERYWHERE included."""
        return sorted({name for layer in self.layers for name in layer.regions})

    def names(self, region: str) -> bool:
        """Whether any layer knows the region; what does not gets the general prices."""
        return any(region in layer.regions for layer in self.layers)

    def _of(self, region: str) -> list[Region]:
        names = (region, EVERYWHERE)
        found = [layer.regions.get(name) for layer in self.layers for name in names]
        return [prices for prices in found if prices]


@dataclass(frozen=True)
class Book:
    """`gb`: AWS meters in bytes and bills per 2^30 of them, which it calls GB."""

    gb: int
    editions: tuple[Edition, ...]

    def at(self, day: date, over: Book | None = None) -> Prices:
        """The prices of a day; before the first edition, those of the first. `over`: a user's own
        figures, which win."""
        books = [over, self] if over and over.editions else [self]
        layers = tuple(_effective(book.editions, day) for book in books)
        return Prices(layers, books[0].gb)


def _effective(editions: Sequence[Edition], day: date) -> Edition:
    in_order = sorted(editions, key=lambda edition: edition.valid_from)
    return next((e for e in reversed(in_order) if e.valid_from <= day), in_order[0])


def by_edition(book: Book, over: Book | None) -> list[tuple[date, Prices]]:
    """Every time that prices change, with those from then on."""
    editions = [*book.editions, *(over.editions if over else ())]
    days = sorted({edition.valid_from for edition in editions})
    return [(day, book.at(day, over)) for day in days]


def builtin() -> Book:
    with resources.as_file(resources.files("stream") / "prices" / "aws.json") as path:
        book = load(path)
    for edition in book.editions:
        _complete(edition)
    return book


def load(path: Path) -> Book:
    """A book of the user's may hold some figures only. Raises MalformedFileError."""
    book = documents.load(path, Book, ORIGIN)
    try:
        _check(book)
    except MisfitError as error:
        raise MalformedFileError(path, str(error), ORIGIN) from error
    return book


def _check(book: Book) -> None:
    if book.gb <= 0:
        raise MisfitError("gb", f"is not above 0: {book.gb}")
    for number, edition in enumerate(book.editions):
        for name, prices in edition.regions.items():
            where = f"editions[{number}].regions.{name}"
            figures = [(key, getattr(prices, key)) for key in TRANSFERS]
            figures += [(f"inter_region.{to}", f) for to, f in prices.inter_region.items()]
            for key, figure in figures:
                if figure:
                    _check_figure(f"{where}.{key}", figure, edition)
            _check_tiers(f"{where}.internet_tiers", prices.internet_tiers)


def _check_figure(where: str, figure: Figure, edition: Edition) -> None:
    if not (np.isfinite(figure.usd_per_gb) and figure.usd_per_gb >= 0):
        raise MisfitError(f"{where}.usd_per_gb", f"is not 0 or more: {figure.usd_per_gb}")
    if figure.source not in edition.sources:
        raise MisfitError(f"{where}.source", f"is none of the sources: {figure.source!r}")


def _check_tiers(where: str, tiers: Sequence[Tier]) -> None:
    bounds = [tier.up_to_gb for tier in tiers]
    finite = [bound for bound in bounds if bound is not None]
    if tiers and (bounds[-1] is not None or finite != sorted(set(finite)) or None in bounds[:-1]):
        raise MisfitError(where, "do not rise to a last one without up_to_gb")


def _complete(edition: Edition) -> None:
    """Raises KeyError if a price might be asked for that the book lacks."""
    prices = Prices((edition,), 1)
    for name in TRANSFERS:
        prices.usd(name, EVERYWHERE)
    prices.between(EVERYWHERE, "")
    prices.tiers(EVERYWHERE)
