"""Tables of a documentation page, so that a test can hold a page to what it claims."""

from __future__ import annotations

import re

from support.sources import REPOSITORY

__all__ = ("read_table",)


def read_table(page: str, name: str) -> list[list[str]]:
    """Return the rows below the mark ``<!-- table: name -->``, cell by cell, without the head."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    mark = f"<!-- table: {name} -->\n"
    assert text.count(mark) == 1, f"{page} has no table {name!r}, or two"
    lines = text.partition(mark)[2].lstrip("\n").splitlines()
    rows = [_cells(line) for line in _first_block(lines)]
    assert len(rows) > 2, f"{page}: the table {name!r} is empty"
    assert {len(row) for row in rows} == {len(rows[0])}, f"{page}: a row of {name!r} is uneven"
    return rows[2:]


def _first_block(lines: list[str]) -> list[str]:
    end = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    return lines[:end]


def _cells(line: str) -> list[str]:
    assert line.startswith("|") and line.endswith("|"), line
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line[1:-1])]
