"""Bodies of embedContent and batchEmbedContents.

Source: https://ai.google.dev/api/embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    "TaskType",
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
