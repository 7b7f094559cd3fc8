"""Where Vertex AI differs from the Gemini API: what it refuses, adds, and says in other words.

Pure. Source: https://cloud.google.com/vertex-ai/docs/reference/rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from ..config.models import KnownModel
from ..errors import APIError, DecodeError
from ..wire.codec import Message, decode_plain, encode
from ..wire.content import Content, Part
from ..wire.embedding import EmbedContentRequest, Embedding
from ..wire.endpoint import Route
from ..wire.request import GenerateContentRequest
from ..wire.response import Candidate, CitationMetadata, GenerateContentResponse, PromptFeedback
from ..wire.safety import HarmProbability, SafetyRating
from ..wire.status import api_error
from ..wire.usage import UsageMetadata
from .builtin.token_count import contents_tokens, modality_details, request_tokens
from .refusal import bad_json, invalid
from .request_check import check_contents, check_request, read_request

__all__ = (
    "as_vertex_error",
    "dressed",
    "embeddings_asked_for",
    "predicted_embeddings",
    "read_embed_request",
    "vertex_dressing",
    "vertex_token_count",
)

_Chunk = Message | dict[str, Any]

_EXHAUSTED = (
    "Resource exhausted. Please try again later. Please refer to "
    "https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details."
)
_BLOCKED = (
    "The prompt could not be submitted. It contains content that breaks the terms of use. Try "
    "rephrasing the prompt."
)
_SCORES = {HarmProbability.NEGLIGIBLE: 0.05, HarmProbability.HIGH: 0.9}
_MOST_INSTANCES = 250
# Settings of embedContent that no made-up vector depends on.
_NO_MATTER = ("autoTruncate", "auto_truncate", "documentOcr", "audioTrackExtraction")


def vertex_dressing(now: float) -> Callable[[_Chunk], Sequence[_Chunk]]:
    """Return what adds to typed chunks what Vertex adds; a scripted table is as written.

    ``now``: when the answer is begun, in seconds since 1970.
    """
    create_time = datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")

    def dress(chunk: _Chunk) -> Sequence[_Chunk]:
        if isinstance(chunk, GenerateContentResponse):
            return (dressed(chunk, create_time),)
        return (chunk,)

    return dress


def as_vertex_error(error: APIError) -> APIError:
    """Return ``error`` as Vertex answers it: its quota is shared, so a 429 has no details."""
    return api_error(429, _EXHAUSTED) if error.code == 429 else error


def dressed(message: GenerateContentResponse, create_time: str) -> GenerateContentResponse:
    """Return one message of an answer with what Vertex adds to it and names in its own way."""
    usage, feedback = message.usage_metadata, message.prompt_feedback
    return msgspec.structs.replace(
        message,
        candidates=tuple(map(_candidate, message.candidates)),
        usage_metadata=_with_traffic(usage) if usage is not None else None,
        prompt_feedback=_feedback(feedback) if feedback is not None else None,
        create_time=message.create_time or create_time,
    )


def _candidate(candidate: Candidate) -> Candidate:
    if candidate.citation_metadata is None and not candidate.safety_ratings:
        return candidate
    cited = candidate.citation_metadata
    return msgspec.structs.replace(
        candidate,
        citation_metadata=_citations(cited) if cited is not None else None,
        safety_ratings=_with_severity(candidate.safety_ratings),
    )


def _citations(cited: CitationMetadata) -> CitationMetadata:
    sources = [*cited.citation_sources, *cited.citations]
    return msgspec.structs.replace(cited, citation_sources=(), citations=sources)


def _with_traffic(usage: UsageMetadata) -> UsageMetadata:
    return msgspec.structs.replace(usage, traffic_type=usage.traffic_type or "ON_DEMAND")


def _feedback(feedback: PromptFeedback) -> PromptFeedback:
    return msgspec.structs.replace(
        feedback,
        block_reason_message=feedback.block_reason_message or _BLOCKED,
        safety_ratings=_with_severity(feedback.safety_ratings),
    )


def _with_severity(ratings: Sequence[SafetyRating]) -> tuple[SafetyRating, ...]:
    return tuple(map(_with_score, ratings))


def _with_score(rating: SafetyRating) -> SafetyRating:
    if rating.severity is not None or rating.probability is None:
        return rating
    score = _SCORES.get(rating.probability, 0.5)
    return msgspec.structs.replace(
        rating,
        probability_score=score,
        severity=f"HARM_SEVERITY_{rating.probability.value}",
        severity_score=score,
    )


def vertex_token_count(body: bytes, route: Route, model: KnownModel) -> Message:
    """Return Vertex's answer to countTokens, whose body is a generate request itself."""
    request = read_request(body, GenerateContentRequest)
    check_request(request, route)
    tokens = request_tokens(request)
    characters = sum(len("".join((part.text or "").split())) for part in _parts(request))
    return Message(
        extra={
            "totalTokens": sum(tokens.values()),
            "totalBillableCharacters": characters,
            "promptTokensDetails": modality_details(tokens),
        }
    )


