"""The sweeps of the stream's benchmark as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import RESULTS
from benchmarks.worker import Outcome

MEASURES = (
    ("worker, CPU-s per million flow rows", "cost"),
    ("end to end, flow rows/s", "rate"),
    ("flow rows a row of flows_10s", "reduction"),
)


def plot(runs: Sequence[tuple[str, str, Outcome]]) -> list[Path]:
    """A row of panels a measure, a column a sweep. runs: sweep, case and outcome, in order."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    sweeps = list(dict.fromkeys(sweep for sweep, _, _ in runs))
    figure, panels = pyplot.subplots(
        len(MEASURES), len(sweeps), figsize=(4 * len(sweeps), 8), sharey="row", squeeze=False
    )
    for column, sweep in enumerate(sweeps):
        own = [(case, outcome) for name, case, outcome in runs if name == sweep]
        for row, (label, measure) in enumerate(MEASURES):
            panel = panels[row][column]
            values = [getattr(outcome, measure) for _, outcome in own]
            bars = panel.bar([case for case, _ in own], values, color="#4878a8")
            panel.bar_label(bars, fmt="{:,.3g}" if measure != "rate" else "{:,.0f}")
            panel.set_ylim(0, 1.15 * max(getattr(outcome, measure) for _, _, outcome in runs))
            if column == 0:
                panel.set_ylabel(label)
            if row == len(MEASURES) - 1:
                panel.set_xlabel(sweep)
    figure.tight_layout()
    RESULTS.mkdir(exist_ok=True)
    paths = [RESULTS / f"stream.{kind}" for kind in ("png", "svg")]
    for path in paths:
        figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return paths
