"""Gemini's grounding as OpenAI's ``url_citation`` annotations.

Gemini counts passages in UTF-8 bytes, OpenAI in characters.
"""

from __future__ import annotations

from ....errors import DecodeError
from ...codec import JSONObject, decode
from ...grounding import GroundingChunk, GroundingMetadata

__all__ = ("url_citations",)


def url_citations(payload: bytes, text: str) -> list[JSONObject]:
    """Return one annotation for each source of each passage of ``text``."""
    try:
        grounding = decode(payload, GroundingMetadata)
    except DecodeError:
        return []  # the raw account of it is handed on beside the text
    data = text.encode("utf-8", "replace")
    citations = []
    for support in grounding.grounding_supports:
        segment = support.segment
        if segment is None:
            continue
        start = _characters(data, segment.start_index or 0)
        end = _characters(data, segment.end_index or 0)
        for index in support.grounding_chunk_indices:
            if not 0 <= index < len(grounding.grounding_chunks):
                continue
            uri, title = _source(grounding.grounding_chunks[index])
            if uri:
                source = {"start_index": start, "end_index": end, "url": uri, "title": title or uri}
                citations.append({"type": "url_citation", "url_citation": source})
    return citations


def _characters(data: bytes, offset: int) -> int:
    return len(data[:offset].decode("utf-8", "ignore"))


def _source(chunk: GroundingChunk) -> tuple[str | None, str | None]:
    for source in (chunk.web, chunk.maps, chunk.retrieved_context):
        if source is not None:
            return source.uri, source.title
    if chunk.image is not None:
        return chunk.image.source_uri, chunk.image.title
    return None, None
