"""Token counts of a Live session, which have names of their own on the Gemini API.

Source: https://ai.google.dev/api/live#UsageMetadata.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..codec import Message
from ..usage import ModalityTokenCount, UsageMetadata

__all__ = ("LiveUsageMetadata",)


class LiveUsageMetadata(Message):
    """Tokens of one turn: the Gemini API writes ``responseTokenCount``, Vertex the name of REST."""

    prompt_token_count: int | None = None
    response_token_count: int | None = None
    candidates_token_count: int | None = None
    total_token_count: int | None = None
    cached_content_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    prompt_tokens_details: Sequence[ModalityTokenCount] | None = None
    response_tokens_details: Sequence[ModalityTokenCount] | None = None
    candidates_tokens_details: Sequence[ModalityTokenCount] | None = None
    cache_tokens_details: Sequence[ModalityTokenCount] | None = None
    tool_use_prompt_tokens_details: Sequence[ModalityTokenCount] | None = None
    service_tier: str | None = None
    traffic_type: str | None = None

    def as_usage(self) -> UsageMetadata:
        """Return the counts under the names that all answers of gemstream use."""
        count, details = self.response_token_count, self.response_tokens_details
        return UsageMetadata(
            prompt_token_count=self.prompt_token_count,
            candidates_token_count=self.candidates_token_count if count is None else count,
            total_token_count=self.total_token_count,
            prompt_tokens_details=self.prompt_tokens_details,
            candidates_tokens_details=details or self.candidates_tokens_details,
            thoughts_token_count=self.thoughts_token_count,
            cached_content_token_count=self.cached_content_token_count,
            cache_tokens_details=self.cache_tokens_details,
            tool_use_prompt_token_count=self.tool_use_prompt_token_count,
            tool_use_prompt_tokens_details=self.tool_use_prompt_tokens_details,
            service_tier=self.service_tier,
            traffic_type=self.traffic_type,
            extra=self.extra,
        )