def _parts(request: GenerateContentRequest) -> Iterator[Part]:
    system = [request.system_instruction] if request.system_instruction is not None else []
    for content in (*request.contents, *system):
        yield from content.parts


def read_embed_request(body: bytes) -> EmbedContentRequest:
    """Return the request of Vertex's embedContent, whose settings stand in a config of their own.

    Raises InvalidArgument for what is not one.
    """
    plain = _plain(body)
    config = plain.pop("embedContentConfig", None) or plain.pop("embed_content_config", None) or {}
    if not isinstance(config, dict):
        raise invalid("Invalid value at 'embed_content_config': it must be an object.")
    settings = {name: value for name, value in config.items() if name not in _NO_MATTER}
    return read_request(encode({**plain, **settings}), EmbedContentRequest)


def _plain(body: bytes) -> dict[str, Any]:
    try:
        plain = decode_plain(body or b"{}")
    except DecodeError as error:
        raise bad_json(error) from None
    if not isinstance(plain, dict):
        raise invalid("Invalid JSON payload received. The root must be an object.")
    return plain


def embeddings_asked_for(body: bytes) -> list[EmbedContentRequest]:
    """Return the texts of a predict request; raises InvalidArgument for another shape."""
    plain = _plain(body)
    instances = plain.get("instances")
    if not isinstance(instances, list) or not 1 <= len(instances) <= _MOST_INSTANCES:
        raise invalid(f"instances must be a list of 1 to {_MOST_INSTANCES} texts to embed.")
    parameters = plain.get("parameters") or {}
    size = parameters.get("outputDimensionality") if isinstance(parameters, dict) else None
    if size is not None and not isinstance(size, int):
        raise invalid("parameters.outputDimensionality must be a whole number.")
    return [_instance(index, instance, size) for index, instance in enumerate(instances)]


def _instance(index: int, instance: Any, size: int | None) -> EmbedContentRequest:
    text = instance.get("content") if isinstance(instance, dict) else None
    if not isinstance(text, str):
        raise invalid(f"instances[{index}].content must be the text to embed.")
    content = Content(parts=[Part(text=text)])
    check_contents([content], f"instances[{index}]")
    return EmbedContentRequest(content=content, output_dimensionality=size)


def predicted_embeddings(answers: Sequence[tuple[EmbedContentRequest, Embedding]]) -> Message:
    """Return Vertex's answer to predict."""
    predictions = [
        {
            "embeddings": {
                "values": list(embedding.values),
                "statistics": {"truncated": False, "token_count": _tokens(request)},
            }
        }
        for request, embedding in answers
    ]
    return Message(extra={"predictions": predictions})


def _tokens(request: EmbedContentRequest) -> int:
    return sum(contents_tokens([request.content] if request.content else []).values())
