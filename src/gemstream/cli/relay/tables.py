"""What operators are told, as tables for people and as one object for programs."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any

from ..terminal import stdout, visible

__all__ = ("Output", "dollars", "moment", "print_fields", "print_table", "words")

_MOMENTS = ("created", "changed", "revoked", "old_until")


class Output:
    """Where a command's answer goes: ``show`` for both readers, the rest for people alone."""

    __slots__ = ("_schema", "as_json")

    def __init__(self, schema: str, *, as_json: bool) -> None:
        self._schema = schema
        self.as_json = as_json

    def show(self, fields: dict[str, Any], for_people: Callable[[], None]) -> None:
        """Write one line of JSON with the version of its shape, or call ``for_people``."""
        if not self.as_json:
            for_people()
            return
        from ...wire.codec import encode

        stdout().line(encode({"schema": self._schema, **fields}).decode())


def print_table(
    head: Sequence[str], rows: Iterable[Sequence[str]], right: Collection[int] = ()
) -> None:
    """Write a head and a line for each row; columns in ``right`` are numbers."""
    out = stdout()
    lines = [tuple(head), *(tuple(visible(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = (
            f"{cell:>{width}}" if column in right else f"{cell:<{width}}"
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        out.line("  ".join(cells).rstrip())


def print_fields(fields: dict[str, Any]) -> None:
    """Write a line for each field that has a value."""
    told = {name: value for name, value in fields.items() if value not in (None, [], "")}
    print_table(("OPTION", "VALUE"), [(name, _cell(name, value)) for name, value in told.items()])


def _cell(name: str, value: Any) -> str:
    if name in _MOMENTS:
        return moment(value)
    if isinstance(value, list):
        return words([one if isinstance(one, str) else str(one) for one in value])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def moment(micros: int | None) -> str:
    """Return a time in µs since 1970 as people read it, in UTC; ``""`` for None."""
    if micros is None:
        return ""
    at = datetime.datetime.fromtimestamp(micros / 1_000_000, datetime.UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S")


def dollars(micros: int) -> str:
    """Return micro-dollars as dollars, with all six places: sums of small costs stay true."""
    return f"${Decimal(micros).scaleb(-6):,.6f}"


def words(names: Sequence[str], of_none: str = "all") -> str:
    """Return a list in a cell."""
    return ", ".join(names) or of_none
