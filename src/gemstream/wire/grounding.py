"""What an answer rests on: searches, the sources they brought, and which passage came from which.

Indices of passages are UTF-8 byte offsets into the text of one part, the end not included.
Source: https://ai.google.dev/api/generate-content#GroundingMetadata and the official SDK 3.4.0 for
the newer fields.
"""

from __future__ import annotations

from collections.abc import Sequence

from .codec import JSONObject, Message
from .open_enum import OpenEnum

__all__ = (
    "GroundingChunk",
    "GroundingChunkImage",
    "GroundingChunkMaps",
    "GroundingChunkRetrievedContext",
    "GroundingChunkWeb",
    "GroundingMetadata",
    "GroundingSupport",
    "RetrievalMetadata",
    "SearchEntryPoint",
    "Segment",
    "URLContextMetadata",
    "URLMetadata",
    "URLRetrievalStatus",
)


class SearchEntryPoint(Message):
    """What Google asks to be shown beside a searched answer.

    ``rendered_content``: HTML. ``sdk_blob``: base64 of JSON, pairs of a query and its URL.
    """

    rendered_content: str | None = None
    sdk_blob: str | None = None


class GroundingChunkWeb(Message):
    """A page; ``uri`` leads there through Google, ``domain`` is the page's own."""

    uri: str | None = None
    title: str | None = None
    domain: str | None = None


class GroundingChunkRetrievedContext(Message):
    """A piece of a file or a document that a retrieval found."""

    uri: str | None = None
    title: str | None = None
    text: str | None = None
    document_name: str | None = None
    rag_chunk: JSONObject | None = None
    file_search_store: str | None = None
    page_number: int | None = None
    media_id: str | None = None
    custom_metadata: Sequence[JSONObject] = ()


class GroundingChunkMaps(Message):
    """A place of Google Maps, or a route."""

    uri: str | None = None
    title: str | None = None
    text: str | None = None
    place_id: str | None = None
    place_answer_sources: JSONObject | None = None
    route: JSONObject | None = None


class GroundingChunkImage(Message):
    """An image, and the page it is on."""

    source_uri: str | None = None
    image_uri: str | None = None
    title: str | None = None
    domain: str | None = None


class GroundingChunk(Message):
    """One source: a page, a retrieved piece, a place or an image."""

    web: GroundingChunkWeb | None = None
    retrieved_context: GroundingChunkRetrievedContext | None = None
    maps: GroundingChunkMaps | None = None
    image: GroundingChunkImage | None = None


class Segment(Message):
    """A passage of the answer: in which part, from and to which byte; 0 when unset."""

    part_index: int | None = None
    start_index: int | None = None
    end_index: int | None = None
    text: str | None = None


class GroundingSupport(Message):
    """A passage and the sources it rests on.

    ``grounding_chunk_indices`` count into ``grounding_chunks``; ``confidence_scores``, 0 to 1,
    belong to them one by one and may be missing. ``rendered_parts``: the parts of the content that
    show the source.
    """

    segment: Segment | None = None
    grounding_chunk_indices: Sequence[int] = ()
    confidence_scores: Sequence[float] = ()
    rendered_parts: Sequence[int] = ()


class RetrievalMetadata(Message):
    """How useful a search seemed, 0 to 1; only with dynamic retrieval."""

    google_search_dynamic_retrieval_score: float | None = None


class GroundingMetadata(Message):
    """What a search brought and which passages of the answer rest on it."""

    web_search_queries: Sequence[str] = ()
    search_entry_point: SearchEntryPoint | None = None
    grounding_chunks: Sequence[GroundingChunk] = ()
    grounding_supports: Sequence[GroundingSupport] = ()
    retrieval_metadata: RetrievalMetadata | None = None
    google_maps_widget_context_token: str | None = None
    image_search_queries: Sequence[str] = ()
    retrieval_queries: Sequence[str] = ()


class URLRetrievalStatus(OpenEnum):
    """How fetching a page went."""

    SUCCESS = "URL_RETRIEVAL_STATUS_SUCCESS"
    ERROR = "URL_RETRIEVAL_STATUS_ERROR"
    PAYWALL = "URL_RETRIEVAL_STATUS_PAYWALL"
    UNSAFE = "URL_RETRIEVAL_STATUS_UNSAFE"


class URLMetadata(Message):
    """One page that the service fetched."""

    retrieved_url: str | None = None
    url_retrieval_status: URLRetrievalStatus | None = None


class URLContextMetadata(Message):
    """Which pages the service fetched for the answer."""

    url_metadata: Sequence[URLMetadata] = ()
