"""Continuation tokens: where a long answer of Gemini 4 goes on, in bytes that only we can write.

A token holds how far the answer was told and a fingerprint of the request, and ends in a check of
both; nothing is kept. It fits every emulator with the same seed.

Source: https://ai.google.dev/gemini-api/docs/long-decode.
"""

from __future__ import annotations

import hashlib
import struct

import msgspec

from ...errors import DecodeError
from ...wire.codec import encode
from ...wire.generation_config import GenerationConfig
from ...wire.request import GenerateContentRequest
from ...wire.scalar import decode_base64, encode_base64
from ..refusal import bad_continuation_token

__all__ = ("Checkpoints", "fingerprint_of", "position_of")

_BODY = struct.Struct(">B8sQ")
_FORM = 1
_CHECK_SIZE = 8
_KEY = b"gemstream continuation"


class Checkpoints(msgspec.Struct, frozen=True):
    """Writes the tokens of one hop; positions count the answer's characters from its very start.

    ``origin``: where the hop begins. ``every``: after so many characters a chunk brings a token.
    """

    fingerprint: bytes
    origin: int
    every: int

    def token_at(self, position: int) -> str:
        """Return the token that goes on at ``position``."""
        body = _BODY.pack(_FORM, self.fingerprint, position)
        return encode_base64(body + _check(body))


def fingerprint_of(request: GenerateContentRequest, seed: int) -> bytes:
    """Return what is the same in all hops: all but the token, and the budget that may rise."""
    config = request.generation_config or GenerationConfig()
    config = msgspec.structs.replace(config, max_output_tokens=None)
    same = msgspec.structs.replace(request, continuation_token=None, generation_config=config)
    return hashlib.blake2b(encode(same) + str(seed).encode(), digest_size=8).digest()


def position_of(token: str, fingerprint: bytes) -> int:
    """Return where ``token`` goes on; raises InvalidArgument for one of another request."""
    try:
        content = decode_base64(token)
    except DecodeError:
        raise bad_continuation_token("it is not base64") from None
    body, check = content[:-_CHECK_SIZE], content[-_CHECK_SIZE:]
    if len(body) != _BODY.size or check != _check(body):
        raise bad_continuation_token("it was not given by this service")
    form, owner, position = _BODY.unpack(body)
    if form != _FORM or owner != fingerprint:
        raise bad_continuation_token("the request is not the one that it continues")
    return int(position)


def _check(body: bytes) -> bytes:
    return hashlib.blake2b(body, key=_KEY, digest_size=_CHECK_SIZE).digest()
