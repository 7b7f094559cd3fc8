"""What a bar is, and how it is measured: in turns, in rounds, by the median of their ratios.

Strategy. A machine's speed drifts by more than the bars allow, so absolute figures of two runs say
little. Ours and the rival's are measured right after one another, the order changes with every
round, and only the ratio within a round counts; the median of the ratios shrugs off the round in
which something else wanted the machine.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from .processes import MeasurementFailed, upstream

__all__ = ("Bar", "Comparison", "Measure", "Result")

Measure = Callable[[int], float]
"""Takes the upstream's port, 0 where there is none, and returns one reading."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Ours beside a rival's: something that must hold, or that is only shown (no limit)."""

    name: str
    about: str
    unit: str
    rival: str
    limit: float | None = None
    # Or "ours": an absolute figure in the bar's unit. Or "difference": ours less the rival's.
    limit_of: str = "ratio"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a bar: medians of both sides and of the ratios, or why there are none."""

    bar: Comparison
    ours: list[float] = field(default_factory=list)
    rival: list[float] = field(default_factory=list)
    error: str | None = None
    absent: str | None = None  # how the rival could be installed, which it is not

    @property
    def is_whole(self) -> bool:
        """True when both sides were read in every round."""
        return self.error is None and self.absent is None

    @property
    def ratios(self) -> list[float]:
        """Ours to the rival's, round by round; none when one of them failed."""
        if not self.is_whole:
            return []
        return [ours / rival for ours, rival in zip(self.ours, self.rival, strict=True)]

    @property
    def differences(self) -> list[float]:
        """Ours less the rival's, round by round; none when one of them failed."""
        if not self.is_whole:
            return []
        return [ours - rival for ours, rival in zip(self.ours, self.rival, strict=True)]

    @property
    def decisive(self) -> list[float]:
        """What the bar's limit is about, round by round."""
        return {"ratio": self.ratios, "ours": self.ours, "difference": self.differences}[
            self.bar.limit_of
        ]

    @property
    def passes(self) -> bool:
        """True when the bar holds; one without a limit holds once it could be measured.

        What is absent breaks no bar.
        """
        if self.error is not None:
            return False
        if self.bar.limit is None or self.absent is not None:
            return True
        return statistics.median(self.decisive) <= self.bar.limit


@dataclass(frozen=True, kw_only=True)
class Bar(Comparison):
    """A comparison that two programs are run for."""

    measure_ours: Measure
    measure_rival: Measure
    upstream: tuple[str, ...] | None = None  # its options; None: the bar needs none
    upstream_program: str = "upstream"
    warm_up: bool = False  # one round goes uncounted, so that files and byte code are cached

    def results(self, rounds: int) -> Iterator[Result]:
        """Measure it; a measurement that fails fails the bar, not the run."""
        ours: list[float] = []
        rival: list[float] = []
        try:
            with self._upstream() as port:
                if self.warm_up:
                    self.measure_ours(port)
                    self.measure_rival(port)
                turns = [(self.measure_ours, ours), (self.measure_rival, rival)]
                for _ in range(rounds):
                    for measure, readings in turns:
                        readings.append(measure(port))
                    turns.reverse()
        except MeasurementFailed as failure:
            yield Result(bar=self, error=str(failure))
        else:
            yield Result(bar=self, ours=ours, rival=rival)

    def _upstream(self) -> AbstractContextManager[int]:
        """Return what gives the port of the upstream that it needs, 0 when it needs none."""
        if self.upstream is None:
            return nullcontext(0)
        return upstream(self.upstream_program, self.upstream)
