"""What the bridge writes is what the client library would."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector

from sql.bridge.exposition import BOUNDS, OPEN, TEXT, Exposition, Format, Snapshot
from sql.bridge.families import GROUPS, PAIRS, SERVED, Counter, Group

PARSERS: Any = {TEXT: parse_text, OPEN: parse_open}
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=8)


def snapshot(group: Group, names: Iterable[str], seed: int) -> Snapshot:
    random = np.random.default_rng(seed)
    keys = [(name, *("same" for _ in group.labels[1:])) for name in names]
    values = {key: random.integers(0, 1 << 40, group.width).astype(np.uint64) for key in keys}
    for family in group.families:
        if not isinstance(family, Counter):
            first = group.places[family.name]
            for row in values.values():
                row[first] = row[first + 2 : first + family.width].sum()
    return Snapshot(group, values, dict.fromkeys(keys, 1_700_000_000.25))


class Library(Collector):
    """The same series, as the library has them."""

    def __init__(self, traffic: list[Snapshot], created: bool) -> None:
        self._traffic = traffic
        self._created = created

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        for group, values, created in self._traffic:
            for family in group.families:
                place = group.places[family.name]
                if isinstance(family, Counter):
                    own = [family.label] if family.label else []
                    labels = [*group.labels, *own]
                    counter = CounterMetricFamily(
                        family.name, family.about, labels=labels, unit=family.unit
                    )
                    for key, row in values.items():
                        for offset, name in enumerate(family.values):
                            words = [*key, name] if own else list(key)
                            value = int(row[place + offset]) / family.divisor
                            counter.add_metric(
                                words, value, created[key] if self._created else None
                            )
                    yield counter
                    continue
                histogram = HistogramMetricFamily(
                    family.name, family.about, labels=group.labels, unit=family.unit
                )
                for key, row in values.items():
                    count, microseconds, *buckets = row[place : place + family.width].tolist()
                    below = [sum(buckets[: bucket + 1]) for bucket in SERVED]
                    bounded = [*zip(BOUNDS, below, strict=True), ("+Inf", count)]
                    histogram.add_metric(key, bounded, sum_value=microseconds / 1e6)
                yield histogram


def samples(text: str, form: Format) -> list[tuple[object, ...]]:
    told: list[tuple[object, ...]] = []
    parse: Callable[[str], Iterable[Metric]] = PARSERS[form]
    for family in parse(text):
        told += [(family.name, family.type, family.documentation, family.unit)]
        told += [(s.name, tuple(sorted(s.labels.items())), s.value) for s in family.samples]
    return sorted(told, key=repr)


@pytest.mark.parametrize("form", [TEXT, OPEN], ids=["text", "openmetrics"])
@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(names=st.lists(TEXTS, min_size=1, max_size=3, unique=True), seed=st.integers(0, 99))
def test_the_library_would_write_the_same(form: Format, names: list[str], seed: int) -> None:
    traffic = [snapshot(group, names, seed) for group in GROUPS]
    registry = CollectorRegistry()
    Gauge("flowatlas_own", "One of its own.", registry=registry).set(seed)
    served = Exposition(registry)
    served.publish(traffic)
    registry_too = CollectorRegistry()
    Gauge("flowatlas_own", "One of its own.", registry=registry_too).set(seed)
    registry_too.register(Library(traffic, form.open))
    ours = samples(served.page(form).plain.decode(), form)
    theirs = samples(form.own(registry_too).decode(), form)
    # The library has no created timestamp for a histogram that a collector made.
    made = [told for told in ours if "seconds_created" not in str(told[0])]
    assert made == theirs


def test_created_timestamps_can_be_left_out() -> None:
    served = Exposition(CollectorRegistry(), created=False)
    served.publish([snapshot(PAIRS, ["a"], 1)])
    assert "_created" not in served.page(OPEN).plain.decode()


def test_buckets_lose_no_sample() -> None:
    values = np.zeros(PAIRS.width, np.uint64)
    first = PAIRS.places["flowatlas_rtt_seconds"]
    values[first] = 24
    values[first + 2 : first + 26] = 1
    served = Exposition(CollectorRegistry())
    key = ("c",) * len(PAIRS.labels)
    served.publish([Snapshot(PAIRS, {key: values}, {key: time.time()})])
    found = {
        sample.labels["le"]: sample.value
        for family in parse_text(served.page(TEXT).plain.decode())
        for sample in family.samples
        if sample.name == "flowatlas_rtt_seconds_bucket"
    }
    assert found["0.000128"] == 3
    assert found["8.388608"] == 19
    assert found["+Inf"] == 24
