"""Thought signatures in a history: where callers bring them back, and what stands for a lost one.

A signature is opaque and belongs to its part. In the current turn, all that follows the last word
of the user's own, Gemini 3 refuses a step whose first call has none.
Source: https://ai.google.dev/gemini-api/docs/thought-signatures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...codec import JSONObject
from .fields import Fields

__all__ = ("call_signature", "message_signatures", "plain_id", "sign_current_turn")

# The service's own word for a call that it did not make itself.
_SENTINEL = "skip_thought_signature_validator"
_ENVELOPES = ("gt1.", "at1.", "bt1.")
# Histories written with LiteLLM carry the signature behind the id.
_ID_MARK = "__thought__"


def plain_id(id: str) -> str:
    """Return a call's id without a signature behind it."""
    return id.partition(_ID_MARK)[0]


def call_signature(call: Fields) -> str | None:
    """Return the signature that a ``tool_calls`` entry carries, None for none."""
    function = call.value("function")
    id = call.value("id")
    found = [
        *_in_extra_content(call),
        _at(call.value("provider_specific_fields"), "thought_signature"),
        _at(function, "provider_specific_fields", "thought_signature"),
        id.partition(_ID_MARK)[2] if isinstance(id, str) else None,
    ]
    return _first(found)


def message_signatures(message: Fields) -> str | None:
    """Return the signature that an assistant message carries for its text, None for none."""
    several = _at(message.value("provider_specific_fields"), "thought_signatures")
    blocks = message.value("thinking_blocks")
    found = [
        *_in_extra_content(message),
        _at(message.value("provider_specific_fields"), "thought_signature"),
        several[0] if isinstance(several, list) and several else None,
        _at(blocks[0], "signature") if isinstance(blocks, list) and blocks else None,
    ]
    return _first(found)


def sign_current_turn(contents: list[JSONObject]) -> None:
    """Put the sentinel on the first call of each step of the current turn that has no signature."""
    for content in reversed(contents):
        if content["role"] == "user":
            if not any("functionResponse" in part for part in content["parts"]):
                return
            continue
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls:
            calls[0].setdefault("thoughtSignature", _SENTINEL)


def _in_extra_content(holder: Fields) -> Iterator[Any]:
    extra = holder.value("extra_content")
    for surface in ("google", "vertex"):
        yield _at(extra, surface, "thought_signature")


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _first(found: list[Any]) -> str | None:
    for value in found:
        if isinstance(value, str) and value and not value.startswith(_ENVELOPES):
            return value
    return None
