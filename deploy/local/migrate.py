"""`flowatlas migrate`: ClickHouse's tables and Kafka's topics brought up to date."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import click
import typed_settings as ts

from deploy.local import reconcile
from deploy.local.topics import load
from sql import drift
from sql import migrate as tables
from sql.settings import ClickHouse, loaders, setting


@dataclass(frozen=True)
class Settings:
    """Settings of the command migrate."""

    only: Literal["tables", "topics", "both"] = setting(
        "both", "Bring only the tables or only the topics up to date."
    )
    kafka: str = setting("127.0.0.1:9092", "Kafka's bootstrap servers, host:port, by commas.")
    topics_file: str = setting("", "File like deploy/kafka/topics.yaml; empty: that one.")
    partitions: str = setting("", "Other numbers of partitions, like flows=24,names=24.")
    on_cluster: str = setting(
        "",
        "ClickHouse's cluster, as its remote_servers name it, to make the tables on, replicated "
        "and sharded; empty: one server.",
    )
    clickhouse: ClickHouse = field(default_factory=ClickHouse)


@click.command("migrate")
@ts.click_options(Settings, loaders("migrate"), show_envvars_in_help=True)
@click.option("--dry-run", is_flag=True, help="Print what would be done, and change nothing.")
@click.option(
    "--check", is_flag=True, help="Say what is other than it should be; exit with 1 if anything is."
)
def command(settings: Settings, dry_run: bool, check: bool) -> None:
    """Bring ClickHouse's tables and Kafka's topics up to date.

    Applies the numbered migrations that the database does not have yet. Creates the declared topics
    that are missing, adds partitions and alters settings that differ; it takes no partitions away
    and deletes nothing. Running it again does nothing.

    \b
    Examples
      flowatlas migrate --dry-run
      flowatlas migrate --check --only tables
      flowatlas migrate --on-cluster production --clickhouse-url http://clickhouse:8123
    """
    if check:
        _check(settings)
        return
    topics, admin = reconcile.Plan(), None
    if settings.only != "tables":
        # Before anything is changed: whether the file is sound, and whether Kafka answers.
        declared = load(settings.topics_file, settings.partitions)
        admin = reconcile.connect(settings.kafka)
        topics = reconcile.plan(admin, declared)
    done = 0
    if settings.only != "topics":
        done += _tables(settings, dry_run)
    for note in topics.notes:
        click.echo(f"note: {note}")
    for change in topics.changes:
        click.echo(f"-- {change.text}" if dry_run else change.text)
        if admin is not None and not dry_run:
            reconcile.apply(admin, [change])
    if not done and not topics.changes and not dry_run:
        click.echo(f"nothing to do, {_places(settings)} up to date")


def _check(settings: Settings) -> None:
    """Raises SystemExit(1) with every difference on standard output."""
    found: list[str] = []
    if settings.only != "topics":
        click.echo("comparing with tables made anew beside them, some seconds", err=True)
        found += drift.check(settings.clickhouse, settings.on_cluster)
    if settings.only != "tables":
        declared = load(settings.topics_file, settings.partitions)
        plan = reconcile.plan(reconcile.connect(settings.kafka), declared)
        found += [f"topics: {change.text}" for change in plan.changes]
    for sentence in found:
        click.echo(f"{sentence}.")
    if found:
        click.echo(
            "Run `flowatlas migrate` for what is not applied; change back what was changed by hand."
        )
        raise SystemExit(1)
    click.echo(f"{_places(settings)} as this version makes it")


def _tables(settings: Settings, dry_run: bool) -> int:
    """Apply the pending migrations, or print them; returns how many there are."""
    clickhouse, on_cluster = settings.clickhouse, settings.on_cluster
    if dry_run:
        pending = tables.plan(clickhouse)
        for migration in pending:
            text = migration.text
            if on_cluster:
                statements = tables.rendered(migration, on_cluster, clickhouse.database)
                text = "".join(f"{statement};\n\n" for statement in statements)
            click.echo(f"-- {migration.name}\n{text}")
        return len(pending)
    applied = tables.migrate(clickhouse, on_cluster)
    for migration in applied:
        click.echo(f"applied {migration.name}")
    return len(applied)


def _places(settings: Settings) -> str:
    database = f"{settings.clickhouse.database} at {settings.clickhouse.url}"
    match settings.only:
        case "tables":
            return f"{database} is"
        case "topics":
            return f"Kafka at {settings.kafka} is"
    return f"{database} and Kafka at {settings.kafka} are"
