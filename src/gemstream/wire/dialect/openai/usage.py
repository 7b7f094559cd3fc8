"""Gemini's token counts as OpenAI's ``usage``."""

from __future__ import annotations

from collections.abc import Sequence

from ...codec import JSONObject
from ...usage import ModalityTokenCount, UsageMetadata

__all__ = ("chat_usage", "embedding_usage")


def chat_usage(usage: UsageMetadata) -> JSONObject:
    """Return ``usage`` in OpenAI's words; what a tool of the service read is prompt, too."""
    thoughts = usage.thoughts_token_count or 0
    prompt = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
    completion = (usage.candidates_token_count or 0) + thoughts
    cached = usage.cached_content_token_count or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": usage.total_token_count or prompt + completion,
        "prompt_tokens_details": {
            "cached_tokens": cached,
            **_by_modality(usage.prompt_tokens_details, ("audio", "image", "text")),
        },
        "completion_tokens_details": {
            "reasoning_tokens": thoughts,
            **_by_modality(usage.candidates_tokens_details, ("audio", "image", "text")),
        },
    }


def embedding_usage(usage: UsageMetadata | None) -> JSONObject:
    """Return the counts of an embedding; 0 where the service told none."""
    tokens = (usage and (usage.prompt_token_count or usage.total_token_count)) or 0
    return {"prompt_tokens": tokens, "total_tokens": tokens}


def _by_modality(
    counts: Sequence[ModalityTokenCount] | None, modalities: tuple[str, ...]
) -> JSONObject:
    known = {(count.modality or "").lower(): count.token_count for count in counts or ()}
    return {f"{name}_tokens": known[name] for name in modalities if name in known}
