"""What the demo says at its end: every named question with its answer, and the sum of it all."""

from __future__ import annotations

from importlib.resources import files

import click

from sql import ask
from sql.client import connect, queries
from sql.settings import ClickHouse

FIRST, LAST = "edges", "coverage"


def show(clickhouse: ClickHouse) -> None:
    """Print the answers from ClickHouse, who talks to whom first and the coverage last."""
    with queries(clickhouse), connect(clickhouse) as client:
        for question in sorted(ask.questions(), key=_place):
            click.secho(f"\n{question.question}  (flowatlas ask {question.name})", bold=True)
            click.echo(ask.run(client, question.name))
        total = files(__package__).joinpath("coverage_line.sql").read_text()
        click.echo(f"\n{ask.show(client, total, output='TSVRaw')}")


def _place(question: ask.Question) -> tuple[bool, bool]:
    return question.name == LAST, question.name != FIRST
