"""Where the fields of the kernel's tracepoints lie, and what its drop reasons are called."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

TRACEFS = Path("/sys/kernel/tracing")


@dataclass(frozen=True)
class Tracepoint:
    """A tracepoint that a program of bpf/tracepoints.c is for, and the fields that it reads."""

    program: str
    category: str
    name: str
    prefix: str
    fields: tuple[str, ...]

    def number(self, root: Path = TRACEFS) -> int:
        """The running kernel's id of it. Raises OSError."""
        return int((root / "events" / self.category / self.name / "id").read_text())


SOCKET_ERROR = Tracepoint(
    "on_socket_error",
    "sock",
    "inet_sk_error_report",
    "SOCKET_ERROR",
    ("error", "sport", "dport", "protocol", "saddr_v6", "daddr_v6"),
)
DATAGRAM_REFUSED = Tracepoint(
    "on_datagram_refused",
    "udp",
    "udp_fail_queue_rcv_skb",
    "DATAGRAM_REFUSED",
    ("sport", "dport", "family", "saddr", "daddr"),
)
PACKET_DROPPED = Tracepoint(
    "on_packet_dropped",
    "skb",
    "kfree_skb",
    "PACKET_DROPPED",
    ("skbaddr", "protocol", "reason"),
)
TRACEPOINTS = (SOCKET_ERROR, DATAGRAM_REFUSED, PACKET_DROPPED)

_FIELD = re.compile(r"field:[^;]*?(\w+)(?:\[\d+\])?;\s*offset:(\d+);")
_SYMBOL = re.compile(r'\{ (\d+), "(\w+)" \}')


def mount() -> bool:
    """Whether tracefs is there, mounted now if it was not."""
    if not (TRACEFS / "events").is_dir():
        command = ["mount", "-t", "tracefs", "tracefs", str(TRACEFS)]
        subprocess.run(command, capture_output=True, check=False)
    return (TRACEFS / "events").is_dir()


def offsets(tracepoint: Tracepoint, root: Path = TRACEFS) -> dict[str, int] | None:
    """Bytes from the start of the record to each field; None if this kernel lacks one."""
    try:
        text = (root / "events" / tracepoint.category / tracepoint.name / "format").read_text()
    except OSError:
        return None
    found = {name: int(offset) for name, offset in _FIELD.findall(text)}
    if not found.keys() >= set(tracepoint.fields):
        return None
    return {name: found[name] for name in tracepoint.fields}


def defines(tracepoint: Tracepoint, at: dict[str, int]) -> list[str]:
    """Compiler flags that let the program in and tell it where the fields are."""
    prefix = tracepoint.prefix
    return [f"-D{prefix}", *(f"-D{prefix}_{name.upper()}={where}" for name, where in at.items())]


def drop_reasons(root: Path = TRACEFS) -> dict[int, str]:
    """The running kernel's names of enum skb_drop_reason, from what it prints them by."""
    try:
        text = (root / "events/skb/kfree_skb/format").read_text()
    except OSError:
        return {}
    return {int(number): name for number, name in _SYMBOL.findall(text)}


def no_loss(root: Path = TRACEFS) -> int:
    """The reason that every closing socket gives for what it still held, which is no loss; 0, which
    is nobody's reason, on kernels without it."""
    by_name = {name: number for number, name in drop_reasons(root).items()}
    return by_name.get("QUEUE_PURGE", 0)
