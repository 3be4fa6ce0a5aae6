"""Inserts that ClickHouse takes once, however often they are sent."""

from __future__ import annotations

import pyarrow as pa
from clickhouse_connect.driver import Client

from sql.errors import ColumnsError
from sql.schema import TABLES

ONCE = {
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "async_insert": 0,
    "wait_end_of_query": 1,
}
"""The token holds for every table behind a materialized view too, and the answer comes after all
of them, so an insert cut off half-way is completed, not doubled, by its repetition."""


def insert_columns(table: str) -> list[str]:
    """Names of the columns to insert into `table`, in order."""
    return list(TABLES[table].names)


def insert(client: Client, table: str, rows: pa.Table, token: str) -> None:
    """Insert `rows` as one block under `token`; blocks until ClickHouse has it.

    The same token must always come with the same rows, and ClickHouse remembers the last 10 000
    tokens of a table. Columns may come in any order and are cast without loss to sql.schema.
    Raises ColumnsError, and what clickhouse-connect raises: repeat the call on those.
    """
    if not rows.num_rows:
        return
    settings = ONCE | {
        "insert_deduplication_token": token,
        "max_insert_block_size": rows.num_rows,
        "min_insert_block_size_rows": rows.num_rows,
        "min_insert_block_size_bytes": 0,
    }
    client.insert_arrow(table, _fit(table, rows), settings=settings)


def _fit(table: str, rows: pa.Table) -> pa.Table:
    schema = TABLES[table]
    missing = sorted(set(schema.names) - set(rows.column_names))
    unknown = sorted(set(rows.column_names) - set(schema.names))
    if missing or unknown:
        raise ColumnsError(table, missing, unknown)
    columns = [_cast(rows.column(field.name), field.type) for field in schema]
    return pa.table(columns, names=schema.names).combine_chunks()


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Dictionaries go as they are: small on the way, and LowCardinality takes them over."""
    dictionary = pa.types.is_dictionary(column.type) and column.type.value_type == kind
    return column if dictionary else column.cast(kind)
