"""Several relays measured in turns, and each compared with whom it is to be compared with.

All that take part run side by side on one machine, before one stand-in, and each round measures
every one of them once, the next in the opposite order; what idles costs next to nothing. Those that
are not installed are reported as absent, with what would install them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from ..harness import Comparison, Result
from ..processes import MeasurementFailed, upstream
from .readings import Figures
from .running import RelayAbsent, Running, running
from .surface import Surface

__all__ = ("Contest", "Entry", "Reading", "Relay", "Row", "Subject")

Reading = Callable[[Running, Surface, float], Figures]
"""Puts a load on a relay by one surface, a share of it on those that would take minutes."""


@dataclass(frozen=True)
class Relay:
    """One of ``benchmarks.programs`` that becomes a relay; ``share`` of the load is put on it."""

    name: str
    program: str
    share: float = 1.0


@dataclass(frozen=True)
class Entry:
    """A relay, asked by one surface."""

    relay: Relay
    surface: Surface


@dataclass(frozen=True, kw_only=True)
class Row:
    """Who is compared with whom, in which of the figures that were read."""

    shown: Comparison
    ours: Entry
    rival: Entry
    figure: str
    rival_figure: str


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a row is about, whoever it is compared with: a figure of ours."""

    name: str
    about: str
    unit: str
    figure: str
    ours: Entry
    rival_figure: str | None = None  # the same

    def against(self, rival: Entry, limit: float | None = None, *, limit_of: str = "ratio") -> Row:
        """Return the row that compares it with the rival's."""
        shown = Comparison(
            name=self.name,
            about=self.about,
            unit=self.unit,
            rival=f"{rival.relay.name}, {rival.surface.name}",
            limit=limit,
            limit_of=limit_of,
        )
        figure, other = self.figure, self.rival_figure or self.figure
        return Row(shown=shown, ours=self.ours, rival=rival, figure=figure, rival_figure=other)


@dataclass
class _Tally:
    """What became of each entry."""

    read: dict[Entry, list[Figures]] = field(default_factory=dict)
    absent: dict[Relay, str] = field(default_factory=dict)
    failed: dict[Entry, str] = field(default_factory=dict)

    def result(self, row: Row) -> Result:
        absent = self.absent.get(row.rival.relay)
        error = self.failed.get(row.ours) or self.failed.get(row.rival)
        return Result(
            bar=row.shown,
            ours=self._figures(row.ours, row.figure),
            rival=self._figures(row.rival, row.rival_figure),
            error=error,
            absent=None if error else absent,
        )

    def _figures(self, entry: Entry, figure: str) -> list[float]:
        return [figures[figure] for figures in self.read.get(entry, ())]


@dataclass(frozen=True, kw_only=True)
class Contest:
    """A reading of several relays, and the rows that come of it."""

    name: str
    reading: Reading
    rows: tuple[Row, ...]
    upstream: tuple[str, ...] = ()
    starts_anew: bool = False  # each reading is of a relay just started

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All who take part, ours first."""
        both = [entry for row in self.rows for entry in (row.ours, row.rival)]
        return tuple(dict.fromkeys(both))

    @property
    def about(self) -> str:
        """What its first row is about."""
        return self.rows[0].shown.about

    @property
    def rival(self) -> str:
        """The names of those that ours is compared with."""
        return ", ".join(dict.fromkeys(row.rival.relay.name for row in self.rows))

    def results(self, rounds: int) -> Iterator[Result]:
        """Measure it; who fails fails its own rows, and who is absent none."""
        tally = _Tally()
        with upstream("upstream", self.upstream) as port, _Field(port, self.starts_anew) as relays:
            order = list(self.entries)
            for _ in range(rounds):
                for entry in order:
                    self._read(entry, relays, tally)
                order.reverse()
        yield from map(tally.result, self.rows)

    def _read(self, entry: Entry, relays: _Field, tally: _Tally) -> None:
        if entry in tally.failed or entry.relay in tally.absent:
            return
        try:
            relay = relays.get(entry.relay)
            figures = self.reading(relay, entry.surface, entry.relay.share)
        except RelayAbsent as absence:
            tally.absent[entry.relay] = str(absence)
        except MeasurementFailed as failure:
            tally.failed[entry] = str(failure)
        else:
            tally.read.setdefault(entry, []).append(figures)


class _Field:
    """The relays that run, started when first asked for."""

    def __init__(self, upstream: int, starts_anew: bool) -> None:
        self._upstream = upstream
        self._starts_anew = starts_anew
        self._running: dict[Relay, Running] = {}
        self._ends = ExitStack()

    def __enter__(self) -> _Field:
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def get(self, relay: Relay) -> Running:
        """Return it at work; one alone when each is to start anew."""
        if self._starts_anew:
            self._ends.close()
            self._running.clear()
        if relay not in self._running:
            start = running(relay.name, relay.program, self._upstream)
            self._running[relay] = self._ends.enter_context(start)
        return self._running[relay]
