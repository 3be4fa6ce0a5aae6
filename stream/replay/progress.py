"""What takes longer than two seconds says how far it is."""

from __future__ import annotations

import time

import click

EVERY = 2.0


class Progress:
    """Lines on standard error, which a terminal and a log both take."""

    def __init__(self, doing: str, total: int) -> None:
        self._doing = doing
        self._total = total
        self._started = self._told = time.monotonic()
        self._messages = self._rows = 0

    def add(self, messages: int, rows: int = 0) -> None:
        self._messages += messages
        self._rows += rows
        if time.monotonic() - self._told >= EVERY:
            self._told = time.monotonic()
            click.echo(str(self), err=True)

    def __str__(self) -> str:
        share = 100 * self._messages // max(self._total, 1)
        pace = self._rows / max(time.monotonic() - self._started, 0.001)
        rows = f", {pace:,.0f} flow rows/s" if self._rows else ""
        return f"{self._doing}: {self._messages:,} of {self._total:,} messages ({share}%){rows}"
