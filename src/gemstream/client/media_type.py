"""The media type of a file, by its name; pure but for the platform's own table."""

from __future__ import annotations

import mimetypes
import re
from pathlib import PurePath

from ..errors import UnsupportedMedia

__all__ = ("check_media_type", "media_type_of", "type_by_suffix")

_MEDIA_TYPE = re.compile(r"[a-zA-Z0-9!#$&^_.+-]+/[a-zA-Z0-9!#$&^_.+-]+(\s*;.*)?", re.ASCII)
_READABLE_MEDIA = ("text/", "image/", "audio/", "video/")
_READABLE_DOCUMENTS = frozenset(
    {
        "application/pdf",
        "application/json",
        "application/xml",
        "application/rtf",
        "application/javascript",
        "application/x-javascript",
        "application/x-python",
        "application/x-python-code",
        "application/x-ipynb+json",
        "application/yaml",
        "application/toml",
    }
)
# Left out of some platforms' tables.
_BY_SUFFIX = {
    ".md": "text/markdown",
    ".webp": "image/webp",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".toml": "application/toml",
    ".ipynb": "application/x-ipynb+json",
}


def check_media_type(mime_type: str | None, *, what: str = "inline data") -> None:
    """Raise UnsupportedMedia when ``mime_type`` is none; ``what`` has it."""
    if not mime_type or not _MEDIA_TYPE.fullmatch(mime_type):
        raise UnsupportedMedia(
            f"{what} has media type {mime_type!r}; name one such as 'image/png'",
            mime_type=mime_type,
        )


def type_by_suffix(name: str) -> str | None:
    """Return the media type that the suffix of ``name`` tells, None when it tells none."""
    path = PurePath(name)
    return _BY_SUFFIX.get(path.suffix.lower()) or mimetypes.guess_type(path.name)[0]


def media_type_of(path: PurePath) -> str:
    """Return the media type of a file; raises UnsupportedMedia for one the models do not read."""
    mime_type = type_by_suffix(path.name)
    if mime_type is None:
        raise UnsupportedMedia(
            f"the media type of {path} cannot be told from its name; "
            "pass Part.of_bytes(data, mime_type) instead"
        )
    if not mime_type.startswith(_READABLE_MEDIA) and mime_type not in _READABLE_DOCUMENTS:
        raise UnsupportedMedia(
            f"{path} is {mime_type}, which Gemini models do not read; convert it to text, PDF, "
            "an image, audio or video, or pass Part.of_bytes(data, mime_type) to insist",
            mime_type=mime_type,
        )
    return mime_type
