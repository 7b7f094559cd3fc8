"""Services that play one turn of a Live session, as ``generate`` asks for it."""

from __future__ import annotations

from typing import Any

from gemstream import RetryPolicy
from support.live import by_server, output
from support.live_service import Part, Stage

__all__ = (
    "COUNTED_DONE",
    "HISTORY_ONLY",
    "ONCE",
    "USAGE",
    "WRITING",
    "answers",
    "says_then",
    "silent",
    "silent_in_the_answer",
)

WRITING = "gemini-2.0-flash-live"
HISTORY_ONLY = "gemini-3.1-flash-live-preview"
USAGE = {"promptTokenCount": 3, "responseTokenCount": 5, "totalTokenCount": 8}
COUNTED_DONE = by_server(serverContent={"turnComplete": True}, usageMetadata=USAGE)
ONCE = RetryPolicy(attempts=1)


async def answers(stage: Stage) -> None:
    """Hear the turn and answer Hello."""
    await stage.hear()
    await stage.say(output({"text": "Hel"}), output({"text": "lo"}), COUNTED_DONE)


def says_then(*messages: Any, code: int | None = None, reason: str = "") -> Part:
    """Hear the turn, say ``messages``, and perhaps close."""

    async def part(stage: Stage) -> None:
        await stage.hear()
        await stage.say(*messages)
        if code is not None:
            await stage.close(code, reason)

    return part


async def silent_in_the_answer(stage: Stage) -> None:
    """Begin to answer and fall silent."""
    await stage.hear()
    await stage.say(output({"text": "Hel"}))
    await stage.hear()


async def silent(stage: Stage) -> None:
    """Hear the turn and say nothing."""
    await stage.hear()
    await stage.hear()
