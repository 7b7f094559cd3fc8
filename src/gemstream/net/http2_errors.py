"""What pyqwest raises, in our words; the only place that knows its exceptions.

The library says in its text what the classes do not: which step failed, and on whose side. The
phrases are those of hyper, h2 and rustls below it, read here and nowhere else.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from ..errors import (
    ConnectFailed,
    ConnectTimeout,
    GemstreamError,
    InvalidRequest,
    ProtocolError,
    StreamInterrupted,
)
from .transport import Deadlines

__all__ = ("check_url", "translate")

# Which the caller knows, and which may hold what a log should not.
_PREAMBLE = re.compile(
    r"^(Request failed|Error reading content): "
    r"(error sending request for url \(\S*\): |builder error for url \(\S*\): )?"
    r"(client error \((Connect|SendRequest)\): )?"
)

_TLS = ("peer certificate", "corrupt message", "fatal alert", "tls ", "peer is incompatible")
_PROXY = ("tunnel error", "proxy")
# Said of a proxy that was reached and refuses; another try would meet the same.
_PROXY_REFUSES = ("authorization required", "unsuccessful")
# The library's own defence, which breaks a connection on which late frames of a thousand streams
# that were reset here have come in: the peer did nothing wrong.
_GIVEN_UP = ("too_many_internal_resets",)
# Found wrong on this side: what the peer reports, or does by leaving, is an interruption.
_NOT_HTTP = ("error detected", "invalid", "too large")


def check_url(url: str) -> None:
    """Raise InvalidRequest for a URL that names no server; the library would guess one."""
    try:
        parts = urlsplit(url)
        said = "" if parts.hostname and (parts.port is None or parts.port) else "it names no host"
    except ValueError as error:
        parts, said = None, str(error)
    if parts is not None and parts.scheme not in ("http", "https"):
        said = f"its scheme is {parts.scheme!r}, not http or https"
    if said:
        raise InvalidRequest(f"the URL cannot be used: {said}")


def translate(error: Exception, deadlines: Deadlines) -> GemstreamError:
    """Return our error for one of the library's."""
    import pyqwest

    said = _PREAMBLE.sub("", str(error)) or type(error).__name__
    if isinstance(error, pyqwest.ConnectTimeout):
        timeout = deadlines.connect
        shown = "its limit" if timeout is None else f"{timeout:g} s"
        return ConnectTimeout(
            f"no connection within {shown}; check base_url and the network, or raise "
            "timeouts.connect",
            timeout=timeout,
        )
    if isinstance(error, GemstreamError):
        return error  # ours, on its way through
    if isinstance(error, ConnectionError):
        return _not_connected(said)
    if isinstance(error, ValueError | TypeError) or "builder error" in str(error):
        return InvalidRequest(f"the request cannot be sent as HTTP: {said}")
    is_peers = not any(phrase in said for phrase in _GIVEN_UP)
    if is_peers and any(phrase in said for phrase in _NOT_HTTP):
        return ProtocolError(f"the answer is not valid HTTP: {said}")
    return StreamInterrupted(f"the connection broke: {said}")


def _not_connected(said: str) -> ConnectFailed:
    if any(phrase in said for phrase in _PROXY):
        error = ConnectFailed(f"no connection through the proxy: {said}; check HTTPS_PROXY")
        error.retryable = not any(phrase in said for phrase in _PROXY_REFUSES)
        return error
    if any(phrase in said for phrase in _TLS):
        error = ConnectFailed(f"no TLS connection: {said}; check base_url and certificates")
        error.retryable = False
        return error
    return ConnectFailed(f"no connection: {said}; check base_url and the network")
