"""Bodies of embedContent and batchEmbedContents, and of Vertex AI's predict for embeddings.

Sources: https://ai.google.dev/api/embeddings,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from .codec import Message
from .content import Content
from .open_enum import OpenEnum
from .usage import UsageMetadata

__all__ = (
    "BatchEmbedContentsRequest",
    "BatchEmbedContentsResponse",
    "EmbedContentRequest",
    "EmbedContentResponse",
    "Embedding",
    "EmbeddingStatistics",
    "PredictEmbeddingsRequest",
    "PredictEmbeddingsResponse",
    "PredictedEmbedding",
    "Prediction",
    "PredictionParameters",
    "TaskType",
    "TextInstance",
)


class TaskType(OpenEnum):
    """What an embedding is for."""

    RETRIEVAL_QUERY = "RETRIEVAL_QUERY"
    RETRIEVAL_DOCUMENT = "RETRIEVAL_DOCUMENT"
    SEMANTIC_SIMILARITY = "SEMANTIC_SIMILARITY"
    CLASSIFICATION = "CLASSIFICATION"
    CLUSTERING = "CLUSTERING"
    QUESTION_ANSWERING = "QUESTION_ANSWERING"
    FACT_VERIFICATION = "FACT_VERIFICATION"
    CODE_RETRIEVAL_QUERY = "CODE_RETRIEVAL_QUERY"


class EmbedContentRequest(Message):
    """One content to embed; ``title`` goes with RETRIEVAL_DOCUMENT only."""

    model: str | None = None
    content: Content | None = None
    task_type: TaskType | None = None
    title: str | None = None
    output_dimensionality: int | None = None


class BatchEmbedContentsRequest(Message):
    """Several contents to embed at once."""

    requests: Sequence[EmbedContentRequest] = ()


class Embedding(Message):
    """A vector."""

    values: Sequence[float] = ()


class EmbedContentResponse(Message):
    """The vector of one content."""

    embedding: Embedding | None = None
    usage_metadata: UsageMetadata | None = None


class BatchEmbedContentsResponse(Message):
    """The vectors of several contents, in their order."""

    embeddings: Sequence[Embedding] = ()
    usage_metadata: UsageMetadata | None = None


class TextInstance(Message):
    """One text to embed; Vertex AI writes ``task_type`` with an underscore."""

    content: str | None = None
    task_type: TaskType | None = msgspec.field(default=None, name="task_type")
    title: str | None = None


class PredictionParameters(Message):
    """What holds for all instances of a request."""

    output_dimensionality: int | None = None
    auto_truncate: bool | None = None


class PredictEmbeddingsRequest(Message):
    """Several texts to embed at once, on Vertex AI."""

    instances: Sequence[TextInstance] = ()
    parameters: PredictionParameters | None = None


class EmbeddingStatistics(Message):
    """How a text was counted."""

    token_count: float | None = msgspec.field(default=None, name="token_count")
    truncated: bool | None = None


class PredictedEmbedding(Message):
    """A vector of Vertex AI."""

    values: Sequence[float] = ()
    statistics: EmbeddingStatistics | None = None


class Prediction(Message):
    """The answer to one instance."""

    embeddings: PredictedEmbedding | None = None


class PredictEmbeddingsResponse(Message):
    """The vectors of several texts, in their order."""

    predictions: Sequence[Prediction] = ()
