"""Replay runs on the workers' own settings: what names the group, the topic and the tables must be
the same, or it would replay something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typed_settings as ts

from stream.settings import LOADERS, Settings

DEAD = ("--kafka", "--topic", "--dead-letter-topic", "--group")
RANGE = (
    *("--kafka", "--topic", "--group", "--cluster", "--inventory", "--ip-ranges"),
    *("--cache", "--on-prem", "--labels", "--network", "--external-snat", "--prices"),
    *("--names-topic", "--names-hours", "--names-entries"),
    *("--window-seconds", "--flush-rows", "--clickhouse-"),
)


def options(shown: tuple[str, ...]) -> Callable[[Any], Any]:
    """Options for all of the stream's settings, so that its section of the file is read as it is;
    help shows those whose names begin as one of `shown`. The innermost of a command's options."""

    def decorate(run: Any) -> Any:
        decorated = ts.click_options(Settings, LOADERS, show_envvars_in_help=True)(run)
        for option in decorated.__click_params__:
            option.hidden = not option.opts[0].startswith(shown)
        return decorated

    return decorate
