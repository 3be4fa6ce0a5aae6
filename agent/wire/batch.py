"""The batch: rows of one schema as one Kafka message, and where they come from.

A batch is an Arrow IPC stream whose schema message is cut off; the schema's fingerprint travels in
the Kafka headers instead, so a reader either knows the schema exactly or refuses the message. A
later version of a schema only appends nullable columns, so a reader knows all earlier ones and
fills in nulls; or it has the same columns lie in another form (agent/wire/form.py).

The stream is transposed by its 8-byte words, to which Arrow aligns everything, and then compressed:
bytes of like weight lie together, as with Blosc's shuffle or Parquet's byte stream split. Messages
are a quarter smaller than with Arrow's own zstd, and made in less time. The first batches had the
latter; their schema header has no "+transposed".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from types import MappingProxyType

import msgspec
import pyarrow as pa

from agent.wire.form import Form
from agent.wire.transpose import WORD, transpose, untranspose

Headers = list[tuple[str, bytes]]
HeadersRead = Mapping[str, bytes] | Sequence[tuple[str, bytes]]
Message = tuple[bytes, HeadersRead]
"""A Kafka message's value and headers."""

_TRANSPOSED = "+transposed"
_PREFIX = 4
_END = b"\xff\xff\xff\xff" + bytes(4)
"""An Arrow stream's last word."""
_SQUEEZED = 8
"""How many times smaller the first batches were made by zstd, at a guess."""
_SPREAD = 1.6
"""How many times longer rows are whose rare columns are columns again, at a guess."""
_STREAM = 16 << 20
"""Bytes decoded at once: more would be memory fresh from the kernel each time, which takes longer
to get than to fill."""
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


_LEDGER = msgspec.json.Decoder(Ledger)
"""Passes over fields of a later version."""


@dataclass(frozen=True)
class Origin:
    """Where a batch comes from: the sequence is gap-free per agent instance, from 0."""

    node: str
    agent: str
    sequence: int
    ledger: Ledger


@dataclass(frozen=True)
class Batch:
    """A decoded message: where it came from, and its rows as they lie in it.

    form: how they do; without one, as in the codec's newest schema.
    """

    origin: Origin
    content: pa.RecordBatch
    form: Form | None = None

    @property
    def rows(self) -> pa.RecordBatch:
        """In the codec's newest schema; made anew each time."""
        return self.form.unpack(self.content) if self.form else self.content

    def column(self, name: str) -> pa.Array:
        """One of `rows`, without the others."""
        return self.form.unpack(self.content, [name])[name] if self.form else self.content[name]


