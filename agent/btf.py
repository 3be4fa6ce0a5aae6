"""Offsets of kernel structures, from the running kernel's own description of its types (BTF)."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

VMLINUX = Path("/sys/kernel/btf/vmlinux")

# include/uapi/linux/btf.h
_INT, _ARRAY, _STRUCT, _UNION, _ENUM, _FUNC_PROTO, _VAR, _DATASEC = 1, 3, 4, 5, 6, 13, 14, 15
_DECL_TAG, _ENUM64 = 17, 19
_FOLLOWED_BY = {_INT: 4, _ARRAY: 12, _VAR: 4, _DECL_TAG: 4}
_EACH_FOLLOWED_BY = {_STRUCT: 12, _UNION: 12, _ENUM: 8, _FUNC_PROTO: 8, _DATASEC: 12, _ENUM64: 12}


class _Type(NamedTuple):
    name: int
    kind: int
    members: int  # how many
    at: int  # where they begin
    bitfields: bool


class Btf:
    """Parses on construction: a few tenths of a second for a kernel's 150,000 types."""

    def __init__(self, path: Path = VMLINUX) -> None:
        self._data = path.read_bytes()
        magic, _, _, header, types, types_length, strings, _ = struct.unpack_from(
            "<HBBIIIII", self._data
        )
        if magic != 0xEB9F:
            raise ValueError(f"{path} is no BTF of this byte order")
        self._strings = header + strings
        self._types = [_Type(0, 0, 0, 0, False)]  # 0 is void
        at, end = header + types, header + types + types_length
        while at < end:
            name, info, _ = struct.unpack_from("<III", self._data, at)
            kind, count = info >> 24 & 0x1F, info & 0xFFFF
            at += 12
            self._types.append(_Type(name, kind, count, at, bool(info >> 31)))
            at += _FOLLOWED_BY.get(kind, 0) + _EACH_FOLLOWED_BY.get(kind, 0) * count

    def offset(self, structure: str, member: str) -> int:
        """Bytes from the start of `structure` to `member`, which may lie in nameless structs and
        unions. Raises KeyError."""
        wanted, inside = member.encode(), structure.encode()
        for number, found in enumerate(self._types):
            if found.kind == _STRUCT and found.members and self._name(found.name) == inside:
                bits = self._find(number, wanted)
                if bits is not None:
                    return bits // 8
        raise KeyError(f"{structure}.{member}")

    def _find(self, number: int, wanted: bytes) -> int | None:
        outer = self._types[number]
        if outer.kind not in (_STRUCT, _UNION):
            return None
        for index in range(outer.members):
            member: tuple[int, int, int]
            member = struct.unpack_from("<III", self._data, outer.at + 12 * index)
            name, kind, offset = member
            bits = offset & 0xFFFFFF if outer.bitfields else offset
            if self._name(name) == wanted:
                return bits
            if not name:
                inner = self._find(kind, wanted)
                if inner is not None:
                    return bits + inner
        return None

    def _name(self, offset: int) -> bytes:
        start = self._strings + offset
        return self._data[start : self._data.index(b"\0", start)]
