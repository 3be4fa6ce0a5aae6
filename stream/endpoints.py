"""A growing table of endpoints: an id each, a column each of what is known of it."""

from __future__ import annotations

from collections.abc import Container, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from stream.evidence import Confidence
from stream.groups import Groups

Labels = tuple[tuple[str, str], ...]


class Endpoint(NamedTuple):
    """One end of a conversation. `method` says how it was found out, `confidence` by a word of
    evidence.Confidence how sure that is; "" is not known. `host`: of a pod, its node's address."""

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
    zone_id: str = ""
    confidence: str = "none"
    dns_name: str = ""
    labels: Labels = ()
    host: bytes = b""


NAMES = Endpoint._fields[1:]
OF_POD = {"address", "pod", "labels", "host"}
"""What may differ between the pods of a workload on one node."""
OF_NODE = OF_POD | {"node", "method", "confidence"}
"""What may differ between those in one zone."""
OF_NAME = OF_NODE - {"pod"} | {"service", "zone_id", "dns_name"}
"""What may differ between what is told of one pod or host."""


class _Alike:
    """Of each endpoint the first that is the same but for some fields."""

    def __init__(self, different: set[str]) -> None:
        self._places = [at for at, name in enumerate(Endpoint._fields) if name not in different]
        self._first: dict[tuple[Hashable, ...], int] = {}
        self.ids = np.zeros(1024, np.int32)

    def add(self, endpoint: Endpoint, first: int, end: int) -> None:
        if end > len(self.ids):
            self.ids = np.concatenate([self.ids, np.zeros(end, np.int32)])
        told = tuple(endpoint[place] for place in self._places)
        self.ids[first:end] = self._first.setdefault(told, first)


