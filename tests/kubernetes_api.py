"""A stand-in for the Kubernetes API server: a fake, in memory, that speaks the true protocol of
lists and watches over HTTP, and fails when it is told to.

https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from aiohttp import web

Object = dict[str, Any]

GROUPS = {
    "/api/v1/nodes": ("v1", "Node"),
    "/api/v1/pods": ("v1", "Pod"),
    "/api/v1/services": ("v1", "Service"),
    "/api/v1/namespaces": ("v1", "Namespace"),
    "/apis/apps/v1/replicasets": ("apps/v1", "ReplicaSet"),
    "/apis/batch/v1/jobs": ("batch/v1", "Job"),
    "/apis/discovery.k8s.io/v1/endpointslices": ("discovery.k8s.io/v1", "EndpointSlice"),
}
PARTIAL = "as=PartialObjectMetadata"
KINDS = {path.rpartition("/")[2]: kind for path, (_, kind) in GROUPS.items()}


class Call(NamedTuple):
    """What was asked, as RBAC sees it, and the Accept header."""

    verb: str
    group: str
    resource: str
    accept: str


class Change(NamedTuple):
    version: int
    type: str
    object: Object


@dataclass
class Kind:
    objects: dict[str, Object] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    floor: int = 0
    """Watches from before this version are Gone."""
    bodies: dict[tuple[str, bool], bytes] = field(default_factory=dict)


class Fault(NamedTuple):
    """What the next request of a verb and resource meets: `status` instead of an answer, a `delay`
    in seconds, or the connection dropped after `drop_after` bytes."""

    status: int = 0
    delay: float = 0.0
    drop_after: int = -1
    headers: Mapping[str, str] = MappingProxyType({})


class KubernetesApi:
    """Serves from a thread; its methods may be called from any other."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.forbidden: set[tuple[str, str]] = set()
        self.token = "secret"
        self.port = 0
        self._version = 100
        self._kinds: dict[str, Kind] = {path.rpartition("/")[2]: Kind() for path in GROUPS}
        self._faults: dict[tuple[str, str], deque[Fault]] = defaultdict(deque)
        self._snapshots: dict[str, tuple[int, list[Object]]] = {}
        self._lock = threading.RLock()
        self._watches: dict[str, list[asyncio.Queue[bytes | None]]] = defaultdict(list)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def kubeconfig(self, path: Path) -> str:
        """Written to `path`, which is returned."""
        entry = {"server": f"http://127.0.0.1:{self.port}"}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": entry}],
            "users": [{"name": "u", "user": {"token": self.token}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path.write_text(json.dumps(document))
        return str(path)

    def put(self, resource: str, thing: Object) -> None:
        """Create it, or replace the one of its uid."""
        with self._lock:
            uid = thing["metadata"]["uid"]
            kind = self._kinds[resource]
            event = "MODIFIED" if uid in kind.objects else "ADDED"
            self._commit(resource, event, thing)
            kind.objects[uid] = kind.changes[-1].object

    def delete(self, resource: str, uid: str) -> None:
        with self._lock:
            self._commit(resource, "DELETED", self._kinds[resource].objects.pop(uid))

    def objects(self, resource: str) -> list[Object]:
        with self._lock:
            return list(self._kinds[resource].objects.values())

    def compact(self, resource: str) -> None:
        """Forget what happened so far, and lists that are under way."""
        with self._lock:
            kind = self._kinds[resource]
            kind.floor = self._version
            kind.changes.clear()
            self._snapshots.clear()

    def bookmark(self, resource: str) -> None:
        with self._lock:
            self._version += 1
            told = {"metadata": {"resourceVersion": str(self._version)}}
            self._tell(resource, "BOOKMARK", told)

    def gone(self, resource: str) -> None:
        """Compact, and tell those who watch, as etcd's compaction does to slow ones."""
        with self._lock:
            self.compact(resource)
            status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
            self._tell(resource, "ERROR", status)

    def drop(self, resource: str, mid_event: bool = True) -> None:
        """End the watches' connections, within an event or between two."""
        with self._lock:
            rest = b'{"type":"MODIFIED","object":{"metadata":{"na' if mid_event else b""
            self._send(resource, rest)
            self._send(resource, None)

    def fail(self, verb: str, resource: str, *faults: Fault) -> None:
        self._faults[verb, resource].extend(faults)

    def _commit(self, resource: str, event: str, thing: Object) -> None:
        self._version += 1
        stamped = {"resourceVersion": str(self._version)}
        api, kind = next(v for p, v in GROUPS.items() if p.endswith(f"/{resource}"))
        thing = {"kind": kind, "apiVersion": api, **thing}
        thing["metadata"] = thing["metadata"] | stamped
        self._kinds[resource].changes.append(Change(self._version, event, thing))
        self._tell(resource, event, thing)

    def _tell(self, resource: str, event: str, thing: Object) -> None:
        if self._watches[resource]:
            self._send(resource, _line(resource, event, thing))

    def _send(self, resource: str, line: bytes | None) -> None:
        def put() -> None:
            for queue in queues:
                queue.put_nowait(line)

        queues = list(self._watches[resource])
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(put)

    async def _start(self) -> None:
        app = web.Application()
        for path in GROUPS:
            app.router.add_get(path, self._answer)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        for queues in self._watches.values():
            for queue in queues:
                queue.put_nowait(None)
        await self._runner.cleanup()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        resource = request.path.rpartition("/")[2]
        group = request.path.split("/")[2] if request.path.startswith("/apis") else ""
        verb = "watch" if request.query.get("watch") else "list"
        accept = request.headers.get("Accept", "")
        self.calls.append(Call(verb, group, resource, accept))
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _status(401, "Unauthorized")
        if (verb, resource) in self.forbidden:
            return _status(403, f'cannot {verb} resource "{resource}" at the cluster scope')
        waiting = self._faults[verb, resource]
        fault = waiting.popleft() if waiting else Fault()
        await asyncio.sleep(fault.delay)
        if fault.status:
            return _status(fault.status, "as told", fault.headers)
        if verb == "watch":
            return await self._watch(request, resource, fault)
        return await self._list(request, resource, fault, PARTIAL in accept)

    async def _list(
        self, request: web.Request, resource: str, fault: Fault, partial: bool
    ) -> web.StreamResponse:
        limit = int(request.query["limit"])
        token = request.query.get("continue", "")
        with self._lock:
            name, _, start = token.partition(":")
            if token and name not in self._snapshots:
                return _status(410, "The provided continue parameter is too old", reason="Expired")
            if not token:
                name = str(len(self._snapshots))
                self._snapshots[name] = (self._version, self.objects(resource))
            version, things = self._snapshots[name]
            begin = int(start or 0)
            page = things[begin : begin + limit]
            following = f"{name}:{begin + limit}" if begin + limit < len(things) else ""
            bodies = [self._body(resource, thing, partial) for thing in page]
        told: Object = {"resourceVersion": str(version)}
        if following:
            told |= {"continue": following, "remainingItemCount": len(things) - begin - limit}
        head = json.dumps({"kind": "List", "apiVersion": "v1", "metadata": told})[:-1].encode()
        body = head + b',"items":[' + b",".join(bodies) + b"]}"
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(body)
        await response.prepare(request)
        if fault.drop_after >= 0:
            await response.write(body[: fault.drop_after])
            _abort(request)
            return response
        await response.write(body)
        return response

    def _body(self, resource: str, thing: Object, partial: bool) -> bytes:
        """Of lists, objects have neither kind nor version; kept, so that big lists are quick."""
        bodies = self._kinds[resource].bodies
        key = thing["metadata"]["uid"] + thing["metadata"]["resourceVersion"], partial
        if key not in bodies:
            shown = _partial(thing) if partial else {k: v for k, v in thing.items() if k != "kind"}
            bodies[key] = json.dumps(shown, separators=(",", ":")).encode()
        return bodies[key]

    async def _watch(self, request: web.Request, resource: str, fault: Fault) -> web.StreamResponse:
        since = int(request.query["resourceVersion"])
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        with self._lock:
            kind = self._kinds[resource]
            if since < kind.floor:
                return _status(410, "too old resource version", reason="Expired")
            for change in kind.changes:
                if change.version > since:
                    queue.put_nowait(_line(resource, change.type, change.object))
            self._watches[resource].append(queue)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            await response.prepare(request)
            sent = 0
            while (line := await queue.get()) is not None:
                if 0 <= fault.drop_after < sent + len(line):
                    await response.write(line[: fault.drop_after - sent])
                    break
                await response.write(line)
                sent += len(line)
            else:
                return response
            _abort(request)
        finally:
            with self._lock:
                self._watches[resource].remove(queue)
        return response


def _line(resource: str, event: str, thing: Object) -> bytes:
    if resource in {"replicasets", "jobs", "namespaces"} and event != "ERROR":
        thing = _partial(thing)
    elif event == "BOOKMARK":
        thing = {"kind": KINDS[resource], "apiVersion": "v1"} | thing
    return json.dumps({"type": event, "object": thing}, separators=(",", ":")).encode() + b"\n"


def _partial(thing: Object) -> Object:
    kind = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return kind | {"metadata": thing["metadata"]}


def _status(
    code: int, message: str, headers: Mapping[str, str] | None = None, reason: str = ""
) -> web.Response:
    body = {"kind": "Status", "status": "Failure", "message": message, "code": code}
    return web.json_response(body | {"reason": reason}, status=code, headers=headers)


def _abort(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()
