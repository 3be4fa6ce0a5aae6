"""Two hosts for tests: network namespaces joined by a cable, with no way out of it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from socket import AddressFamily, SocketKind
from socket import socket as Socket  # noqa: N812

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def run(command: str, *, stdin: str = "") -> str:
    """Run a command that must succeed; returns what it printed."""
    done = subprocess.run(
        command.split(), input=stdin, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


class Host:
    """A network namespace with one address of each family."""

    def __init__(self, name: str, ipv4: str, ipv6: str) -> None:
        self.name, self.ipv4, self.ipv6 = name, ipv4, ipv6

    def address(self, family: AddressFamily) -> str:
        return self.ipv4 if family == AddressFamily.AF_INET else self.ipv6

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """This thread is in the namespace; sockets made here stay in it."""
        with Path("/proc/thread-self/ns/net").open() as home:
            with Path(f"/run/netns/{self.name}").open() as there:
                _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def open(self, family: AddressFamily, kind: SocketKind) -> Socket:
        with self.inside():
            made = Socket(family, kind)
        made.settimeout(20)
        return made

    def listen(self, family: AddressFamily) -> Socket:
        listener = self.open(family, SocketKind.SOCK_STREAM)
        listener.bind((self.address(family), 0))
        listener.listen(128)
        return listener

    def drop(self, rule: str) -> None:
        """Drop what matches an nftables expression on its way in."""
        hook = "type filter hook prerouting priority raw;"
        table = f"table inet loss {{\n chain in {{\n {hook}\n {rule} drop\n }}\n}}\n"
        run(f"ip netns exec {self.name} nft -f -", stdin=table)


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts on a cable of their own."""
    tag = uuid.uuid4().hex[:6]
    left = Host(f"fa-test-{tag}-l", "10.99.0.1", "fd99::1")
    right = Host(f"fa-test-{tag}-r", "10.99.0.2", "fd99::2")
    with contextlib.ExitStack() as undo:
        for host in (left, right):
            run(f"ip netns add {host.name}")
            undo.callback(run, f"ip netns del {host.name}")
        run(f"ip link add cable netns {left.name} type veth peer name cable netns {right.name}")
        for host in (left, right):
            run(
                f"ip -n {host.name} -batch -",
                stdin=f"addr add {host.ipv4}/24 dev cable\n"
                f"addr add {host.ipv6}/64 dev cable nodad\n"
                "link set cable up\nlink set lo up\n",
            )
        yield left, right


class Cgroup:
    """A cgroup v2 directory that this process can be in for a while."""

    def __init__(self, directory: Path, home: Path) -> None:
        self.directory, self.home = directory, home

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets made meanwhile belong to the cgroup for as long as they live."""
        (self.directory / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            (self.home / "cgroup.procs").write_text(str(os.getpid()))


@contextlib.contextmanager
def new_cgroup(mount: Path) -> Iterator[Cgroup]:
    """An empty cgroup below the mount of cgroup v2."""
    directory = mount / f"fa-test-{uuid.uuid4().hex[:6]}"
    directory.mkdir()
    try:
        yield Cgroup(directory, mount / _own_path().lstrip("/"))
    finally:
        directory.rmdir()


@contextlib.contextmanager
def own_cgroup(mount: Path) -> Iterator[Path]:
    """This process is in a new cgroup."""
    with new_cgroup(mount) as cgroup, cgroup.inside():
        yield cgroup.directory


def attached(cgroup: Path) -> int:
    """Programs on the ingress hook, by the bpf() system call's BPF_PROG_QUERY."""
    attributes = (ctypes.c_uint32 * 16)()
    directory = os.open(cgroup, os.O_RDONLY)
    attributes[0] = directory
    failed = _LIBC.syscall(321, 16, attributes, 64)
    os.close(directory)
    assert not failed, os.strerror(ctypes.get_errno())
    return int(attributes[6])


def connect(
    client: Host, server: Host, family: AddressFamily, closing: contextlib.ExitStack
) -> tuple[Socket, Socket]:
    """The client's and the server's end of a new TCP connection; the listener stays as long."""
    listener = closing.enter_context(server.listen(family))
    dialing = closing.enter_context(client.open(family, SocketKind.SOCK_STREAM))
    dialing.connect(listener.getsockname()[:2])
    accepted = closing.enter_context(listener.accept()[0])
    return dialing, accepted


def _own_path() -> str:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, _, path = line.split(":", 2)
        if number == "0":
            return path
    raise AssertionError("this process is in no cgroup v2")


def transfer(source: Socket, sink: Socket, count: int) -> None:
    """Move exactly `count` bytes from one end to the other."""
    sent = received = 0
    block = bytes(65_536)
    source.setblocking(False)
    while received < count:
        with contextlib.suppress(BlockingIOError):
            if sent < count:
                sent += source.send(block[: count - sent])
        while received < sent:
            received += len(sink.recv(65_536))
    source.settimeout(20)
