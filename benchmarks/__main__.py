"""`make bench`: every benchmark, as a table on standard output and JSON in a file."""

from __future__ import annotations

from benchmarks import agent, host
from benchmarks.report import keep, show

BENCHMARKS = (agent.run, host.run)


def main() -> None:
    """Run them one after the other: they share two cores."""
    figures = [figure for benchmark in BENCHMARKS for figure in show(benchmark())]
    print(f"kept in {keep(figures)}")


if __name__ == "__main__":
    main()
