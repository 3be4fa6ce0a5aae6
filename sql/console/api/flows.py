"""GET /api/flows/…, /api/conversations: tables of any length, by pages or as CSV, and their SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from sql.console.api.answers_tables import TableAnswer, TableColumn
from sql.console.api.panel import Id
from sql.console.api.reading import Reading, Scoped
from sql.console.ends import grain_of, sides
from sql.console.store import Store
from sql.console.tables import UNITS, Table, table, title

router = APIRouter()

Order = Literal["asc", "desc"]
Format = Literal["json", "csv"]


@dataclass(frozen=True)
class Wanted:
    """Which part of a table, in which order, as what."""

    sort: str
    order: Order
    limit: int
    offset: int
    format: Format


def wanted(
    *,
    sort: Annotated[str, Query(max_length=50, description="A column; none: by bytes")] = "",
    order: Order = "desc",
    limit: Annotated[int, Query(ge=1, le=1000, description="Rows of a page")] = 100,
    offset: Annotated[int, Query(ge=0, le=2**53, description="Rows before the page")] = 0,
    as_: Annotated[Format, Query(alias="format", description="csv: all rows at once")] = "json",
) -> Wanted:
    """Read a request's parameters."""
    return Wanted(sort, order, limit, offset, as_)


Asking = Annotated[Wanted, Depends(wanted)]
CSV: dict[int | str, dict[str, object]] = {200: {"content": {"text/csv": {}}}}


@router.get("/flows/{view}", response_model=TableAnswer, responses=CSV)
def flows(
    store: Reading, asked: Scoped, part: Asking, view: Literal["cluster", "aws", "external"]
) -> Response | TableAnswer:
    """Edges by port and path: traffic within the cluster, with AWS's services, with the rest."""
    return _answer(store, table(f"flows_{view}", asked, sort=part.sort, order=part.order), part)


@router.get("/conversations", response_model=TableAnswer, responses=CSV)
def conversations(
    store: Reading, asked: Scoped, part: Asking, client: Id, server: Id
) -> Response | TableAnswer:
    """What an edge consists of, pod to pod with addresses, and what told who they are. There for 30
    days."""
    which = {"end": "", "client": client, "server": server}
    whole = table(
        "conversations",
        asked,
        sort=part.sort,
        order=part.order,
        grain=grain_of(client, server),
        more=which | sides(client, server),
    )
    return _answer(store, whole, part)


def _answer(store: Store, whole: Table, part: Wanted) -> Response | TableAnswer:
    return _csv(store, whole) if part.format == "csv" else _page(store, whole, part)


def _page(store: Store, whole: Table, part: Wanted) -> TableAnswer:
    given = {**whole.parameters, "limit": part.limit, "offset": part.offset}
    rows = store.select(whole.page(), given)
    total = rows[0]["total"] if rows else 0
    if not rows and part.offset:
        total = store.select(whole.count(), given)[0]["total"]
    columns = [
        TableColumn(name=name, title=title(name), unit=UNITS.get(name, ""), sortable=True)
        for name in whole.columns
    ]
    cells = [[row[name] for name in whole.columns] for row in rows]
    return TableAnswer(columns=columns, rows=cells, total=total, sql=whole.pasted())


def _csv(store: Store, whole: Table) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{whole.name}.csv"'}
    chunks = store.stream(whole.csv(), whole.parameters, "CSVWithNames")
    return StreamingResponse(chunks, media_type="text/csv", headers=headers)
