"""Which headers go through: of a caller to an upstream, of an upstream to a caller.

Both are lists of what is allowed. So nothing goes up that is not meant for the service: no
credentials and cookies of the caller, no addresses, nothing that names a host or is about the
caller's own connection; and nothing comes down of the account: no quota, no id, no server.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping

from ...config.version import VERSION

__all__ = ("passed_down", "passed_up")

# A field mask is not passed: it would hide the usage that the account pays for.
_UP = ("accept-language", "content-type", "x-goog-api-client")
_DOWN = ("content-disposition", "content-language", "content-type")
_AGENT = f"gemstream-relay/{VERSION}"
_USER_AGENT = f"{_AGENT} python/{platform.python_version()}"
# The service refuses deadlines that are shorter.
_LEAST_SERVER_TIMEOUT = 10
_ATTEMPT = "x-gemstream-attempt"


def passed_up(
    headers: Mapping[str, str], *, total_left: float | None, attempt: str = ""
) -> dict[str, str]:
    """Return the headers of a request to an upstream, all but its credentials.

    ``headers``: the caller's, names in small letters. ``total_left``: seconds that are left of the
    whole request. ``attempt``: the attempt's id, ``""`` for an account that is not told.
    """
    passed = {name: headers[name] for name in _UP if name in headers}
    passed.setdefault("content-type", "application/json")
    clients = (passed.get("x-goog-api-client"), _AGENT)
    passed["x-goog-api-client"] = " ".join(client for client in clients if client)
    passed["user-agent"] = _USER_AGENT
    # A packed stream is one that waits for more: each chunk is to arrive as it is sent.
    passed["accept-encoding"] = "identity"
    if total_left is not None and total_left >= _LEAST_SERVER_TIMEOUT:
        passed["x-server-timeout"] = str(math.ceil(total_left))
    if attempt:
        passed[_ATTEMPT] = attempt
    return passed


def passed_down(headers: Mapping[str, str]) -> dict[str, str]:
    """Return what a caller sees of an upstream's headers, names in small letters."""
    return {name: headers[name] for name in _DOWN if name in headers}
