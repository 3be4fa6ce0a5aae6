"""How long a cluster takes from the API server through Kafka to a worker, in what memory.

    python -m benchmarks.inventory_load [nodes] [pods]

The API server is the tests' stand-in, Kafka the real one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from confluent_kafka.admin import AdminClient, NewTopic

from deploy.local.kafka import ApacheKafka
from deploy.local.probes import free_ports
from tests.kubernetes_api import KubernetesApi
from tests.kubernetes_objects import cluster, heartbeat, node, pod

NODES, PODS = 5_000, 100_000
HEARTBEATS = 1_000

READ = """
import resource, sys, time
import stream.app  # what a worker has anyway
from stream.cluster import Cluster
from stream.cluster_topic import ClusterTopic
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
before, began, cpu = resident(), time.time(), time.process_time()
cluster = Cluster()
topic = ClusterTopic(sys.argv[1], "inventory", cluster)
topic.start(began - 6 * 3600)
wanted = int(sys.argv[2])
while len(cluster.pods) < wanted or not topic.complete:
    topic.catch_up(300)
    topic.take()
    if time.time() > began + 300:
        break
took = time.time() - began, time.process_time() - cpu, resident() - before
print("{:.1f} {:.1f} {:.0f}".format(*took), len(cluster.pods), len(cluster.frontends))
topic.stop()
"""


def main(nodes: int = NODES, pods: int = PODS) -> None:
    api = KubernetesApi()
    for resource, thing in cluster(nodes, pods):
        api.put(resource, thing)
    bytes_listed = _warm(api)
    api.start()
    with tempfile.TemporaryDirectory() as name, _kafka(Path(name)) as broker:
        reading = _reader(broker, pods)
        began = time.monotonic()
        with _watcher(api, broker, Path(name)) as (watcher, port):
            _until(lambda: '"watching"' in _get(port, "/health"))
            print(f"listed          {time.monotonic() - began:6.1f} s  {bytes_listed / 1e6:.0f} MB")
            print("reader          wall s, CPU s, MiB, pods, ways into Services:", _told(reading))
            print(f"whole way       {time.monotonic() - began:6.1f} s")
            print(f"watcher         {_cpu(watcher):6.1f} s CPU  {_memory(watcher)}")
            _heartbeats(api, port, nodes)
        print(
            "second reader   wall s, CPU s, MiB, pods, ways into Services:",
            _told(_reader(broker, pods)),
        )
        began = time.monotonic()
        with _watcher(api, broker, Path(name)) as (watcher, port):
            _until(lambda: '"watching"' in _get(port, "/health"))
            time.sleep(1)
            print(f"started again   {time.monotonic() - began:6.1f} s  {_cpu(watcher):.1f} s CPU")
            print(f"                {_memory(watcher)}, published {_published(port):.0f}")
    api.stop()


def _warm(api: KubernetesApi) -> int:
    """Bodies are made beforehand: their making is the fake's, not the watcher's."""
    partial = {"replicasets", "jobs", "namespaces"}
    resources = ("nodes", "pods", "services", "endpointslices", *sorted(partial))
    return sum(
        len(api._body(resource, thing, resource in partial))
        for resource in resources
        for thing in api.objects(resource)
    )


def _heartbeats(api: KubernetesApi, port: int, nodes: int) -> None:
    before = _published(port)
    for n in range(HEARTBEATS):
        thing = node(
            f"ip-10-0-{n >> 8}-{n & 255}.ec2.internal",
            f"10.0.{n >> 8}.{n & 255}",
            f"us-east-1{'abc'[n % 3]}",
        )
        thing["status"]["conditions"] = heartbeat(n % 60)
        if n < nodes:
            api.put("nodes", thing)
    api.put("pods", pod("last", "n", "10.250.0.1"))
    _until(lambda: _published(port) > before)
    print(f"of {HEARTBEATS} heartbeats and 1 new pod: {_published(port) - before:.0f} records")


@contextmanager
def _kafka(directory: Path) -> Iterator[str]:
    kafka = ApacheKafka(directory / "kafka")
    kafka.start()
    try:
        topic = NewTopic("inventory", 1, 1, config={"cleanup.policy": "compact"})
        admin = AdminClient({"bootstrap.servers": kafka.address})
        for made in admin.create_topics([topic]).values():
            made.result(30)
        yield kafka.address
    finally:
        kafka.stop()


@contextmanager
def _watcher(
    api: KubernetesApi, broker: str, directory: Path
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    (port,) = free_ports(1)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "stream.watch", "--kafka", broker),
            *("--kubeconfig", api.kubeconfig(directory / "kubeconfig")),
            *("--metrics-port", str(port)),
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process, port
    finally:
        process.terminate()
        process.wait(30)


def _reader(broker: str, pods: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", READ, broker, str(pods)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _told(reading: subprocess.Popen[str]) -> str:
    return reading.communicate()[0].strip()


def _get(port: int, path: str) -> str:
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            body: bytes = answer.read()
            return body.decode()
    except (URLError, ConnectionError):
        return ""


def _published(port: int) -> float:
    name = "flowatlas_inventory_published_total{"
    lines = _get(port, "/metrics").splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith(name))


def _cpu(process: subprocess.Popen[bytes]) -> float:
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(process: subprocess.Popen[bytes]) -> str:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    words = {line.split()[0]: int(line.split()[1]) for line in lines if line.startswith("Vm")}
    return f"{words['VmRSS:'] / 1024:.0f} MiB resident, {words['VmHWM:'] / 1024:.0f} at most"


def _until(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("not in time")
        time.sleep(0.05)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
