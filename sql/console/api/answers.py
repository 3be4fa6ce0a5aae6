"""What the resources answer, for the OpenAPI document; web/src/types.ts says the same."""

from __future__ import annotations

from pydantic import BaseModel


class Status(BaseModel):
    """What can be chosen, and how new the newest is. Times are Unix seconds."""

    version: str
    now: int
    newest: int | None
    clusters: list[str]
    namespaces: list[str]
    zones: list[str]
    kinds: list[str]
    paths: list[str]
    label_keys: list[str]
