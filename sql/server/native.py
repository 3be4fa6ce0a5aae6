"""ClickHouse's Native format as clients ask for it that name their `client_protocol_version`.

The engine writes Native as for files, without what later revisions of the protocol put around it:
a description of each block, and after each column's type whether its values are laid out specially,
which they never are here. To put that in, the columns' ends have to be found, so all types are read
over. clickhouse-go, and with it Grafana's data source, reads nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from sql.server.errors import QueryError

CUSTOM_LAYOUT, BUCKETS = 54454, 54480
"""Revisions from which on layouts are told, and buckets are listed; blocks are described in all."""

Skip = Callable[[memoryview, int, int], int]
"""From a column's buffer, the place where so many of its values begin, and their number: their end.
Raises IndexError if they do not end within the buffer."""

_WIDTHS = {
    **dict.fromkeys(("UInt8", "Int8", "Bool", "Enum8", "Nothing"), 1),
    **dict.fromkeys(("UInt16", "Int16", "Enum16", "Date", "BFloat16"), 2),
    **dict.fromkeys(("UInt32", "Int32", "Float32", "Date32", "DateTime", "IPv4", "Decimal32"), 4),
    **dict.fromkeys(("UInt64", "Int64", "Float64", "DateTime64", "Time64", "Decimal64"), 8),
    **dict.fromkeys(("UInt128", "Int128", "UUID", "IPv6", "Decimal128"), 16),
    **dict.fromkeys(("UInt256", "Int256", "Decimal256"), 32),
    "Time": 4,
}
_TYPE = re.compile(r"(\w+)(?:\((.*)\))?$", re.DOTALL)
_ARGUMENT = re.compile(r"""'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|[(),]|[^'`(),]+""", re.DOTALL)
_NAME_OF_ELEMENT = re.compile(r"^(?:\w+|`(?:[^`\\]|\\.)*`) (?=[A-Z])")
_DIGITS = ((32, 9), (64, 18), (128, 38), (256, 76))
_MORE_KEYS = 1 << 9


class Transcoder:
    """Takes the engine's Native in pieces, and gives it back as of a revision from CUSTOM_LAYOUT
    on."""

    def __init__(self, revision: int) -> None:
        self._revision = revision
        self._left = bytearray()

    def feed(self, piece: bytes) -> bytes:
        """What is complete with this piece. Raises QueryError (48) for a type without a rule."""
        self._left += piece
        made = bytearray()
        while self._left:
            try:
                end = self._block(bytes(self._left), made)
            except IndexError:
                break
            del self._left[:end]
        return bytes(made)

    def _block(self, data: bytes, made: bytearray) -> int:
        """Appends one block to `made`, whole or not at all; returns its end in `data`."""
        view = memoryview(data)
        columns, at = _varint(view, 0)
        rows, at = _varint(view, at)
        block = bytearray(_described(self._revision))
        block += view[:at]
        for _ in range(columns):
            begin = at
            _, at = _text(view, at)
            kind, at = _text(view, at)
            block += view[begin:at]
            block.append(0)
            begin = at
            if rows:
                prefix, skip = _rule(str(kind, "utf-8", "replace"))
                at = skip(view, at + 8 * prefix, rows)
            if at > len(view):
                raise IndexError
            block += view[begin:at]
        made += block
        return at


def _described(revision: int) -> bytes:
    """No totals that overflowed, of no bucket, and so of none out of order."""
    return b"\1\0\2\xff\xff\xff\xff" + (b"\3\0" if revision >= BUCKETS else b"") + b"\0"


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _text(view: memoryview, at: int) -> tuple[memoryview, int]:
    size, at = _varint(view, at)
    if at + size > len(view):
        raise IndexError
    return view[at : at + size], at + size


def _number(view: memoryview, at: int) -> int:
    if at + 8 > len(view):
        raise IndexError
    return int.from_bytes(view[at : at + 8], "little")


@lru_cache(maxsize=4096)
def _rule(kind: str) -> tuple[int, Skip]:
    """How many dictionaries the type holds, each of which has a version before all values, and how
    to find the values' end."""
    found = _TYPE.match(kind)
    name, arguments = (found[1], _arguments(found[2] or "")) if found else (kind, [])
    if name == "Decimal":
        name += next(str(bits) for bits, digits in _DIGITS if int(arguments[0]) <= digits)
    width = 8 if name.startswith("Interval") else _WIDTHS.get(name, 0)
    if width:
        return 0, lambda _, at, rows: at + width * rows
    if name not in _RULES:
        raise QueryError(
            48,
            "NOT_IMPLEMENTED",
            f"Native by client_protocol_version has no {name} here: cast it, say with toString.",
        )
    return _RULES[name](arguments)


def _fixed_string(arguments: list[str]) -> tuple[int, Skip]:
    size = int(arguments[0])
    return 0, lambda _, at, rows: at + size * rows


def _nullable(arguments: list[str]) -> tuple[int, Skip]:
    prefix, skip = _rule(arguments[0])
    return prefix, lambda view, at, rows: skip(view, at + rows, rows)


def _low_cardinality(arguments: list[str]) -> tuple[int, Skip]:
    """Of a Nullable the first key stands for NULL, and there is no column of marks."""
    of = arguments[0]
    return 1, _dictionary(_rule(of[9:-1] if of.startswith("Nullable(") else of)[1])


def _arguments(text: str) -> list[str]:
    found, depth = [""], 0
    for piece in _ARGUMENT.findall(text):
        depth += (piece == "(") - (piece == ")")
        if piece == "," and not depth:
            found.append("")
        else:
            found[-1] += piece
    return [each.strip() for each in found]


def _strings(view: memoryview, at: int, rows: int) -> int:
    for _ in range(rows):
        size = view[at]
        at += 1
        if size > 127:
            size, at = _varint(view, at - 1)
        at += size
    return at


def _tuple(kinds: list[str]) -> tuple[int, Skip]:
    rules = [_rule(_NAME_OF_ELEMENT.sub("", kind, count=1)) for kind in kinds]

    def skip(view: memoryview, at: int, rows: int) -> int:
        for _, each in rules:
            at = each(view, at, rows)
        return at

    return sum(prefix for prefix, _ in rules), skip


def _array(of: tuple[int, Skip]) -> tuple[int, Skip]:
    prefix, skip_values = of

    def skip(view: memoryview, at: int, rows: int) -> int:
        end = at + 8 * rows
        return skip_values(view, end, _number(view, end - 8) if rows else 0)

    return prefix, skip


def _dictionary(skip_keys: Skip) -> Skip:
    def skip(view: memoryview, at: int, rows: int) -> int:
        if not rows:
            return at
        kind = _number(view, at)
        at += 8
        if kind & _MORE_KEYS:
            at = skip_keys(view, at + 8, _number(view, at))
        return at + 8 + _number(view, at) * (1 << (kind & 255))

    return skip


_RULES: dict[str, Callable[[list[str]], tuple[int, Skip]]] = {
    "String": lambda _: (0, _strings),
    "FixedString": _fixed_string,
    "SimpleAggregateFunction": lambda arguments: _rule(arguments[-1]),
    "Nullable": _nullable,
    "LowCardinality": _low_cardinality,
    "Tuple": _tuple,
    "Array": lambda arguments: _array(_rule(arguments[0])),
    "Map": lambda arguments: _array(_tuple(arguments)),
    "Nested": lambda arguments: _array(_tuple(arguments)),
}
