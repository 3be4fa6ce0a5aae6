"""What the tables must say, by plain sums over what was sent, held against what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from clickhouse_connect.driver import Client

from sql.schema import END_LEVELS, WORKLOAD_LEVELS
from tests.integration.faults.traffic import BUCKET, DRAWN, REASON, SECOND, Sent

PAIR = ("client_address", "server_address")
LEVELS = {"flows_10s": (10, PAIR), "flows_1m": (60, PAIR), "flows_1h": (3600, ())}
"""Each level's window in seconds and, besides node and port, what it tells rows apart by."""

SUMS = [name for name in DRAWN if name not in ("rtt_min", "rtt_max")]
MEASURES = [*SUMS, "flow_rows", "bucket", "reason", "rtt_min", "rtt_max"]
IN_SQL = (
    *(f"sum({name})" for name in [*SUMS, "flow_rows"]),
    f"sum(rtt_histogram[{BUCKET}])",
    f"sum(drop_reasons['{REASON}'])",
    *("toUInt64(min(rtt_min))", "toUInt64(max(rtt_max))"),
)
Account = dict[tuple[object, ...], tuple[int, ...]]


def check(client: Client, sent: Sequence[Sent]) -> None:
    """Every level by window, node, port and pair of addresses, every measure exactly; and the
    ledger by batch. Fails with the first differences."""
    rows = _everything(sent)
    for table, (seconds, ends) in LEVELS.items():
        _compare(table, _expected(rows, seconds, ends), _found(client, table, ends))
    for table in [*WORKLOAD_LEVELS, *END_LEVELS]:
        assert flow_rows(client, table) == rows.num_rows, table
    _compare("agent_ledger", _batches(sent), _ledger(client))
    totals = client.query(
        "SELECT sum(batches), sum(stream_rows), sum(stream_bytes) FROM agent_totals"
    )
    traffic = _sum(rows, "bytes_to_server") + _sum(rows, "bytes_to_client")
    assert totals.result_rows == [(len(sent), rows.num_rows, traffic)], "agent_totals"


def flow_rows(client: Client, table: str = "flows_10s") -> int:
    return int(client.query(f"SELECT sum(flow_rows) FROM {table}").result_rows[0][0])


def _everything(sent: Sequence[Sent]) -> pa.Table:
    rows = pa.Table.from_batches([made.rows for made in sent])
    nodes = np.repeat([made.node for made in sent], [made.rows.num_rows for made in sent])
    plain = {name: rows[name].cast(pa.uint64()) for name in DRAWN}
    for name in PAIR:
        plain[name] = rows[name].cast(pa.binary(16))
    for name, column in (("bucket", "rtt_histogram"), ("reason", "drop_reasons")):
        plain[name] = pa.chunked_array([chunk.items for chunk in rows[column].chunks])
    return pa.table(
        plain
        | {
            "node": nodes,
            "server_port": rows["server_port"],
            "start": pc.divide(rows["interval_start"].cast(pa.int64()), SECOND),
            "flow_rows": np.ones(rows.num_rows, np.uint64),
        }
    )


def _expected(rows: pa.Table, seconds: int, ends: Sequence[str]) -> Account:
    windows = pc.multiply(pc.divide(rows["start"], seconds), seconds)
    keys = ["window", "node", "server_port", *ends]
    how = [(name, "sum") for name in MEASURES[:-2]] + [("rtt_min", "min"), ("rtt_max", "max")]
    grouped = rows.append_column("window", windows).group_by(keys).aggregate(how)
    return _account(grouped.select([*keys, *(f"{name}_{kind}" for name, kind in how)]), len(keys))


def _found(client: Client, table: str, ends: Sequence[str]) -> Account:
    keys = ["toInt64(toUnixTimestamp(window)) AS start", "toString(node) AS on", "server_port"]
    keys += [f"reinterpret({name}, 'FixedString(16)') AS {name}_bytes" for name in ends]
    query = f"SELECT {', '.join([*keys, *IN_SQL])} FROM {table} GROUP BY ALL"
    settings = {"output_format_arrow_string_as_string": 0}
    return _account(client.query_arrow(query, settings=settings), len(keys))


def _account(rows: pa.Table, keys: int) -> Account:
    columns = [column.to_pylist() for column in rows.columns]
    plain = [[_plain(word) for word in column] for column in columns]
    return {row[:keys]: row[keys:] for row in zip(*plain, strict=True)}


def _plain(word: object) -> object:
    """Strings come as bytes; addresses, 16 of them, stay so."""
    return word.decode() if isinstance(word, bytes) and len(word) != 16 else word


def _batches(sent: Sequence[Sent]) -> Account:
    return {
        (made.node, made.sequence): (
            1,
            made.rows.num_rows,
            _sum(made.rows, "bytes_to_server") + _sum(made.rows, "bytes_to_client"),
        )
        for made in sent
    }


def _ledger(client: Client) -> Account:
    rows = client.query(
        "SELECT node, sequence, count(), sum(stream_rows), sum(stream_bytes) FROM agent_ledger"
        " GROUP BY node, sequence"
    ).result_rows
    return {(node, sequence): tuple(told) for node, sequence, *told in rows}


def _sum(rows: pa.Table | pa.RecordBatch, name: str) -> int:
    return int(pc.sum(rows[name]).as_py() or 0)


def _compare(table: str, expected: Account, found: Account) -> None:
    keys = expected.keys() | found.keys()
    wrong = [key for key in keys if expected.get(key) != found.get(key)]
    told = [f"{key}: sent {expected.get(key)}, found {found.get(key)}" for key in wrong[:3]]
    assert not wrong, f"{len(wrong)} of {len(keys)} groups of {table} differ: {'; '.join(told)}"
