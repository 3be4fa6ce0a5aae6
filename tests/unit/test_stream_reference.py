"""The columnar path, from messages to window rows, against grouping row by row in plain Python."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agent import wire
from stream.addresses import pack
from stream.cluster import Cluster
from stream.decode import Message, decode_all
from stream.prefixes import SPECIAL, Prefixes
from stream.resolve import Resolver
from stream.rollup import levels
from stream.windows import aggregate
from tests.golden.make import FOLDER, example_rows
from tests.unit.stream_batches import DEFAULTS, SECOND, all_heard, batch, message
from tests.unit.test_stream_windows import rows

COUNTED = (*wire.COUNTERS, *wire.COUNTERS_SINCE_2)
SUMS = (*COUNTED, *(f"{name}_{part}" for name in wire.DISTRIBUTIONS for part in ("count", "sum")))
MAPS = (*(f"{name}_histogram" for name in wire.DISTRIBUTIONS), "drop_reasons")
WINDOW = 10 * SECOND

backends = st.none() | st.tuples(st.sampled_from(["10.0.0.2", "10.9.9.9", "127.0.0.1"]), st.just(8))
Row = dict[str, Any]


@st.composite
def sent(draw: st.DrawFn) -> tuple[Message, str, list[Row]]:
    """A message, its node, and its rows; now and then the first version's golden one."""
    node = draw(st.sampled_from(["a", "b"]))
    if draw(st.integers(0, 4)) == 0:
        headers = json.loads((FOLDER / "flows-v1.json").read_text()) | {"node": node}
        told = [(name, value.encode()) for name, value in headers.items()]
        value = (FOLDER / "flows-v1.arrow").read_bytes()
        return Message("flows", 0, 0, 0.0, None, value, told), node, example_rows(1)
    drawn: list[Row] = draw(rows)
    for row in drawn:
        if backend := draw(backends):
            row |= {"backend_address": backend[0], "backend_port": backend[1]}
    value, headers = message(batch(drawn, node))
    return Message("flows", 0, 0, 0.0, None, value, headers), node, drawn


def reference(node: str, row: Row, into: dict[Any, Row]) -> None:
    row = DEFAULTS | row
    translated = row.get("backend_address") is not None and row.get("backend_port") is not None
    server = "backend" if translated else "server"
    key = (
        row["interval_start"] // WINDOW * WINDOW // SECOND,
        node,
        *(row[name] for name in ("reporter", "role_certain", "protocol")),
        packed(row["client_address"]),
        packed(row[f"{server}_address"]),
        row[f"{server}_port"],
        translated,
    )
    group = into.setdefault(key, {"flow_rows": 0, **dict.fromkeys(SUMS, 0)})
    group["flow_rows"] += 1
    for name in SUMS:
        group[name] += row.get(name) or 0
    for name in MAPS:
        group.setdefault(name, Counter()).update(dict(row.get(name) or []))
    for name in wire.DISTRIBUTIONS:
        for part, pick in (("min", min), ("max", max)):
            column = f"{name}_{part}"
            samples = [v for v in (group.get(column), row.get(column)) if v is not None]
            group[column] = pick(samples, default=None)


def packed(address: str | bytes) -> bytes:
    return address if isinstance(address, bytes) else pack(address)


@settings(max_examples=30, deadline=None)
@given(st.lists(sent(), min_size=1, max_size=4))
def test_windows_are_what_grouping_row_by_row_gives(
    drawn: Sequence[tuple[Message, str, list[Row]]],
) -> None:
    numbered = [replace(found, offset=n) for n, (found, _, _) in enumerate(drawn)]
    _, poison, rows = decode_all(numbered)
    assert not poison
    resolver = Resolver(Cluster(), Prefixes(SPECIAL))
    table = levels(aggregate(rows, resolver, 10), resolver.endpoints, "test", all_heard)[
        "flows_10s"
    ]
    expected: dict[Any, Row] = {}
    for _, node, told in drawn:
        for row in told:
            reference(node, row, expected)
    found = {}
    for row in table.to_pylist():
        names = ("node", "reporter", "role_certain", "protocol", "client_address")
        ends = (row["server_address"], row["server_port"], row["server_method"] == "conntrack")
        key = (int(row["window"].timestamp()), *(row[name] for name in names), *ends)
        assert key not in found
        measured = {name: row[name] for name in ("flow_rows", *SUMS)}
        measured |= {name: Counter(dict(row[name])) for name in MAPS}
        measured |= {
            f"{name}_{part}": row[f"{name}_{part}"]
            for name in wire.DISTRIBUTIONS
            for part in ("min", "max")
        }
        found[key] = measured
    assert found == expected
