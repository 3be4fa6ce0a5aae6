"""JSON documents to frozen dataclasses and back; what does not fit is named by its path."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from datetime import date
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin

from stream.errors import MalformedFileError

T = TypeVar("T")


class MisfitError(ValueError):
    """`path` leads to the value at fault, like "subnets[3].cidrs[0]"."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"field {path} {problem}" if path else problem)
        self.path = path
        self.problem = problem


def load(path: Path, kind: type[T], origin: str) -> T:
    """Raises MalformedFileError with file and field; `origin` says what writes such a file."""
    try:
        return read(json.loads(path.read_bytes()), kind)
    except OSError as error:
        raise MalformedFileError(path, str(error.strerror), origin) from error
    except MisfitError as error:
        raise MalformedFileError(path, str(error), origin) from error
    except ValueError as error:
        raise MalformedFileError(path, f"is not JSON ({error})", origin) from error


def read(value: Any, kind: type[T]) -> T:
    """`value` as json.loads gives it. A field without a default must be there, and no others may.
    Raises MisfitError."""
    found: T = _read(value, kind, "")
    return found


def write(value: Any) -> Any:
    """What json.dumps takes, and `read` turns back into an equal value."""
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        return {field.name: write(getattr(value, field.name)) for field in fields}
    if isinstance(value, tuple):
        return [write(item) for item in value]
    if isinstance(value, dict):
        return {key: write(item) for key, item in value.items()}
    return value if isinstance(value, bool | int | float | None) else str(value)


def _read(value: Any, kind: Any, path: str) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {types.UnionType, Union} and type(None) in arguments:
        (kind,) = (argument for argument in arguments if argument is not type(None))
        return None if value is None else _read(value, kind, path)
    if dataclasses.is_dataclass(kind):
        return _object(value, typing.cast("type", kind), path)
    if origin is tuple:
        items = _typed(value, list, path)
        return tuple(_read(item, arguments[0], f"{path}[{i}]") for i, item in enumerate(items))
    if origin is dict:
        entries = _typed(value, dict, path).items()
        return {key: _read(item, arguments[1], _join(path, key)) for key, item in entries}
    return _scalar(value, kind, path)


def _object(value: Any, kind: type, path: str) -> Any:
    given = _typed(value, dict, path)
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name in given.keys() - fields.keys():
        raise MisfitError(_join(path, name), "is not known")
    for name, field in fields.items():
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and name not in given:
            raise MisfitError(_join(path, name), "is missing")
    return kind(**{n: _read(item, hints[n], _join(path, n)) for n, item in given.items()})


def _scalar(value: Any, kind: Any, path: str) -> Any:
    if kind is float:
        return float(_typed(value, (int, float), path))
    if kind in {int, bool}:
        return _typed(value, kind, path)
    text = _typed(value, str, path)
    if kind is str:
        return text
    parse, name = _PARSERS.get(kind) or (kind, "one of " + ", ".join(kind))
    try:
        return parse(text)
    except ValueError as error:
        raise MisfitError(path, f"is not {name}: {text!r}") from error


_PARSERS: dict[Any, tuple[Any, str]] = {
    date: (date.fromisoformat, "a date"),
    IPv4Address | IPv6Address: (ip_address, "an IP address"),
    IPv4Network | IPv6Network: (ip_network, "a CIDR"),
}


def _typed(value: Any, kind: Any, path: str) -> Any:
    wrong_bool = isinstance(value, bool) and kind is not bool
    if wrong_bool or not isinstance(value, kind):
        names = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
        raise MisfitError(path, f"is not {names.get(kind, 'a number')}: {value!r}")
    return value


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
