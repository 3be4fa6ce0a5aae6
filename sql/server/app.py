"""ClickHouse's HTTP interface: the routes, and one request from arrival to answer."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from sql.server import metrics
from sql.server import request as requests
from sql.server.answer import Answer
from sql.server.engine import Engine
from sql.server.errors import QueryError
from sql.server.query import Query
from sql.server.sessions import Sessions
from sql.server.settings import Settings
from sql.server.users import Users

log = logging.getLogger(__name__)


class Threads:
    """Those that queries run in: readers have their own, and so cannot keep writers waiting."""

    def __init__(self, settings: Settings) -> None:
        self.readers = ThreadPoolExecutor(settings.reader_threads, thread_name_prefix="reader")
        self.others = ThreadPoolExecutor(settings.threads, thread_name_prefix="query")

    def shutdown(self) -> None:
        """Blocks until all queries have ended."""
        self.readers.shutdown()
        self.others.shutdown()


class App:
    """The routes in front of an engine that is started already."""

    def __init__(self, engine: Engine, threads: Threads, settings: Settings) -> None:
        self._engine = engine
        self._threads = threads
        self._users = Users(settings)
        self._sessions = Sessions()
        self._send_timeout = settings.send_timeout

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/ping", self._ok)
        application.router.add_get("/replicas_status", self._ok)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/", self._query)
        application.router.add_post("/", self._query)
        return application

    async def _ok(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _query(self, http: web.Request) -> web.StreamResponse:
        began = time.monotonic()
        answer = Answer(http, send_timeout=self._send_timeout)
        kind, response = "NONE", None
        with metrics.RUNNING.track_inprogress():
            try:
                request = answer.request = await requests.read(http)
                user = self._users.authenticate(*request.credentials)
                parameters = request.parameters
                with self._sessions.use(
                    user.name,
                    parameters.get("session_id", ""),
                    request.session_seconds,
                    parameters.get("session_check") == "1",
                ) as session:
                    threads = self._threads.readers if user.reads_only else self._threads.others
                    query = Query(self._engine, threads, user, session, request)
                    try:
                        response = await query.run(answer)
                    finally:
                        kind = query.kind
            except QueryError as error:
                log.info(
                    "query failed code=%d kind=%s reason=%r", error.code, kind, str(error)[:200]
                )
                if answer.started:
                    response = await answer.break_off(error)
                else:
                    response = answer.failure(error, self._engine.version)
            finally:
                status = str(response.status) if response is not None else "gone"
                metrics.REQUESTS.labels(kind, status).inc()
                metrics.SECONDS.labels(kind).observe(time.monotonic() - began)
        return response
