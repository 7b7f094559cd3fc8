"""The oracle finds what it is there to find: each law, broken in each way, is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gemstream.emulator import Emulator
from support.relay_callers import CALLERS
from support.relay_oracle import Billed, broken_laws, read_books, read_journal
from support.relayed import relayed

Rows = list[dict[str, Any]]


async def _books(folder: Path) -> tuple[list[Billed], Rows]:
    """Return a journal and books that agree: one answer of each kind."""
    journal = folder / "journal.jsonl"
    emulator = Emulator(journal=journal)
    accounts = {"one": {"attempt_header": True}}
    async with relayed(folder, emulator, accounts=accounts) as house:
        for caller in CALLERS.values():
            await house.ask(caller.path, caller.body)
        await house.rows()
    return read_journal(journal), [dict(row) for row in read_books(folder / "books.sqlite3")]


def _set(**columns: Any) -> Callable[[list[Billed], Rows], None]:
    return lambda billed, rows: rows[0].update(columns)


BREACHES: dict[str, tuple[str, Callable[[list[Billed], Rows], Any]]] = {
    "a lost row": ("L1", lambda billed, rows: rows.pop()),
    "a doubled row": ("L1", lambda billed, rows: rows.append(rows[0])),
    "a doubled bill": ("L1", lambda billed, rows: billed.append(billed[0])),
    "a row of nothing": ("L2", lambda billed, rows: billed.pop()),
    "too few tokens": ("L3", _set(total_tokens=1)),
    "no tokens": ("L3", _set(prompt_tokens=None)),
    "less than was seen": ("L3", _set(status="client_cancel", total_tokens=1)),
    "another price": ("L4", _set(cost=1)),
    "no price": ("L4", _set(cost=None)),
    "a balance": ("L5", lambda billed, rows: rows[0].update(key_id="team-b")),
    "an open row": ("L6", _set(status="open")),
}


async def test_books_that_agree_break_no_law(tmp_path: Path) -> None:
    billed, rows = await _books(tmp_path)
    seen = {rows[0]["request_id"]: rows[0]["total_tokens"]}
    spent = {"team-a": sum(row["cost"] for row in rows)}
    assert len(billed) == len(rows) == len(CALLERS)
    assert broken_laws(billed, rows, seen=seen, spent=spent) == []
    unknown = {**rows[0], "request_id": "req_died", "status": "unknown", "cost": None}
    unknown |= {"usage": None, "total_tokens": None}
    assert broken_laws(billed, [*rows, unknown], seen=seen, spent=spent) == []


@pytest.mark.parametrize(("law", "breach"), BREACHES.values(), ids=BREACHES)
async def test_each_breach_is_told(
    tmp_path: Path, law: str, breach: Callable[[list[Billed], Rows], Any]
) -> None:
    billed, rows = await _books(tmp_path)
    seen = {rows[0]["request_id"]: rows[0]["total_tokens"]}
    spent = {"team-a": sum(row["cost"] for row in rows)}
    breach(billed, rows)
    told = broken_laws(billed, rows, seen=seen, spent=spent)
    assert any(one.startswith(law) for one in told), told


def test_a_journal_of_others_is_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    lines = [{"attempt": attempt, "end": "finished", "usage": None} for attempt in (None, 2, "r.1")]
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    assert [one.attempt for one in read_journal(path)] == ["r.1"]
