"""Counters of the node's network interfaces, and what an instance's ENA was refused.

Read when scraped, so they are the kernel's own. The kernel's ethtool netlink interface has the
standard groups of statistics only; a driver's own, ENA's allowances among them, come by ioctl.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from agent.metrics import ALLOWANCES, INTERFACES
from agent.namespace import inside

# Fields of a line of /proc/net/dev, after the name.
_RECEIVED = {"bytes": 0, "packets": 1, "errors": 2, "drops": 3}
_SENT = {"bytes": 8, "packets": 9, "errors": 10, "drops": 11}

# include/uapi/linux/sockios.h and ethtool.h
_SIOCETHTOOL = 0x8946
_DRIVER_INFO, _STRINGS, _STATISTICS = 0x03, 0x1B, 0x1D
_STATISTICS_SET, _STRING_BYTES = 1, 32
_DRIVER_INFO_BYTES, _STATISTICS_COUNT_AT = 196, 180

_EXCEEDED = "_allowance_exceeded"


class Interfaces(Collector):
    """Every interface of one network namespace, "" being this process's own."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._table = -1
        self._socket: socket.socket

    def start(self, registry: CollectorRegistry = REGISTRY) -> Callable[[], None]:
        """Serve them; returns what ends it. Raises HostError."""
        with inside(self._namespace):
            self._table = os.open("/proc/thread-self/net/dev", os.O_RDONLY)
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        registry.register(self)

        def stop() -> None:
            registry.unregister(self)
            os.close(self._table)
            self._socket.close()

        return stop

    def collect(self) -> Iterable[Metric]:
        counters = parse(_read_again(self._table))
        for name, about in INTERFACES.items():
            labels = ["interface", "direction"]
            family = CounterMetricFamily(f"flowatlas_node_interface_{name}", about, labels=labels)
            for interface, values in counters.items():
                family.add_metric([interface, "received"], values[_RECEIVED[name]])
                family.add_metric([interface, "sent"], values[_SENT[name]])
            yield family
        family = CounterMetricFamily(*ALLOWANCES, labels=["interface", "allowance"])
        for interface in counters:
            for allowance, count in self._allowances(interface):
                family.add_metric([interface, allowance], count)
        yield family

    def _allowances(self, interface: str) -> Iterator[tuple[str, int]]:
        try:
            if driver(self._socket, interface) == "ena":
                yield from allowances(statistics(self._socket, interface)).items()
        except OSError:  # gone since, or a kind without ethtool
            return


def _read_again(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return b"".join(iter(lambda: os.read(descriptor, 1 << 16), b"")).decode()


def parse(table: str) -> dict[str, list[int]]:
    """The counters of /proc/net/dev by interface."""
    lines = (line.partition(":") for line in table.splitlines()[2:])
    return {name.strip(): [int(field) for field in fields.split()] for name, _, fields in lines}


def allowances(found: Mapping[str, int]) -> dict[str, int]:
    """Packets held up or dropped by allowance (bw_in, pps, …), of a driver's statistics."""
    return {
        name.removesuffix(_EXCEEDED): count
        for name, count in found.items()
        if name.endswith(_EXCEEDED)
    }


def driver(through: socket.socket, interface: str) -> str:
    """Name of the interface's driver. Raises OSError if it has none."""
    return _driver_info(through, interface)[4:36].rstrip(b"\0").decode()


def statistics(through: socket.socket, interface: str) -> dict[str, int]:
    """The driver's own statistics by name, as `ethtool -S` prints them. Raises OSError."""
    (count,) = struct.unpack_from("=I", _driver_info(through, interface), _STATISTICS_COUNT_AT)
    header = struct.pack("=III", _STRINGS, _STATISTICS_SET, count)
    texts = _ask(through, interface, header, count * _STRING_BYTES)
    values = _ask(through, interface, struct.pack("=II", _STATISTICS, count), count * 8)
    names = (
        texts[at : at + _STRING_BYTES].partition(b"\0")[0].decode()
        for at in range(0, len(texts), _STRING_BYTES)
    )
    return dict(zip(names, struct.unpack(f"={count}Q", values), strict=True))


def _driver_info(through: socket.socket, interface: str) -> bytes:
    command = struct.pack("=I", _DRIVER_INFO)
    return command + _ask(through, interface, command, _DRIVER_INFO_BYTES - len(command))


def _ask(through: socket.socket, interface: str, header: bytes, answer_bytes: int) -> bytes:
    """What the kernel writes behind the header of a command."""
    memory = ctypes.create_string_buffer(header, len(header) + answer_bytes)
    request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(memory))
    fcntl.ioctl(through, _SIOCETHTOOL, request)
    return memory.raw[len(header) :]
