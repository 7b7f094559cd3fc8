"""Numbers under labels: counted in a dict, and added up over workers.

A count costs some 100 ns, as it must beside a request's own work: no lock, for all of it happens in
one event loop, and nothing of Prometheus, whose format is made when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from .known_models import OTHER
from .metric import METRICS, Kind, Merge, Metric, metric

__all__ = (
    "Counter",
    "Distribution",
    "Histogram",
    "Labels",
    "Reading",
    "Sample",
    "Snapshot",
    "merged",
)

Labels = tuple[str, ...]


class Reading(msgspec.Struct):
    """A histogram's numbers: of each bucket alone, the last without a bound; and their sum."""

    buckets: list[int]
    sum: float = 0.0


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """One number and its labels."""

    labels: tuple[str, ...]
    value: float


class Distribution(msgspec.Struct, frozen=True, array_like=True):
    """A histogram and its labels."""

    labels: tuple[str, ...]
    reading: Reading


class Snapshot(msgspec.Struct, frozen=True):
    """The numbers of one process at one moment, by the names of ``METRICS``."""

    samples: dict[str, tuple[Sample, ...]] = {}
    distributions: dict[str, tuple[Distribution, ...]] = {}

    def value(self, name: str, *labels: str) -> float:
        """Return the number with these labels, 0 without one."""
        found = (one.value for one in self.samples.get(name, ()) if one.labels == labels)
        return next(found, 0.0)


class Counter:
    """Counts under labels, at most as many sets as its metric allows."""

    __slots__ = ("_folded", "_metric", "_values")

    def __init__(self, name: str) -> None:
        self._metric = metric(name)
        self._folded = (OTHER,) * len(self._metric.labels)
        # In lists of one, which are looked up once for each count.
        self._values: dict[Labels, list[float]] = {}

    def add(self, labels: Labels, amount: float = 1) -> None:
        """Count; a set of labels that is one too many counts as ``other``."""
        found = self._values.get(labels)
        if found is None:
            found = self._values.setdefault(self._bounded(labels), [0])
        found[0] += amount

    def __contains__(self, labels: Labels) -> bool:
        return labels in self._values

    @property
    def name(self) -> str:
        """The metric's."""
        return self._metric.name

    def samples(self) -> tuple[Sample, ...]:
        """Return what was counted."""
        return tuple(Sample(labels, value) for labels, (value,) in self._values.items())

    def _bounded(self, labels: Labels) -> Labels:
        return labels if len(self._values) < self._metric.most - 1 else self._folded


class Histogram:
    """Distributions under labels, at most as many sets as its metric allows."""

    __slots__ = ("_bounds", "_folded", "_metric", "values")

    def __init__(self, name: str) -> None:
        self._metric = metric(name)
        self._bounds = self._metric.buckets
        self._folded = (OTHER,) * len(self._metric.labels)
        self.values: dict[Labels, Reading] = {}

    def observe(self, labels: Labels, value: float, times: int = 1) -> None:
        """Count ``value``, as often as ``times``."""
        reading = self.values.get(labels)
        if reading is None:
            if len(self.values) >= self._metric.most - 1:
                labels = self._folded
            empty = Reading([0] * (len(self._bounds) + 1))
            reading = self.values.setdefault(labels, empty)
        reading.buckets[bisect_left(self._bounds, value)] += times
        reading.sum += value * times

    @property
    def name(self) -> str:
        """The metric's."""
        return self._metric.name

    def distributions(self) -> tuple[Distribution, ...]:
        """Return copies of what was observed."""
        return tuple(
            Distribution(labels, Reading(list(reading.buckets), reading.sum))
            for labels, reading in self.values.items()
        )


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Return the numbers of several processes as those of one; see ``Merge``.

    A metric keeps to its bound over all of them together.
    """
    samples: dict[str, dict[Labels, float]] = {}
    distributions: dict[str, dict[Labels, Reading]] = {}
    for snapshot in snapshots:
        for name, found in snapshot.samples.items():
            if name in METRICS:
                _merge_samples(METRICS[name], samples.setdefault(name, {}), found)
        for name, spread in snapshot.distributions.items():
            if name in METRICS:
                _merge_spread(METRICS[name], distributions.setdefault(name, {}), spread)
    return Snapshot(
        {
            name: tuple(Sample(labels, value) for labels, value in values.items())
            for name, values in samples.items()
        },
        {
            name: tuple(Distribution(labels, reading) for labels, reading in readings.items())
            for name, readings in distributions.items()
        },
    )


def _merge_samples(one: Metric, into: dict[Labels, float], found: Iterable[Sample]) -> None:
    for sample in found:
        labels = _bounded(one, into, sample.labels)
        before = into.get(labels)
        if before is None:
            into[labels] = sample.value
        elif one.kind is Kind.GAUGE and one.merge is Merge.MAX:
            into[labels] = max(before, sample.value)
        else:
            into[labels] = before + sample.value


def _merge_spread(one: Metric, into: dict[Labels, Reading], spread: Iterable[Distribution]) -> None:
    for each in spread:
        labels = _bounded(one, into, each.labels)
        before = into.setdefault(labels, Reading([0] * (len(one.buckets) + 1)))
        if len(before.buckets) == len(each.reading.buckets):
            pairs = zip(before.buckets, each.reading.buckets, strict=True)
            before.buckets = [first + second for first, second in pairs]
            before.sum += each.reading.sum


def _bounded(
    one: Metric, into: dict[Labels, float] | dict[Labels, Reading], labels: Labels
) -> Labels:
    if labels in into or len(into) < one.most:
        return labels
    return (OTHER,) * len(one.labels)
