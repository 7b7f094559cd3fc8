"""Gemini's finish reasons as OpenAI's; reasons we do not know count as a plain stop."""

from __future__ import annotations

__all__ = ("BLOCKED_PREFIX", "MALFORMED", "finish_reason")

BLOCKED_PREFIX = "BLOCKED_"

# The model's call could not be read: an answer that holds nothing else is a failure.
MALFORMED = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "UNEXPECTED_TOOL_CALL",
    }
)

_FILTERED = frozenset(
    {
        "BLOCKLIST",
        "ESCALATION",
        "IMAGE_OTHER",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "IMAGE_SAFETY",
        "LANGUAGE",
        "MODEL_ARMOR",
        "NO_IMAGE",
        "OTHER",
        "PROHIBITED_CONTENT",
        "RECITATION",
        "SAFETY",
        "SPII",
    }
)


def finish_reason(native: str, *, has_calls: bool) -> str:
    """Return OpenAI's word for Gemini's ``native``; calls matter to a plain STOP only."""
    if native == "STOP":
        return "tool_calls" if has_calls else "stop"
    if native == "MAX_TOKENS":
        return "length"
    return "content_filter" if native in _FILTERED else "stop"
