"""The batch: rows of one schema as one Kafka message, and where they come from.

A batch is an Arrow IPC stream whose schema message is cut off; the schema's fingerprint travels in
the Kafka headers instead, so a reader either knows the schema exactly or refuses the message. A
later version of a schema only appends nullable columns, so a reader knows all earlier ones and
fills in nulls.

The stream is transposed by its 8-byte words, to which Arrow aligns everything, and then compressed:
bytes of like weight lie together, as with Blosc's shuffle or Parquet's byte stream split. Messages
are a quarter smaller than with Arrow's own zstd, and made in less time. The first batches had the
latter; their schema header has no "+transposed".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Headers = list[tuple[str, bytes]]


_TRANSPOSED = "+transposed"
_WORD = 8
_PREFIX = 4
_SQUEEZED = 8
"""How many times smaller the first batches were made by zstd, at a guess."""
_LONGEST = 1 << 28
"""Bytes that a value may stand for: zstd could make a message of 1 MB a thousand times as long."""


class WireError(Exception):
    """A message that does not keep the contract: poison, to be set aside, never guessed at."""


@dataclass(frozen=True)
class Ledger:
    """The agent's running account since it started: every field is cumulative.

    kernel_*: records the kernel put on the ring buffer, and the bytes they stood for.
    lost_*: records that found the ring buffer full at their last chance, and their bytes.
    agent_*: records the agent took off the ring buffer. shipped_*: rows handed to Kafka, this
    batch included. storage_failures: sockets that got no kernel storage. sampling: 1 = all.
    dropped_*: shipped rows that a full spool let go of before Kafka took them, whichever instance
    of the agent had shipped them, and their application bytes.
    """

    kernel_records: int = 0
    kernel_bytes: int = 0
    lost_records: int = 0
    lost_bytes: int = 0
    storage_failures: int = 0
    agent_records: int = 0
    agent_bytes: int = 0
    shipped_rows: int = 0
    shipped_bytes: int = 0
    sampling: int = 1
    dropped_rows: int = 0
    dropped_bytes: int = 0


@dataclass(frozen=True)
class Origin:
    """Where a batch comes from: the sequence is gap-free per agent instance, from 0."""

    node: str
    agent: str
    sequence: int
    ledger: Ledger


@dataclass(frozen=True)
class Batch:
    """A decoded message: where it came from, and its rows in the codec's newest schema."""

    origin: Origin
    rows: pa.RecordBatch


class Codec:
    """Writes the newest version of a schema, reads every version.

    versions: the schemas from version 1 on, each the one before with nullable columns appended.
    """

    def __init__(self, name: str, versions: Sequence[pa.Schema]) -> None:
        self.schema = versions[-1]
        self._known = {
            f"{name}/{number}:{fingerprint(schema)}{layout}": (schema, message)
            for number, schema in enumerate(versions, 1)
            for message in [schema.serialize().to_pybytes()]
            for layout in ("", _TRANSPOSED)
        }
        self._newest = list(self._known)[-1]

    def encode(self, rows: pa.RecordBatch) -> bytes:
        """The message's value: dictionaries and record batch, transposed, zstd, no schema."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.schema) as writer:
            writer.write_batch(rows)
        _, schema_message = self._known[self._newest]
        stream = np.frombuffer(sink.getvalue(), "u1")[len(schema_message) :]
        return _pack(stream)

    def headers(self, origin: Origin) -> Headers:
        """The Kafka headers that go with a value of encode()."""
        return [
            ("schema", self._newest.encode()),
            ("node", origin.node.encode()),
            ("agent", origin.agent.encode()),
            ("sequence", str(origin.sequence).encode()),
            ("ledger", json.dumps(asdict(origin.ledger), separators=(",", ":")).encode()),
        ]

    def decode(self, value: bytes, headers: Mapping[str, bytes] | Headers) -> Batch:
        """The batch of one message. Raises WireError for anything that is not a known batch."""
        found = dict(headers)
        name = found.get("schema", b"").decode(errors="replace")
        if name not in self._known:
            raise WireError(f"unknown schema {name!r}, this reader knows {list(self._known)}")
        schema, schema_message = self._known[name]
        origin = _origin(found)
        try:
            transposed = name.endswith(_TRANSPOSED)
            stream = _unpack(value, schema_message) if transposed else schema_message + value
            with pa.ipc.open_stream(stream) as reader:
                rows = reader.read_next_batch()
            rows.validate(full=True)
        except (pa.ArrowException, OSError, StopIteration, ValueError) as error:
            raise WireError(f"not an Arrow batch of {name}: {error!r}") from error
        return Batch(origin, rows if schema is self.schema else self._upgrade(rows, schema))

    def length(self, value: bytes, headers: Mapping[str, bytes] | Headers) -> int:
        """About how many bytes a message takes once decoded, by what it says itself."""
        if dict(headers).get("schema", b"").endswith(_TRANSPOSED.encode()):
            return min(int.from_bytes(value[:_PREFIX], "little"), _LONGEST)
        return len(value) * _SQUEEZED

    def _upgrade(self, rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        added = list(self.schema)[len(schema) :]
        nulls = [pa.nulls(rows.num_rows, field.type) for field in added]
        return pa.RecordBatch.from_arrays([*rows.columns, *nulls], schema=self.schema)


def fingerprint(schema: pa.Schema) -> str:
    """Hash of names, types and nullability: the same for every Arrow release."""
    described = [[field.name, str(field.type), field.nullable] for field in schema]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]


def _pack(stream: NDArray[Any]) -> bytes:
    """The length before compression (4 bytes, little-endian), then one zstd frame."""
    words = stream.reshape(-1, _WORD).T.tobytes()
    packed: bytes = len(words).to_bytes(4, "little") + pa.Codec("zstd").compress(
        words, asbytes=True
    )
    return packed


def _unpack(value: bytes, start: bytes) -> pa.Buffer:
    """The Arrow stream after `start`, which is whole words."""
    length = int.from_bytes(value[:_PREFIX], "little")
    if length > _LONGEST:
        raise ValueError(f"{length} bytes are more than a batch has")
    words = pa.Codec("zstd").decompress(memoryview(value)[_PREFIX:], decompressed_size=length)
    planes = np.frombuffer(words, "u1").reshape(_WORD, -1)
    stream = pa.allocate_buffer(len(start) + length)
    content = np.frombuffer(stream, "u1")
    content[: len(start)] = np.frombuffer(start, "u1")
    rows = content[len(start) :].reshape(-1, _WORD)
    for place, plane in enumerate(planes):
        rows[:, place] = plane
    return stream


def _origin(found: Mapping[str, bytes]) -> Origin:
    try:
        ledger: dict[str, Any] = json.loads(found["ledger"])
        known = {name: int(ledger[name]) for name in Ledger.__dataclass_fields__ if name in ledger}
        return Origin(
            node=found["node"].decode(),
            agent=found["agent"].decode(),
            sequence=int(found["sequence"]),
            ledger=Ledger(**known),
        )
    except KeyError as error:
        raise WireError(f"header {error.args[0]!r} is missing") from error
    except (ValueError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise WireError(f"malformed headers: {error}") from error
