"""Where bytes go: the relay's address that a caller gets, and the account's that it stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from ...wire.dialect.refusal import Fault, Refusal
from ..exchange import Exchange
from ..refused import Refused

__all__ = ("passed_up_of_upload", "public_address", "upload_headers")

# A name or an address, and a port (RFC 9112, 3.2).
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PREFIX = "x-goog-upload-"
_UP = ("command", "offset", "protocol", "header-content-length", "header-content-type", "file-name")
_DOWN = ("status", "size-received", "chunk-granularity")


def public_address(exchange: Exchange, public_url: str | None, upload_id: str) -> str:
    """Return where the caller sends the bytes of the upload.

    Without ``public_url`` it is the host that the caller asked, for nobody else gets the address.
    Raises Refused for a ``Host`` that is none.
    """
    base = public_url or f"{exchange.scheme}://{_host(exchange)}"
    query = urlencode({"upload_id": upload_id, "upload_protocol": "resumable"})
    return f"{base}{exchange.path}?{query}"


def _host(exchange: Exchange) -> str:
    host = exchange.header(b"host") or ""
    if not _HOST.fullmatch(host):
        raise Refused(Refusal(Fault.INVALID, "the Host header is no host"))
    return host


def passed_up_of_upload(headers: Mapping[str, str]) -> dict[str, str]:
    """Return those of a caller's headers that say what an upload is to do."""
    return {
        f"{_PREFIX}{name}": _text(headers[f"{_PREFIX}{name}"])
        for name in _UP
        if f"{_PREFIX}{name}" in headers
    }


def upload_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return what a service's headers say of an upload, without its addresses."""
    return [
        (f"{_PREFIX}{name}".encode(), headers[f"{_PREFIX}{name}"].encode("latin-1", "replace"))
        for name in _DOWN
        if f"{_PREFIX}{name}" in headers
    ]


def _text(value: str) -> str:
    """Return a header's value as it was meant: names of files come as UTF-8."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeDecodeError:
        return value