class Endpoints:
    """Ids count up from 0 and stay valid for the life of the table.

    Values are interned per column, so that the columns of many rows are integer gathers.
    """

    def __init__(self) -> None:
        self._count = 0
        self._addresses = np.zeros(1024, "V16")
        self._codes = np.zeros((len(NAMES), 1024), np.int32)
        self._codes_of: list[dict[Hashable, int]] = [{} for _ in NAMES]
        self._words: list[list[Any]] = [[] for _ in NAMES]
        self._arrays = [_spelt(name, []) for name in NAMES]
        self._on_node, self._in_zone = _Alike(OF_POD), _Alike(OF_NODE)
        self._of_pod = _Alike(OF_NAME)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> Endpoint:
        codes = self._codes[:, number].tolist()
        told = map(list.__getitem__, self._words, codes)
        return Endpoint(self._addresses[number].tobytes(), *told)

    def since(
        self, first: int, names: Sequence[str]
    ) -> tuple[np.ndarray, list[tuple[Any, ...]], np.ndarray]:
        """Of the endpoints from number `first` on, at least one: their addresses (V16), the
        different values of these fields, and of each endpoint the place of its own among these."""
        columns = [NAMES.index(name) for name in names]
        codes = self._codes[columns, first : self._count]
        alike = Groups(list(codes))
        different = codes[:, alike.first].tolist()
        words = [
            map(self._words[column].__getitem__, told)
            for column, told in zip(columns, different, strict=True)
        ]
        return self._addresses[first : self._count], list(zip(*words, strict=True)), alike.ids

    def add(self, endpoint: Endpoint) -> int:
        return int(self.add_alike(endpoint, np.frombuffer(endpoint.address, "V16"))[0])

    def add_alike(self, endpoint: Endpoint, addresses: np.ndarray) -> np.ndarray:
        """Endpoints that differ in their addresses (V16) only."""
        first, end = self._count, self._count + len(addresses)
        while end > len(self._addresses):
            self._addresses = np.concatenate([self._addresses, np.zeros_like(self._addresses)])
            self._codes = np.concatenate([self._codes, np.zeros_like(self._codes)], axis=1)
        self._addresses[first:end] = addresses
        codes = [
            codes[word] if word in codes else self._intern(column, word)
            for column, (codes, word) in enumerate(zip(self._codes_of, endpoint[1:], strict=True))
        ]
        self._codes[:, first:end] = np.array(codes, np.int32)[:, None]
        for alike in (self._on_node, self._in_zone, self._of_pod):
            alike.add(endpoint, first, end)
        self._count = end
        return np.arange(first, end)

    def among(self, name: str, ids: np.ndarray, values: Container[Any]) -> np.ndarray:
        """Of each id whether its value in a column is one of these."""
        codes, words = self.words(name, ids)
        found: np.ndarray = np.array([word in values for word in words], bool)[codes]
        return found

    def words(self, name: str, ids: np.ndarray) -> tuple[np.ndarray, list[Any]]:
        """Of each id the place of its value in a column among all that the column has."""
        column = NAMES.index(name)
        return self._codes[column].take(ids), self._words[column]

    def _intern(self, column: int, word: Hashable) -> int:
        codes, words = self._codes_of[column], self._words[column]
        codes[word] = len(words)
        words.append(word)
        return codes[word]

    def on_node(self, ids: np.ndarray) -> np.ndarray:
        """Of each id the first that is the same but for what is of the pod."""
        return self._on_node.ids.take(ids)

    def in_zone(self, ids: np.ndarray) -> np.ndarray:
        """Of each id the first that is the same but for what is of the pod and its node."""
        return self._in_zone.ids.take(ids)

    def of_pod(self, ids: np.ndarray) -> np.ndarray:
        """Of each id the first of the same pod, or of the same host."""
        return self._of_pod.ids.take(ids)

    def columns(self, prefix: str, ids: np.ndarray, names: Container[str]) -> dict[str, pa.Array]:
        """The columns of one side of the window table ("client_", "server_"), those of `names`,
        dictionaries holding no word that the rows do not use."""
        seen = np.zeros(self._count, bool)
        seen[ids] = True
        endpoints, places = np.flatnonzero(seen), (np.cumsum(seen) - 1).take(ids)
        found: dict[str, pa.Array] = {
            f"{prefix}{name}": _gathered(
                self._codes[column].take(endpoints), self._values(column), places
            )
            for column, name in enumerate(NAMES)
            if f"{prefix}{name}" in names
        }
        if f"{prefix}address" in names:
            addresses = pa.py_buffer(self._addresses.take(endpoints).take(places))
            found[f"{prefix}address"] = pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(16), len(ids), [None, addresses]
            )
        return found

    def _values(self, column: int) -> pa.Array:
        """By their codes."""
        words = self._words[column]
        if len(self._arrays[column]) < len(words):
            self._arrays[column] = _spelt(NAMES[column], words)
        return self._arrays[column]


def _spelt(name: str, values: list[Any]) -> pa.Array:
    if name == "confidence":
        return pa.array([Confidence[word.upper()] for word in values], pa.int8())
    if name == "labels":
        return pa.array(values, pa.map_(pa.string(), pa.string()))
    return pa.array(values, pa.binary() if name == "host" else pa.string())


def _gathered(codes: np.ndarray, values: pa.Array, places: np.ndarray) -> pa.Array:
    """codes: the value of each endpoint. places: the endpoint of each row."""
    if pa.types.is_string(values.type):
        return _dictionary(codes, values, places)
    if pa.types.is_map(values.type) and not len(values.items):
        none = pa.array(np.zeros(len(places) + 1, np.int32))
        return pa.MapArray.from_arrays(none, values.keys, values.items)
    return values.take(pa.array(codes.take(places)))


def _dictionary(codes: np.ndarray, words: pa.Array, places: np.ndarray) -> pa.DictionaryArray:
    """codes: the word of each endpoint. places: the endpoint of each row."""
    used = np.zeros(len(words), bool)
    used[codes] = True
    kind = np.min_scalar_type(-len(words))  # the narrowest signed integers
    numbers = (np.cumsum(used) - 1).astype(kind)
    indices = numbers.take(codes).take(places)
    return pa.DictionaryArray.from_arrays(indices, words.take(pa.array(np.flatnonzero(used))))
