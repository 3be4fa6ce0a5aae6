"""A growing table of endpoints: an id each, a column each of what is known of it."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

import numpy as np
import pyarrow as pa


class Endpoint(NamedTuple):
    """One end of a conversation. `method` says how it was found out; "" is not known."""

    address: bytes
    kind: str = "unknown"
    namespace: str = ""
    workload: str = ""
    workload_kind: str = ""
    pod: str = ""
    node: str = ""
    zone: str = ""
    region: str = ""
    service: str = ""
    method: str = "none"


NAMES = Endpoint._fields[1:]
POD = Endpoint._fields.index("pod")


class Endpoints:
    """Ids count up from 0 and stay valid for the life of the table.

    Strings are interned per column, so that the columns of many rows are integer gathers.
    """

    def __init__(self) -> None:
        self._count = 0
        self._addresses = np.zeros(1024, "V16")
        self._codes = np.zeros((len(NAMES), 1024), np.int32)
        self._codes_of: list[dict[str, int]] = [{} for _ in NAMES]
        self._words: list[list[str]] = [[] for _ in NAMES]
        self._arrays = [pa.array([], pa.string()) for _ in NAMES]
        self._workloads = np.zeros(1024, np.int32)
        self._workload_of: dict[tuple[bytes | str, ...], int] = {}

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Endpoint:
        codes = self._codes[:, number].tolist()
        told = map(list.__getitem__, self._words, codes)
        return Endpoint(self._addresses[number].tobytes(), *told)

    def add(self, endpoint: Endpoint) -> int:
        number = self._count
        if number == len(self._addresses):
            self._addresses = np.concatenate([self._addresses, np.zeros_like(self._addresses)])
            self._codes = np.concatenate([self._codes, np.zeros_like(self._codes)], axis=1)
            self._workloads = np.concatenate([self._workloads, self._workloads])
        self._addresses[number] = endpoint.address
        self._codes[:, number] = [
            codes[word] if word in codes else self._intern(column, word)
            for column, (codes, word) in enumerate(zip(self._codes_of, endpoint[1:], strict=True))
        ]
        workload = (*endpoint[1:POD], *endpoint[POD + 1 :])
        self._workloads[number] = self._workload_of.setdefault(workload, number)
        self._count += 1
        return number

    def _intern(self, column: int, word: str) -> int:
        codes, words = self._codes_of[column], self._words[column]
        codes[word] = len(words)
        words.append(word)
        return codes[word]

    def workloads(self, ids: np.ndarray) -> np.ndarray:
        """Of each id the first that is the same but for pod and address."""
        found: np.ndarray = self._workloads[ids]
        return found

    def columns(self, side: str, ids: np.ndarray, names: Container[str]) -> dict[str, pa.Array]:
        """The columns of one side of the window table, those of `names`, dictionaries holding no
        word that the rows do not use."""
        seen = np.zeros(self._count, bool)
        seen[ids] = True
        endpoints, places = np.flatnonzero(seen), (np.cumsum(seen) - 1).take(ids)
        found: dict[str, pa.Array] = {
            f"{side}_{name}": _dictionary(self._codes[column].take(endpoints), words, places)
            for column, (name, words) in enumerate(zip(NAMES, self._spelt(), strict=True))
            if f"{side}_{name}" in names
        }
        if f"{side}_address" in names:
            addresses = pa.py_buffer(self._addresses.take(endpoints).take(places))
            found[f"{side}_address"] = pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(16), len(ids), [None, addresses]
            )
        return found

    def _spelt(self) -> list[pa.Array]:
        """The words of each column by their codes."""
        for column, words in enumerate(self._words):
            if len(self._arrays[column]) < len(words):
                self._arrays[column] = pa.array(words, pa.string())
        return self._arrays


def _dictionary(codes: np.ndarray, words: pa.Array, places: np.ndarray) -> pa.DictionaryArray:
    """codes: the word of each endpoint. places: the endpoint of each row."""
    used = np.zeros(len(words), bool)
    used[codes] = True
    kind = np.min_scalar_type(-len(words))  # the narrowest signed integers
    numbers = (np.cumsum(used) - 1).astype(kind)
    indices = numbers.take(codes).take(places)
    return pa.DictionaryArray.from_arrays(indices, words.take(pa.array(np.flatnonzero(used))))
