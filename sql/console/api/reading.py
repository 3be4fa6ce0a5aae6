"""How a resource gets at ClickHouse, at what is read once for all who ask, and at what is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request

from sql.console.api.answers_tables import CoverageAnswer, MonthCost
from sql.console.choices import Choices
from sql.console.ends import Grain
from sql.console.kept import Kept, KeptEach
from sql.console.scope import Scope, scope
from sql.console.store import Store
from sql.console.sums import Pair


@dataclass(frozen=True)
class Shared:
    """What all requests have in common; sql/console/app.py puts it together."""

    store: Store
    clusters: Kept[list[str]]
    choices: Kept[list[Choices]]
    coverage: Kept[CoverageAnswer]
    month: KeptEach[Scope, MonthCost]
    before: KeptEach[tuple[Scope, Grain], set[Pair]]


def _shared(request: Request) -> Shared:
    found: Shared = request.app.state.shared
    return found


Sharing = Annotated[Shared, Depends(_shared)]


def _store(shared: Sharing) -> Store:
    return shared.store


Reading = Annotated[Store, Depends(_store)]


def _scope(shared: Sharing, asked: Annotated[Scope, Depends(scope)]) -> Scope:
    """Whoever asks for one cluster, or has only one, need not be told of which an end is."""
    return replace(asked, apart=not asked.cluster and len(shared.clusters()) > 1)


Scoped = Annotated[Scope, Depends(_scope)]
