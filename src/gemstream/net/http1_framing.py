"""Where the body of a response ends (RFC 9112, 6.3), decided once and without leniency."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable

from ..errors import ProtocolError

__all__ = ("Framing", "framing_of", "keeps_alive", "not_http")

_LENGTH = re.compile(r"[0-9]{1,18}")  # a petabyte and more; int() would also take "+1" and "1_0"


class Framing(enum.Enum):
    """What ends a body."""

    NONE = "none"
    """There is none."""
    LENGTH = "length"
    """So many bytes."""
    CHUNKED = "chunked"
    """The chunk of no bytes."""
    CLOSE = "close"
    """The connection's end."""


def framing_of(
    method: str, status: int, version: str, headers: Iterable[tuple[str, str]]
) -> tuple[Framing, int]:
    """Return what ends the body, and its length where that is known in advance, else 0.

    ``headers``: names in lower case. Raises ProtocolError for a head that two readers could
    understand differently: several lengths, a length beside a coding, another coding than chunked.
    """
    headers = list(headers)
    lengths = [value for name, value in headers if name == "content-length"]
    codings = [value for name, value in headers if name == "transfer-encoding"]
    length = _length(lengths)
    if codings and lengths:
        raise not_http("it has a Content-Length and a Transfer-Encoding")
    if codings and (len(codings) > 1 or codings[0].lower() != "chunked"):
        raise not_http(f"its Transfer-Encoding is {', '.join(codings)[:40]!r}, not chunked")
    if codings and version != "1.1":
        raise not_http(f"it has a Transfer-Encoding in HTTP/{version}")
    if method == "HEAD" or status in (204, 304):
        return Framing.NONE, 0
    if codings:
        return Framing.CHUNKED, 0
    return (Framing.CLOSE, 0) if length is None else (Framing.LENGTH, length)


def keeps_alive(version: str, headers: Iterable[tuple[str, str]]) -> bool:
    """Return True when the server lets the connection be used again (RFC 9112, 9.3).

    Not in HTTP/1.0, where keeping it is an extension.
    """
    options = ",".join(value for name, value in headers if name == "connection")
    return version == "1.1" and "close" not in [each.strip() for each in options.lower().split(",")]


def not_http(said: str) -> ProtocolError:
    """Return the error for an answer in which ``said`` is wrong."""
    return ProtocolError(f"the answer is not valid HTTP: {said}")


def _length(lengths: list[str]) -> int | None:
    if not lengths:
        return None
    if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
        raise not_http(f"its Content-Length is {', '.join(lengths)[:40]!r}")
    return int(lengths[0])
