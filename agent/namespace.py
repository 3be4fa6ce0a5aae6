"""Being in another network namespace for the length of a `with`."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

from agent.errors import HostError

_CLONE_NEWNET = 0x40000000
_NAMED = Path("/run/netns")  # where `ip netns` keeps them
_LIBC = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread is in the namespace: a name of `ip netns`, or a path such as /proc/1/ns/net.

    Sockets and files of /proc/thread-self/net opened here stay in it. Empty: where the thread is.
    Raises HostError.
    """
    if not namespace:
        yield
        return
    with Path("/proc/thread-self/ns/net").open() as home:
        try:
            with (_NAMED / namespace).open() as there:  # an absolute path stays as it is
                _enter(there.fileno())
        except OSError as error:
            raise HostError(
                f"network namespace {namespace!r} cannot be entered ({error.strerror}): "
                "name one that `ip netns` lists, or a path, with --network-namespace"
            ) from error
        try:
            yield
        finally:
            _enter(home.fileno())


def _enter(descriptor: int) -> None:
    if _LIBC.setns(descriptor, _CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
