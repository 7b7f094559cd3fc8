"""What generateContent answers and each chunk of streamGenerateContent holds.

Source: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from .codec import Message
from .content import Content, FunctionCall
from .grounding import GroundingMetadata, URLContextMetadata
from .open_enum import OpenEnum
from .safety import SafetyRating
from .usage import UsageMetadata

__all__ = (
    "BlockReason",
    "Candidate",
    "CitationMetadata",
    "CitationSource",
    "FinishReason",
    "GenerateContentResponse",
    "LogprobsCandidate",
    "LogprobsResult",
    "ModelStage",
    "ModelStatus",
    "PromptFeedback",
    "PublicationDate",
    "TopCandidates",
    "first_candidate",
    "text_of",
)


R = TypeVar("R", bound=OpenEnum)


class FinishReason(OpenEnum):
    """Why a candidate ended."""

    STOP = "STOP"
    MAX_TOKENS = "MAX_TOKENS"
    SAFETY = "SAFETY"
    RECITATION = "RECITATION"
    LANGUAGE = "LANGUAGE"
    OTHER = "OTHER"
    BLOCKLIST = "BLOCKLIST"
    PROHIBITED_CONTENT = "PROHIBITED_CONTENT"
    SPII = "SPII"
    MALFORMED_FUNCTION_CALL = "MALFORMED_FUNCTION_CALL"
    IMAGE_SAFETY = "IMAGE_SAFETY"
    IMAGE_PROHIBITED_CONTENT = "IMAGE_PROHIBITED_CONTENT"
    IMAGE_OTHER = "IMAGE_OTHER"
    NO_IMAGE = "NO_IMAGE"
    IMAGE_RECITATION = "IMAGE_RECITATION"
    UNEXPECTED_TOOL_CALL = "UNEXPECTED_TOOL_CALL"
    TOO_MANY_TOOL_CALLS = "TOO_MANY_TOOL_CALLS"
    MISSING_THOUGHT_SIGNATURE = "MISSING_THOUGHT_SIGNATURE"
    MALFORMED_RESPONSE = "MALFORMED_RESPONSE"
    ESCALATION = "ESCALATION"
    CONTINUATION = "CONTINUATION"
    MODEL_ARMOR = "MODEL_ARMOR"


class BlockReason(OpenEnum):
    """Why a prompt was not answered."""

    SAFETY = "SAFETY"
    OTHER = "OTHER"
    BLOCKLIST = "BLOCKLIST"
    PROHIBITED_CONTENT = "PROHIBITED_CONTENT"
    IMAGE_SAFETY = "IMAGE_SAFETY"
    MODEL_ARMOR = "MODEL_ARMOR"
    JAILBREAK = "JAILBREAK"


class PublicationDate(Message):
    """A day; month and day are unset when they are not known."""

    year: int | None = None
    month: int | None = None
    day: int | None = None


class CitationSource(Message):
    """A passage of the answer that repeats a source; indices are UTF-8 byte offsets."""

    start_index: int | None = None
    end_index: int | None = None
    uri: str | None = None
    title: str | None = None
    license: str | None = None
    publication_date: PublicationDate | None = None


class CitationMetadata(Message):
    """Sources of an answer: the Gemini API writes ``citationSources``, Vertex ``citations``."""

    citation_sources: Sequence[CitationSource] = ()
    citations: Sequence[CitationSource] = ()


class LogprobsCandidate(Message):
    """One token and the logarithm of its probability, 0 at most."""

    token: str | None = None
    token_id: int | None = None
    log_probability: float | None = None


class TopCandidates(Message):
    """The likeliest tokens of one place in the answer, likeliest first."""

    candidates: Sequence[LogprobsCandidate] = ()


class LogprobsResult(Message):
    """Log probabilities of the chosen tokens and of their rivals."""

    top_candidates: Sequence[TopCandidates] = ()
    chosen_candidates: Sequence[LogprobsCandidate] = ()
    log_probability_sum: float | None = None


class PromptFeedback(Message):
    """The service's word on the prompt; with a block reason there are no candidates."""

    block_reason: BlockReason | None = None
    block_reason_message: str | None = None
    safety_ratings: Sequence[SafetyRating] = ()


class Candidate(Message):
    """One of the answers, or in a stream its next piece."""

    content: Content | None = None
    finish_reason: FinishReason | None = None
    index: int | None = None
    finish_message: str | None = None
    safety_ratings: Sequence[SafetyRating] = ()
    citation_metadata: CitationMetadata | None = None
    grounding_metadata: GroundingMetadata | None = None
    url_context_metadata: URLContextMetadata | None = None
    token_count: int | None = None
    avg_logprobs: float | None = None
    logprobs_result: LogprobsResult | None = None
    continuation_token: str | None = None


class ModelStage(OpenEnum):
    """How far a model is in its life."""

    UNSTABLE_EXPERIMENTAL = "UNSTABLE_EXPERIMENTAL"
    EXPERIMENTAL = "EXPERIMENTAL"
    PREVIEW = "PREVIEW"
    STABLE = "STABLE"
    LEGACY = "LEGACY"
    DEPRECATED = "DEPRECATED"
    RETIRED = "RETIRED"


class ModelStatus(Message):
    """What the service tells of the model's life; ``retirement_time`` as RFC 3339."""

    model_stage: ModelStage | None = None
    retirement_time: str | None = None
    message: str | None = None


class GenerateContentResponse(Message):
    """A whole answer, or one chunk of a stream."""

    candidates: Sequence[Candidate] = ()
    usage_metadata: UsageMetadata | None = None
    model_version: str | None = None
    response_id: str | None = None
    prompt_feedback: PromptFeedback | None = None
    create_time: str | None = None
    model_status: ModelStatus | None = None

    @property
    def text(self) -> str:
        """Text of candidate 0 without thoughts; ``""`` when there is none."""
        return text_of(self)

    @property
    def thoughts(self) -> str:
        """Thought summaries of candidate 0; ``""`` when there are none."""
        return text_of(self, thought=True)

    @property
    def finish_reason(self) -> FinishReason | None:
        """Why candidate 0 ended; None while it has not."""
        first = first_candidate(self)
        return _specified(first.finish_reason) if first else None

    @property
    def block_reason(self) -> BlockReason | None:
        """Why the prompt was not answered; None when it was."""
        return _specified(self.prompt_feedback.block_reason) if self.prompt_feedback else None

    @property
    def function_calls(self) -> list[FunctionCall]:
        """The functions that candidate 0 asks for, in order."""
        first = first_candidate(self)
        parts = first.content.parts if first and first.content else ()
        return [part.function_call for part in parts if part.function_call is not None]


def first_candidate(response: GenerateContentResponse) -> Candidate | None:
    """Return candidate 0; a chunk of a stream may hold only others."""
    for candidate in response.candidates:
        if not candidate.index:
            return candidate
    return None


def _specified(reason: R | None) -> R | None:
    return None if reason is None or reason.is_unspecified else reason


def text_of(response: GenerateContentResponse, *, thought: bool = False) -> str:
    """Return the text of candidate 0, or its thoughts; ``""`` when there is none."""
    first = first_candidate(response)
    if first is None or first.content is None:
        return ""
    parts = first.content.parts
    if len(parts) == 1:  # all but the rarest chunk: 0.1 µs against 0.4 for the join
        part = parts[0]
        return part.text if part.text and part.thought is thought else ""
    return "".join([part.text for part in parts if part.text and part.thought is thought])
