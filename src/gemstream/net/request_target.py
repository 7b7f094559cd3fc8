"""Whom a URL names, and what: the parts of it that every version of HTTP sends."""

from __future__ import annotations

import base64
from urllib.parse import SplitResult, quote, unquote

from ..errors import InvalidRequest

__all__ = ("authority", "basic_login", "target")

_DEFAULT_PORTS = {"http": 80, "https": 443}
_UNQUOTED = "/?:@!$&'()*+,;=%"  # RFC 3986, 3.3 and 3.4; what is quoted already stays so


def authority(parts: SplitResult) -> str:
    """Return host and port as a Host header has them, the scheme's own port left out.

    Raises InvalidRequest for a host that has no form in ASCII.
    """
    host = parts.hostname or ""
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError as error:
            reason = str(error)
        else:
            reason = ""
        if reason:
            raise InvalidRequest(f"the URL cannot be used: its host is no name ({reason})")
    host = f"[{host}]" if ":" in host else host
    if parts.port is None or parts.port == _DEFAULT_PORTS[parts.scheme]:
        return host
    return f"{host}:{parts.port}"


def target(parts: SplitResult) -> str:
    """Return path and query, what may not stand in them quoted; a fragment is never sent."""
    return quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), _UNQUOTED)


def basic_login(parts: SplitResult) -> str | None:
    """Return the Authorization header for the user in a URL, None without one."""
    if parts.username is None:
        return None
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return f"Basic {base64.b64encode(login.encode()).decode()}"
