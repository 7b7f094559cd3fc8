"""A file that is named by its URI: which URIs the service takes, and what type they have; pure.

The service reads files of the Files API, of Cloud Storage (``gs://``), public videos of YouTube and
public ``https://`` addresses. It knows the type of the first and of the videos; of all others it is
to be told.
Source: https://ai.google.dev/api/caching#FileData.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

import msgspec

from ..config.options import BASE_URL
from ..errors import InvalidRequest, UnsupportedMedia
from ..wire.content import FileData
from .media_type import check_media_type, type_by_suffix

__all__ = ("is_uri", "settled")

_SCHEMES = ("gs", "https", "http")
_YOUTUBE = ("youtube.com", "www.youtube.com", "m.youtube.com", "youtu.be")
# At most 40 characters, not a dash at an end: https://ai.google.dev/api/files#File.
_FILE_NAME = re.compile(r"files/[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?", re.ASCII)
_FILE_PATH = re.compile(r"/v[a-z0-9]+/files/[^/]+", re.ASCII)


def is_uri(text: str) -> bool:
    """Return whether ``text`` is an URI rather than a path: it begins with ``gs://`` or http(s)."""
    return text.lower().startswith(tuple(f"{scheme}://" for scheme in _SCHEMES))


def settled(file: FileData) -> FileData:
    """Return ``file`` with the URI and the media type that the service needs.

    A name of the Files API, ``files/abc``, becomes the URI the service gives such a file. A type
    that was not given is told by the suffix. Raises InvalidRequest for what is no URI of a file,
    and UnsupportedMedia when a type must be told and cannot.
    """
    uri = file.file_uri
    if not isinstance(uri, str) or not uri:
        raise InvalidRequest(f"file data has the URI {uri!r:.80}; pass that of an uploaded file")
    if _FILE_NAME.fullmatch(uri):
        uri = f"{BASE_URL}/v1beta/{uri}"
    parts = _parts_of(uri)
    mime_type = file.mime_type
    if mime_type is not None:
        check_media_type(mime_type, what=_shown(parts))
    elif not _is_known_to_the_service(parts):
        mime_type = _told_by(parts)
    return msgspec.structs.replace(file, file_uri=uri, mime_type=mime_type)


def _parts_of(uri: str) -> SplitResult:
    try:
        parts = urlsplit(uri)
    except ValueError:  # brackets that are no IPv6 address
        parts = urlsplit("")
    is_whole = parts.scheme in _SCHEMES and parts.netloc and uri.isprintable() and " " not in uri
    if not is_whole:
        raise InvalidRequest(
            f"{uri.partition('?')[0]!r:.200} is no URI of a file; use gs://bucket/name, "
            "https://host/name, or the uri of an uploaded file; a Path is read and sent along"
        )
    return parts


def _is_known_to_the_service(parts: SplitResult) -> bool:
    return parts.hostname in _YOUTUBE or bool(_FILE_PATH.fullmatch(parts.path))


def _told_by(parts: SplitResult) -> str:
    mime_type = type_by_suffix(parts.path)
    if mime_type is None:
        raise UnsupportedMedia(
            f"the media type of {_shown(parts)} cannot be told from its name; "
            "pass Part.of_uri(uri, mime_type) instead"
        )
    return mime_type


def _shown(parts: SplitResult) -> str:
    """Return an URI without its user and its query, which may be secrets."""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
