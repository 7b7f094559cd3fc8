"""Thought signatures: made for the first call of a model's step, and asked for when it comes back.

Ours check themselves, so a damaged one or one under another function's call is told from a good
one; any other base64 is taken as made elsewhere.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence

from ...errors import APIError, DecodeError
from ...wire.content import Content, Part
from ...wire.scalar import decode_base64, encode_base64
from ..refusal import invalid

__all__ = ("check_signatures", "needs_signatures", "signature_of")

_MARK = b"gemstream"
_CHECK_SIZE = 8
_GENERATION = re.compile(r"gemini-(\d+)")


def signature_of(digest: bytes, name: str) -> str:
    """Return a signature for a call of the function ``name``; ``digest`` makes it unlike others."""
    return encode_base64(_MARK + digest + _check(digest, name))


def needs_signatures(model: str) -> bool:
    """True for a model that insists on its signatures: Gemini 3 and later."""
    found = _GENERATION.match(model)
    return found is not None and int(found[1]) >= 3


def check_signatures(contents: Sequence[Content]) -> None:
    """Raise InvalidArgument for a step of the current turn whose first call has no signature.

    The current turn begins with the last words of the user; older ones are not looked at.
    """
    for position, part in _first_calls(contents):
        name = (part.function_call.name if part.function_call else None) or ""
        if not part.thought_signature:
            raise _missing(name, position)
        if not _is_good(part.thought_signature, name):
            raise invalid(
                "Thought signature is not valid: it must come back unchanged and in its place. "
                f"Additional data, function call `default_api:{name}` , position {position}."
            )


def _first_calls(contents: Sequence[Content]) -> Iterator[tuple[int, Part]]:
    """Yield the first call of each step in the current turn, with its place counted from 1."""
    spoken = [
        number
        for number, content in enumerate(contents)
        if content.role != "model" and any(part.text for part in content.parts)
    ]
    start = spoken[-1] if spoken else 0
    is_step_new = True
    for number, content in enumerate(contents[start:], start + 1):
        calls = [part for part in content.parts if part.function_call is not None]
        if content.role != "model":
            is_step_new = True
        elif calls and is_step_new:
            is_step_new = False
            yield number, calls[0]


def _is_good(signature: str, name: str) -> bool:
    try:
        content = decode_base64(signature)
    except DecodeError:
        return False
    if not content.startswith(_MARK):
        return True  # ``skip_thought_signature_validator``, or of another service
    digest, check = content[len(_MARK) : -_CHECK_SIZE], content[-_CHECK_SIZE:]
    return check == _check(digest, name)


def _check(digest: bytes, name: str) -> bytes:
    return hashlib.blake2b(digest, key=name.encode()[:64], digest_size=_CHECK_SIZE).digest()


def _missing(name: str, position: int) -> APIError:
    return invalid(
        "Function call is missing a thought_signature in functionCall parts. This is required for "
        "tools to work correctly, and missing thought_signature may lead to degraded model "
        f"performance. Additional data, function call `default_api:{name}` , position {position}. "
        "Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
    )
