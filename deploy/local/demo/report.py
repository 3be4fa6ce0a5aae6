"""What the demo says at its end: every named question with its answer, and the sum of it all."""

from __future__ import annotations

from importlib.resources import files

import click

from sql import ask
from sql.client import connect, queries
from sql.settings import ClickHouse

FIRST, LAST = "edges", "coverage"


def show(clickhouse: ClickHouse, interval: float) -> None:
    """Print the answers from ClickHouse, who talks to whom first and the coverage last.

    interval: the agents', in seconds.
    """
    with queries(clickhouse), connect(clickhouse) as client:
        for question in sorted(ask.questions(), key=_place):
            click.secho(f"\n{question.question}  (flowatlas ask {question.name})", bold=True)
            click.echo(ask.run(client, question.name))
        lines = ("freshness_line.sql", "coverage_line.sql")
        for text in (files(__package__).joinpath(line).read_text() for line in lines):
            given = {"interval": str(interval)}
            click.echo(f"\n{ask.show(client, text, output='TSVRaw', parameters=given)}")


def _place(question: ask.Question) -> tuple[bool, bool]:
    return question.name == LAST, question.name != FIRST
