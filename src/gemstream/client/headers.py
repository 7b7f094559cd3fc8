"""What can be a header of a request, before any transport is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import InvalidRequest
from ..wire.live.auth_token import TOKEN_PREFIX

__all__ = ("check_not_ephemeral", "is_header_name", "is_header_value")

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # RFC 9110, 5.6.2
_NO_VALUE = re.compile(r"[\r\n\0]")  # would end the header, and begin another


def is_header_name(name: object) -> bool:
    """Return False for what no header can be called."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def is_header_value(value: object) -> bool:
    """Return False for what is not text of one line, without NUL."""
    return isinstance(value, str) and _NO_VALUE.search(value) is None


def check_not_ephemeral(headers: Mapping[str, str]) -> None:
    """Raise InvalidRequest for an ephemeral token: it opens Live sessions and nothing else."""
    if headers.get("x-goog-api-key", "").startswith(TOKEN_PREFIX):
        raise InvalidRequest(
            "an ephemeral token opens Live sessions and nothing else; use client.live(…), or a "
            "client with an API key"
        )
