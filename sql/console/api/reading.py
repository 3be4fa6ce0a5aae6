"""How a resource gets at ClickHouse."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from sql.console.store import Store


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


Reading = Annotated[Store, Depends(_store)]
