"""Whether two addresses are one service: the same scheme, host and port (RFC 6454, 5)."""

from __future__ import annotations

from urllib.parse import urlsplit

__all__ = ("same_origin",)

_PORTS = {"http": 80, "https": 443}


def same_origin(one: str, other: str) -> bool:
    """Return True when both lead to the same service; never for a URL with a user in it."""
    origin = _origin(one)
    return origin is not None and origin == _origin(other)


def _origin(url: str) -> tuple[str, str, int] | None:
    # Libraries differ in what they make of these.
    if "\\" in url or any(letter <= " " or letter >= "\x7f" for letter in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]
