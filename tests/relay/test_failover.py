"""Which account is asked next: freely before the caller has seen anything, never after."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator.scripts.faults import (
    Cut,
    ErrorInStream,
    Html,
    NakedError,
    NoFinish,
    Status,
)
from support.relayed import MODEL, prompt, relayed

STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
WHOLE = f"/v1beta/models/{MODEL}:generateContent"


def failing(*steps: Any) -> Emulator:
    """Return an account whose every answer goes by ``steps``."""
    return Emulator(Script([Rule(steps=list(steps))]))


BEFORE = {
    "429": [Status(code=429)],
    "500": [Status(code=500)],
    "503": [Status(code=503)],
    "html": [Html()],
    "reset": [Cut()],
    "error in the first event": [ErrorInStream()],
    "naked error at once": [NakedError()],
    "bad key": [Status(code=401)],
}


@pytest.mark.parametrize("path", [STREAM, WHOLE])
@pytest.mark.parametrize("steps", BEFORE.values(), ids=BEFORE)
async def test_what_fails_before_the_first_word_is_asked_of_another(
    tmp_path: Path, steps: list[Any], path: str
) -> None:
    accounts = {"one": {"priority": 1}}
    async with relayed(tmp_path, failing(*steps), Emulator(), accounts=accounts) as house:
        answer = await house.ask(path, prompt())
        first, second = await house.rows()
    assert answer.status == 200
    assert b'"finishReason"' in answer.body
    assert answer.headers["x-gemstream-attempts"] == "2"
    assert (first["account"], first["status"]) == ("one", "upstream_error")
    assert (second["account"], second["status"]) == ("two", "ok")
    assert first["request_id"] == second["request_id"]


async def test_a_fault_of_the_caller_is_told_in_the_services_own_words(tmp_path: Path) -> None:
    async with relayed(tmp_path, Emulator(), Emulator()) as house:
        answer = await house.ask(WHOLE, {"contents": []})
        (row,) = await house.rows()
    assert answer.status == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert row["http_status"] == 400


AFTER = {
    "naked error": (["one ", NakedError()], "upstream_error"),
    "error in an event": (["one ", ErrorInStream()], "upstream_error"),
    "reset": (["one ", Cut()], "upstream_error"),
    "no finish": (["one ", NoFinish()], "truncated"),
}


@pytest.mark.parametrize("steps, status", AFTER.values(), ids=AFTER)
async def test_what_breaks_after_the_first_word_is_told_and_not_begun_again(
    tmp_path: Path, steps: list[Any], status: str
) -> None:
    second = Emulator()
    accounts = {"one": {"priority": 1}}
    async with relayed(tmp_path, failing(*steps), second, accounts=accounts) as house:
        answer = await house.ask(STREAM, prompt())
        (row,) = await house.rows()
    assert answer.status == 200
    assert b'"one ' in answer.body
    told = answer.body.rsplit(b"\r\n\r\n", 1)[-1]
    assert told.startswith(b'{"error":{"code":') and b"\n" not in told
    assert row["status"] == status
    assert not second.journal


async def test_an_accounts_bad_key_is_not_the_callers_to_know(tmp_path: Path) -> None:
    async with relayed(tmp_path, failing(Status(code=401))) as house:
        answer = await house.ask(WHOLE, prompt())
    assert answer.status == 503
    assert answer.json()["error"]["status"] == "UNAVAILABLE"
    assert b"upstream-key" not in answer.body and b"API key" not in answer.body
