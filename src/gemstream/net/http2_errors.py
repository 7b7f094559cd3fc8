"""What can be wrong with an HTTP/2 connection, in our words; the only place that knows h2's errors.

The exceptions of the socket and of TLS are read here, too: the transport opens its own.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from urllib.parse import urlsplit

from ..errors import (
    ConnectFailed,
    ConnectTimeout,
    GemstreamError,
    InvalidRequest,
    ProtocolError,
    StreamInterrupted,
)

__all__ = (
    "ProxyRefused",
    "broken",
    "check_url",
    "code_name",
    "connect_timeout",
    "ended_at_once",
    "interrupted",
    "never_begun",
    "not_connected",
    "not_http2",
    "not_sendable",
    "system_said",
)


def check_url(url: str) -> None:
    """Raise InvalidRequest for a URL that names no server over HTTP."""
    try:
        parts = urlsplit(url)
        said = "" if parts.hostname and (parts.port is None or parts.port) else "it names no host"
    except ValueError as error:
        parts, said = None, str(error)
    if parts is not None and parts.scheme not in ("http", "https"):
        said = f"its scheme is {parts.scheme!r}, not http or https"
    if said:
        raise InvalidRequest(f"the URL cannot be used: {said}")


def not_sendable(error: Exception) -> InvalidRequest:
    """Return the error for a request that HTTP/2 cannot carry."""
    return InvalidRequest(f"the request cannot be sent as HTTP/2: {error}")


def connect_timeout(seconds: float | None) -> ConnectTimeout:
    """Return the error for a connection that did not come about in time."""
    shown = "its limit" if seconds is None else f"{seconds:g} s"
    return ConnectTimeout(
        f"no connection within {shown}; check base_url and the network, or raise timeouts.connect",
        timeout=seconds,
    )


class ProxyRefused(Exception):
    """A proxy that was not reached, or lets nobody through; ``retryable``: it may later."""

    def __init__(self, said: str, *, retryable: bool) -> None:
        super().__init__(said)
        self.retryable = retryable


def not_connected(error: Exception) -> GemstreamError:
    """Return our error for what opening a connection raised; a new one each time."""
    if isinstance(error, UnicodeError):
        return InvalidRequest(f"the URL cannot be used: its host is no name ({error})")
    if isinstance(error, ssl.SSLError):
        failed = ConnectFailed(
            f"no TLS connection: {_tls_said(error)}; check base_url and certificates "
            "(SSL_CERT_FILE names that of a private authority)"
        )
        failed.retryable = False
        return failed
    if isinstance(error, ProxyRefused):
        failed = ConnectFailed(f"{error}; check HTTPS_PROXY and NO_PROXY")
        failed.retryable = error.retryable
        return failed
    return ConnectFailed(f"no connection: {system_said(error)}; check base_url and the network")


def ended_at_once() -> ConnectFailed:
    """Return the error for a connection on which nothing may be sent."""
    return ConnectFailed("no connection: the service took it and ended it at once")


def interrupted(reason: str) -> StreamInterrupted:
    """Return the error for what was ended because of ``reason``."""
    return StreamInterrupted(reason)


def never_begun() -> StreamInterrupted:
    """Return the error for a request that was refused every time it was sent."""
    return StreamInterrupted("the service did not begin the request, however often it was sent")


def not_http2(said: str) -> ProtocolError:
    """Return the error for an answer in which ``said`` is wrong."""
    return ProtocolError(f"the answer is not valid HTTP/2: {said}")


def broken(error: Exception | None, reason: str) -> StreamInterrupted:
    """Return the error for a stream whose connection was lost."""
    said = reason or ("the service closed it" if error is None else system_said(error))
    return StreamInterrupted(f"the connection broke: {said}")


def code_name(code: int) -> str:
    """Return the name of an error code (RFC 9113, 7)."""
    from h2.errors import ErrorCodes

    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"code {code}"


def _tls_said(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    return (error.reason or str(error)).replace("_", " ").lower()


def system_said(error: Exception) -> str:
    """Return the system's words for its own errors; event loops put others in their place."""
    is_systems = isinstance(error, OSError) and not isinstance(error, socket.gaierror)
    if is_systems and isinstance(error, OSError) and error.errno in errno.errorcode:
        return os.strerror(error.errno or 0)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
