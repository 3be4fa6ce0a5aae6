"""Every batch that was ever shipped can be read by this version."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from agent import wire
from tests.golden.make import FOLDER, ORIGIN, example_names, example_rows


def golden(name: str, codec: wire.Codec) -> wire.Batch:
    stem = FOLDER / name
    headers = json.loads(stem.with_suffix(".json").read_text())
    encoded = {name: value.encode() for name, value in headers.items()}
    return codec.decode(stem.with_suffix(".arrow").read_bytes(), encoded)


def plain(rows: pa.RecordBatch) -> list[dict[str, Any]]:
    """Rows with their times as nanoseconds, which Python's datetime cannot hold."""
    times = [field.name for field in rows.schema if pa.types.is_timestamp(field.type)]
    return [row | {name: row[name].value for name in times} for row in rows.to_pylist()]


@pytest.mark.parametrize("version", range(1, wire.VERSION + 1))
def test_a_batch_of_any_version_is_read_to_the_last_value(version: int) -> None:
    batch = golden(f"flows-v{version}", wire.CODEC)
    assert batch.origin == ORIGIN
    assert batch.rows.schema.equals(wire.SCHEMA)
    assert plain(batch.rows) == example_rows(version)


def test_a_batch_of_names_is_read_to_the_last_value() -> None:
    batch = golden("names-v1", wire.names.CODEC)
    assert batch.origin == ORIGIN
    assert plain(batch.rows) == example_names()
