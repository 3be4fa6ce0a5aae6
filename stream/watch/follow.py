"""One resource, listed once and then watched for good."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable
from threading import Event as Flag
from threading import Thread

from stream.watch import metrics
from stream.watch.api import Api, Event, ExpiredError, UnavailableError
from stream.watch.cluster import Cluster
from stream.watch.errors import ApiUnreachableError
from stream.watch.resources import Resource

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 30.0
LOOK_EVERY = 0.2


class Follower:
    """A thread of its own. `failure` is what ended it, if anything did."""

    def __init__(
        self,
        api: Api,
        resource: Resource,
        cluster: Cluster,
        after: Iterable[Follower] = (),
        patience: float = 60.0,
    ) -> None:
        """after: those whose first list is waited for. patience: seconds for the first answer."""
        self.resource = resource
        self.name = resource.name
        self.listed = Flag()
        self.failure: BaseException | None = None
        self.problem = ""
        self._api = api
        self._cluster = cluster
        self._after = tuple(after)
        self._patience = patience
        self._stopping = Flag()
        self._version = ""
        self._failures = 0
        self._began = time.monotonic()
        self._current = 0.0
        self._watching = False
        self._thread = Thread(target=self._run, name=f"watch-{resource.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Asks; a watch that is being read ends with Api.close()."""
        self._stopping.set()

    def join(self, timeout: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def current(self) -> float:
        """Unix time up to which everything that happened was told to the cluster; 0 before that."""
        return time.time() if self._watching else self._current

    def _run(self) -> None:
        try:
            while not all(first.listed.wait(LOOK_EVERY) for first in self._after):
                if self._stopping.is_set():
                    return
            self._follow()
        except BaseException as error:
            self.failure = error

    def _follow(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                if not self._version:
                    self._list()
                self._watch()
                if time.monotonic() - began < FIRST_PAUSE:
                    self._pause("the watch ended at once")
            except ExpiredError as error:
                self._version = ""
                metrics.api_errors.labels(self.resource.name, "410").inc()
                self._pause(f"410 {error}")
            except UnavailableError as error:
                metrics.api_errors.labels(self.resource.name, error.code).inc()
                self._pause(str(error), error.seconds)

    def _list(self) -> None:
        metrics.relists.labels(self.resource.name).inc()
        listed = metrics.events.labels(self.resource.name, "LISTED")
        began = time.time()
        uids = set()
        for page in self._api.pages(self.resource):
            for raw in page.items or ():
                uids.add(self._cluster.put(self.resource, raw))
            listed.inc(len(page.items or ()))
            version = page.metadata.resource_version
            if self._stopping.is_set():
                return
        self._cluster.retain(self.resource, uids)
        self._version = version
        self._current = began
        self.listed.set()
        log.info("listed resource=%s objects=%d version=%s", self.resource.name, len(uids), version)

    def _watch(self) -> None:
        if self._stopping.is_set():
            return
        events = self._api.watch(self.resource, self._version)
        self._watching, self.problem = True, ""
        try:
            for event in events:
                self._apply(event)
                self._failures = 0
        finally:
            self._current = time.time()
            self._watching = False

    def _apply(self, event: Event) -> None:
        metrics.events.labels(self.resource.name, event.type).inc()
        if event.type in {"ADDED", "MODIFIED"}:
            self._cluster.put(self.resource, event.object)
        elif event.type == "DELETED":
            self._cluster.remove(self.resource, event.object)
        self._version = event.version or self._version

    def _pause(self, reason: str, seconds: float = 0.0) -> None:
        """Twice as long each time, and never the same for all; or as long as the API said."""
        if self._stopping.is_set():
            return
        if not self.listed.is_set() and time.monotonic() - self._began > self._patience:
            raise ApiUnreachableError(self._api.host, self._patience, reason)
        self._failures += 1
        self.problem = reason
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._failures)
        pause = max(seconds, random.uniform(longest / 2, longest))
        log.warning(
            'waiting for the API resource=%s seconds=%.1f reason="%s"',
            *(self.resource.name, pause, reason),
        )
        self._stopping.wait(pause)
