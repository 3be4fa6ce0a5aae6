"""How a benchmark's figures are shown and kept."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import click

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    what: str
    case: str
    value: float
    unit: str


def show(figures: Iterable[Figure]) -> list[Figure]:
    """Print each figure as it comes; returns them all."""
    shown = []
    for figure in figures:
        digits = 1 if figure.value >= 10 else 2
        value = f"{figure.value:,.{digits}f}"
        print(f"{figure.what:<28} {figure.case:<24} {value:>14} {figure.unit}")
        shown.append(figure)
    return shown


def keep(figures: Iterable[Figure]) -> Path:
    """Write the figures as JSON under benchmarks/results/, which is not committed."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps([asdict(figure) for figure in figures], indent=2) + "\n")
    return path


def say(what: str) -> None:
    """A line of progress, in the place of the one before."""
    click.echo(f"\r{what:<60}", nl=False, err=True)
