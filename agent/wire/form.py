"""The form of a version: how its rows lie in the record batch of a message."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import pyarrow as pa

from agent.wire import rare

RARE = "rare"


class Form:
    """schema: of the record batch. rare: columns, of uint64 and zero in most rows, that are one
    column of sparse maps there, the last.

    rows are in `newest`, whatever the version; what a version does not tell is null, and null in a
    column that is rare becomes 0.
    """

    def __init__(self, version: pa.Schema, newest: pa.Schema, rare_names: Sequence[str] = ()):
        self.newest = newest
        self._as_newest = version is newest and not rare_names
        self.rare = tuple(name for name in version.names if name in rare_names)
        fields = [field for field in version if field.name not in self.rare]
        if self.rare:
            about = {"about": f"of {', '.join(self.rare)}: the place to the count if it is not 0"}
            fields.append(pa.field(RARE, rare.KIND, nullable=False, metadata=about))
        self.schema = pa.schema(fields)
        kinds = enumerate(field.type for field in fields)
        self.dictionaries = [place for place, kind in kinds if pa.types.is_dictionary(kind)]

    @property
    def fingerprint(self) -> str:
        """Hash of names, types and nullability: the same for every Arrow release."""
        described: list[object] = [
            [field.name, str(field.type), field.nullable] for field in self.schema
        ]
        if self.rare:
            described.append(self.rare)
        return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:16]

    def pack(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of the version as they lie in a message."""
        if not self.rare:
            return rows
        common = [rows[name] for name in self.schema.names[:-1]]
        maps = rare.gather([rows[name] for name in self.rare])
        return pa.RecordBatch.from_arrays([*common, maps], schema=self.schema)

    def check(self, contents: Sequence[pa.RecordBatch]) -> None:
        """Valid record batches of `schema`. Raises ValueError unless unpack() takes each."""
        if contents and self.rare:
            maps = pa.concat_arrays([content[RARE] for content in contents])
            if not rare.sound(maps, len(self.rare)):
                raise ValueError("rare columns out of order")

    def unpack(self, content: pa.RecordBatch, names: Sequence[str] | None = None) -> pa.RecordBatch:
        """The rows of what pack() made, also of a part of its columns. names: the columns wanted of
        `newest`, instead of all."""
        if names is None and self._as_newest:
            return content
        schema = pa.schema([self.newest.field(name) for name in names or self.newest.names])
        columns = dict(zip(content.schema.names, content.columns, strict=True))
        if set(self.rare) & set(schema.names):
            counts = rare.scatter(content[RARE], len(self.rare))
            columns |= zip(self.rare, counts, strict=True)
        return pa.RecordBatch.from_arrays(
            [
                columns[field.name] if field.name in columns else _nulls(content, field)
                for field in schema
            ],
            schema=schema,
        )


def _nulls(content: pa.RecordBatch, field: pa.Field) -> pa.Array:
    return pa.nulls(content.num_rows, field.type)
