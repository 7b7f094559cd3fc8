"""Where Live sessions are: addresses of three services, read both ways.

The official SDK sends the path with two slashes in front, so both are read; its own form has one.
Sources: https://ai.google.dev/api/live, https://cloud.google.com/vertex-ai/docs/reference/rpc.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec

from ...errors import InvalidRequest
from ..endpoint import API_VERSIONS, TOKEN_VERSION, VERTEX_VERSIONS

__all__ = (
    "TOKEN_VERSION",
    "LiveRoute",
    "LiveService",
    "live_url",
    "match_live",
)


class LiveService(enum.Enum):
    """Who answers: the Gemini API to a key, the same to an ephemeral token, Vertex AI."""

    GEMINI = "GenerativeService.BidiGenerateContent"
    CONSTRAINED = "GenerativeService.BidiGenerateContentConstrained"
    VERTEX = "LlmBidiService/BidiGenerateContent"


class LiveRoute(msgspec.Struct, frozen=True):
    """What the path of a WebSocket handshake asks for; the model comes with the setup."""

    service: LiveService
    version: str


_ROOTS = {
    LiveService.GEMINI: "google.ai.generativelanguage",
    LiveService.CONSTRAINED: "google.ai.generativelanguage",
    LiveService.VERTEX: "google.cloud.aiplatform",
}
_VERSIONS = {
    LiveService.GEMINI: API_VERSIONS,
    LiveService.CONSTRAINED: (TOKEN_VERSION,),
    LiveService.VERTEX: VERTEX_VERSIONS,
}
_SCHEMES = {"https": "wss", "http": "ws", "wss": "wss", "ws": "ws"}
_SEGMENT = r"(?P<version>[a-z0-9]+)"
_PATTERNS = tuple(
    (service, re.compile(f"//?ws/{re.escape(root)}\\.{_SEGMENT}\\.{re.escape(service.value)}"))
    for service, root in _ROOTS.items()
)


def live_url(
    base_url: str,
    version: str,
    service: LiveService = LiveService.GEMINI,
    *,
    query: Mapping[str, str] | None = None,
) -> str:
    """Return the URL of a Live session; ``base_url`` is the service's, of HTTP or WebSocket.

    Raises InvalidRequest for a version that the service does not have and for another scheme.
    """
    versions = _VERSIONS[service]
    if version not in versions:
        what = "a Live session with an ephemeral token" if len(versions) == 1 else "Live"
        where = " on Vertex AI" if service is LiveService.VERTEX else ""
        raise InvalidRequest(
            f"api_version {version!r} does not exist for {what}{where}; "
            f"use {' or '.join(map(repr, versions))}"
        )
    scheme, separator, rest = base_url.partition("://")
    socket_scheme = _SCHEMES.get(scheme.lower())
    if socket_scheme is None or not separator or not rest.strip("/"):
        raise InvalidRequest(
            f"base_url {base_url!r} has no host to open a Live session with; "
            "use 'https://HOST' or 'http://HOST'"
        )
    path = f"/ws/{_ROOTS[service]}.{version}.{service.value}"
    url = f"{socket_scheme}://{rest.rstrip('/')}{path}"
    return f"{url}?{urlencode(query)}" if query else url


def match_live(path: str) -> LiveRoute | None:
    """Return what the path of a handshake (percent-decoded, without query) asks for, or None."""
    for service, pattern in _PATTERNS:
        found = pattern.fullmatch(path)
        if found and found["version"] in _VERSIONS[service]:
            return LiveRoute(service, found["version"])
    return None
