"""The head of a request as HTTP/2 has it (RFC 9113, 8.3.1)."""

from __future__ import annotations

import base64
from urllib.parse import SplitResult, quote, unquote, urlsplit

from ..errors import InvalidRequest
from .transport import HTTPRequest

__all__ = ("request_head",)

# They belong to the connection, which many requests share here (8.2.2).
_NOT_CARRIED = frozenset(
    ("connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade")
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNQUOTED = "/?:@!$&'()*+,;=%"  # RFC 3986, 3.3 and 3.4; what is quoted already stays so


def request_head(request: HTTPRequest) -> list[tuple[str, str]]:
    """Return the fields of ``request``; raises InvalidRequest for one that HTTP/2 cannot carry."""
    parts = urlsplit(request.url)
    fields = {name.lower(): value for name, value in request.headers.items()}
    for name in _NOT_CARRIED & fields.keys():
        raise InvalidRequest(f"header {name!r} belongs to HTTP/1.1; HTTP/2 cannot carry it")
    if parts.username is not None:
        fields.setdefault("authorization", _basic(parts))
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        fields["content-length"] = str(len(request.body))
    return [
        (":method", request.method),
        (":scheme", parts.scheme),
        (":authority", fields.pop("host", "") or _authority(parts)),
        (":path", _path(parts)),
        *fields.items(),
    ]


def _authority(parts: SplitResult) -> str:
    host = (parts.hostname or "").encode("idna" if _is_name(parts) else "ascii").decode()
    host = f"[{host}]" if ":" in host else host
    if parts.port is None or parts.port == _DEFAULT_PORTS[parts.scheme]:
        return host
    return f"{host}:{parts.port}"


def _is_name(parts: SplitResult) -> bool:
    return not (parts.hostname or "").isascii()


def _path(parts: SplitResult) -> str:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return quote(target, _UNQUOTED)


def _basic(parts: SplitResult) -> str:
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(login.encode()).decode()}"
