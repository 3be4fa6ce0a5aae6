"""`flowatlas sql` and `flowatlas ask`: the tables from the command line."""

from __future__ import annotations

import sys

import click
import typed_settings as ts

from sql import ask
from sql.client import connect, queries
from sql.settings import Settings, loaders


@click.command("sql")
@click.argument("statement", required=False)
@ts.click_options(Settings, loaders("sql"), show_envvars_in_help=True)
@click.option(
    "--format", "output", help="A ClickHouse format [default: a table, or TSV into a pipe]."
)
def sql_command(settings: Settings, statement: str | None, output: str | None) -> None:
    """Run one SQL STATEMENT, read from standard input if not given.

    \b
    Examples
      flowatlas sql "SELECT client_workload, sum(bytes_to_server) FROM edges GROUP BY 1"
      flowatlas sql --format JSONEachRow "SELECT * FROM coverage"
    """
    text = statement if statement is not None else click.get_text_stream("stdin").read()
    if not text.strip():
        raise click.UsageError("give a statement, as an argument or on standard input.")
    terminal = sys.stdout.isatty()
    output = output or (ask.FORMAT if terminal else "TabSeparatedWithNames")
    with queries(settings.clickhouse), connect(settings.clickhouse) as client:
        _print(ask.show(client, text.strip().rstrip(";"), output, terminal))


@click.command("ask")
@click.argument("name", required=False)
@click.argument("parameters", nargs=-1, metavar="[PARAMETER=VALUE]...")
@ts.click_options(Settings, loaders("ask"), show_envvars_in_help=True)
@click.option("--format", "output", default="", help="A ClickHouse format, e.g. JSON.")
def ask_command(
    settings: Settings, name: str | None, parameters: tuple[str, ...], output: str
) -> None:
    """Answer the named question NAME; without one, list them.

    \b
    Examples
      flowatlas ask edges
      flowatlas ask s3 service=DynamoDB minutes=1440
    """
    if name is None:
        _list()
        return
    given = dict(_pair(parameter) for parameter in parameters)
    with queries(settings.clickhouse), connect(settings.clickhouse) as client:
        _print(ask.run(client, name, output, sys.stdout.isatty(), **given))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"{text!r} is no parameter: write it as name=value.")
    return name, value


def _list() -> None:
    for question in ask.questions():
        click.echo(f"{click.style(question.name, bold=True)}  {question.question}")
        for parameter in question.parameters:
            click.echo(f"    {parameter.name}={parameter.default}  {parameter.about}")


def _print(answer: str) -> None:
    if answer:
        click.echo(answer)
