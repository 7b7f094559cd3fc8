"""Token counts as the service reports them.

Source: https://ai.google.dev/api/generate-content#UsageMetadata.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from .codec import Message

__all__ = ("ModalityTokenCount", "UsageMetadata", "merge_usage")


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


_FIELDS = tuple(name for name in UsageMetadata.__struct_fields__ if name != "extra")
_usual = operator.attrgetter(*_FIELDS[:4])
_rare = operator.attrgetter(*_FIELDS[4:], "extra")
_values = operator.attrgetter(*_FIELDS)


def merge_usage(old: UsageMetadata | None, new: UsageMetadata | None) -> UsageMetadata | None:
    """Return ``old`` overlaid with every field that ``new`` reports.

    Counts are cumulative, so the later value wins and nothing is summed; a field that a later
    chunk leaves out (the cached count often vanishes) keeps its last value.
    """
    if old is None or new is None:
        return new or old
    if None not in _usual(new) and _rare(new) == _rare(old):
        return new  # nothing to keep, as in nearly every chunk: 0.4 µs against 1.2
    kept: dict[str, Any] = {
        name: earlier
        for name, earlier, later in zip(_FIELDS, _values(old), _values(new), strict=True)
        if later is None and earlier is not None
    }
    if old.extra:
        kept["extra"] = {**old.extra, **(new.extra or {})}
    if not kept:
        return new
    reported = {name: getattr(new, name) for name in new.__struct_fields__}
    return UsageMetadata(**{**reported, **kept})
