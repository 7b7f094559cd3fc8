"""The headers of a message that was received elsewhere and is sent on."""

from __future__ import annotations

from collections.abc import Mapping

from .exchange import Header

__all__ = ("OF_THE_CONNECTION", "message_headers")

# Of the connection and not of the message (RFC 9110, 7.6.1), or untrue once a body was decoded.
OF_THE_CONNECTION = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


def message_headers(headers: Mapping[str, str]) -> list[Header]:
    """Return the headers that belong to the message, as they are sent."""
    return [
        (name.lower().encode(), value.encode("utf-8", "surrogateescape"))
        for name, value in headers.items()
        if name.lower() not in OF_THE_CONNECTION
    ]
