"""Numbers → what Prometheus reads, with ``prometheus-client`` from the extra ``relay``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...errors import ConfigError
from .counts import Distribution, Snapshot
from .metric import METRICS, Kind, Metric

__all__ = ("CONTENT_TYPE", "Exposition")

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Exposition:
    """Writes what ``snapshot`` returns; with a registry of its own, so relays do not mix.

    Raises ConfigError when prometheus-client is not installed.
    """

    __slots__ = ("_core", "_generate", "_registry", "_snapshot")

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        try:
            import prometheus_client
            from prometheus_client import core
        except ImportError as error:
            raise ConfigError(
                "metrics need prometheus-client: pip install 'gemstream[relay]'"
            ) from error
        self._core: Any = core
        self._snapshot = snapshot
        self._generate: Any = prometheus_client.generate_latest
        self._registry: Any = prometheus_client.CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def __call__(self) -> bytes:
        """Return the text, in version 0.0.4 of the format."""
        text: bytes = self._generate(self._registry)
        return text

    def collect(self) -> Iterator[Any]:
        """Yield the families of metrics, for the registry."""
        snapshot = self._snapshot()
        for one in METRICS.values():
            if one.is_exposed:
                yield self._family(one, snapshot)

    def describe(self) -> Iterator[Any]:
        """Yield nothing: all names are ours."""
        return iter(())

    def _family(self, one: Metric, snapshot: Snapshot) -> Any:
        name = one.full_name
        if one.kind is Kind.HISTOGRAM:
            family = self._core.HistogramMetricFamily(name, one.help, labels=one.labels)
            for each in snapshot.distributions.get(one.name, ()):
                family.add_metric(each.labels, _cumulative(one, each), each.reading.sum)
            return family
        makers = {
            Kind.COUNTER: self._core.CounterMetricFamily,
            Kind.GAUGE: self._core.GaugeMetricFamily,
        }
        family = makers[one.kind](name, one.help, labels=one.labels)
        for sample in snapshot.samples.get(one.name, ()):
            family.add_metric(sample.labels, sample.value)
        return family


def _cumulative(one: Metric, each: Distribution) -> list[tuple[str, int]]:
    count = 0
    told = []
    for bound, found in zip((*one.buckets, None), each.reading.buckets, strict=True):
        count += found
        told.append(("+Inf" if bound is None else repr(float(bound)), count))
    return told
