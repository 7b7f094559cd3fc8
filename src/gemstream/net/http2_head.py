"""The head of a request as HTTP/2 has it (RFC 9113, 8.3.1)."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..errors import InvalidRequest
from .request_target import authority, basic_login, target
from .transport import HTTPRequest

__all__ = ("request_head",)

# They belong to the connection, which many requests share here (8.2.2).
_NOT_CARRIED = frozenset(
    ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")
)


def request_head(request: HTTPRequest) -> list[tuple[str, str]]:
    """Return the fields of ``request``; raises InvalidRequest for one that HTTP/2 cannot carry."""
    parts = urlsplit(request.url)
    fields = {name.lower(): value for name, value in request.headers.items()}
    for name in _NOT_CARRIED & fields.keys():
        raise InvalidRequest(f"header {name!r} belongs to HTTP/1.1; HTTP/2 cannot carry it")
    if (login := basic_login(parts)) is not None:
        fields.setdefault("authorization", login)
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        fields["content-length"] = str(len(request.body))
    return [
        (":method", request.method),
        (":scheme", parts.scheme),
        (":authority", fields.pop("host", "") or authority(parts)),
        (":path", target(parts)),
        *fields.items(),
    ]
