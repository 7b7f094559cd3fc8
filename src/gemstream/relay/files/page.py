"""A page of a key's files, and the token that names the next."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

import msgspec

from ...wire.dialect.refusal import Fault, Refusal
from ..refused import Refused
from .pins import Pin

__all__ = ("page_body", "page_token", "pin_of_token")


class _Page(msgspec.Struct, omit_defaults=True):
    """As the service writes it; each file as it came."""

    files: list[msgspec.Raw] = []
    nextPageToken: str = ""


def page_body(files: Sequence[bytes], token: str) -> bytes:
    """Return the body of a list; ``token`` is empty on the last page."""
    return msgspec.json.encode(_Page([msgspec.Raw(file) for file in files], token))


def page_token(last: Pin) -> str:
    """Return what asks for the files behind ``last``; it opens nothing, for the key does that."""
    place = msgspec.json.encode((last.created, last.name))
    return base64.urlsafe_b64encode(place).rstrip(b"=").decode()


def pin_of_token(token: str) -> Pin | None:
    """Return the place that a token names, None for the beginning; raises Refused for no token."""
    if not token:
        return None
    try:
        place = base64.urlsafe_b64decode(token.encode() + b"=" * (-len(token) % 4))
        created, name = msgspec.json.decode(place, type=tuple[int, str])
    except (binascii.Error, msgspec.DecodeError, UnicodeError, ValueError):
        created, name = -1, ""
    if not 0 <= created < 2**62 or "\x00" in name:
        raise Refused(Refusal(Fault.INVALID, "pageToken is not one that a list gave"))
    return Pin(name, "", created)
