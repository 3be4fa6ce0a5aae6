"""From captured DNS answers to name rows: under which name a pod was given an address."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import dns.message
import dns.rdataclass
import dns.rdatatype
import numpy as np
import pyarrow as pa

from agent import metrics
from agent.identity import Identity
from agent.ring import Records
from agent.wire import Ledger
from agent.wire.names import SCHEMA

_MAPPED = bytes(10) + b"\xff\xff"
_IDENTIFIER_BYTES = 2  # what differs between equal answers
_ADDRESS_TYPES = (dns.rdatatype.A, dns.rdatatype.AAAA)


@dataclass(frozen=True)
class Answer:
    """What one DNS message says: the name asked for, and the addresses that it leads to.

    ttl_seconds is the least along the chain of CNAMEs. A message that is `damaged` was not DNS
    throughout or not whole; what could be read of it is here.
    """

    name: str = ""
    ttl_seconds: int = 0
    addresses: list[bytes] = field(default_factory=list)
    damaged: bool = False


def read(message: bytes) -> Answer:
    """The answer in a DNS message. Never raises: anybody may send anything from port 53.

    Only records on the chain from the question count; what else a message holds was not asked for.
    """
    try:
        parsed = dns.message.from_wire(
            message, keyring=False, ignore_trailing=True, continue_on_error=True
        )
        if not isinstance(parsed, dns.message.QueryMessage):
            return Answer(damaged=bool(parsed.errors))
        chain = parsed.resolve_chaining()
    except Exception:
        return Answer(damaged=True)
    damaged = bool(parsed.errors)
    asked = parsed.question[0]
    found = chain.answer
    if not found or found.rdclass != dns.rdataclass.IN or found.rdtype not in _ADDRESS_TYPES:
        return Answer(damaged=damaged)
    name = asked.name.to_text(omit_final_dot=True).lower()
    addresses = [_mapped(record.to_text()) for record in found]
    return Answer(name, chain.minimum_ttl, addresses, damaged)


_read_again = functools.lru_cache(maxsize=256)(read)
"""Pods ask the same again and again, and parsing is what costs."""


class Names:
    """The names learned in one interval, each once: the first time that a socket's cgroup was
    told an address under a name.

    Reads `most_answers` an interval at the most and holds about `most_rows` rows; answers beyond
    either are counted and left unread.
    """

    def __init__(self, most_answers: int, most_rows: int, identity: Identity) -> None:
        self._most_answers = most_answers
        self._most_rows = most_rows
        self._identity = identity
        self._read = 0
        self._taken = 0
        self._rows = 0
        self._learned: dict[tuple[bytes, int, bytes, str], tuple[int, int]] = {}

    def add(self, answers: Records) -> None:
        """Take in answers as agent.ring.ANSWER, oldest first."""
        self._taken += len(answers)
        for position, captured in enumerate(answers):
            if self._read >= self._most_answers or len(self._learned) >= self._most_rows:
                metrics.UNREAD_ANSWERS.inc(len(answers) - position)
                return
            self._read += 1
            self._learn(captured)

    def take(self, wall_clock_offset_ns: int) -> pa.RecordBatch:
        """The interval's rows, which may be none; the next interval starts without any."""
        learned, self._learned = self._learned, {}
        self._read = 0
        self._rows += len(learned)
        metrics.NAME_ROWS.inc(len(learned))
        told = np.array(list(learned.values()), "i8").reshape(-1, 2)
        receivers, cgroups, addresses, names = zip(*learned, strict=True) if learned else [()] * 4
        columns = [
            _values(told[:, 0] + wall_clock_offset_ns, pa.timestamp("ns", tz="UTC")),
            _values(b"".join(receivers), pa.binary(16)).dictionary_encode(),
            _values(np.array(cgroups, "u8"), pa.uint64()),
            _values(b"".join(addresses), pa.binary(16)).dictionary_encode(),
            _words(names),
            _values(told[:, 1].astype("u4"), pa.uint32()),
            _words(self._identity[cgroup].pod_uid for cgroup in cgroups),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)

    def ledger(self, captured: int, lost: int) -> Ledger:
        """The account that goes with name rows: its records are answers, and it has no bytes.

        captured, lost: as the kernel counts them, since the programs were loaded.
        """
        return Ledger(
            kernel_records=captured,
            lost_records=lost,
            agent_records=self._taken,
            shipped_rows=self._rows,
        )

    def _learn(self, captured: Any) -> None:
        message = captured["message"].tobytes()[_IDENTIFIER_BYTES : captured["length"]]
        answer = _read_again(bytes(_IDENTIFIER_BYTES) + message)
        metrics.UNPARSED_ANSWERS.inc(answer.damaged)
        receiver, cgroup = captured["receiver"].tobytes(), int(captured["cgroup_id"])
        self._identity.learn([cgroup])
        told = int(captured["time_ns"]), answer.ttl_seconds
        for address in answer.addresses:
            self._learned.setdefault((receiver, cgroup, address, answer.name), told)


def _values(memory: Any, kind: pa.DataType) -> pa.Array:
    """The memory of fixed-size values as an Arrow array. (pa.array would import pandas.)"""
    buffer = pa.py_buffer(memory)
    return pa.Array.from_buffers(kind, buffer.size * 8 // kind.bit_width, [None, buffer])


def _words(words: Iterable[str | None]) -> pa.Array:
    builder = pa.lib.StringBuilder()
    for word in words:
        builder.append(word)
    return builder.finish().dictionary_encode()


def _mapped(address: str) -> bytes:
    packed = ipaddress.ip_address(address).packed
    return packed if len(packed) == 16 else _MAPPED + packed
