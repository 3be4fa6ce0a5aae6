"""`flowatlas replay dead` and `flowatlas replay range`."""

from __future__ import annotations

import logging
from contextlib import ExitStack, closing
from datetime import UTC, datetime

import click

from sql.client import connect, queries
from stream import sources as stream_sources
from stream.kafka import cluster_id
from stream.replay import settings as shown
from stream.replay.dead import DeadLetterReplay, Outcome
from stream.replay.period import Offsets, Period, Time
from stream.replay.rebuild import Plan, Rebuild, period_of
from stream.replay.source import Source
from stream.settings import Settings


@click.group("replay")
def command() -> None:
    """Put dead letters back, or work a past period through again.

    \b
    Examples
      flowatlas replay dead --dry-run               what was set aside, and why
      flowatlas replay dead                         put back what can be decoded now
      flowatlas replay range --from 2026-01-31T08:00 --to 2026-01-31T12:00 --dry-run
      flowatlas replay range --offsets 0:1200-1299  the hours that these messages are of

    Settings are the stream's own, so that both mean the same topic, group and tables: the same
    flags, FLOWATLAS_STREAM_* in the environment, the section [stream] of the settings file.
    """
    # Only to keep libraries from writing on the terminal: what goes wrong here is raised.
    logging.getLogger().addHandler(logging.NullHandler())


@command.command("dead")
@click.option("--reason", default="", help="Only those whose reason contains this.")
@click.option("--since", type=Time(), help="Only those set aside since then, such as 2026-01-31.")
@click.option("--dry-run", is_flag=True, help="Count them by reason, version and node; send none.")
@shown.options(shown.DEAD)
def dead(settings: Settings, reason: str, since: datetime | None, dry_run: bool) -> None:
    """Put dead letters back into the topic and the partition that they came from.

    Only those that this version can decode: the others stay where they are, to be tried again by a
    later version. Install the workers' version here, or newer workers first.

    A message may be put back twice, if this is killed; workers count a batch once, whichever of
    its copies they meet first. What was put back is not sent again by a second run: group
    GROUP.dead of Kafka keeps the place.
    """
    cluster_id(settings.kafka, settings.topic)
    cluster_id(settings.kafka, settings.dead_letter_topic)
    source = Source(settings.kafka, settings.dead_letter_topic, f"{settings.group}.dead")
    with closing(source):
        outcome = DeadLetterReplay(
            source,
            settings.kafka,
            settings.topic,
            reason=reason,
            since=since,
            dry_run=dry_run,
        ).run()
    if dry_run:
        _list(outcome)
    _sum_up(outcome, dry_run)


@command.command("range")
@click.option("--from", "begin", type=Time(), help="Begin of the period, rounded down to the hour.")
@click.option("--to", "end", type=Time(), help="End of it, rounded up  [default: now].")
@click.option("--offsets", type=Offsets(), help="Instead: the hours that these messages are of.")
@click.option("--dry-run", is_flag=True, help="Say what would be replayed, and change nothing.")
@click.option("--wait", default=600.0, show_default=True, help="Seconds to wait for the workers.")
@click.option("--accept-difference", is_flag=True, help="Swap even if rows are missing in Kafka.")
@shown.options(shown.RANGE)
def range_command(
    settings: Settings,
    *,
    begin: datetime | None,
    end: datetime | None,
    offsets: tuple[int, int, int] | None,
    dry_run: bool,
    wait: float,
    accept_difference: bool,
) -> None:
    """Work a period through again, as if it had been so from the start.

    Reads the period's messages from Kafka, works them through by the present inventory, IP ranges,
    networks, prices and code into tables of their own, sees that no byte and no row is more or less
    than before, and swaps them in. Give the settings that the workers have.

    Run it while the workers run. When all is read, it says when to stop them, for the seconds that
    the swap takes (Kafka keeps what arrives), and when to start them again. Cut off at any point,
    it can simply be run again.
    """
    if bool(begin) == bool(offsets):
        raise click.UsageError("give either --from (and --to), or --offsets.")
    cluster_id(settings.kafka, settings.topic)
    sources = stream_sources.of(settings)
    source = Source(settings.kafka, settings.topic, settings.group)
    client = connect(settings.clickhouse)
    with ExitStack() as open_here:
        open_here.enter_context(closing(source))
        open_here.enter_context(closing(client))
        open_here.enter_context(queries(settings.clickhouse))
        period = _period(source, begin, end, offsets)
        open_here.enter_context(sources.running(period.begin.timestamp(), wait))
        rebuild = Rebuild(
            settings, period, client=client, source=source, sources=sources, say=click.echo
        )
        plan = rebuild.plan(accept_difference)
        _tell(plan, period)
        if dry_run:
            return
        rebuild.run(plan, wait, accept_difference)
    pace = rebuild.flow_rows / max(rebuild.read_seconds, 0.001)
    click.echo(
        f"replayed {rebuild.flow_rows:,} flow rows of {period} as {rebuild.window_rows:,} window "
        f"rows, {pace:,.0f} flow rows/s: start the workers again"
    )


def _period(
    source: Source,
    begin: datetime | None,
    end: datetime | None,
    offsets: tuple[int, int, int] | None,
) -> Period:
    if offsets:
        return period_of(source, *offsets)
    assert begin is not None
    end = end or datetime.now(UTC)
    if end <= begin:
        raise click.UsageError("--to must be later than --from.")
    return Period.around(begin, end)


def _tell(plan: Plan, period: Period) -> None:
    offsets = ", ".join(
        f"{partition}:{first}-{end - 1}"
        for partition, (first, end) in sorted(plan.spans.items())
        if end > first
    )
    tables: dict[str, list[str]] = {}
    for table, partition in plan.partitions:
        tables.setdefault(table, []).append(partition)
    click.echo(f"period      {period}")
    click.echo(f"offsets     {offsets or 'none'}")
    click.echo(f"messages    {plan.messages:,}, and later ones if rows of the period came later")
    click.echo(f"flow rows   {plan.flow_rows:,} in the tables")
    click.echo("partitions  " + "; ".join(f"{t} {', '.join(p)}" for t, p in tables.items()))


def _list(outcome: Outcome) -> None:
    for (reason, schema, node), count in outcome.origins.most_common():
        click.echo(f"{count:>8,}  {schema}  {node}  {reason}")


def _sum_up(outcome: Outcome, dry_run: bool) -> None:
    done = "would put back" if dry_run else "put back"
    said = f"{done} {outcome.back:,} of {outcome.found:,} messages"
    if unreadable := outcome.unreadable.total():
        why, _ = outcome.unreadable.most_common(1)[0]
        said += f", {unreadable:,} still cannot be decoded and stay ({why})"
    if outcome.foreign:
        said += f", {outcome.foreign:,} came from another topic and stay"
    if outcome.passed:
        said += f"; {outcome.passed:,} others were not asked for"
    click.echo(said)


if __name__ == "__main__":
    command()
