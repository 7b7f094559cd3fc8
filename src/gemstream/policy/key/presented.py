"""Which key a request presents, in any of the ways that the SDKs of three dialects have.

``Authorization: Bearer``, ``x-goog-api-key``, ``x-api-key`` and ``?key=``. A request that presents
two different ones is refused, for whoever looked at the other one would be deceived; one with a
scheme that is not known is refused as well, whatever else it brings (the shape of CVE-2026-59822).
Nothing that was presented is ever part of an answer.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

from .format import LONGEST_KEY

__all__ = ("PresentationFault", "presented_key")

_BARE_HEADERS = (b"x-goog-api-key", b"x-api-key")
_BEARER = b"bearer "
_LONGEST = LONGEST_KEY + len(_BEARER)
_PARAMETERS = 64  # a query with more is none of an SDK's


class PresentationFault(enum.Enum):
    """Why no key could be read from a request, by the words of an answer to it."""

    MISSING = "no key was given"
    AMBIGUOUS = "more than one key was given, and they differ"
    UNKNOWN_SCHEME = "the Authorization header has a scheme other than Bearer"
    MALFORMED = "what was given cannot be a key"

    @property
    def http_status(self) -> int:
        """400 for what contradicts itself, else 401."""
        return 400 if self is PresentationFault.AMBIGUOUS else 401


def presented_key(
    headers: Iterable[tuple[bytes, bytes]], query: bytes = b""
) -> str | PresentationFault:
    """Return the key that a request presents, or why there is none.

    ``headers``: as ASGI gives them, names in lower case. ``query``: the raw query string. A key
    that is returned is ASCII, without spaces, and no longer than ``LONGEST_KEY``.
    """
    found: str | PresentationFault = PresentationFault.MISSING
    for one in (*_in_headers(headers), *_in_query(query)):
        if isinstance(one, PresentationFault):
            return one
        if isinstance(found, str) and found != one:
            return PresentationFault.AMBIGUOUS
        found = one
    return found


def _in_headers(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[str | PresentationFault]:
    for name, value in headers:
        if name in _BARE_HEADERS:
            yield _text(value)
        elif name == b"authorization":
            if value[: len(_BEARER)].lower() != _BEARER:
                yield PresentationFault.UNKNOWN_SCHEME
            elif len(value) > _LONGEST:
                yield PresentationFault.MALFORMED
            else:
                yield _text(value[len(_BEARER) :].lstrip(b" "))  # RFC 9110 §11.4: one or more


def _in_query(query: bytes) -> Iterator[str | PresentationFault]:
    if b"key" not in query and b"%" not in query:  # true of nearly every request
        return
    parameters = query.split(b"&", _PARAMETERS)
    if len(parameters) > _PARAMETERS:
        yield PresentationFault.MALFORMED
        return
    for parameter in parameters:
        name, _, value = parameter.partition(b"=")
        if unquote_to_bytes(name) == b"key":
            yield _text(unquote_to_bytes(value)) if len(value) <= 3 * LONGEST_KEY else _MALFORMED


def _text(value: bytes) -> str | PresentationFault:
    if not 0 < len(value) <= LONGEST_KEY or not value.isascii():
        return _MALFORMED
    text = value.decode("ascii")
    return text if text.isprintable() and " " not in text else _MALFORMED


_MALFORMED = PresentationFault.MALFORMED
