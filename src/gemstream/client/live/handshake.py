"""What opens a Live connection: the address of the service and the head that goes with it."""

from __future__ import annotations

from collections.abc import Mapping

from ...net.transport import HTTPRequest
from ...wire.live.address import TOKEN_VERSION, LiveService, live_url
from ...wire.live.auth_token import TOKEN_PREFIX
from ..service import ServiceSettings

__all__ = ("LIVE_METHOD", "handshake", "is_constrained")

LIVE_METHOD = "bidiGenerateContent"
"""The API's name of what a session does."""

# A session has no end that could be foretold, and a handshake no body.
_NOT_SENT = ("x-server-timeout", "content-type", "accept-encoding")


def is_constrained(headers: Mapping[str, str]) -> bool:
    """True when an ephemeral token asks, which may settle the setup and has an address of its own.

    ``headers``: those of a request of the client.
    """
    return headers.get("x-goog-api-key", "").startswith(TOKEN_PREFIX)


def handshake(settings: ServiceSettings, headers: Mapping[str, str]) -> HTTPRequest:
    """Return the request for a connection; ``headers``: those of any request of the client."""
    sent = {name: value for name, value in headers.items() if name not in _NOT_SENT}
    version, service = settings.api_version, LiveService.GEMINI
    if settings.parent:
        service = LiveService.VERTEX
    elif is_constrained(headers):
        version, service = TOKEN_VERSION, LiveService.CONSTRAINED
        sent["authorization"] = f"Token {sent.pop('x-goog-api-key')}"
    return HTTPRequest("GET", live_url(settings.base_url, version, service), sent)
