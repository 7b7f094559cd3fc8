"""``gemstream relay top``: what a running relay does, second by second."""

from __future__ import annotations

import asyncio
import functools
import os
from typing import TYPE_CHECKING, Annotated

import typer

from ..terminal import Printer, stdout, visible
from .command import operators_command
from .reach import Operator
from .tables import Output
from .top_table import fields, table

if TYPE_CHECKING:
    from ...relay.telemetry.facts import Facts

__all__ = ("add_top",)

_SCHEMA = "gemstream.relay-top/1"
_PATH = "/admin/facts"


def add_top(relay: typer.Typer) -> None:
    """Put the command into the group ``gemstream relay``."""
    operators_command(
        relay, "top", "Show live what a running relay does.", _SCHEMA, needs_relay=True
    )(_top)


async def _top(
    operator: Operator,
    output: Output,
    *,
    interval: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, max=60, help="Between two looks.")
    ] = 1.0,
    count: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="End behind so many.  [default: 1 through a pipe, else until Ctrl-C]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Show requests, streams, first content, tokens and cost, by key, model and account.

    Draws over itself on a terminal; through a pipe it shows one look, with --json a line for each.
    """
    out = stdout()
    is_drawn = out.is_terminal and os.environ.get("TERM") != "dumb" and not output.as_json
    screen = _Screen(out) if is_drawn else None
    left = 1 if count is None and not (is_drawn or output.as_json) else count
    before = await _look(operator)
    while left is None or left > 0:
        await asyncio.sleep(interval)
        now = await _look(operator)
        lines = table(before, now)
        if screen is not None:
            screen.draw(lines)
        else:
            output.show(fields(before, now), functools.partial(_write, out, lines))
        before = now
        left = None if left is None else left - 1


async def _look(operator: Operator) -> Facts:
    import msgspec

    from ...relay.telemetry.facts import Facts

    return msgspec.json.decode(await operator.read("GET", _PATH), type=Facts)


def _write(out: Printer, lines: list[str]) -> None:
    for line in lines:
        out.line(visible(line))


class _Screen:
    """Draws each look over the one before."""

    __slots__ = ("_drawn", "_out")

    def __init__(self, out: Printer) -> None:
        self._drawn = 0
        self._out = out

    def draw(self, lines: list[str]) -> None:
        """Show the lines; one that is longer than the terminal is cut, or it would be two."""
        shown = [visible(line)[: self._out.width - 1] for line in lines]
        back = f"\x1b[{self._drawn}F\x1b[J" if self._drawn else ""
        self._drawn = len(shown)
        self._out.write(back + "".join(f"{line}\n" for line in shown))
