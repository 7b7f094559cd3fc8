"""The sockets that a relay listens on."""

from __future__ import annotations

import socket

from ...errors import ConfigError

__all__ = ("BACKLOG", "bind", "url_of")

BACKLOG = 4096
"""Connections that wait to be accepted: a burst must not be turned away."""


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens on ``host`` and ``port``, 0 for a free one.

    Raises ConfigError when it cannot be had.
    """
    if not 0 <= port <= 65535:  # some resolvers take a larger one and cut it
        raise ConfigError(f"the relay cannot listen on port {port}: ports end at 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"the relay cannot listen on {host}:{port}: {reason}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"the relay cannot listen on {host}:{port}: {reason}; choose another port, or 0 for a "
            "free one"
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the base URL that callers use."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
