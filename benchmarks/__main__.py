"""`make bench`: every benchmark, as a table on standard output and JSON in a file."""

from __future__ import annotations

import click

from benchmarks import agent, host, stream
from benchmarks.report import keep, show


@click.command()
@click.option("--quick", is_flag=True, help="Fewer rows and cases of the stream.")
def main(quick: bool) -> None:
    """Run them one after the other: they share two cores."""
    runs = (agent.run(), host.run(), stream.run(stream.QUICK if quick else stream.WHOLE))
    figures = [figure for run in runs for figure in show(run)]
    print(f"kept in {keep(figures)}")


if __name__ == "__main__":
    main()