class Codec:
    """Writes the newest version of a schema, reads every version.

    versions: the schemas from version 1 on, each the one before with nullable columns appended.
    rare: by version, from the first one that knows any, the columns that are zero in most rows.
    """

    def __init__(
        self,
        name: str,
        versions: Sequence[pa.Schema],
        rare: Mapping[int, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        self.schema = versions[-1]
        self._known = {
            f"{name}/{number}:{form.fingerprint}{layout}": (form, message)
            for number, schema in enumerate(versions, 1)
            for form in [Form(schema, self.schema, rare.get(number, ()))]
            for message in [form.schema.serialize().to_pybytes()]
            for layout in ("", _TRANSPOSED)
        }
        self._newest = list(self._known)[-1]
        self._sparse = {key for key, (form, _) in self._known.items() if form.rare}
        self.fingerprint = self._known[self._newest][0].fingerprint

    def encode(self, rows: pa.RecordBatch) -> bytes:
        """The message's value: dictionaries and record batch, transposed, zstd, no schema."""
        form, schema_message = self._known[self._newest]
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, form.schema) as writer:
            writer.write_batch(form.pack(rows))
        return _pack(sink.getvalue()[len(schema_message) :])

    def headers(self, origin: Origin) -> Headers:
        """The Kafka headers that go with a value of encode()."""
        return [
            ("schema", self._newest.encode()),
            ("node", origin.node.encode()),
            ("agent", origin.agent.encode()),
            ("sequence", str(origin.sequence).encode()),
            ("ledger", json.dumps(asdict(origin.ledger), separators=(",", ":")).encode()),
        ]

    def decode(self, value: bytes, headers: HeadersRead) -> Batch:
        """The batch of one message. Raises WireError for anything that is not a known batch."""
        found = dict(headers)
        name = found.get("schema", b"").decode(errors="replace")
        if name not in self._known:
            raise WireError(f"unknown schema {name!r}, this reader knows {list(self._known)}")
        form, schema_message = self._known[name]
        origin = _origin(found)
        try:
            transposed = name.endswith(_TRANSPOSED)
            stream = _unpack([value], schema_message)[0] if transposed else schema_message + value
            with pa.ipc.open_stream(stream) as reader:
                content = reader.read_next_batch()
            content.validate(full=True)
            form.check([content])
        except (pa.ArrowException, OSError, StopIteration, ValueError) as error:
            raise WireError(f"not an Arrow batch of {name}: {error!r}") from error
        return Batch(origin, content, form)

    def decode_all(self, messages: Sequence[Message]) -> list[Batch | WireError]:
        """Of each message what decode() returns or raises. Many of them become one Arrow stream,
        which spares most of what a message costs; if anything is odd, each is decoded by itself."""
        found: list[Batch | WireError] = []
        for some in _parts(messages, self.length):
            try:
                found += self._decode_stream(some)
            except (WireError, pa.ArrowException, OSError, StopIteration, ValueError):
                found += [self._attempt(*message) for message in some]
        return found

    def _decode_stream(self, messages: Sequence[Message]) -> list[Batch]:
        headers = [dict(headers) for _, headers in messages]
        name, *others = {found.get("schema", b"").decode() for found in headers}
        if others or name not in self._known or not name.endswith(_TRANSPOSED):
            raise WireError("not all of one version")
        form, schema_message = self._known[name]
        stream, ends = _unpack([value for value, _ in messages], schema_message)
        source = pa.BufferReader(stream)
        batches: list[Batch] = []
        begin = len(schema_message)
        with pa.ipc.open_stream(source) as reader:
            for number, (found, end) in enumerate(zip(headers, ends, strict=True), 1):
                content = reader.read_next_batch()
                content.validate(full=True)
                # Whoever lacked a dictionary would have the one of the message before it.
                whole = reader.stats.num_dictionary_batches == len(form.dictionaries) * number
                own = _within(stream.address + begin, stream.address + end, content, form)
                if not whole or not own or source.tell() != end:
                    raise WireError("not one batch a message")
                begin = end
                batches.append(Batch(_origin(found), content, form))
        form.check([batch.content for batch in batches])
        return batches

    def _attempt(self, value: bytes, headers: HeadersRead) -> Batch | WireError:
        try:
            return self.decode(value, headers)
        except WireError as error:
            return error

    def length(self, value: bytes, headers: HeadersRead) -> int:
        """About how many bytes a message takes once decoded, by what it says itself."""
        name = dict(headers).get("schema", b"").decode(errors="replace")
        if not name.endswith(_TRANSPOSED):
            return len(value) * _SQUEEZED
        told = min(int.from_bytes(value[:_PREFIX], "little"), _LONGEST)
        return int(told * _SPREAD) if name in self._sparse else told


def _within(begin: int, end: int, content: pa.RecordBatch, form: Form) -> bool:
    """Whether all its dictionaries' words lie between two addresses."""
    for place in form.dictionaries:
        words = content.column(place).dictionary
        if len(words) and not begin <= words.buffers()[-1].address <= end:
            return False
    return True


def _parts(messages: Sequence[Message], length: Callable[..., int]) -> Iterator[Sequence[Message]]:
    """Runs of messages of at most _STREAM bytes, or of one."""
    first, size = 0, 0
    for place, message in enumerate(messages):
        size += length(*message)
        if size > _STREAM and place > first:
            yield messages[first:place]
            first, size = place, length(*message)
    if messages:
        yield messages[first:]


def _pack(stream: pa.Buffer) -> bytes:
    """The length before compression (4 bytes, little-endian), then one zstd frame."""
    packed: bytes = pa.Codec("zstd").compress(transpose(stream), asbytes=True)
    length: int = stream.size
    return length.to_bytes(_PREFIX, "little") + packed


def _unpack(values: Sequence[bytes], start: bytes) -> tuple[pa.Buffer, list[int]]:
    """What follows `start` in one Arrow stream, and where the batch of each value ends in it: the
    last word of each but the last makes room for the next. `start` is whole words."""
    sizes = [_size(value) for value in values]
    ends = list(accumulate((size - WORD for size in sizes), initial=len(start)))
    stream = pa.allocate_buffer(ends[-1] + WORD)
    memoryview(stream).cast("B")[: len(start)] = start
    for value, size, place in zip(values, sizes, ends, strict=False):
        packed = memoryview(value)[_PREFIX:]
        untranspose(pa.Codec("zstd").decompress(packed, decompressed_size=size), stream, place)
        if stream[place + size - WORD : place + size] != _END:
            raise ValueError("no end of the stream")
    return stream, ends[1:]


def _size(value: bytes) -> int:
    """Of a value before compression."""
    size = int.from_bytes(value[:_PREFIX], "little")
    if not WORD <= size <= _LONGEST or size % WORD:
        raise ValueError(f"no batch has {size} bytes")
    return size


def _origin(found: Mapping[str, bytes]) -> Origin:
    try:
        return Origin(
            node=found["node"].decode(),
            agent=found["agent"].decode(),
            sequence=int(found["sequence"]),
            ledger=_LEDGER.decode(found["ledger"]),
        )
    except KeyError as error:
        raise WireError(f"header {error.args[0]!r} is missing") from error
    except (ValueError, TypeError, AttributeError, msgspec.DecodeError) as error:
        raise WireError(f"malformed headers: {error}") from error
