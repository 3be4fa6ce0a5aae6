"""The tables of a cluster, on the engine that is here: one shard, and no Keeper to replicate with.

What is rendered is parsed as it is, and run without ON CLUSTER and Replicated, which need a Keeper.
All else is true: rows go through Distributed tables, views read through them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

CONFIG = """<clickhouse><tcp_port>9000</tcp_port><remote_servers><atlas><shard><replica>
<host>127.0.0.1</host><port>9000</port></replica></shard></atlas></remote_servers></clickhouse>"""
"""An engine takes its own address and port for itself and opens no connection."""

ENGINE = """
import json, re, sys
import chdb
from sql.cluster import Cluster
from sql.migrate import HISTORY, known
engine = chdb.connect(sys.argv[1])
engine.query("CREATE DATABASE flowatlas")
engine.query("USE flowatlas")
for statement in [HISTORY, *(text for each in known() for text in each.statements)]:
    for text in Cluster("atlas", "flowatlas").render(statement):
        engine.query("SELECT formatQuery($rendered$" + text + "$rendered$)")
        alone = text.replace(" ON CLUSTER 'atlas'", "").replace("ENGINE = Replicated", "ENGINE = ")
        engine.query(alone.replace(" replicated_dedup", " non_replicated_dedup"))
tables = {"flows_10s": 10, "flows_1m": 60, "flows_1h": 3600}
for table, seconds in tables.items():
    window = f"toStartOfInterval(now() - INTERVAL 1 HOUR, INTERVAL {seconds} SECOND)"
    for reporter in ("client", "server"):
        engine.query(
            f"INSERT INTO {table} (window, cluster, node, reporter, client_kind, server_kind,"
            f" client_node, bytes_to_server)"
            f" SELECT {window}, 'c', 'n1', '{reporter}', 'pod', 'pod', 'n1', 7"
        )
for table, seconds in {"workloads_1m": 60, "workloads_10m": 600, "workloads_1h": 3600}.items():
    window = f"toStartOfInterval(now() - INTERVAL 1 HOUR, INTERVAL {seconds} SECOND)"
    engine.query(
        f"INSERT INTO {table} (window, cluster, client_kind, server_kind, bytes_to_server)"
        f" SELECT {window}, 'c', 'pod', 'pod', 7"
    )
for table, seconds in {"ends_1m": 60, "ends_1h": 3600}.items():
    window = f"toStartOfInterval(now() - INTERVAL 1 HOUR, INTERVAL {seconds} SECOND)"
    engine.query(
        f"INSERT INTO {table} (window, cluster, node, kind, bytes_sent)"
        f" SELECT {window}, 'c', 'n1', 'pod', 7"
    )
answers = {}
for question in json.load(sys.stdin):
    answers[question] = str(engine.query(question, "TabSeparated")).strip()
json.dump(answers, sys.stdout)
"""
EACH_BYTE_ONCE = {
    **{
        f"SELECT sum(bytes_to_server) FROM {view}": "7"
        for view in (
            "edges",
            "edges_1h",
            "conversations",
            "cluster_flows",
            "edges_between(since = now() - INTERVAL 5 HOUR, until = now())",
            "edges_summed(since = now() - INTERVAL 5 HOUR, until = now())",
            "costs",
        )
    },
    "SELECT sum(bytes_sent) FROM node_health": "7",
    "SELECT sum(bytes_sent) FROM pod_health": "7",
    "SELECT arraySort(groupUniqArray(rollup)) FROM reports": "['flows_10s','flows_1h','flows_1m']",
    "SELECT count() FROM flows_1m_local": "2",
    "SELECT count() > 0 FROM agents": "1",
    "SELECT count() FROM coverage": "1",
    "SELECT count() FROM changes": "0",
    "SELECT count() FROM internet_months": "0",
}


def test_views_over_shards_count_each_byte_once(tmp_path: Path) -> None:
    config = tmp_path / "cluster.xml"
    config.write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, "-c", ENGINE, f"{tmp_path / 'data'}?config-file={config}"],
        input=json.dumps(list(EACH_BYTE_ONCE)),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == EACH_BYTE_ONCE
