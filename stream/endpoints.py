"""A growing table of endpoints: an id each, a column each of what is known of it."""

from __future__ import annotations

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


class Endpoints:
    """Ids count up from 0 and stay valid for the life of the table.

    Strings are interned per column, so that the columns of many rows are integer gathers.
    """

    def __init__(self) -> None:
        self._count = 0
        self._addresses = np.zeros(1024, "V16")
        self._codes = np.zeros((len(NAMES), 1024), np.int32)
        self._words: list[dict[str, int]] = [{} for _ in NAMES]

    def __len__(self) -> int:
        return self._count

    def add(self, endpoint: Endpoint) -> int:
        if self._count == len(self._addresses):
            self._addresses = np.concatenate([self._addresses, np.zeros_like(self._addresses)])
            self._codes = np.concatenate([self._codes, np.zeros_like(self._codes)], axis=1)
        number = self._count
        self._addresses[number] = endpoint.address
        for column, (words, word) in enumerate(zip(self._words, endpoint[1:], strict=True)):
            self._codes[column, number] = words.setdefault(word, len(words))
        self._count += 1
        return number

    def columns(self, side: str, ids: np.ndarray) -> dict[str, pa.Array]:
        """The columns of one side of the window table, in its order, dictionaries holding no word
        that the rows do not use."""
        found = {
            f"{side}_{name}": _dictionary(codes[ids], words)
            for name, codes, words in zip(NAMES, self._codes, self._words, strict=True)
        }
        addresses = pa.py_buffer(np.ascontiguousarray(self._addresses[ids]))
        found[f"{side}_address"] = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(16), len(ids), [None, addresses]
        )
        return found


def _dictionary(codes: np.ndarray, words: dict[str, int]) -> pa.DictionaryArray:
    encoded = pa.array(codes).dictionary_encode()
    every = list(words)
    used = pa.array([every[code] for code in encoded.dictionary.to_pylist()], pa.string())
    return pa.DictionaryArray.from_arrays(encoded.indices, used)
