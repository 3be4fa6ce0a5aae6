"""Sums between ends as columns: read from the answer of queries/map.sql, and added up by ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sql.console.ends import Grain, Told
from sql.schema import SIDES

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[Any]
Change = Callable[[Values], Values]
Pair = tuple[str, str]
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
    ends = _Ends(table, apart=apart)
    histograms = {name: table[name].combine_chunks() for name in HISTOGRAMS}
    buckets = 1 + max(max(each.keys.to_numpy(), default=-1) for each in histograms.values())
    way_names, ways = _ways(table["ways"].combine_chunks())
    nodes = [end.node and end.place + end.node for end in ends.told]
    zones = (table[f"{side}_zone"].combine_chunks() for side in SIDES)
    sums = Sums(
        pairs=ends.pairs(grain),
        counts={
            name: column.to_numpy().astype(np.int64)
            for name, column in zip(table.column_names, table.columns, strict=True)
            if pa.types.is_uint64(column.type)
        },
        histograms={name: _dense(column, buckets) for name, column in histograms.items()},
        money=_money(table["cost_usd"].combine_chunks()),
        ways=ways,
        way_names=way_names,
        zones=_words(*_encoded(zones)),
        nodes=_words(nodes, ends.codes),
    )
    return sums.added(sums.pairs)


def pairs(table: pa.Table, grain: Grain, *, apart: bool) -> set[Pair]:
    """The same of queries/before.sql."""
    return set(_Ends(table, apart=apart).pairs(grain))


class _Ends:
    """What queries/raw_*.sql tells: `told`, each end once, and `codes`, which of them are each
    row's client and server."""

    def __init__(self, table: pa.Table, *, apart: bool) -> None:
        cluster, *columns = table["raw"].combine_chunks().flatten()
        half = len(columns) // 2
        sides = (columns[:half], columns[half:])
        # One word an end, since Arrow finds equal words far faster than Python equal tuples.
        joined = (pc.binary_join_element_wise(cluster, *side, "\0") for side in sides)
        words, self.codes = _encoded(joined)
        split = (word.split("\0") for word in words)
        self.told = [Told(f"{first}/" if apart else "", *rest) for first, *rest in split]

    def pairs(self, grain: Grain) -> list[Pair]:
        """Of each row, by ids."""
        ids = [end.id(grain) for end in self.told]
        client, server = ([ids[code] for code in codes.tolist()] for codes in self.codes)
        return list(zip(client, server, strict=True))


def _encoded(columns: Iterable[pa.StringArray]) -> tuple[list[str], list[Counts]]:
    """The words of both columns, each once, and their numbers."""
    encoded = pa.concat_arrays(columns).dictionary_encode()
    return encoded.dictionary.to_pylist(), np.split(encoded.indices.to_numpy(), 2)


def _words(words: Sequence[str], codes: Sequence[Counts]) -> Words:
    names = {"": 0}
    numbers = np.array([names.setdefault(word, len(names)) for word in words], np.int64)
    client, server = (numbers[side] for side in codes)
    return Words(list(names), client, server)


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
