"""Files named or held by a message: data URIs, base64, and the URLs that the service reads itself.

Nothing is fetched here or anywhere in the relay: a URL goes on as it is, or the request is refused.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from ...codec import JSONObject
from ...content import Blob
from ..data_uri import (
    blob_of_base64,
    blob_of_data_uri,
    check_image_type,
    is_data_uri,
    mime_type_of_name,
)
from ..invalid_parameter import InvalidParameter
from .fields import Fields
from .options import ChatOptions, URLMode

__all__ = ("FileReader",)

_FILES_HOST = "generativelanguage.googleapis.com"
_FILES = f"https://{_FILES_HOST}/v1beta/"
_VIDEO_HOSTS = ("youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be")
_SHOWN = 80


class FileReader:
    """Makes a Gemini part of each file."""

    __slots__ = ("_options",)

    def __init__(self, options: ChatOptions) -> None:
        self._options = options

    def url(self, fields: Fields, name: str, kind: str) -> JSONObject:
        """Return the part of the URL in a field; ``kind`` is "image" or "video"."""
        url = fields.text(name)
        if not url:
            raise fields.missing(name, "'data:image/png;base64,…'")
        if is_data_uri(url):
            with fields.blamed(name):
                return _inline(self._checked(blob_of_data_uri(url), kind))
        return {"fileData": self._file_data(fields, name, url)}

    def base64(self, fields: Fields, name: str, mime_type: str) -> JSONObject:
        """Return the part of the base64 in a field."""
        data = fields.text(name)
        if not data:
            raise fields.missing(name, "the base64 of the bytes")
        with fields.blamed(name):
            blob = blob_of_data_uri(data) if is_data_uri(data) else blob_of_base64(data, mime_type)
        return _inline(blob)

    def file(self, fields: Fields) -> JSONObject:
        """Return the part of a ``file``: held in ``file_data`` or named by ``file_id``."""
        data, id, name = fields.text("file_data"), fields.text("file_id"), fields.text("filename")
        if id is not None:
            if not id.startswith("files/"):
                raise fields.fault(
                    "file_id",
                    f"is {id[:_SHOWN]!r}, no file of Gemini's: upload it through /v1beta/files and "
                    "give its name, as 'files/abc-123', or its bytes in file_data",
                )
            return {"fileData": {"fileUri": _FILES + id}}
        if not data:
            raise fields.missing("file_data", "'data:application/pdf;base64,…'")
        with fields.blamed("file_data"):
            if is_data_uri(data):
                return _inline(blob_of_data_uri(data))
            return _inline(blob_of_base64(data, name=name))

    def _checked(self, blob: Blob, kind: str) -> Blob:
        if kind == "image" and not (blob.mime_type or "").startswith("video/"):
            check_image_type(blob.mime_type, allow_gif=self._options.accepts_gif)
        return blob

    def _file_data(self, fields: Fields, name: str, url: str) -> JSONObject:
        try:
            parts = urlsplit(url)
        except ValueError:
            raise fields.fault(name, f"is no URL: {url[:_SHOWN]!r}") from None
        if parts.scheme == "gs":
            if not self._options.is_vertex:
                raise fields.fault(name, "names Cloud Storage, which only Vertex AI reads")
            return _named(url)
        if parts.scheme == "https" and parts.netloc.lower() in _VIDEO_HOSTS:
            return {"mimeType": "video/*", "fileUri": url}
        if _is_of_files_api(parts):
            return _named(url)
        if self._options.urls is URLMode.PASSTHROUGH and _is_harmless(parts):
            return _named(url)
        raise _refused(fields, name, url, self._options.urls)


def _inline(blob: Blob) -> JSONObject:
    return {"inlineData": {"mimeType": blob.mime_type, "data": blob.data}}


def _named(url: str) -> JSONObject:
    mime_type = mime_type_of_name(url)
    return {"mimeType": mime_type, "fileUri": url} if mime_type else {"fileUri": url}


def _is_of_files_api(parts: SplitResult) -> bool:
    is_ours = parts.scheme == "https" and parts.netloc == _FILES_HOST
    return is_ours and "/files/" in parts.path and not parts.query


def _is_harmless(parts: SplitResult) -> bool:
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def _refused(fields: Fields, name: str, url: str, mode: URLMode) -> InvalidParameter:
    if mode is URLMode.PASSTHROUGH:
        return fields.fault(name, f"is {url[:_SHOWN]!r}: only https:// URLs without a user go on")
    return fields.fault(
        name,
        f"is {url[:_SHOWN]!r}: URLs are not fetched here; send the bytes as "
        "'data:<type>;base64,…', or have the operator set urls = \"passthrough\"",
        code="unsupported_url",
    )
