"""Settings as the TOML file that would give them, and what is wrong with one, in a sentence."""

from __future__ import annotations

import json
import os
import re
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from typed_settings.exceptions import ConfigFileLoadError, TsError

FILE_VARIABLE = "FLOWATLAS_SETTINGS"

BAD_DEFAULT = re.compile(r"Invalid default (.+) for option '([^']+)' with type <class '(\w+)'>")
"""The only sign typed-settings gives of a value that it cannot convert while it builds options."""

QUOTED_ERROR = re.compile(r"\w+Error\((['\"])(.*?)\1\)")
"""A nested exception's repr, of which users need the text alone."""


def dump(settings: Any, section: str) -> str:
    """A settings dataclass as `[section]`, nested dataclasses as tables below it.

    A key that is None is a comment, because TOML has no null.
    """
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    lines = [f"[{section}]"]
    lines += [_line(key, value) for key, value in values.items() if not is_dataclass(value)]
    for key, value in values.items():
        if is_dataclass(value):
            lines += ["", dump(value, f"{section}.{key}")]
    return "\n".join(lines)


def _line(key: str, value: Any) -> str:
    return f"# {key} is not set" if value is None else f"{key} = {_literal(value)}"


def _literal(value: Any) -> str:
    match value:
        case Enum():
            return _literal(value.value)
        case bool() | int() | float():
            return str(value).lower()
        case list() | tuple() | set() | frozenset():
            return "[" + ", ".join(_literal(item) for item in value) + "]"
        case dict():
            return (
                "{" + ", ".join(f"{json.dumps(k)} = {_literal(v)}" for k, v in value.items()) + "}"
            )
        case _:
            return json.dumps(str(value), ensure_ascii=False)


def explain(error: TsError | ValueError, section: str) -> str:
    """What typed-settings found wrong in role `section`'s settings, where, and the way out."""
    faults = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
    found = "; ".join(_fault(fault, section) for fault in faults)
    return f"The settings of {section} are not valid: {found}. See flowatlas {section} --help."


def missing_file() -> str | None:
    """The path in FLOWATLAS_SETTINGS if no file is there; typed-settings would go on without."""
    path = os.environ.get(FILE_VARIABLE)
    return path if path and not Path(path).is_file() else None


def _fault(fault: BaseException, section: str) -> str:
    text = QUOTED_ERROR.sub(r"\2", " ".join(str(fault).split())).rstrip(".")
    if isinstance(fault, ConfigFileLoadError):
        return f"{os.environ.get(FILE_VARIABLE)}: {text}"
    bad_default = BAD_DEFAULT.match(str(fault))
    if bad_default is None:
        return text
    value, option, kind = bad_default.groups()
    return f"{value} in {_origin(option, section)} cannot be read as {kind}"


def _origin(option: str, section: str) -> str:
    """The variable or the file's key that gave `option`; the environment overrules the file."""
    variable = f"FLOWATLAS_{section}_{option.replace('.', '_')}".upper()
    if variable in os.environ:
        return variable
    return f"{os.environ.get(FILE_VARIABLE, 'the defaults')}, key {section}.{option}"
