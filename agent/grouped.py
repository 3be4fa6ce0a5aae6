"""Sums over records by group and column. Whole records are never moved: they are mostly zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from agent.ring import RECORD, Records
from agent.wire import HISTOGRAM_BUCKETS

Array = NDArray[Any]
Columns = dict[str, Any]

_LOWEST_BUCKET_BITS = 4
_NO_SAMPLE = np.uint32(0xFFFFFFFF)  # loses every minimum


class Grouped:
    """Records in groups: `group_of` has the group of each, below `groups`. Sums are exact."""

    def __init__(self, records: Records, group_of: Array, groups: int) -> None:
        self._records = records
        self._group_of = group_of
        self.groups = groups
        words = records.view("u8").reshape(len(records), -1)
        # All records or-ed into one: what is zero in it is zero in all, and need not be summed.
        self._any = np.bitwise_or.reduce(words, axis=0).view(RECORD)[0]

    def total(self, name: str) -> Array:
        """A field's sum by group."""
        if not self._any[name]:
            return np.zeros(self.groups, "u8")
        return _sums(self._records[name], self._group_of, self.groups)

    def earliest(self, name: str) -> Array:
        """A time's least by group, nanoseconds."""
        least = np.full(self.groups, np.iinfo("i8").max)
        np.minimum.at(least, self._group_of, self._records[name].astype("i8"))
        return least

    def latest(self, name: str) -> Array:
        """A time's most by group, nanoseconds."""
        most = np.full(self.groups, np.iinfo("i8").min)
        np.maximum.at(most, self._group_of, self._records[name].astype("i8"))
        return most

    def rtt(self) -> Columns:
        """The five columns of the records' RTT distributions."""
        records, of = self._records, self._group_of
        least = np.where(records["rtt_count"] > 0, records["rtt_min"], _NO_SAMPLE)
        used = np.flatnonzero(self._any["rtt_buckets"])
        counts = np.empty((self.groups, len(used)), "u8")
        for at, bucket in enumerate(used):
            counts[:, at] = _sums(records["rtt_buckets"][:, bucket], of, self.groups)
        cell = np.flatnonzero(counts.ravel() != 0)
        group, column = np.divmod(cell, max(1, len(used)))
        return _distribution(
            "rtt",
            count=self.total("rtt_count"),
            total=self.total("rtt_sum"),
            extremes=_extremes(least, records["rtt_max"], of, self.groups),
            histogram=_histograms(group, used[column], counts.ravel()[cell], self.groups),
        )

    def connect_latency(self) -> Columns:
        """The same of connect latencies: one sample a record at the most, 0 stands for none."""
        took = self._records["connect_microseconds"]
        at = np.flatnonzero(took) if self._any["connect_microseconds"] else np.empty(0, "i8")
        took, of = took[at], self._group_of[at]
        exponent = np.frexp(took.astype("f8"))[1] - 1  # floor(log2)
        bucket = np.clip(exponent - _LOWEST_BUCKET_BITS, 0, HISTOGRAM_BUCKETS - 1)
        cell, counts = np.unique(of * HISTOGRAM_BUCKETS + bucket, return_counts=True)
        group, bucket = np.divmod(cell, HISTOGRAM_BUCKETS)
        return _distribution(
            "connect_latency",
            count=np.bincount(of, minlength=self.groups).astype("u8"),
            total=_sums(took, of, self.groups),
            extremes=_extremes(took, took, of, self.groups),
            histogram=_histograms(group, bucket, counts.astype("u8"), self.groups),
        )

    def dropped(self) -> tuple[Array, Array, Array]:
        """Packets dropped and why, of the records with any, and where each group begins in them."""
        at = np.flatnonzero(self._records["dropped"]) if self._any["dropped"] else np.empty(0, "i8")
        at = at[np.argsort(self._group_of[at], kind="stable")]
        starts = np.searchsorted(self._group_of[at], np.arange(self.groups))
        return self._records["dropped"][at], self._records["drop_reason"][at], starts


def array(values: Array, kind: pa.DataType, valid: Array | None = None) -> pa.Array:
    """The values' own memory as an Arrow array. (pa.array would import pandas.)"""
    content = _bits(values) if kind == pa.bool_() else pa.py_buffer(np.ascontiguousarray(values))
    bitmap = None if valid is None else _bits(valid)
    return pa.Array.from_buffers(kind, len(values), [bitmap, content])


def _bits(flags: Array) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def _sums(values: Array, group_of: Array, groups: int) -> Array:
    sums = np.zeros(groups, "u8")
    np.add.at(sums, group_of, values.astype("u8"))
    return sums


def _extremes(low: Array, high: Array, group_of: Array, groups: int) -> tuple[Array, Array]:
    least, most = np.full(groups, _NO_SAMPLE), np.zeros(groups, "u4")
    np.minimum.at(least, group_of, np.ascontiguousarray(low))
    np.maximum.at(most, group_of, np.ascontiguousarray(high))
    return least, most


def _distribution(
    name: str, *, count: Array, total: Array, extremes: tuple[Array, Array], histogram: pa.Array
) -> Columns:
    sampled = count > 0
    least, most = (np.where(sampled, extreme, np.uint32(0)) for extreme in extremes)
    return {
        f"{name}_count": count,
        f"{name}_sum": total,
        f"{name}_min": array(least, pa.uint32(), sampled),
        f"{name}_max": array(most, pa.uint32(), sampled),
        f"{name}_histogram": histogram,
    }


def _histograms(group: Array, bucket: Array, counts: Array, groups: int) -> pa.Array:
    """Maps of bucket to count, from the cells that are not empty, ordered by group."""
    offsets = np.concatenate(([0], np.cumsum(np.bincount(group, minlength=groups))))
    return pa.MapArray.from_arrays(
        array(offsets.astype("i4"), pa.int32()),
        array(bucket.astype("u1"), pa.uint8()),
        array(counts, pa.uint64()),
    )
