"""GET /api/flows/…, /api/conversations: tables of any length, by pages or as CSV, and their SQL."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from sql.console.api.answers_tables import TableAnswer, TableColumn
from sql.console.api.panel import Id
from sql.console.api.reading import Reading
from sql.console.ends import grain_of, sides
from sql.console.scope import Scoped
from sql.console.store import Store
from sql.console.tables import UNITS, Table, table, title

router = APIRouter()

Sort = Annotated[str, Query(max_length=50, description="A column; by bytes if none is given")]
Order = Literal["asc", "desc"]
Limit = Annotated[int, Query(ge=1, le=1000, description="Rows of a page")]
Offset = Annotated[int, Query(ge=0, le=2**53, description="Rows before the page")]
Format = Annotated[
    Literal["json", "csv"], Query(alias="format", description="csv is the whole table at once")
]
CSV: dict[int | str, dict[str, object]] = {200: {"content": {"text/csv": {}}}}


@router.get("/flows/{view}", response_model=TableAnswer, responses=CSV)
def flows(
    *,
    store: Reading,
    asked: Scoped,
    view: Literal["cluster", "aws", "external"],
    sort: Sort = "",
    order: Order = "desc",
    limit: Limit = 100,
    offset: Offset = 0,
    format_: Format = "json",
) -> Response | TableAnswer:
    """Edges by port and path: traffic within the cluster, with AWS's services, with the rest."""
    whole = table(f"flows_{view}", asked, sort=sort, order=order)
    return _csv(store, whole) if format_ == "csv" else _page(store, whole, limit, offset)


@router.get("/conversations", response_model=TableAnswer, responses=CSV)
def conversations(
    *,
    store: Reading,
    asked: Scoped,
    client: Id,
    server: Id,
    sort: Sort = "",
    order: Order = "desc",
    limit: Limit = 100,
    offset: Offset = 0,
    format_: Format = "json",
) -> Response | TableAnswer:
    """What an edge consists of, pod to pod with addresses, and what told who they are. There for 30
    days."""
    which = {"end": "", "client": client, "server": server}
    whole = table(
        "conversations",
        asked,
        sort=sort,
        order=order,
        grain=grain_of(client, server),
        more=which | sides(client, server),
    )
    return _csv(store, whole) if format_ == "csv" else _page(store, whole, limit, offset)


def _page(store: Store, whole: Table, limit: int, offset: int) -> TableAnswer:
    given = {**whole.parameters, "limit": limit, "offset": offset}
    rows = store.select(whole.page(), given)
    total = rows[0]["total"] if rows else 0
    if not rows and offset:
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
