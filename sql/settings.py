"""How to reach ClickHouse: the same for every role that does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import typed_settings as ts


def setting(default: Any, about: str) -> Any:
    """A dataclass field with a default and the help text that its command line option shows."""
    return field(default=default, metadata={"typed-settings": {"help": about}})


@dataclass(frozen=True)
class ClickHouse:
    """A ClickHouse server, or the embedded engine behind `flowatlas server`."""

    url: str = setting("http://127.0.0.1:8123", "ClickHouse's HTTP interface.")
    user: str = setting("default", "User to log in as.")
    password: str = setting("", "Password of that user.")
    database: str = setting("flowatlas", "Database that holds flowatlas's tables.")


@dataclass(frozen=True)
class Settings:
    """Settings of the commands sql and ask."""

    clickhouse: ClickHouse = field(default_factory=ClickHouse)


def loaders(role: str) -> list[ts.Loader]:
    """Where a role's settings come from: the file's section of its name, then the environment."""
    return [
        ts.FileLoader(
            files=[], env_var="FLOWATLAS_SETTINGS", formats={"*.toml": ts.TomlFormat(role)}
        ),
        ts.EnvLoader(f"FLOWATLAS_{role.upper()}_"),
    ]
