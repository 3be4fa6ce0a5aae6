"""Puts the resources, the page and the sentences for errors together into one application."""

from __future__ import annotations

from importlib import metadata, resources
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from sql.console.api import map as service_map
from sql.console.api import panel, status, timeline
from sql.console.errors import ConsoleError
from sql.console.store import Store

PAGE = Path(str(resources.files("sql.console").joinpath("web", "dist")))
"""As built by web/build.mjs."""

ROUTERS = (status.router, service_map.router, panel.router, timeline.router)


def application(store: Store) -> FastAPI:
    """The console's ASGI application; its OpenAPI document is at /openapi.json."""
    app = FastAPI(
        title="flowatlas console",
        version=metadata.version("flowatlas"),
        description="What the service map reads. Read-only; see docs/console.md.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.store = store
    for router in ROUTERS:
        app.include_router(router, prefix="/api")
    app.add_exception_handler(ConsoleError, _failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.mount("/", StaticFiles(directory=PAGE, html=True, check_dir=False), name="page")
    return app


async def _failed(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ConsoleError)
    return JSONResponse({"detail": str(error)}, error.status)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"detail": f"{name}: {first['msg']}."}, 422)
