"""Token counts as the service reports them.

Source: https://ai.google.dev/api/generate-content#UsageMetadata.
"""

from __future__ import annotations

from collections.abc import Sequence

from .codec import Message

__all__ = ("ModalityTokenCount", "UsageMetadata")


class ModalityTokenCount(Message):
    """Tokens of one modality: TEXT, IMAGE, VIDEO, AUDIO, DOCUMENT."""

    modality: str | None = None
    token_count: int = 0


class UsageMetadata(Message):
    """Tokens of one answer; counts are cumulative over a stream.

    ``prompt_token_count`` includes the cached ones; thoughts are counted beside the candidates.
    """

    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    total_token_count: int | None = None
    prompt_tokens_details: Sequence[ModalityTokenCount] | None = None
    candidates_tokens_details: Sequence[ModalityTokenCount] | None = None
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None
    cache_tokens_details: Sequence[ModalityTokenCount] | None = None
    tool_use_prompt_token_count: int | None = None
    tool_use_prompt_tokens_details: Sequence[ModalityTokenCount] | None = None
    service_tier: str | None = None
    traffic_type: str | None = None
