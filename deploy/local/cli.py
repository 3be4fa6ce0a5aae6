"""The command `flowatlas`: every role under one name, imported only when it is asked for."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from importlib import import_module
from typing import Any

import click
from typed_settings.exceptions import TsError

from deploy.local import settings_file


@dataclass(frozen=True)
class Role:
    """Where a command lives and what the overview says of it, so that help imports nothing."""

    target: str
    summary: str


ROLES = {
    "up": Role("deploy.local.up:command", "Run the whole system for this host; Ctrl-C ends it."),
    "demo": Role("deploy.local.demo.__main__:command", "Run it over a demo cluster of namespaces."),
    "doctor": Role("deploy.local.doctor:command", "Say what this host lacks and how to mend it."),
    "agent": Role("agent.__main__:command", "Watch a node's sockets in the kernel, ship to Kafka."),
    "stream": Role("stream.__main__:command", "Window and resolve flows, insert into ClickHouse."),
    "replay": Role("stream.replay.__main__:command", "Put dead letters back, redo a past period."),
    "network": Role("stream.network.__main__:command", "Print the account's network from EC2."),
    "inventory": Role("stream.watch.__main__:command", "Watch the Kubernetes API, ship to Kafka."),
    "server": Role("sql.server.__main__:command", "Serve the embedded ClickHouse over HTTP."),
    "bridge": Role("sql.bridge.__main__:command", "Export workload traffic to Prometheus."),
    "console": Role("sql.console.__main__:command", "Serve the live service map as a web page."),
    "migrate": Role("deploy.local.migrate:command", "Bring tables and topics up to date."),
    "sql": Role("sql.__main__:sql_command", "Run one SQL statement."),
    "ask": Role("sql.__main__:ask_command", "Answer a named question."),
}

EXTRA_OF_MODULE = {
    "confluent_kafka": "agent",
    "faust": "stream",
    "boto3": "stream",
    "botocore": "stream",
    "kubernetes": "stream",
    "msgspec": "stream",
    "clickhouse_connect": "sql",
    "chdb": "sql",
    "aiohttp": "sql",
    "fastapi": "console",
    "uvicorn": "console",
    "yaml": "deploy",
}

HELP = """Container network observability: who talks to whom, how much, how healthy.

\b
The way of the data:
  kernel ─▶ agent ─▶ Kafka ─▶ stream ─▶ ClickHouse ─▶ console, sql, ask, bridge (Prometheus)

\b
Start here:
  flowatlas doctor                       what does this host lack?
  flowatlas demo --seconds 45            everything, over a demo cluster, on this machine
  flowatlas up                           everything, watching this host
  flowatlas ask                          the questions that have names
  flowatlas sql "SELECT * FROM edges LIMIT 10"

Settings come from flags, then FLOWATLAS_<ROLE>_<KEY> in the environment, then the section
[<role>] of the TOML file that FLOWATLAS_SETTINGS names. Each role knows --check, which only
says whether its settings are valid (migrate: whether the tables are as they should be), and --dump,
which prints them as such a file.
"""


class Roles(click.Group):
    """A group that imports a role on first use and turns what users get wrong into sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(ROLES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in ROLES:
            return None
        module, _, attribute = ROLES[cmd_name].target.partition(":")
        try:
            command: click.Command = getattr(import_module(module), attribute)
        except (TsError, ValueError) as error:  # file and environment are read on import
            raise click.ClickException(settings_file.explain(error, cmd_name)) from error
        if _runs_on_settings(command):
            _add_settings_options(command, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, role.summary) for name, role in ROLES.items()])

    def invoke(self, ctx: click.Context) -> Any:
        if path := settings_file.missing_file():
            raise click.ClickException(
                f"FLOWATLAS_SETTINGS names {path}, which is not a file: correct it or unset it."
            )
        try:
            return super().invoke(ctx)
        except TsError as error:
            raise click.ClickException(
                settings_file.explain(error, ctx.invoked_subcommand or "a role")
            ) from error
        except ModuleNotFoundError as error:
            extra = EXTRA_OF_MODULE.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            raise click.ClickException(
                f"{error.name} is not installed: pip install 'flowatlas[{extra}]'."
            ) from error


class _Settled(BaseException):
    """Carries the finished settings out of typed-settings' wrapper, before the role would run."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings


class _SettleOnly(dict[str, Any]):
    """A context object that typed-settings stores the finished settings in, and stops there."""

    def __setitem__(self, key: str, value: Any) -> None:
        raise _Settled(value)


def _runs_on_settings(command: click.Command) -> bool:
    run = inspect.unwrap(command.callback) if command.callback else None
    return (
        run is not None
        and "settings" in inspect.signature(run).parameters
        and not any(parameter.required for parameter in command.params)
    )


def _add_settings_options(command: click.Command, section: str) -> None:
    """Give `command` --check, unless it checks more than that itself, and --dump; twice is once."""
    if any(parameter.name == "dump_settings" for parameter in command.params):
        return
    run = command.callback
    assert run is not None
    if not any("--check" in parameter.opts for parameter in command.params):
        command.params.append(
            click.Option(
                ["--check", "check_settings"],
                is_flag=True,
                help="Say whether the settings are valid.",
            )
        )
    command.params.append(
        click.Option(["--dump", "dump_settings"], is_flag=True, help="Print the settings as TOML.")
    )
    command.callback = _with_settings_options(run, section)


def _with_settings_options(run: Callable[..., Any], section: str) -> Callable[..., Any]:
    def callback(dump_settings: bool, check_settings: bool = False, **options: Any) -> Any:
        if not (check_settings or dump_settings):
            return run(**options)
        context = click.get_current_context()
        context.obj = _SettleOnly(context.obj or {})
        try:
            return run(**options)
        except _Settled as settled:
            click.echo(settings_file.dump(settled.settings, section) if dump_settings else "ok")

    return update_wrapper(callback, run)


@click.group(cls=Roles, help=HELP, context_settings={"max_content_width": 100})
@click.version_option(package_name="flowatlas")
def main() -> None:
    """Run one role of flowatlas."""


if __name__ == "__main__":
    main()
