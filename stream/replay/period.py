"""Whole hours: every rollup has the edges of a period as edges of its windows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Period:
    """From `begin` up to and without `end`."""

    begin: datetime
    end: datetime

    @classmethod
    def around(cls, first: datetime, last: datetime) -> Period:
        """The least whole hours that hold both moments; `last` on the hour ends there."""
        begin, end = _hour(first), _hour(last)
        return cls(begin, end if end == last and end > begin else end + HOUR)

    def __str__(self) -> str:
        return f"{self.begin:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"


class Time(click.ParamType):
    """ISO 8601, UTC unless it says otherwise."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: Any) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time such as 2026-01-31T08:00", param, ctx)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


class Offsets(click.ParamType):
    """PARTITION:FIRST-LAST, both offsets included."""

    name = "partition:first-last"

    def convert(self, value: Any, param: click.Parameter | None, ctx: Any) -> tuple[int, int, int]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"(\d+):(\d+)-(\d+)", value)
        if not found or int(found[2]) > int(found[3]):
            self.fail(f"{value!r} is no run of offsets such as 0:1200-1299", param, ctx)
        return int(found[1]), int(found[2]), int(found[3])


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
