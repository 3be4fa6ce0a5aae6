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
        self._spelt: list[list[str]] = [[] for _ in NAMES]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Endpoint:
        codes = self._codes[:, number].tolist()
        words = (spelt[code] for spelt, code in zip(self._spelt, codes, strict=True))
        return Endpoint(self._addresses[number].tobytes(), *words)

    def add(self, endpoint: Endpoint) -> int:
        if self._count == len(self._addresses):
            self._addresses = np.concatenate([self._addresses, np.zeros_like(self._addresses)])
            self._codes = np.concatenate([self._codes, np.zeros_like(self._codes)], axis=1)
        number = self._count
        self._addresses[number] = endpoint.address
        for column, word in enumerate(endpoint[1:]):
            words, spelt = self._words[column], self._spelt[column]
            if word not in words:
                words[word] = len(words)
                spelt.append(word)
            self._codes[column, number] = words[word]
        self._count += 1
        return number

    def columns(self, side: str, ids: np.ndarray) -> dict[str, pa.Array]:
        """The columns of one side of the window table, in its order, dictionaries holding no word
        that the rows do not use."""
        seen = pa.array(ids).dictionary_encode()
        endpoints, places = seen.dictionary.to_numpy(), seen.indices.to_numpy()
        found = {
            f"{side}_{name}": _dictionary(codes[endpoints], spelt, places)
            for name, codes, spelt in zip(NAMES, self._codes, self._spelt, strict=True)
        }
        addresses = pa.py_buffer(self._addresses[endpoints][places])
        found[f"{side}_address"] = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(16), len(ids), [None, addresses]
        )
        return found


def _dictionary(codes: np.ndarray, spelt: list[str], places: np.ndarray) -> pa.DictionaryArray:
    """codes: the word of each endpoint. places: the endpoint of each row."""
    encoded = pa.array(codes).dictionary_encode()
    used = pa.array([spelt[code] for code in encoded.dictionary.to_pylist()], pa.string())
    return pa.DictionaryArray.from_arrays(encoded.indices.to_numpy()[places], used)
