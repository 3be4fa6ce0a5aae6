"""Kernels in C, built with the packages: plain functions over memory, called through ctypes, which
lets other threads run meanwhile."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

LONG = ctypes.c_int64
ADDRESS = ctypes.c_void_p


def address(values: NDArray[Any] | pa.Buffer) -> int:
    """Where contiguous values lie, for as long as the caller keeps them."""
    if isinstance(values, pa.Buffer):
        return int(values.address)
    assert values.flags.c_contiguous
    return int(values.ctypes.data)


class Memory:
    """A parameter's type: a function gets the address of what it is called with, which lives as
    long as the call at least."""

    @classmethod
    def from_param(cls, values: NDArray[Any] | pa.Buffer) -> ctypes.c_void_p:
        return ADDRESS(address(values))


class NotBuiltError(ImportError):
    def __init__(self, module: str) -> None:
        super().__init__(f"{module} is not built: run `make setup`")


class Library:
    """A shared object built as an extension module that is not one: it has no Python in it."""

    def __init__(self, module: str) -> None:
        """Raises NotBuiltError."""
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            raise NotBuiltError(module)
        self._loaded = ctypes.CDLL(spec.origin)

    def function(self, name: str, *arguments: Any, result: Any = None) -> Callable[..., Any]:
        found = self._loaded[name]
        found.argtypes, found.restype = arguments, result
        return found
