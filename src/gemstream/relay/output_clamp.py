"""The most that an answer may be long, as an operator sets it for a key.

The one thing that changes a Gemini body: without it a caller could ask for any length, and with it
the service itself stops there. Keys without the option send their bytes untouched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ..errors import DecodeError
from ..policy.estimate import estimate
from ..wire.codec import JSONObject, decode_plain, encode
from ..wire.dialect.refusal import Fault, Refusal
from ..wire.endpoint import Operation
from .call import Call
from .refused import Refused

__all__ = ("clamp_output",)

# The service takes either spelling of a field.
_SECTIONS = ("generationConfig", "generation_config")
_FIELDS = ("maxOutputTokens", "max_output_tokens")


def clamp_output(call: Call, most: int | None) -> Call:
    """Return ``call`` with an answer of at most ``most`` tokens; None is no limit.

    The body is written anew, so that the service cannot read another length in it than was read
    here: a field may stand in it twice. Raises Refused for a length that is no whole number.
    """
    if most is None or call.operation not in (Operation.GENERATE, Operation.STREAM):
        return call
    body = _plain(call.body)
    asked = list(_asked(body))
    for section, name in asked:
        section[name] = min(section[name], most)
    if not asked:
        _section(body)[_FIELDS[0]] = most
    data = encode(body)
    return msgspec.structs.replace(call, body=data, estimate=estimate(data))


def _plain(body: bytes) -> JSONObject:
    try:
        plain: JSONObject = decode_plain(body)
    except DecodeError:
        raise _refused("a number of the body is too large to be read") from None
    return plain


def _asked(body: JSONObject) -> Iterator[tuple[JSONObject, str]]:
    """Yield where the body says how long the answer may be."""
    for section in (body.get(name) for name in _SECTIONS):
        if not isinstance(section, dict):
            continue
        for name in _FIELDS:
            value: Any = section.get(name)
            if value is None:
                continue
            if type(value) is not int:
                raise _refused(f"{name} is {value!r:.40}; it must be a whole number")
            yield section, name


def _section(body: JSONObject) -> JSONObject:
    for name in _SECTIONS:
        found = body.get(name)
        if isinstance(found, dict):
            return found
    section: JSONObject = {}
    body[_SECTIONS[0]] = section
    return section


def _refused(message: str) -> Refused:
    return Refused(Refusal(Fault.INVALID, message))
