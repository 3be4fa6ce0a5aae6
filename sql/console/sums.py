"""Sums between ends as columns: read from the answer of queries/map.sql, and added up by ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sql.console.ends import Grain, Told

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[Any]
Change = Callable[[Values], Values]
Pair = tuple[str, str]
SIDES = ("client", "server")
HISTOGRAMS = ("client_rtt_histogram", "server_rtt_histogram", "connect_latency_histogram")


@dataclass(frozen=True)
class Words:
    """A word for each row of either side, as numbers of `names`, of which the first is ""."""

    names: Sequence[str]
    client: Counts
    server: Counts


@dataclass(frozen=True)
class Sums:
    """What went between `pairs` of ids, a row each. `counts` and `histograms` by name, the latter
    with a column a bucket; `money` exact, in 10^-12 USD; `ways` with a column for each of
    `way_names`, true where any bytes went so. An end's zone is "" where rows do not agree."""

    pairs: Sequence[Pair]
    counts: dict[str, Counts]
    histograms: dict[str, Counts]
    money: npt.NDArray[np.object_]
    ways: npt.NDArray[np.bool_]
    way_names: Sequence[str]
    zones: Words
    nodes: Words

    def added(self, pairs: Iterable[Pair]) -> Sums:
        """The same between what the rows' pairs become, each once."""
        numbers: dict[Pair, int] = {}
        of = np.array([numbers.setdefault(pair, len(numbers)) for pair in pairs], np.int64)
        order = np.argsort(of, kind="stable")
        begin = np.flatnonzero(np.diff(of[order], prepend=-1))

        def total(values: Values, add: np.ufunc = np.add) -> Values:
            return add.reduceat(values[order], begin, axis=0) if len(begin) else values

        def agreed(codes: Values) -> Values:
            low, high = total(codes, np.minimum), total(codes, np.maximum)
            return np.where(low == high, low, 0)

        return self._with(list(numbers), total, agreed, lambda ways: total(ways, np.logical_or))

    def largest_first(self) -> Sums:
        """The same by bytes and then by name, so that everyone sees the same map."""
        sizes = self.counts["bytes_to_server"] + self.counts["bytes_to_client"]
        ranks = list(zip((-sizes).tolist(), self.pairs, strict=True))
        order = sorted(range(len(ranks)), key=ranks.__getitem__)

        def taken(values: Values) -> Values:
            return values[order]

        return self._with([self.pairs[at] for at in order], taken, taken, taken)

    def _with(self, pairs: Sequence[Pair], numbers: Change, words: Change, ways: Change) -> Sums:
        return Sums(
            pairs,
            {name: numbers(values) for name, values in self.counts.items()},
            {name: numbers(values) for name, values in self.histograms.items()},
            numbers(self.money),
            ways(self.ways),
            self.way_names,
            *(
                Words(each.names, words(each.client), words(each.server))
                for each in (self.zones, self.nodes)
            ),
        )


def read(table: pa.Table, grain: Grain, *, apart: bool) -> Sums:
    """The answer of queries/map.sql. apart: clusters are told in ids."""
    told = _told(table, apart=apart)
    histograms = {name: table[name].combine_chunks() for name in HISTOGRAMS}
    buckets = 1 + max(max(each.keys.to_numpy(), default=-1) for each in histograms.values())
    way_names, ways = _ways(table["ways"].combine_chunks())
    sums = Sums(
        pairs=range(table.num_rows),  # type: ignore[arg-type]  # told apart before they have ids
        counts={
            name: column.to_numpy().astype(np.int64)
            for name, column in zip(table.column_names, table.columns, strict=True)
            if pa.types.is_uint64(column.type)
        },
        histograms={name: _dense(column, buckets) for name, column in histograms.items()},
        money=_money(table["cost_usd"].combine_chunks()),
        ways=ways,
        way_names=way_names,
        zones=_words(*(table[f"{side}_zone"].to_pylist() for side in SIDES)),
        nodes=_words(*([end.node and end.place + end.node for end in side] for side in told)),
    )
    return sums.added(_pairs(told, grain))


def pairs(table: pa.Table, grain: Grain, *, apart: bool) -> set[Pair]:
    """The same of queries/before.sql."""
    return set(_pairs(_told(table, apart=apart), grain))


def _told(table: pa.Table, *, apart: bool) -> tuple[list[Told], list[Told]]:
    """What queries/raw_*.sql tells of clients and servers."""
    clusters, *columns = (each.to_pylist() for each in table["raw"].combine_chunks().flatten())
    places = [f"{cluster}/" if apart else "" for cluster in clusters]
    half = len(columns) // 2
    clients, servers = columns[:half], columns[half:]
    return (
        list(map(Told, places, *clients)),
        list(map(Told, places, *servers)),
    )


def _pairs(told: tuple[list[Told], list[Told]], grain: Grain) -> Iterable[Pair]:
    ids = {end: end.id(grain) for side in told for end in side}
    return zip(*([ids[end] for end in side] for side in told), strict=True)


def _dense(column: pa.MapArray, buckets: int) -> Counts:
    found = np.zeros((len(column), buckets), np.int64)
    rows = np.repeat(np.arange(len(column)), np.diff(column.offsets.to_numpy()))
    found[rows, column.keys.to_numpy()] = column.items.to_numpy()
    return found


def _ways(column: pa.ListArray) -> tuple[list[str], npt.NDArray[np.bool_]]:
    """Names as queries/way.sql makes them, sorted, and which each row has."""
    both = zip(*(part.to_pylist() for part in column.values.flatten()), strict=True)
    named = [path if path == behind else f"{path}>{behind}" for path, behind in both]
    names = sorted(set(named))
    codes = {name: code for code, name in enumerate(names)}
    found = np.zeros((len(column), len(names)), np.bool_)
    rows = np.repeat(np.arange(len(column)), np.diff(column.offsets.to_numpy()))
    found[rows, [codes[name] for name in named]] = True
    return names, found


def _money(column: pa.Decimal128Array) -> npt.NDArray[np.object_]:
    halves = np.frombuffer(column.buffers()[1], np.dtype([("low", "<u8"), ("high", "<i8")]))
    low, high = (halves[name][: len(column)].astype(object) for name in ("low", "high"))
    return np.asarray(high * 2**64 + low, object)


def _words(clients: Iterable[str], servers: Iterable[str]) -> Words:
    codes = {"": 0}
    client, server = (
        np.array([codes.setdefault(word, len(codes)) for word in side], np.int64)
        for side in (clients, servers)
    )
    return Words(list(codes), client, server)
