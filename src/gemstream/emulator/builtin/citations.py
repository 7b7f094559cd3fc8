"""Sources of an answer, its safety ratings, and the answers that these end."""

from __future__ import annotations

from ...wire.response import (
    BlockReason,
    Candidate,
    CitationMetadata,
    CitationSource,
    PromptFeedback,
)
from ...wire.safety import HarmCategory, HarmProbability, SafetyRating
from .sentences import sentences_of

__all__ = ("blocked_prompt", "citations_of", "unsafe_ending")

_SOURCES = ("https://example.com/first", "https://example.org/second")
_RATED = (
    HarmCategory.HARASSMENT,
    HarmCategory.HATE_SPEECH,
    HarmCategory.SEXUALLY_EXPLICIT,
    HarmCategory.DANGEROUS_CONTENT,
)


def citations_of(text: str) -> CitationMetadata:
    """Return a source for every sentence of ``text``; indices count its UTF-8 bytes."""
    sources = [
        CitationSource(
            start_index=sentence.start or None,  # proto3 JSON leaves a zero out
            end_index=sentence.end,
            uri=_SOURCES[number % len(_SOURCES)],
        )
        for number, sentence in enumerate(sentences_of(text))
    ]
    return CitationMetadata(citation_sources=sources)


def blocked_prompt() -> PromptFeedback:
    """Return what the service says of a prompt that it does not answer."""
    return PromptFeedback(block_reason=BlockReason.SAFETY, safety_ratings=_ratings(blocked=False))


def unsafe_ending() -> Candidate:
    """Return what the last chunk of an answer carries that was ended for safety."""
    return Candidate(safety_ratings=_ratings(blocked=True))


def _ratings(*, blocked: bool) -> list[SafetyRating]:
    return [
        SafetyRating(
            category=category,
            probability=HarmProbability.HIGH if _is_bad(category) else HarmProbability.NEGLIGIBLE,
            blocked=True if blocked and _is_bad(category) else None,
        )
        for category in _RATED
    ]


def _is_bad(category: HarmCategory) -> bool:
    return category is HarmCategory.DANGEROUS_CONTENT
