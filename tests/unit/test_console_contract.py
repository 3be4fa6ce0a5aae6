"""web/src/types.ts and the OpenAPI document say the same, field by field."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any

import pytest

from sql.console.app import application
from sql.console.settings import Settings
from sql.console.store import Store

INTERFACE = re.compile(r"^export interface (\w+)(?: extends (\w+))? \{\n(.*?)^\}", re.M | re.S)
FIELD = re.compile(r"^  (\w+): (\{\n.*?^  \}[^\n]*|[^\n]*);$", re.M | re.S)
ALIAS = re.compile(r"^export type (\w+) = (.*);$", re.M)
Shape = Any
"""A word for what is simple, {name: shape}, [shape], ("map", shape), or a set of these."""


@cache
def document() -> dict[str, Any]:
    return application(Store(Settings())).openapi()


@cache
def types() -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Interfaces by name, each with what it extends and its body; and aliases."""
    text = resources.files("sql.console").joinpath("web", "src", "types.ts").read_text()
    bare = re.sub(r"/\*\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    return {name: (base, body) for name, base, body in INTERFACE.findall(bare)}, dict(
        ALIAS.findall(bare)
    )


def answered() -> list[str]:
    """The interfaces of types.ts that some resource answers."""
    return sorted(types()[0].keys() & document()["components"]["schemas"].keys())


def test_there_is_something_to_compare() -> None:
    assert {"MapAnswer", "PanelAnswer", "StatusAnswer", "ErrorAnswer"} <= set(answered())


@pytest.mark.parametrize("name", answered())
def test_both_have_the_same_fields_of_the_same_kinds(name: str) -> None:
    assert _of_schema({"$ref": f"#/components/schemas/{name}"}) == _of_type(name)


def _of_schema(schema: dict[str, Any]) -> Shape:
    match schema:
        case {"$ref": place}:
            found = _of_schema(document()["components"]["schemas"][place.rsplit("/", 1)[1]])
        case {"anyOf": some}:
            found = _either([_of_schema(one) for one in some])
        case {"enum": words}:
            found = _either([f'"{word}"' for word in words])
        case {"const": word}:
            found = f'"{word}"'
        case {"type": "array", "items": item}:
            found = [_of_schema(item)]
        case {"properties": fields}:
            found = {name: _of_schema(field) for name, field in fields.items()}
        case {"type": "object", "additionalProperties": values}:
            found = ("map", _of_schema(values))
        case {"type": kind}:
            found = {"integer": "number"}.get(kind, kind)
    return found


def _of_type(text: str) -> Shape:
    interfaces, aliases = types()
    text = text.strip()
    if parts := _split(text, "|"):
        found: Shape = _either([_of_type(part) for part in parts])
    elif text.endswith("[]"):
        found = [_of_type(text[:-2])]
    elif text.startswith("("):
        found = _of_type(text[1:-1])
    elif record := re.fullmatch(r"Record<string, (.*)>", text):
        found = ("map", _of_type(record[1]))
    elif text.startswith("{"):
        fields = (field.split(":", 1) for field in _split(text[1:-1], ";") or [text[1:-1]])
        found = {name.strip(): _of_type(kind) for name, kind in fields}
    elif text in interfaces:
        base, body = interfaces[text]
        own = {name: _of_type(kind) for name, kind in FIELD.findall(body)}
        found = (_of_type(base) if base else {}) | own
    else:
        found = _of_type(aliases[text]) if text in aliases else text
    return found


def _split(text: str, mark: str) -> list[str]:
    """The parts between marks outside of brackets; nothing if there is no such mark."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "{([<") - (letter in "})]>")
        if letter == mark and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    found = [part for part in parts if part.strip()]
    return found if len(parts) > 1 else []


def _either(shapes: list[Shape]) -> Shape:
    """In no order, and one of one is itself."""
    flat = [one for shape in shapes for one in (shape[1:] if _is_either(shape) else (shape,))]
    different = sorted({repr(shape): shape for shape in flat}.items())
    return different[0][1] if len(different) == 1 else ("either", *(s for _, s in different))


def _is_either(shape: Shape) -> bool:
    return isinstance(shape, tuple) and shape[0] == "either"
