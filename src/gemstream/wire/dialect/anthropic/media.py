"""Images and documents of a message → Gemini's parts.

Source: https://docs.anthropic.com/en/docs/build-with-claude/vision and …/pdf-support.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from ....errors import InvalidRequest, UnsupportedMedia
from ...codec import JSONObject
from ..data_uri import blob_of_base64, check_image_type, mime_type_of_name
from ..url_mode import URLMode
from .fields import Fields
from .options import MessagesOptions

__all__ = ("MediaReader",)

_BASE64 = '{"type": "base64", "media_type": "image/png", "data": "…"}'
_PDF = "application/pdf"
# What the service reads by itself: its own files, and public videos.
_FILES_HOST = "generativelanguage.googleapis.com"
_VIDEO_HOSTS = ("youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be")
_SHOWN = 80


class MediaReader:
    """Reads ``source`` fields; raises InvalidRequest with the place of what cannot be sent."""

    __slots__ = ("_options",)

    def __init__(self, options: MessagesOptions) -> None:
        self._options = options

    def image(self, block: Fields) -> JSONObject:
        """Return the part of an ``image`` block."""
        source = block.required_object("source", _BASE64)
        kind = source.choice("type", ("base64", "url", "file"))
        if kind == "base64":
            return self._inline(source, is_image=True)
        if kind == "url":
            return self._by_url(source, "image/jpeg")
        raise self._by_file(source)

    def document(
        self, block: Fields, read_content: Callable[[Fields], list[JSONObject]]
    ) -> list[JSONObject]:
        """Return the parts of a ``document`` block, what is said about it in front.

        ``read_content`` reads the ``content`` field of a source that holds blocks.
        """
        about = [block.text("title"), block.text("context")]
        parts: list[JSONObject] = [{"text": "\n".join(text for text in about if text)}]
        source = block.required_object("source", _BASE64)
        match source.choice("type", ("base64", "text", "content", "url", "file")):
            case "base64":
                parts.append(self._inline(source, is_image=False))
            case "text":
                source.text("media_type")
                parts.append({"text": source.required_text("data", "'…'")})
            case "content":
                parts += read_content(source)
            case "url":
                parts.append(self._by_url(source, _PDF))
            case _:
                raise self._by_file(source)
        return parts

    def _inline(self, source: Fields, *, is_image: bool) -> JSONObject:
        data = source.required_text("data", "the file in base64")
        mime_type = source.text("media_type")
        try:
            blob = blob_of_base64(data, mime_type)
            if is_image:
                check_image_type(blob.mime_type, allow_gif=self._options.accepts_gif)
            elif blob.mime_type != _PDF:
                raise UnsupportedMedia(
                    f"a document of type {blob.mime_type!r:.80} cannot be sent; use {_PDF}"
                )
        except UnsupportedMedia as error:
            raise source.fault("data", str(error)) from None
        return {"inlineData": {"mimeType": blob.mime_type, "data": blob.data}}

    def _by_url(self, source: Fields, mime_type: str) -> JSONObject:
        url = source.filled_text("url", "'https://…'")
        problem = self._problem_of(url)
        if problem is not None:
            raise source.fault("url", f"is {url[:_SHOWN]!r}: {problem}")
        kind = "video/*" if _host(url) in _VIDEO_HOSTS else mime_type_of_name(url) or mime_type
        return {"fileData": {"mimeType": kind, "fileUri": url}}

    def _problem_of(self, url: str) -> str | None:
        """Return why ``url`` may not go on to the service; None when it may."""
        if url.startswith("gs://"):
            return None if self._options.is_vertex else "Cloud Storage is read by Vertex AI only"
        host = _host(url)
        if host is None:
            return "only https:// URLs without a user go on"
        if host in _VIDEO_HOSTS or (host == _FILES_HOST and "/files/" in url and "?" not in url):
            return None
        if self._options.urls is URLMode.PASSTHROUGH:
            return None
        return "URLs are not fetched here; send the bytes in a base64 source"

    def _by_file(self, source: Fields) -> InvalidRequest:
        source.text("file_id")
        if source.value("type") is None:
            return source.missing("type", "'base64'")
        return source.fault(
            "file_id", "files of Anthropic's Files API are out of reach; send the content in base64"
        )


def _host(url: str) -> str | None:
    """Return the host of an ``https://`` URL without user or port; None for any other."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    is_plain = parts.scheme == "https" and parts.hostname == parts.netloc.lower()
    return parts.hostname if is_plain else None
