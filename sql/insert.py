"""Inserts that ClickHouse takes once, however often they are sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from clickhouse_connect.driver import Client

from sql.errors import ColumnsError
from sql.schema import TABLES

ONCE = {
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "async_insert": 0,
    "distributed_foreground_insert": 1,
    "wait_end_of_query": 1,
    "optimize_on_insert": 0,
}
"""The token holds for every table behind a materialized view too, and the answer comes after all
of them, on all shards, so an insert cut off half-way is completed, not doubled, by its repetition.
Rows come grouped, so ClickHouse need not group them once more before it stores them."""

NARROW = {pa.uint8(): 2**8 - 1, pa.uint16(): 2**16 - 1, pa.uint32(): 2**32 - 1}
BYTES = (pa.uint8(), pa.int8())
NO_WORD = pa.array([""])


def insert_columns(table: str) -> list[str]:
    """Names of the columns to insert into `table`, in order."""
    return list(TABLES[table].names)


@dataclass(frozen=True)
class Block:
    """Rows as an Arrow stream, without the columns that hold nothing but defaults."""

    table: str
    columns: list[str]
    rows: int
    body: pa.Buffer


def insert(client: Client, table: str, rows: pa.Table, token: str) -> None:
    """Insert `rows` as one block under `token`; blocks until ClickHouse has it.

    The same token must always come with the same rows, and ClickHouse remembers the last 10 000
    tokens of a table. Columns may come in any order and are cast without loss to sql.schema.
    Raises ColumnsError, and what clickhouse-connect raises: repeat the call on those.
    """
    if rows.num_rows:
        send(client, encode(table, rows), token)


def encode(table: str, rows: pa.Table) -> Block:
    """At least one row. Raises ColumnsError."""
    schema = TABLES[table]
    missing = sorted(set(schema.names) - set(rows.column_names))
    unknown = sorted(set(rows.column_names) - set(schema.names))
    if missing or unknown:
        raise ColumnsError(table, missing, unknown)
    found = {field.name: _cast(rows.column(field.name), field.type) for field in schema}
    fitted = pa.table({name: column for name, column in found.items() if not _default(column)})
    return Block(table, fitted.column_names, rows.num_rows, _stream(fitted.combine_chunks()))


def _stream(rows: pa.Table) -> pa.Buffer:
    """Measured first: a buffer that grows is copied time and again."""
    measured = pa.MockOutputStream()
    _write(rows, measured)
    body = pa.allocate_buffer(measured.size())
    _write(rows, pa.FixedSizeBufferWriter(body))
    return body


def _write(rows: pa.Table, sink: pa.NativeFile) -> None:
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)


def send(client: Client, block: Block, token: str) -> None:
    """Insert the block under the token, as insert() does."""
    settings = ONCE | {
        "insert_deduplication_token": token,
        "max_insert_block_size": block.rows,
        "min_insert_block_size_rows": block.rows,
        "min_insert_block_size_bytes": 0,
    }
    body: Any = memoryview(block.body)  # which urllib3 takes without a copy
    client.raw_insert(block.table, block.columns, body, settings, "ArrowStream")


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Dictionaries go as they are: small on the way, and LowCardinality takes them over."""
    dictionary = pa.types.is_dictionary(column.type) and column.type.value_type == kind
    if dictionary or (kind == pa.uint64() and column.type in NARROW):
        return column
    fitted = column if column.type == kind else column.cast(kind)
    return _narrowed(fitted) if kind == pa.uint64() else fitted


def _narrowed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """In the least type that takes its numbers: ClickHouse widens it again."""
    highest = pc.max(column).as_py() or 0
    for kind, limit in NARROW.items():
        if highest <= limit:
            return column.cast(kind, safe=False)
    return column


def _default(column: pa.ChunkedArray) -> bool:
    """Whether all values are those that ClickHouse puts for a column left out."""
    if column.null_count == len(column):
        return True
    if pa.types.is_map(column.type):
        return not any(len(chunk.keys) for chunk in column.chunks)
    if pa.types.is_dictionary(column.type):
        return all(chunk.dictionary.equals(NO_WORD) for chunk in column.chunks)
    numbers = column.type in BYTES or pa.types.is_decimal(column.type)
    return numbers and not any(pc.min_max(column).as_py().values())
