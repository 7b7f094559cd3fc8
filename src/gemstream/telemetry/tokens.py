"""The token counts of a call as the GenAI conventions count: cached and reasoning are subsets.

Gemini counts thoughts beside the candidates and tool use beside the prompt; the conventions put
each into its total, because that is what is billed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from . import semconv

__all__ = ("TokenCount", "Tokens")


_UNSAID = {"modality_unspecified": semconv.UNKNOWN_MODALITY}


class TokenCount(msgspec.Struct, frozen=True):
    """A total, and how much of it which modality is, in lower case; None: the service said none."""

    total: int | None = None
    modalities: Mapping[str, int] = {}

    @property
    def shares(self) -> dict[str, int]:
        """The total split by modality; what the service left unsaid is ``unknown``."""
        shares = {name: count for name, count in self.modalities.items() if count > 0}
        rest = (self.total or 0) - sum(shares.values())
        if rest > 0 or not shares:
            unknown = shares.get(semconv.UNKNOWN_MODALITY, 0)
            shares[semconv.UNKNOWN_MODALITY] = unknown + max(rest, 0)
        return shares


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a call used. ``cache_read`` is part of ``input``, ``reasoning`` of ``output``."""

    input: TokenCount
    output: TokenCount
    cache_read: TokenCount
    reasoning: TokenCount

    @classmethod
    def of(cls, usage: Mapping[str, Any]) -> Tokens:
        """Return the counts in a ``CallEnded.usage``."""
        candidates = _total(usage, "candidates_token_count", "thoughts_token_count")
        return cls(
            input=TokenCount(
                _total(usage, "prompt_token_count", "tool_use_prompt_token_count"),
                _modalities(usage, "prompt_tokens_details", "tool_use_prompt_tokens_details"),
            ),
            output=TokenCount(candidates, _modalities(usage, "candidates_tokens_details")),
            cache_read=TokenCount(
                usage.get("cached_content_token_count"), _modalities(usage, "cache_tokens_details")
            ),
            reasoning=TokenCount(usage.get("thoughts_token_count")),
        )

    def totals(self) -> dict[str, int]:
        """Return the attributes of the counts themselves; a subset of nothing is left out."""
        told = {
            semconv.USAGE_INPUT_TOKENS: self.input.total,
            semconv.USAGE_OUTPUT_TOKENS: self.output.total,
            semconv.USAGE_CACHE_READ_INPUT_TOKENS: self.cache_read.total or None,
            semconv.USAGE_REASONING_OUTPUT_TOKENS: self.reasoning.total or None,
        }
        return {name: count for name, count in told.items() if count is not None}

    def breakdown(self) -> dict[str, int]:
        """Return the attributes of the modalities that were used."""
        kinds = {
            "input_tokens": self.input,
            "output_tokens": self.output,
            "cache_read.input_tokens": self.cache_read,
        }
        return {
            semconv.usage_of_modality(modality, kind): count.modalities[modality]
            for kind, count in kinds.items()
            for modality in semconv.USAGE_MODALITIES
            if count.modalities.get(modality)
        }


def _total(usage: Mapping[str, Any], *fields: str) -> int | None:
    counts = [usage[field] for field in fields if usage.get(field) is not None]
    return sum(counts) if counts else None


def _modalities(usage: Mapping[str, Any], *fields: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for field in fields:
        for detail in usage.get(field) or ():
            name = str(detail.get("modality") or semconv.UNKNOWN_MODALITY).lower()
            name = _UNSAID.get(name, name)
            counts[name] = counts.get(name, 0) + (detail.get("token_count") or 0)
    return counts
