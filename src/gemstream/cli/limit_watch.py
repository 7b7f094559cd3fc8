"""Looking at limits once or again and again, and the ways to show what is seen."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from ..wire.codec import encode
from .limit_table import Report, changed, fields, table
from .terminal import Printer, visible

if TYPE_CHECKING:
    from ..client.client import AsyncClient
    from ..limits.limit_use import LimitUse

__all__ = ("Show", "keep_looking", "look", "shown_by")

Show = Callable[[Report], None]

# Seconds between two looks.
_PAUSE = 1.0


async def look(client: AsyncClient, models: Sequence[str], store: str) -> Report:
    """Return how it stands: with ``models``, else with all in use and the client's own."""
    options = client.options
    return Report(
        base_url=options.base_url,
        tier=None if options.tier is None else options.tier.name,
        origin=options.origins["tier"],
        store=store,
        limits=await _uses(client, models),
    )


async def keep_looking(
    client: AsyncClient, models: Sequence[str], report: Report, show: Show
) -> None:
    """Show how it stands each second, until cancelled; ``report`` is what was shown before."""
    while True:
        await asyncio.sleep(_PAUSE)
        show(msgspec.structs.replace(report, limits=await _uses(client, models)))


def shown_by(out: Printer, *, watch: bool, json: bool) -> Show:
    """Return what shows a report as the options and the stream ask for it."""
    if watch and out.is_terminal and not json and os.environ.get("TERM") != "dumb":
        return _Screen(out)
    return _Changes(out, json=json)


class _Screen:
    """Draws each report over the one before."""

    __slots__ = ("_drawn", "_out")

    def __init__(self, out: Printer) -> None:
        self._out = out
        self._drawn = 0

    def __call__(self, report: Report) -> None:
        """Show it; a line longer than the terminal is cut, or it would be two."""
        lines = [visible(line)[: self._out.width - 1] for line in table(report.limits)]
        back = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
        self._drawn = len(lines)
        self._out.write(back + "".join(f"{line}\n" for line in lines))


class _Changes:
    """Writes the first report whole, and of each later one what is other than before."""

    __slots__ = ("_before", "_json", "_out")

    def __init__(self, out: Printer, *, json: bool) -> None:
        self._out = out
        self._json = json
        self._before: Sequence[LimitUse] | None = None

    def __call__(self, report: Report) -> None:
        """Show it: as one object of JSON, or as rows."""
        before, self._before = self._before, report.limits
        if before is not None:
            report = msgspec.structs.replace(report, limits=changed(before, report.limits))
            if not report.limits:
                return
        if self._json:
            self._out.line(encode(fields(report)).decode())
            return
        lines = table(report.limits) if report.limits else []
        for line in lines if before is None else lines[1:]:
            self._out.line(visible(line))


async def _uses(client: AsyncClient, models: Sequence[str]) -> list[LimitUse]:
    if models:
        return [use for model in models for use in await client.limits(model)]
    found = await client.limits()
    known = {use.model for use in found}
    usual = await client.limits(client.options.model)
    return found + [use for use in usual if use.model not in known]
