"""Counts requests, and writes a line of log for those that failed."""

from __future__ import annotations

import logging
import time

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sql.console.metrics import REQUEST_SECONDS, REQUESTS

log = logging.getLogger("console")


class Telling:
    """ASGI middleware. A request is counted under its route's path, so that there are as many
    series as resources and not as many as what people type."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sent)
        finally:
            seconds = time.perf_counter() - began
            route = scope.get("route")
            # FastAPI tells a route's path with the prefix of its router or, newer, without.
            path = "other"
            if isinstance(route, APIRoute):
                path = f"/api{route.path.removeprefix('/api')}"
            REQUESTS.labels(path, status).inc()
            REQUEST_SECONDS.labels(path).observe(seconds)
            if status >= 500:
                query = scope["query_string"].decode("latin-1")
                asked = f"{scope['path']}?{query}" if query else scope["path"]
                log.warning("request=%r status=%d seconds=%.3f", asked, status, seconds)
