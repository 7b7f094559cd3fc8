"""The files and caches that a request names, found in its body.

A name found here is checked before anything is sent, so what is not found must not be one for the
service either: both spellings of each field count, all of several fields of one name, and names
and values however they are escaped. Not looked at is what may hold anything: arguments, answers
and schemas of functions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ("references",)

_NAMED = re.compile(rb'"(?:file_?[dD]ata|cached_?[cC]ontent)"')
_BEGINNINGS = (b'"file', b'"cached')  # found sooner than the expression finds that it is not there
# A letter need not be escaped, and is by no encoder; one that is may hide a name.
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")
_OPAQUE = frozenset(
    name.replace("_", "")
    for name in (
        "args",
        "partial_args",
        "response",
        "parameters",
        "parameters_json_schema",
        "response_schema",
        "response_json_schema",
        "labels",
        "text",
    )
)
_FILE = re.compile(r"(?:^|/)files/([^/?#:]+)", re.IGNORECASE)
_VERSIONED = re.compile(r"/v1(?:beta|alpha)?/files/[a-z0-9-]{1,40}(?:$|[?#:])", re.IGNORECASE)
_SERVICE = ".googleapis.com"


class _Pairs(list[tuple[str, Any]]):
    """An object with every field that was written, also those of the same name."""


def references(body: bytes) -> frozenset[str]:
    """Return the names in ``body``, JSON of a Gemini request: ``files/abc``, ``cachedContents/x``.

    A body that names none costs three searches, some 1 ms a MiB.
    """
    if not _may_name(body):
        return frozenset()
    return frozenset(_found(json.loads(body, object_pairs_hook=_Pairs, parse_int=_unread)))


def _may_name(body: bytes) -> bool:
    if any(one in body for one in _BEGINNINGS) and _NAMED.search(body):
        return True
    return b"\\" in body and _ESCAPED_LETTER.search(body) is not None


def _unread(digits: str) -> None:
    """No number is looked at; of 4,300 digits Python would read none."""


def _found(value: Any) -> Iterator[str]:
    if isinstance(value, _Pairs):
        for name, field in value:
            yield from _found_in_field(_plain(name), field)
    elif isinstance(value, list):
        for element in value:
            yield from _found(element)


def _found_in_field(name: str, field: Any) -> Iterator[str]:
    if name == "filedata" and isinstance(field, _Pairs):
        for inner, uri in field:
            if _plain(inner) == "fileuri" and isinstance(uri, str) and (file := _file_of(uri)):
                yield file
    elif name == "cachedcontent" and isinstance(field, str):
        yield field if field.startswith("cachedContents/") else f"cachedContents/{field:.80}"
    elif name not in _OPAQUE:
        yield from _found(field)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _file_of(uri: str) -> str | None:
    """Return the file that a URI is of; None for a URI that is no file of the service's."""
    plain = unquote(uri)
    found = _FILE.search(plain)
    if found is None:
        return None
    try:
        host = urlsplit(plain).hostname or ""
    except ValueError:
        host = ""
    is_ours = not host or host.endswith(_SERVICE) or _VERSIONED.search(plain) is not None
    return f"files/{found[1]}" if is_ours else None
