"""Why a message ended, in Anthropic's words, and what it cost in tokens."""

from __future__ import annotations

import msgspec

from ...codec import JSONObject
from ...usage import UsageMetadata
from ..neutral import Blocked, Finished

__all__ = ("Stop", "stop_of", "usage_of")

_REFUSALS = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "IMAGE_OTHER",
        "NO_IMAGE",
        "MODEL_ARMOR",
        "ESCALATION",
        "OTHER",
    }
)


class Stop(msgspec.Struct, frozen=True):
    """Why the message ended; ``explanation`` is set for a refusal only."""

    reason: str
    explanation: str | None = None

    @property
    def fields(self) -> JSONObject:
        """The stop's fields in a message; Gemini does not say which stop sequence matched."""
        fields: JSONObject = {"stop_reason": self.reason, "stop_sequence": None}
        if self.explanation is not None:
            fields["stop_details"] = {
                "type": "refusal",
                "category": None,
                "explanation": self.explanation,
            }
        return fields


def stop_of(end: Finished | Blocked | None, *, has_calls: bool) -> Stop:
    """Return the stop that Gemini's ``end`` means.

    A reason that Anthropic has no word for, as MALFORMED_FUNCTION_CALL, ends the turn.
    """
    if isinstance(end, Blocked):
        return Stop("refusal", end.reason)
    reason = "STOP" if end is None else end.reason
    if reason in _REFUSALS:
        return Stop("refusal", (end and end.message) or reason)
    if reason == "MAX_TOKENS":
        return Stop("max_tokens")
    return Stop("tool_use" if reason == "STOP" and has_calls else "end_turn")


def usage_of(usage: UsageMetadata | None, *, is_first: bool = False) -> JSONObject:
    """Return the counts of an answer; Anthropic's input excludes what was read from the cache.

    ``is_first``: the counts at the answer's beginning, where Anthropic says one token of output.
    """
    usage = usage or UsageMetadata()
    cached = usage.cached_content_token_count or 0
    prompt = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
    thoughts = usage.thoughts_token_count or 0
    counts: JSONObject = {
        "input_tokens": max(0, prompt - cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
    }
    if is_first:
        return counts | {"output_tokens": 1}
    return counts | {
        "output_tokens": (usage.candidates_token_count or 0) + thoughts,
        "output_tokens_details": {"thinking_tokens": thoughts},
    }
