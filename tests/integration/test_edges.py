"""What the tables and the rule of `edges` make of reports, by worked examples."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from clickhouse_connect.driver import Client

from sql import ask
from sql.client import connect
from sql.insert import insert
from sql.migrate import migrate
from sql.schema import COUNTERS, COUNTERS_SINCE_2, REPEATED_BATCHES, TABLES
from sql.settings import ClickHouse
from tests.integration.clickhouse import at, embedded, flow, flows, insert_levels, ledger

pytestmark = pytest.mark.integration

MEASURES = (*COUNTERS, *COUNTERS_SINCE_2)
WRITTEN = (*TABLES, "agent_totals", "agents")


@pytest.fixture
def client(server: ClickHouse) -> Iterator[Client]:
    with connect(server) as client:
        for table in WRITTEN:
            client.command(f"TRUNCATE TABLE {table}")
        yield client


def put(client: Client, *rows: dict[str, Any]) -> None:
    insert_levels(client, flows(*rows), f"{random.getrandbits(64):x}")


def one(client: Client, query: str) -> tuple[Any, ...]:
    rows = client.query(query).result_rows
    assert len(rows) == 1
    return tuple(rows[0])


def volume(client: Client, view: str = "edges") -> tuple[Any, ...]:
    return one(client, f"SELECT sum(bytes_to_server), sum(bytes_to_client) FROM {view}")


CLIENTS = {"window": at("10:00:00"), "bytes_to_server": 1009, "bytes_to_client": 2003}
SERVERS = CLIENTS | {"node": "n2", "reporter": 2, "bytes_to_client": 1999}
FROM_INTERNET = {
    "client_kind": "internet",
    "client_namespace": "",
    "client_workload": "",
    "client_pod": "",
    "client_node": "",
}


def test_of_both_ends_the_client_counts(client: Client) -> None:
    put(client, flow(**SERVERS))
    put(client, flow(**CLIENTS))
    for view in ("edges", "edges_1h", "conversations"):
        assert volume(client, view) == (1009, 2003)


def test_each_end_tells_what_only_it_knows(client: Client) -> None:
    health = {"rtt_count": 1, "rtt_min": 40, "rtt_max": 40, "rtt_histogram": [(1, 1)]}
    put(client, flow(**CLIENTS, retransmitted_segments=3, rtt_sum=40, **health))
    put(client, flow(**SERVERS, retransmitted_segments=5, rtt_sum=40, **health))
    assert one(
        client,
        "SELECT sum(retransmitted_segments_to_server), sum(retransmitted_segments_to_client),"
        " sum(client_rtt_count), sum(server_rtt_count), sumMap(client_rtt_histogram) FROM edges",
    ) == (3, 5, 1, 1, {1: 1})


def test_the_clients_report_alone_counts(client: Client) -> None:
    put(client, flow(**CLIENTS))
    assert volume(client) == (1009, 2003)


def test_the_servers_report_alone_counts_where_the_clients_node_has_no_agent(
    client: Client,
) -> None:
    put(client, flow(**SERVERS))
    assert volume(client) == (1009, 1999)


def test_the_servers_report_counts_for_a_client_on_the_internet(client: Client) -> None:
    put(client, flow(**CLIENTS), flow(**(SERVERS | FROM_INTERNET)))
    assert volume(client) == (2018, 4002)


def test_both_ends_on_one_node_count_once(client: Client) -> None:
    put(
        client,
        flow(**CLIENTS, server_node="n1"),
        flow(**(SERVERS | {"server_node": "n1", "node": "n1"})),
    )
    assert volume(client) == (1009, 2003)


def test_an_agent_covers_its_node_from_the_hour_it_reports(client: Client) -> None:
    later = {"window": at("11:00:00")}
    put(client, flow(**SERVERS), flow(**(SERVERS | later)))
    insert(client, "agent_ledger", ledger(time=at("11:20:00")), "coverage by the hour")
    hours = client.query(
        "SELECT window, sum(bytes_to_client) FROM edges_1h GROUP BY 1 ORDER BY 1"
    ).result_rows
    assert [int(row[1]) for row in hours] == [1999, 0]
    put(client, flow(**(CLIENTS | later)))
    assert volume(client) == (2018, 4002)


def test_resets_are_told_by_who_sent_them(client: Client) -> None:
    put(client, flow(**CLIENTS, resets_sent=2, resets_received=1))
    put(client, flow(**SERVERS, resets_sent=1, resets_received=2))
    assert one(client, "SELECT sum(resets_to_server), sum(resets_to_client) FROM edges") == (2, 1)


def test_what_the_server_alone_sees_comes_from_its_report_whichever_counts(
    client: Client,
) -> None:
    unfinished = ("connections_handshake_reset", "connections_half_open", "listen_overflows")
    told = {name: number for number, name in enumerate(unfinished, 1)}
    put(client, flow(**CLIENTS, connections_unreachable=5))
    put(client, flow(**SERVERS, connections_unreachable=7, **told))
    columns = ", ".join(f"sum({name})" for name in ("connections_unreachable", *unfinished))
    assert one(client, f"SELECT {columns} FROM edges") == (5, 1, 2, 3)


def test_a_closed_window_is_told_by_either_end_and_counted_once(client: Client) -> None:
    put(client, flow(**CLIENTS, zero_windows_sent=2, zero_windows_received=1))
    put(client, flow(**SERVERS, zero_windows_sent=1, zero_windows_received=2))
    of_internet = SERVERS | FROM_INTERNET
    put(client, flow(**of_internet, zero_windows_sent=10, zero_windows_received=20))
    columns = "sum(zero_windows_to_server), sum(zero_windows_to_client)"
    assert one(client, f"SELECT {columns} FROM edges") == (22, 11)


def test_disorder_is_told_by_the_receiver_and_drops_by_each_kernel(client: Client) -> None:
    told = ("out_of_order_segments", "datagram_errors", "retransmitted_syns", "dropped_packets")
    ours, theirs = [("NO_SOCKET", 1), ("TCP_CSUM", 2)], [("NO_SOCKET", 4)]
    put(client, flow(**CLIENTS, **dict.fromkeys(told, 3), drop_reasons=ours))
    put(client, flow(**SERVERS, **dict.fromkeys(told, 4), drop_reasons=theirs))
    for name in ("out_of_order_segments", "datagram_errors"):
        told_of = f"sum({name}_to_client), sum({name}_to_server)"
        assert one(client, f"SELECT {told_of} FROM edges") == (3, 4)
    assert one(
        client,
        "SELECT sum(retransmitted_syns_to_server), sum(retransmitted_syns_to_client),"
        " sum(client_dropped_packets), sum(server_dropped_packets), sumMap(client_drop_reasons),"
        " sumMap(server_drop_reasons) FROM edges",
    ) == (3, 4, 3, 4, dict(ours), dict(theirs))


def test_a_late_row_is_added_to_its_window(client: Client) -> None:
    put(client, flow(**CLIENTS))
    put(client, flow(**(CLIENTS | {"window": at("12:00:00")})))
    put(client, flow(**(CLIENTS | {"window": at("10:00:10"), "bytes_to_server": 7})))
    assert one(
        client,
        "SELECT sum(bytes_to_server) FROM edges"
        f" WHERE window = '{at('10:00:00'):%Y-%m-%d %H:%M:%S}'",
    ) == (1016,)


@pytest.mark.parametrize("seed", range(3))
def test_every_rollup_holds_the_same_sums(client: Client, seed: int) -> None:
    chance = random.Random(seed)
    rows = [
        flow(
            window=at("09:58:00") + timedelta(seconds=10 * chance.randrange(40)),
            client_pod=f"cart-{chance.randrange(4)}",
            node=f"n{chance.randrange(3)}",
            reporter=chance.choice((1, 2)),
            rtt_min=chance.choice((None, chance.randrange(9, 99))),
            rtt_max=chance.choice((None, chance.randrange(100, 999))),
            rtt_histogram=[(b, chance.randrange(1, 9)) for b in range(chance.randrange(24))],
            drop_reasons=[(r, chance.randrange(1, 9)) for r in "ABC"[: chance.randrange(4)]],
            **{name: chance.randrange(2**40) for name in MEASURES},
        )
        for _ in range(400)
    ]
    for begin in range(0, 400, 100):
        put(client, *rows[begin : begin + 100])
    client.command("OPTIMIZE TABLE flows_1m FINAL")
    sums = ", ".join(f"sum({name})" for name in MEASURES)
    query = (
        f"SELECT sum(flow_rows), {sums}, min(rtt_min), max(rtt_max), sumMap(rtt_histogram),"
        " sumMap(drop_reasons) FROM "
    )
    base, minute, hour = (one(client, query + f"flows_{grain}") for grain in ("10s", "1m", "1h"))
    assert base == minute == hour
    assert base[:2] == (400, sum(row["bytes_to_server"] for row in rows))


def test_one_token_counts_once_at_every_level(client: Client) -> None:
    rows = flows(flow(**CLIENTS), flow(**SERVERS))
    for _ in range(3):
        insert_levels(client, rows, "one token")
        insert(client, "agent_ledger", ledger(stream_rows=2), "one token")
    for grain in ("10s", "1m", "1h"):
        assert one(client, f"SELECT sum(flow_rows) FROM flows_{grain}") == (2,)
    assert one(client, "SELECT sum(stream_rows), sum(batches) FROM agent_totals") == (2, 1)


def test_coverage_is_equal_or_says_where_bytes_went(client: Client) -> None:
    kernel = {"kernel_records": 4, "kernel_bytes": 3012, "agent_records": 4, "agent_bytes": 3012}
    shipped = {"shipped_rows": 1, "shipped_bytes": 3012, "stream_rows": 1, "stream_bytes": 3012}
    insert(client, "agent_ledger", ledger(**kernel, **shipped), "equal")
    put(client, flow(**CLIENTS))
    question = "SELECT records_equal, bytes_equal, covered FROM coverage"
    assert one(client, question) == (1, 1, 1.0)
    put(client, flow(**CLIENTS))
    assert one(client, question)[:2] == (0, 0)


def test_what_a_full_spool_dropped_is_accounted_for(client: Client) -> None:
    made = {"kernel_bytes": 4012, "agent_bytes": 4012, "shipped_rows": 3, "shipped_bytes": 4012}
    dropped = {"dropped_rows": 2, "dropped_bytes": 1000}
    arrived = {"stream_rows": 1, "stream_bytes": 3012}
    insert(client, "agent_ledger", ledger(**made, **dropped, **arrived), "dropped")
    put(client, flow(**CLIENTS))
    question = "SELECT dropped_rows, dropped_bytes, bytes_equal, accounted FROM coverage"
    assert one(client, question) == (2, 1000, 0, 1)
    put(client, flow(**CLIENTS))
    assert one(client, question)[-1] == 0


def test_batches_that_never_came_and_that_came_again_are_counted(client: Client) -> None:
    for number in (0, 1, 4, 5, 9):
        insert(client, "agent_ledger", ledger(sequence=number), f"batch {number}")
    insert(client, "agent_ledger", ledger(agent="a2", sequence=1), "another agent's")
    told = {"time": at("10:00:00"), "cluster": "c", "node": "n1", "agent": "a1", "sequence": 4}
    place = {"topic": "flows", "partition": 0}
    again = [{**told, **place, "offset": offset} for offset in (10, 11)]
    for _ in range(2):
        rows = pa.Table.from_pylist(again, REPEATED_BATCHES)
        insert(client, "repeated_batches", rows, "one token")
    question = "SELECT batches_received, missing_batches, repeated_batches FROM coverage"
    assert one(client, question) == (6, 6, 2)


def test_a_batch_that_two_workers_counted_shows_as_more_than_was_shipped(client: Client) -> None:
    kernel = {"kernel_records": 1, "kernel_bytes": 3012, "agent_records": 1, "agent_bytes": 3012}
    shipped = {"shipped_rows": 1, "shipped_bytes": 3012, "stream_rows": 1, "stream_bytes": 3012}
    for partition in range(2):
        insert(client, "agent_ledger", ledger(**kernel, **shipped), f"from partition {partition}")
        put(client, flow(**CLIENTS))
    question = "SELECT shipped_rows, stream_rows, table_rows, missing_batches, accounted"
    assert one(client, f"{question} FROM coverage") == (1, 2, 2, 0, 0)


def test_freshness_is_from_the_newest_interval_end_to_the_insert(client: Client) -> None:
    now = datetime.now(UTC)
    for node, seconds in (("n1", 5), ("n1", 9), ("n2", 60)):
        sent = {"time": now, "newest": now - timedelta(seconds=seconds), "stream_rows": 1}
        insert(client, "agent_ledger", ledger(node=node, **sent), f"{node} {seconds}")
    insert(client, "agent_ledger", ledger(node="n3", time=now, newest=now), "no rows")
    answer = ask.run(client, "freshness", "TabSeparated").splitlines()
    nodes = {line.split("\t")[0]: list(map(float, line.split("\t")[1:])) for line in answer}
    assert list(nodes) == ["all nodes", "n2", "n1"]
    assert nodes["n2"] == pytest.approx([1, 60, 60, 60], abs=3)
    assert nodes["n1"][3] == pytest.approx(9, abs=3)


@pytest.mark.parametrize("question", ask.questions(), ids=lambda question: question.name)
def test_every_named_query_runs(client: Client, question: ask.Question) -> None:
    put(client, flow(**CLIENTS))
    assert ask.run(client, question.name) is not None


def test_a_lossy_edge_is_slow_by_the_network(client: Client) -> None:
    put(client, flow(**CLIENTS, packets_to_server=100, retransmitted_segments=9))
    put(client, flow(**CLIENTS, client_workload="front", packets_to_server=100))
    answer = ask.run(client, "slow", "TabSeparated", minutes="10000000").splitlines()
    assert [line.split("\t")[-1].split(":")[0] for line in answer] == ["yes, the network", "no"]


def answers(client: Client, question: str) -> list[list[str]]:
    text = ask.run(client, question, "TabSeparated", minutes="10000000")
    return [line.split("\t") for line in text.splitlines()]


def test_a_receiver_that_reads_too_slowly_is_named(client: Client) -> None:
    put(client, flow(**CLIENTS, packets_to_server=100, zero_windows_received=9))
    assert answers(client, "slow")[0][-1].startswith("no, the receiver: the server reads")


def test_a_failure_is_explained_by_its_most_telling_cause(client: Client) -> None:
    put(client, flow(**CLIENTS, client_workload="a", connections_unreachable=4))
    put(client, flow(**CLIENTS, client_workload="b", connections_timed_out=3))
    put(client, flow(**SERVERS, client_workload="b", connections_half_open=3))
    said = {line[0]: line[-1].split(":")[0] for line in answers(client, "failures")}
    assert said == {"shop/a": "no way there", "shop/b": "the server answers and hears no more"}


def test_drops_are_told_by_whose_kernel_dropped(client: Client) -> None:
    put(client, flow(**CLIENTS, drop_reasons=[("SOCKET_RCVBUFF", 2)]))
    put(client, flow(**SERVERS, drop_reasons=[("NO_SOCKET", 5), ("NEW_REASON", 1)]))
    assert [[*line[:1], *line[4:6], line[-1]] for line in answers(client, "drops")] == [
        ["shop/redis", "NO_SOCKET", "5", "nobody listens there (any more)"],
        ["shop/cart", "SOCKET_RCVBUFF", "2", "the application reads too slowly"],
        ["shop/redis", "NEW_REASON", "1", ""],
    ]


def test_a_quantile_lies_in_its_bucket(client: Client) -> None:
    query = "SELECT flowatlasQuantile(CAST(map({}), 'Map(UInt8, UInt64)'), {})"
    assert one(client, query.format("3, 90, 7, 10", 0.5))[0] == pytest.approx(2**7.556, rel=1e-3)
    assert 2**11 < one(client, query.format("3, 90, 7, 10", 0.95))[0] <= 2**12
    assert one(client, query.format("", 0.5)) == (None,)


def test_rows_survive_a_restart(tmp_path: Path) -> None:
    for expected in (1009, 1009):
        with embedded(tmp_path) as there:
            migrate(there)
            with connect(there) as client:
                insert_levels(client, flows(flow(**CLIENTS)), "before and after")
                assert volume(client)[0] == expected
