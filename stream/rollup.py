"""Window rows to the levels above them, exactly as ClickHouse would group them, and cheaper.

The rows are already aggregated, and a range seldom spans two minutes, so the rows by the minute are
mostly those below them under another window.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sql.schema import DIMENSIONS, ROLLUPS, Rollup
from stream.windows import Groups, group_ids, measures


def levels(rows: pa.Table) -> dict[str, pa.Table]:
    """The tables that rows of flows_10s go to, flows_10s first: a pure function of the rows."""
    found = {"flows_10s": rows}
    for table, rollup in ROLLUPS.items():
        rows = found[table] = roll_up(rows, rollup)
    return found


def roll_up(rows: pa.Table, rollup: Rollup) -> pa.Table:
    """`rows`, of which no two share all dimensions, as rows of a coarser level."""
    windows = rows["window"].cast(pa.int64()).to_numpy()
    starts = windows // rollup.seconds * rollup.seconds
    kept = rows.drop_columns(list(rollup.without)).set_column(
        rows.column_names.index("window"), "window", pa.array(starts).cast(rows["window"].type)
    )
    if not rollup.without and np.unique(starts).size == np.unique(windows).size:
        return kept
    names = [name for name in DIMENSIONS if name in kept.column_names]
    groups = Groups(group_ids([_codes(kept[name]) for name in names]))
    if groups.count == kept.num_rows:
        return kept
    columns = {name: kept[name].combine_chunks().take(groups.first) for name in names}
    columns["flow_rows"] = pa.array(groups.sum(kept["flow_rows"].to_numpy()))
    return pa.table(columns | measures(kept, groups))


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    """Integers, equal where the values are equal."""
    values = column.combine_chunks()
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    elif not pa.types.is_integer(values.type) and not pa.types.is_boolean(values.type):
        values = values.dictionary_encode().indices
    codes: np.ndarray = values.to_numpy(zero_copy_only=False)
    return codes
