"""The body of any OpenAI request as an object with fields."""

from __future__ import annotations

from typing import Any

from ....errors import DecodeError
from ...codec import decode_plain
from ..invalid_parameter import InvalidParameter
from .fields import Fields

__all__ = ("read_body",)


def read_body(body: bytes) -> Fields:
    """Return the fields of ``body``; raises InvalidParameter when it is no JSON object."""
    try:
        plain: Any = decode_plain(body)
    except DecodeError:
        raise InvalidParameter(
            "the body is not JSON: send an object, as OpenAI's API reference describes it"
        ) from None
    if not isinstance(plain, dict):
        raise InvalidParameter("the body is not a JSON object")
    return Fields(plain)
