"""How callers of each dialect ask a relay, and what an answer is to them: whole, or an error.

Nothing here is lenient: what is neither whole nor an error fails the test, for that is how an
answer is cut short in silence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from support.relayed import MODEL, Answered, prompt

__all__ = ("CALLERS", "Caller", "Met", "events_of")


class Met(msgspec.Struct, frozen=True):
    """What a caller was told: the text so far, and the error that ended it, None for none."""

    text: str
    error: str | None = None


class Caller(msgspec.Struct, frozen=True):
    """One way to ask; ``read`` makes of the body what its reader meets, or fails."""

    path: str
    body: Mapping[str, Any]
    read: Callable[[Answered], Met]
    is_stream: bool

    def met(self, answer: Answered) -> Met:
        """Return what the caller met."""
        return _refused(answer) if answer.status != 200 else self.read(answer)


def events_of(body: bytes, end: bytes) -> list[bytes]:
    """Return the events of a stream without their blank lines; the last must be whole too."""
    *events, rest = body.split(end)
    assert not rest, f"half an event is left: {rest[:200]!r}"
    return events


def _refused(answer: Answered) -> Met:
    said = answer.json()["error"]
    assert said["message"], said
    named = said.get("status") or said.get("code") or said.get("type")
    assert isinstance(named, str)
    return Met("", named)


def _gemini_text(chunk: Any) -> str:
    parts = [
        part
        for candidate in chunk.get("candidates", ())
        for part in candidate.get("content", {}).get("parts", ())
    ]
    return "".join(part.get("text", "") for part in parts)


def _gemini_finish(chunk: Any) -> bool:
    return any(one.get("finishReason") for one in chunk.get("candidates", ()))


def _gemini_of(chunks: list[Any], error: Any) -> Met:
    text = "".join(map(_gemini_text, chunks))
    if error is not None:
        return Met(text, error["error"]["status"])
    assert any(map(_gemini_finish, chunks)), f"cut short in silence behind {text[-80:]!r}"
    return Met(text)


def _gemini_events(answer: Answered) -> Met:
    whole, _, naked = answer.body.rpartition(b"\r\n\r\n")
    error = None
    if naked:
        assert b"\n" not in naked, naked
        error = json.loads(naked)
        assert set(error) == {"error"}
    chunks = []
    for event in whole.split(b"\r\n\r\n") if whole else ():
        for line in event.splitlines():
            if line.startswith(b"data: "):
                chunks.append(json.loads(line[6:]))
    return _gemini_of(chunks, error)


def _gemini_array(answer: Answered) -> Met:
    chunks = answer.json()
    error = chunks.pop() if chunks and "error" in chunks[-1] else None
    return _gemini_of(chunks, error)


def _gemini_whole(answer: Answered) -> Met:
    body = answer.json()
    assert "error" not in body
    return Met(_gemini_text(body))


def _openai_events(answer: Answered) -> Met:
    text, reason, error = "", None, None
    events = [one for one in events_of(answer.body, b"\n\n") if not one.startswith(b":")]
    is_done = bool(events) and events[-1] == b"data: [DONE]"
    for event in events[:-1] if is_done else events:
        assert error is None, "something follows the error"
        assert event.startswith(b"data: ") and b"\n" not in event, event
        chunk = json.loads(event[6:])
        if "error" in chunk:
            error = chunk["error"]["code"] or chunk["error"]["type"]
            continue
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
            reason = choice["finish_reason"] or reason
    assert (error is None) == (reason is not None and is_done), answer.body[-300:]
    return Met(text, error)


def _openai_whole(answer: Answered) -> Met:
    (choice,) = answer.json()["choices"]
    assert choice["finish_reason"]
    return Met(choice["message"]["content"] or "")


def _anthropic_events(answer: Answered) -> Met:
    text, error, is_stopped = "", None, False
    for event in events_of(answer.body, b"\n\n"):
        assert error is None and not is_stopped, "something follows the end"
        named, _, told = event.partition(b"\n")
        data = json.loads(told.removeprefix(b"data: "))
        assert named == b"event: " + data["type"].encode()
        if data["type"] == "error":
            error = data["error"]["type"]
        elif data["type"] == "content_block_delta":
            text += data["delta"].get("text", "")
        is_stopped = data["type"] == "message_stop"
    assert (error is None) == is_stopped, answer.body[-300:]
    return Met(text, error)


def _anthropic_whole(answer: Answered) -> Met:
    message = answer.json()
    assert message["stop_reason"]
    return Met("".join(block.get("text", "") for block in message["content"]))


_MESSAGES = [{"role": "user", "content": "Count to five"}]
_CHAT = {"model": MODEL, "messages": _MESSAGES}
_MESSAGE = {"model": MODEL, "messages": _MESSAGES, "max_tokens": 1000}
_GEMINI = f"/v1beta/models/{MODEL}"

CALLERS: Mapping[str, Caller] = {
    "gemini events": Caller(
        f"{_GEMINI}:streamGenerateContent?alt=sse", prompt(), _gemini_events, True
    ),
    "gemini array": Caller(f"{_GEMINI}:streamGenerateContent", prompt(), _gemini_array, True),
    "gemini whole": Caller(f"{_GEMINI}:generateContent", prompt(), _gemini_whole, False),
    "openai events": Caller(
        "/v1/chat/completions", {**_CHAT, "stream": True}, _openai_events, True
    ),
    "openai whole": Caller("/v1/chat/completions", _CHAT, _openai_whole, False),
    "anthropic events": Caller(
        "/v1/messages", {**_MESSAGE, "stream": True}, _anthropic_events, True
    ),
    "anthropic whole": Caller("/v1/messages", _MESSAGE, _anthropic_whole, False),
}
