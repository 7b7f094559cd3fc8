"""Attempts and settlements for tests of the ledger, and what became of their rows."""

from __future__ import annotations

from typing import Any

from gemstream.relay.ledger.attempt import Attempt, AttemptStatus, Settlement
from gemstream.stores.database import Database
from gemstream.wire.usage import ModalityTokenCount, UsageMetadata

DAY = 86_400_000_000
NOON = 20_000 * DAY + DAY // 2  # 2024-10-04, 12:00 UTC


def attempt(request_id: str, number: int = 1, **fields: Any) -> Attempt:
    given = {
        "key_id": "key-1",
        "account": "one",
        "surface": "gemini",
        "operation": "streamGenerateContent",
        "model": "gemini-2.5-flash",
        "started": NOON,
        "reserved_tokens": 100,
        "reserved_micros": 70,
    }
    return Attempt(request_id=request_id, number=number, **(given | fields))


def usage(prompt: int = 5, candidates: int = 7, **fields: Any) -> UsageMetadata:
    return UsageMetadata(
        prompt_token_count=prompt,
        candidates_token_count=candidates,
        total_token_count=prompt + candidates,
        prompt_tokens_details=[ModalityTokenCount(modality="TEXT", token_count=prompt)],
        **fields,
    )


def settlement(request_id: str, number: int = 1, **fields: Any) -> Settlement:
    given = {
        "status": AttemptStatus.OK,
        "http_status": 200,
        "usage": usage(),
        "cost": 12,
        "first_chunk": 300,
        "duration": 900,
        "bytes": 4000,
        "chunks": 3,
        "finish_reason": "STOP",
    }
    return Settlement(request_id=request_id, number=number, **(given | fields))


async def column(database: Database, name: str) -> list[Any]:
    rows = await database.fetch(f"SELECT {name} FROM attempts ORDER BY request_id, attempt_no")
    return [value for (value,) in rows]


async def statuses(database: Database) -> dict[str, str]:
    rows = await database.fetch("SELECT request_id, status FROM attempts")
    return {str(request): str(status) for request, status in rows}
