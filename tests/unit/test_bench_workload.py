"""The benchmark's made-up batches are such as agents send."""

from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from benchmarks import inventory, workload
from benchmarks.cluster import Cluster, Shape
from stream import cluster as stream_cluster
from stream import inventory as stream_inventory
from stream.columns import join
from stream.decode import Message, decode
from stream.prefixes import SPECIAL, Prefixes
from stream.resolve import Resolver

SHAPE = Shape(pods=300, churn=3600.0)  # a replacement of every pod in five seconds


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    return Cluster(SHAPE)


@pytest.fixture(scope="module")
def made(cluster: Cluster) -> list[workload.Message]:
    return list(workload.messages(cluster, 2))


@pytest.fixture(scope="module")
def table(made: list[workload.Message]) -> pa.Table:
    return pa.Table.from_batches([message.rows for message in made]).unify_dictionaries()


def test_the_stream_reads_every_message_as_it_was_made(made: list[workload.Message]) -> None:
    for message in made:
        raw = Message("flows", 0, 0, message.timestamp / 1000, b"", message.value, message.headers)
        assert decode(raw).batch.rows.equals(message.rows)


def test_the_same_seed_makes_the_same_messages(made: list[workload.Message]) -> None:
    again = islice(workload.messages(Cluster(SHAPE), 2), 5)
    assert [message.value for message in again] == [message.value for message in made[:5]]


def test_every_node_sends_a_numbered_message_an_interval(made: list[workload.Message]) -> None:
    numbers = [dict(message.headers)["sequence"] for message in made]
    assert numbers == [b"0"] * 10 + [b"1"] * 10
    assert len({message.node for message in made}) == 10


def test_both_ends_of_a_conversation_between_pods_tell_the_same_bytes(table: pa.Table) -> None:
    between = table.filter(pc.and_(_in_cluster(table, "client"), _in_cluster(table, "server")))
    sums = between.group_by("reporter").aggregate([("bytes_to_server", "sum")])
    client, server = sums["bytes_to_server_sum"].to_pylist()
    assert client == server > 0


def _in_cluster(table: pa.Table, side: str) -> pa.Array:
    """Whether the address is a pod's (10.0.0.0/8) or a Service's (172.20.0.0/16)."""
    packed = table[f"{side}_address"].cast(pa.binary(16)).to_pylist()
    return pa.array([address[12] == 10 or address[12:14] == b"\xac\x14" for address in packed])


@pytest.mark.parametrize("name", ["rtt", "connect_latency"])
def test_a_distribution_agrees_with_itself(table: pa.Table, name: str) -> None:
    rows = table.filter(pc.greater(table[f"{name}_count"], 0)).combine_chunks()
    histograms = rows[f"{name}_histogram"].to_pylist()
    assert [sum(count for _, count in entry) for entry in histograms] == rows[
        f"{name}_count"
    ].to_pylist()
    lowest, highest, count, total = (
        rows[f"{name}_{of}"].to_numpy() for of in ("min", "max", "count", "sum")
    )
    assert np.all((lowest * count <= total) & (total <= highest * count))
    for entry, least, most in zip(histograms, lowest, highest, strict=True):
        buckets = [bucket for bucket, _ in entry]
        assert buckets == sorted(set(buckets))
        assert (buckets[0], buckets[-1]) == (_bucket(least), _bucket(most))


def _bucket(microseconds: int) -> int:
    return min(max(int(microseconds).bit_length() - 5, 0), 23)


def test_most_measures_are_zero_in_most_rows(table: pa.Table) -> None:
    for name in ("retransmitted_segments", "connections_refused", "dropped_packets"):
        share = pc.mean(pc.greater(table[name], 0)).as_py()
        assert 0 < share < 0.05, name


def test_the_inventory_names_the_pod_of_every_row(
    cluster: Cluster, made: list[workload.Message], tmp_path: Path
) -> None:
    inventory.write(cluster, tmp_path / "cluster.json", hours=2 * 5 / 3600)
    known = stream_inventory.load(tmp_path / "cluster.json")
    uids = {pod.uid for pod in known.pods}
    inhabited = stream_cluster.Cluster()
    inhabited.take(known, 0)
    resolver = Resolver(inhabited, Prefixes(SPECIAL))
    for message in made:
        assert set(message.rows["pod_uid"].to_pylist()) <= uids
        raw = Message("flows", 0, 0, 0.0, b"", message.value, message.headers)
        ends = resolver.resolve(join([decode(raw).batch]))
        reporter = np.where(message.rows["reporter"].to_numpy() == 1, ends.client, ends.server)
        kinds = resolver.endpoints.columns("client_", reporter, ["client_kind"])[
            "client_kind"
        ].to_pylist()
        assert set(kinds) == {"pod"}
