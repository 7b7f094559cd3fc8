"""Embeddings, asked for as each of the two services wants it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ..config.timeouts import Timeouts
from ..errors import InvalidRequest, ProtocolError
from ..policy.usage import added_usage
from ..wire.embedding import (
    BatchEmbedContentsResponse,
    EmbedContentResponse,
    Embedding,
    PredictEmbeddingsRequest,
    PredictEmbeddingsResponse,
    PredictionParameters,
    TaskType,
    TextInstance,
)
from ..wire.endpoint import Operation
from ..wire.usage import UsageMetadata
from .channel import Channel
from .prompt import PromptPiece, pieces_of
from .request import draft_embed, draft_vertex_embed, encode_body

__all__ = ("EmbedSettings", "embed", "embed_on_vertex", "embed_settings")

# Vertex AI embeds with its newest models by embedContent, one content a request.
_BY_EMBED_CONTENT = "gemini-embedding-2"


class EmbedSettings(msgspec.Struct, frozen=True):
    """What holds for every content of a call."""

    task_type: TaskType | None = None
    title: str | None = None
    output_dimensionality: int | None = None


def embed_settings(task_type: Any, title: Any, output_dimensionality: Any) -> EmbedSettings:
    """Return the settings; raises InvalidRequest for values that cannot be meant."""
    if task_type is not None and not isinstance(task_type, str):
        raise InvalidRequest(f"task_type is {task_type!r:.80}; it takes a TaskType or its name")
    if title is not None and not isinstance(title, str):
        raise InvalidRequest(f"title is {title!r:.80}; it takes text")
    if title is not None and task_type != TaskType.RETRIEVAL_DOCUMENT:
        raise InvalidRequest("title goes with task_type RETRIEVAL_DOCUMENT only")
    size = output_dimensionality
    if size is not None and (type(size) is not int or size < 1):
        raise InvalidRequest(f"output_dimensionality is {size!r:.80}; it takes a whole number")
    return EmbedSettings(TaskType(task_type) if task_type else None, title, size)


async def embed(
    channel: Channel,
    contents: PromptPiece | Sequence[PromptPiece],
    settings: EmbedSettings,
    timeouts: Timeouts,
) -> BatchEmbedContentsResponse:
    """Return the embeddings as the Gemini API makes them, in one request."""
    fields = msgspec.structs.asdict(settings)
    draft = draft_embed(contents, max_size=channel.max_size, model=channel.model, **fields)
    body = await draft.finish()
    answer = await channel.call(Operation.BATCH_EMBED, body, BatchEmbedContentsResponse, timeouts)
    return _checked(answer, len(pieces_of(contents)))


async def embed_on_vertex(
    channel: Channel,
    contents: PromptPiece | Sequence[PromptPiece],
    settings: EmbedSettings,
    timeouts: Timeouts,
) -> BatchEmbedContentsResponse:
    """Return the embeddings as Vertex AI makes them.

    Texts in one predict request; with the models that embed more than text, one request for each
    content, one after the other.
    """
    pieces = pieces_of(contents)
    if not pieces:
        raise InvalidRequest("there is nothing to embed; pass text or a sequence of texts")
    if not channel.name.startswith(_BY_EMBED_CONTENT):
        body = encode_body(_prediction(pieces, settings), max_size=channel.max_size)
        predicted = await channel.call(Operation.PREDICT, body, PredictEmbeddingsResponse, timeouts)
        return _checked(_as_batch(predicted), len(pieces))
    answers = [await _embed_one(channel, piece, settings, timeouts) for piece in pieces]
    usage: UsageMetadata | None = None
    for answer in answers:
        usage = added_usage(usage, answer.usage_metadata)
    embeddings = [answer.embedding or Embedding() for answer in answers]
    return BatchEmbedContentsResponse(embeddings=embeddings, usage_metadata=usage)


def _checked(answer: BatchEmbedContentsResponse, asked: int) -> BatchEmbedContentsResponse:
    """Return ``answer``; raises ProtocolError when contents and embeddings cannot be paired."""
    if len(answer.embeddings) != asked:
        raise ProtocolError(
            f"the service answered {asked} contents with {len(answer.embeddings)} embeddings"
        )
    return answer


async def _embed_one(
    channel: Channel, piece: PromptPiece, settings: EmbedSettings, timeouts: Timeouts
) -> EmbedContentResponse:
    fields = msgspec.structs.asdict(settings)
    draft = draft_vertex_embed(piece, fields, max_size=channel.max_size)
    body = await draft.finish()
    return await channel.call(Operation.EMBED, body, EmbedContentResponse, timeouts)


def _prediction(pieces: Sequence[PromptPiece], settings: EmbedSettings) -> PredictEmbeddingsRequest:
    for piece in pieces:
        if not isinstance(piece, str):
            raise InvalidRequest(
                f"on Vertex AI this model embeds text only, not a {type(piece).__name__}; "
                f"{_BY_EMBED_CONTENT} takes other contents"
            )
    return PredictEmbeddingsRequest(
        instances=[
            TextInstance(content=str(piece), task_type=settings.task_type, title=settings.title)
            for piece in pieces
        ],
        parameters=(
            PredictionParameters(output_dimensionality=settings.output_dimensionality)
            if settings.output_dimensionality is not None
            else None
        ),
    )


def _as_batch(predicted: PredictEmbeddingsResponse) -> BatchEmbedContentsResponse:
    made = [prediction.embeddings for prediction in predicted.predictions]
    counts = [
        one.statistics.token_count
        for one in made
        if one is not None and one.statistics is not None and one.statistics.token_count is not None
    ]
    usage = UsageMetadata(prompt_token_count=int(sum(counts))) if counts else None
    embeddings = [Embedding(values=one.values if one is not None else ()) for one in made]
    return BatchEmbedContentsResponse(embeddings=embeddings, usage_metadata=usage)
