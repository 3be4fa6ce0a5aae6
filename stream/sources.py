"""What addresses are resolved and traffic is priced by, followed as it changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_network
from pathlib import Path

from stream import ip_ranges as ranges
from stream import vpc_endpoints
from stream.errors import MalformedNetworkError
from stream.files import Followed
from stream.inventory import Inventory
from stream.inventory import load as load_inventory
from stream.prefixes import SPECIAL, Prefix, Prefixes, site
from stream.resolve import Resolver
from stream.settings import Settings
from stream.tariff import Tariff
from stream.tariff import of as tariff_of

AUTO = "auto"
UPDATE_SECONDS = 10.0
"""How often the copy of ip-ranges.json is asked whether it is time to ask AWS."""


@dataclass
class Sources:
    """`start` reads all of it once, `refresh` what has changed. ranges_copy: of ip-ranges.json, if
    it is fetched; on_prem: the site's own networks. tariff: the networks and prices."""

    inventory: Followed[Inventory]
    ip_ranges: Followed[list[Prefix]]
    ranges_copy: ranges.Copy | None = None
    on_prem: list[Prefix] = field(default_factory=list)
    tariff: Tariff = field(default_factory=lambda: tariff_of(Settings()))
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Blocks for files, and for AWS if it is time to ask. Raises MalformedFileError for a file
        that was given; a copy that cannot be used is logged only."""
        self.inventory.read()
        self.tariff.read()
        if self.ranges_copy is None:
            self.ip_ranges.read()
        else:
            self.ranges_copy.refresh()
            self.ip_ranges.refresh()
            threading.Thread(target=self._update, name="ip-ranges", daemon=True).start()

    def stop(self) -> None:
        self._stopping.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.stop()

    def refresh(self) -> bool:
        followed = (self.inventory, self.ip_ranges, self.tariff)
        changed = [source.refresh() for source in followed]
        return any(changed)

    def resolver(self) -> Resolver:
        return Resolver(self.inventory.content, Prefixes(self._prefixes()))

    def _prefixes(self) -> list[Prefix]:
        endpoints = vpc_endpoints.prefixes(self.tariff.network)
        return [*SPECIAL, *self.ip_ranges.content, *self.on_prem, *endpoints]

    def _update(self) -> None:
        """The network may be slow, and addresses are resolved meanwhile."""
        assert self.ranges_copy
        while not self._stopping.wait(UPDATE_SECONDS):
            self.ranges_copy.refresh()


def of(settings: Settings) -> Sources:
    """Raises MalformedNetworkError."""
    labels = tuple(filter(None, settings.labels.split(",")))
    path, copy = settings.ip_ranges, None
    if path == AUTO or "://" in path:
        url = ranges.URL if path == AUTO else path
        copy = ranges.Copy(Path(settings.cache).expanduser(), url=url)
        path = str(copy.path)
    no_ranges: list[Prefix] = []
    return Sources(
        Followed(settings.inventory, partial(load_inventory, labels=labels), Inventory()),
        Followed(path, ranges.read, no_ranges),
        copy,
        site(map(_network, filter(None, settings.on_prem.split(",")))),
        tariff_of(settings),
    )


def _network(text: str) -> str:
    try:
        return str(ip_network(text.strip()))
    except ValueError as error:
        raise MalformedNetworkError(text, str(error)) from error
