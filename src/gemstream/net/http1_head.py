"""The head of a request as HTTP/1.1 has it (RFC 9112, 3 and 5)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..errors import InvalidRequest
from .request_target import authority, basic_login, target
from .transport import HTTPRequest

__all__ = ("request_head",)

_METHOD = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# The body is framed here, by its length, and nothing but HTTP/1.1 is spoken after the answer.
_OURS = ("transfer-encoding", "upgrade")


def request_head(request: HTTPRequest) -> bytes:
    """Return the head of ``request``, its empty line included.

    ``accept-encoding`` is identity unless the caller has set another. Raises InvalidRequest for a
    method or a header that would frame the request anew.
    """
    if not _METHOD.fullmatch(request.method):
        raise InvalidRequest(f"{request.method!r} is not an HTTP method")
    parts = urlsplit(request.url)
    fields = {name.lower(): value for name, value in request.headers.items()}
    for name in _OURS:
        if name in fields:
            raise InvalidRequest(f"header {name!r} is for the transport to send; leave it out")
    host = fields.pop("host", "") or authority(parts)
    fields.setdefault("accept-encoding", "identity")
    if (login := basic_login(parts)) is not None:
        fields.setdefault("authorization", login)
    fields.pop("content-length", None)
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        fields["content-length"] = str(len(request.body))
    lines = [f"{request.method} {target(parts)} HTTP/1.1\r\nhost: {host}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
