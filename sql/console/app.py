"""Puts the resources, the page and the sentences for errors together into one application."""

from __future__ import annotations

from functools import partial
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from sql.console import choices
from sql.console.api import changes, costs, coverage, flows, health, panel, status, timeline
from sql.console.api import map as service_map
from sql.console.api.answers import ErrorAnswer
from sql.console.api.reading import Shared
from sql.console.errors import AwayError, BadParameterError, ConsoleError, TooSlowError
from sql.console.kept import Kept, KeptEach
from sql.console.store import Store
from sql.console.telling import Telling
from sql.errors import QueryError

PAGE = Path(str(resources.files("sql.console").joinpath("web", "dist")))
"""As built by web/build.mjs."""

ROUTERS = (
    status.router,
    service_map.router,
    panel.router,
    flows.router,
    health.router,
    costs.router,
    changes.router,
    coverage.router,
    timeline.router,
)

FAILURES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": kind.__doc__}
    for status, kind in (
        (422, BadParameterError),
        (503, AwayError),
        (504, TooSlowError),
    )
}


def application(store: Store) -> FastAPI:
    """The console's ASGI application; its OpenAPI document is at /openapi.json."""
    app = FastAPI(
        title="flowatlas console",
        version=metadata.version("flowatlas"),
        description="What the service map reads. Read-only; see docs/console.md.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.shared = shared(store)
    for router in ROUTERS:
        app.include_router(router, prefix="/api", responses=FAILURES)
    app.add_exception_handler(ConsoleError, _failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(QueryError, _refused)
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=1)
    app.add_middleware(Telling)
    app.add_route("/metrics", _metrics)
    app.mount("/", StaticFiles(directory=PAGE, html=True, check_dir=False), name="page")
    return app


def shared(store: Store) -> Shared:
    """What all requests have in common, and for how long it is good."""
    return Shared(
        store,
        clusters=Kept(partial(choices.clusters, store), choices.CLUSTERS_SECONDS),
        choices=Kept(partial(choices.choices, store), choices.SECONDS),
        coverage=Kept(partial(coverage.covered, store), coverage.SECONDS),
        month=KeptEach(partial(costs.month, store), costs.MONTH_SECONDS),
        before=KeptEach(partial(service_map.pairs, store), service_map.BEFORE_SECONDS),
    )


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_PLAIN_0_0_4)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse(
        {"detail": f"{error}: are the tables as `flowatlas migrate` has them?"}, 500
    )


async def _failed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ConsoleError)
    return JSONResponse({"detail": str(error)}, error.status)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"detail": f"{name}: {first['msg']}."}, 422)
