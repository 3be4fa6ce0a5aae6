"""Under which name an address was given out: to the pod that speaks with it, at the time it did."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream.asof import digests
from stream.evidence import Confidence
from stream.keys import Keys
from stream.timelines import NONE, Timelines, ticks

Array = NDArray[Any]

NAMELESS = -1
WAITING = 1 << 16
"""Rows that are taken in at once, or by the next lookup."""
KEPT = 0.75
"""What is left of the entries when there are too many: letting go has a price, too."""
LONGEST_TTL = 86_400
"""Seconds that an answer is believed, whatever it says: none may hold its room for ever."""
WORD = 32
ANYBODY = "*"

# By who was told and whether the answer still held. What the pod itself was told, however long ago,
# is better than what others were: connections and resolvers' caches outlive a TTL.
WORTH = {
    "own": (Confidence.MEDIUM, Confidence.HIGH),
    "node": (Confidence.LOW, Confidence.MEDIUM),
    "anybody": (Confidence.LOW, Confidence.MEDIUM),
}


class Seen(NamedTuple):
    """Numbers of names (i8, NAMELESS where there is none), and a Confidence for each (u1)."""

    names: Array
    confidence: Array


class SeenNames:
    """The rows of topic `names` as timelines of who was told an address under which name.

    An answer holds from the time it came until its TTL is over, and `grace_seconds` more: a name is
    looked up before the connection, and a flow row's time is at its end. After that it stays the
    last known one, at less confidence, until another name takes its place or room is needed: a
    database's or a broker's connection lives for days on an answer of 5 seconds.

    Each row makes up to three entries: for the pod (or where its cgroup told none, the address)
    that asked, for its node, and for anybody; the latter two serve pods whose own answer was not
    seen (asked over TCP, or before the agent came). An answer that repeats the last one lengthens
    it instead. Beyond `most_entries` those go first that ended first.

    What a pod was told is what it believed: a resolver may lie to its own pod, and through the
    other two entries to others, which is why those are worth less. Not for several threads.
    """

    def __init__(self, most_entries: int = 1_500_000, grace_seconds: float = 60.0) -> None:
        self._most = most_entries
        self._grace = int(grace_seconds * 1000)
        self._addresses, self._askers, self._pairs = Keys(2), Keys(2), Keys(1)
        self._told = Timelines("i4", "i8")
        self._numbers: dict[str, int] = {}
        self._waiting: list[tuple[pa.RecordBatch, str]] = []
        self._rows = 0
        self.words: list[str] = []
        """Names by number. Void after add()."""

    def __len__(self) -> int:
        return len(self._told)

    @property
    def nbytes(self) -> int:
        """Of the arrays; the words and their numbers come on top."""
        held = (self._addresses, self._askers, self._pairs, self._told)
        return sum(part.nbytes for part in held)

    def add(self, rows: pa.RecordBatch, node: str) -> None:
        """Take in rows of agent.wire.names.SCHEMA from a node, in any order."""
        self._waiting.append((rows, node))
        self._rows += rows.num_rows
        if self._rows > WAITING:
            self._settle()

    def heard(self, addresses: Array) -> Array:
        """Of which addresses (V16) anybody was told a name."""
        self._settle()
        heard: Array = self._addresses.find(addresses) >= 0
        return heard

    def lookup(self, addresses: Array, askers: Array, nodes: Array, times: Array) -> Seen:
        """The names of addresses (V16) for those who spoke with them, as of times (Unix ns).

        askers: pods() of the reporting ends, or their addresses (V16, seen as u8 of width 2) where
        no pod is known. nodes: nodes() of the reporters.
        """
        self._settle()
        found = Seen(
            np.full(len(times), NAMELESS, "i8"), np.full(len(times), Confidence.NONE, "u1")
        )
        if not len(self._told):
            return found
        at = ticks(times)
        answers = self._addresses.find(addresses)
        anybody = np.repeat(digests([ANYBODY]), len(times), axis=0)
        for scope, keys in (("own", askers), ("node", nodes), ("anybody", anybody)):
            self._improve(found, answers, self._askers.find(keys), at, WORTH[scope])
        return found

    def _improve(
        self, found: Seen, answers: Array, askers: Array, at: Array, worth: tuple[int, int]
    ) -> None:
        rows = np.flatnonzero((answers >= 0) & (askers >= 0) & (found.confidence < worth[1]))
        groups = self._pairs.find(askers[rows] << WORD | answers[rows])
        position = self._told.last(groups, at[rows])
        known = np.flatnonzero(position != NONE)
        rows, position = rows[known], position[known]
        names, until = self._told.columns
        fresh = until[position] + self._grace > at[rows]
        value = np.where(fresh, worth[1], worth[0])
        better = value > found.confidence[rows]
        found.names[rows[better]] = names[position[better]]
        found.confidence[rows[better]] = value[better]

    def _settle(self) -> None:
        if not self._waiting:
            return
        waiting, self._waiting, self._rows = self._waiting, [], 0
        parts = [self._entries(rows, node) for rows, node in waiting if rows.num_rows]
        if parts:
            self._tell(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        if len(self._told) > self._most:
            self._let_go()

    def _entries(self, rows: pa.RecordBatch, node: str) -> tuple[Array, Array, Array, Array]:
        """Groups, times, names and ends of a batch's entries."""
        answers = self._addresses.add(_octets(rows["address"]))[_codes(rows["address"])]
        common = self._askers.add(digests([node_key(node), ANYBODY]))
        askers = [self._own(rows), *(np.full(rows.num_rows, number) for number in common)]
        pairs = np.concatenate([asker << WORD | answers for asker in askers])
        told = ticks(rows["time"].cast(pa.int64()).to_numpy())
        until = told + np.minimum(rows["ttl_seconds"].to_numpy(), LONGEST_TTL).astype("i8") * 1000
        words = [self._name(word) for word in rows["name"].dictionary.to_pylist()]
        names = np.array(words, "i4")[_codes(rows["name"])]
        return self._pairs.add(pairs), np.tile(told, 3), np.tile(names, 3), np.tile(until, 3)

    def _own(self, rows: pa.RecordBatch) -> Array:
        """Who asked: the pod, or the address where no pod was told."""
        receivers = self._askers.add(_octets(rows["receiver"]))[_codes(rows["receiver"])]
        uids = rows["pod_uid"]
        if uids.null_count == len(uids):
            return receivers
        pods = self._askers.add(digests(uids.dictionary.to_pylist()))
        own: Array = np.where(
            uids.is_valid().to_numpy(zero_copy_only=False),
            pods[uids.indices.fill_null(0).to_numpy()],
            receivers,
        )
        return own

    def _name(self, word: str) -> int:
        number = self._numbers.setdefault(word, len(self.words))
        if number == len(self.words):
            self.words.append(word)
        return number

    def _tell(self, groups: Array, told: Array, names: Array, until: Array) -> None:
        order = np.lexsort((until, names, told, groups))
        groups, told, names, until = (c[order] for c in (groups, told, names, until))
        begins = np.ones(len(groups), bool)
        begins[1:] = np.diff(groups) != 0
        changes = begins.copy()
        changes[1:] |= np.diff(names) != 0
        runs = np.flatnonzero(changes)
        until = np.maximum.reduceat(until, runs)
        groups, told, names, begins = (c[runs] for c in (groups, told, names, begins))
        # A group's first run may go on with what is told already.
        position = self._told.last(groups, told)
        new = ~begins | (position == NONE)
        if len(self._told):
            new |= self._told.columns[0][position] != names
            np.maximum.at(self._told.columns[1], position[~new], until[~new])
        self._told.add(groups[new], told[new], names[new], until[new])

    def _let_go(self) -> None:
        names, until = self._told.columns
        kept = np.argpartition(until, -int(KEPT * self._most))[-int(KEPT * self._most) :]
        kept.sort()
        groups, regrouped = np.unique(self._told.groups[kept], return_inverse=True)
        self._pairs.keep(groups)
        pairs = self._pairs.keys[:, 0].view("i8")
        askers, asking = np.unique(pairs >> WORD, return_inverse=True)
        answers, answering = np.unique(pairs & ((1 << WORD) - 1), return_inverse=True)
        self._askers.keep(askers)
        self._addresses.keep(answers)
        self._pairs = Keys(1)
        self._pairs.add(asking << WORD | answering)
        used, renamed = np.unique(names[kept], return_inverse=True)
        self._told.keep(kept, regrouped)
        self._told.columns[0] = renamed.astype("i4")
        self.words = [self.words[number] for number in used]
        self._numbers = {word: number for number, word in enumerate(self.words)}


def pods(uids: list[str]) -> Array:
    """Keys of pods that ask."""
    return digests(uids)


def nodes(names: list[str]) -> Array:
    """Keys of nodes whose pods ask."""
    return digests([node_key(name) for name in names])


def node_key(name: str) -> str:
    return f"node/{name}"


def _codes(column: pa.DictionaryArray) -> Array:
    codes: Array = column.indices.to_numpy()
    return codes


def _octets(column: pa.DictionaryArray) -> Array:
    """The dictionary's values of 16 bytes, as keys of width 2."""
    values = column.dictionary
    _, memory = values.buffers()
    return np.frombuffer(memory, "u8")[2 * values.offset :][: 2 * len(values)].reshape(-1, 2)
