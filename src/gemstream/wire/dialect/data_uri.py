"""Media inside requests of other dialects: data URIs and loose base64 → Gemini's blobs.

Source: RFC 2397; RFC 4648 §4–5 for the alphabets.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote_to_bytes

from ...errors import DecodeError, UnsupportedMedia
from ..content import Blob
from ..scalar import decode_base64, encode_base64

__all__ = (
    "IMAGE_TYPES",
    "blob_of_base64",
    "blob_of_data_uri",
    "check_image_type",
    "is_data_uri",
    "mime_type_of_name",
    "sniffed_mime_type",
)

# https://ai.google.dev/gemini-api/docs/image-understanding: no GIF.
IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})

_HEAD = re.compile(r"data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)
_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/mpeg": "audio/mp3",
    "application/x-pdf": "application/pdf",
}
_OF_NAMES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
    "gif": "image/gif",
    "pdf": "application/pdf",
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "aiff": "audio/aiff",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "xml": "text/xml",
    "json": "application/json",
}
_MAGIC = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AIFF", "audio/aiff"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"ID3", "audio/mp3"),
    (0, b"\xff\xfb", "audio/mp3"),
    (0, b"\xff\xf3", "audio/mp3"),
    (0, b"\xff\xf1", "audio/aac"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (4, b"ftyphei", "image/heic"),
    (4, b"ftyphev", "image/heic"),
    (4, b"ftypmif1", "image/heif"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyp", "video/mp4"),
)
_SNIFFED = 64  # characters of base64: more than any magic number needs
_SPACE = " \t\r\n\v\f"


def is_data_uri(text: str) -> bool:
    """Return whether ``text`` is a data URI, well written or not."""
    return text[:5].lower() == "data:"


def blob_of_data_uri(uri: str) -> Blob:
    """Return the media in ``uri``; raises UnsupportedMedia when it cannot be read or told."""
    found = _HEAD.match(uri)
    if found is None:
        raise UnsupportedMedia(
            f"{uri[:40]!r} is no data URI; write it as 'data:image/png;base64,…'"
        )
    mime_type, parameters = found[1].strip(_SPACE), found[2].lower().split(";")
    data = uri[found.end() :]
    if "base64" in (parameter.strip(_SPACE) for parameter in parameters):
        return blob_of_base64(data, mime_type)
    content = encode_base64(unquote_to_bytes(data))
    return Blob(mime_type=_known(mime_type) or "text/plain", data=content)


def blob_of_base64(data: str, mime_type: str | None = None, *, name: str | None = None) -> Blob:
    """Return the media in ``data``, in either alphabet, broken into lines or not.

    The type is ``mime_type``, else that of the file's ``name``, else what the first bytes tell.
    Raises UnsupportedMedia for what is not base64, is empty, or is of no type that can be told.
    """
    data = _standard(data)
    kind = _known(mime_type) or mime_type_of_name(name) or _sniffed(data)
    if kind is None:
        raise UnsupportedMedia(
            "the media has no type and its first bytes tell none; write it as "
            "'data:image/png;base64,…'"
        )
    return Blob(mime_type=kind, data=data)


def check_image_type(mime_type: str | None, *, allow_gif: bool = False) -> None:
    """Raise UnsupportedMedia for an image that Gemini does not read."""
    if mime_type in IMAGE_TYPES or (allow_gif and mime_type == "image/gif"):
        return
    raise UnsupportedMedia(
        f"an image of type {mime_type!r:.80} cannot be sent; use " + ", ".join(sorted(IMAGE_TYPES)),
        mime_type=mime_type,
    )


def mime_type_of_name(name: str | None) -> str | None:
    """Return the media type that a file's name or URI tells; None when it tells none."""
    bare = (name or "").partition("?")[0].partition("#")[0]
    return _OF_NAMES.get(bare.rpartition(".")[2].lower()) if "." in bare else None


def sniffed_mime_type(content: bytes) -> str | None:
    """Return the media type that the first bytes tell; None when they tell none."""
    for offset, magic, mime_type in _MAGIC:
        if content.startswith(magic, offset):
            return mime_type
    return None


def _known(mime_type: str | None) -> str | None:
    bare = (mime_type or "").partition(";")[0].strip(_SPACE).lower()
    return _ALIASES.get(bare, bare) or None


def _sniffed(data: str) -> str | None:
    return sniffed_mime_type(base64.b64decode(data[:_SNIFFED]))


def _standard(data: str) -> str:
    """Return ``data`` in the standard alphabet, padded and without white space."""
    if any(space in data for space in _SPACE):
        data = "".join(data.split())
    if "%" in data:
        data = unquote_to_bytes(data).decode("utf-8", "replace")
    if "-" in data or "_" in data:
        data = data.replace("-", "+").replace("_", "/")
    data += "=" * (-len(data) % 4)
    try:
        content = decode_base64(data)
    except DecodeError:
        content = b""
    if not content:
        raise UnsupportedMedia(f"the media is empty or not base64: {data[:40]!r}")
    return data
