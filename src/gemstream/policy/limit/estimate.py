"""How many tokens a request will cost, judged by its body before it is sent.

Text has four bytes a token, as Google says of English (https://ai.google.dev/gemini-api/docs/tokens);
an image at least 258 tokens, audio 32 and video 263 a second, there at the rate of a plain
recording. An estimate is what is reserved; what is settled is the real usage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from .tokens import Tokens

__all__ = ("DEFAULT_OUTPUT", "estimate")

# What is assumed of an answer whose length nobody bounded.
DEFAULT_OUTPUT = 1000
_TEXT = 4  # bytes a token
_IMAGE = 258
# Base64 bytes a token, at 16 kHz of 16 bits (32 tokens a second) and at 1 Mbit a second.
_MEDIA = {"audio": 1333, "video": 634}
_ABSENT = (b"", b"null")


class _Blob(msgspec.Struct, frozen=True, rename="camel"):
    mime_type: str = ""
    data: msgspec.Raw = msgspec.Raw()


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    text: msgspec.Raw = msgspec.Raw()
    inline_data: _Blob | None = None
    file_data: msgspec.Raw = msgspec.Raw()
    function_call: msgspec.Raw = msgspec.Raw()
    function_response: msgspec.Raw = msgspec.Raw()


class _Content(msgspec.Struct, frozen=True):
    parts: Sequence[_Part] = ()


class _Config(msgspec.Struct, frozen=True, rename="camel"):
    max_output_tokens: int | None = None
    candidate_count: int | None = None


class _Item(msgspec.Struct, frozen=True):
    content: _Content = _Content()


class _Body(msgspec.Struct, rename="camel"):
    """What of a body costs tokens; media stay undecoded, for only their length counts."""

    contents: Sequence[_Content] = ()
    content: _Content = _Content()
    requests: Sequence[_Item] = ()
    instances: Sequence[msgspec.Raw] = ()
    system_instruction: _Content | None = None
    tools: msgspec.Raw = msgspec.Raw()
    generation_config: _Config | None = None


_decoder = msgspec.json.Decoder(_Body)


def estimate(body: bytes) -> Tokens:
    """Return what a request's JSON will cost; one of an unknown form is measured whole."""
    try:
        peeked = _decoder.decode(body)
    except msgspec.DecodeError:
        return Tokens(max(1, _tokens(len(body))), DEFAULT_OUTPUT)
    read = sum(_part(part) for content in _contents(peeked) for part in content.parts)
    read += _tokens(_size(peeked.tools)) + sum(_tokens(len(raw)) for raw in peeked.instances)
    return Tokens(max(1, read), _output(peeked))


def _contents(body: _Body) -> Iterator[_Content]:
    yield from body.contents
    yield body.content
    yield from (item.content for item in body.requests)
    if body.system_instruction is not None:
        yield body.system_instruction


def _part(part: _Part) -> int:
    tokens = _tokens(_size(part.text) - 2) if _size(part.text) else 0
    tokens += _tokens(_size(part.function_call)) + _tokens(_size(part.function_response))
    if part.inline_data is not None:
        tokens += _blob(part.inline_data)
    return tokens + (_IMAGE if bytes(part.file_data) not in _ABSENT else 0)


def _blob(blob: _Blob) -> int:
    per_token = _MEDIA.get(blob.mime_type.partition("/")[0])
    return _IMAGE if per_token is None else max(1, _size(blob.data) // per_token)


def _output(body: _Body) -> int:
    if body.requests or body.instances or body.content.parts:
        return 0  # embeddings are no tokens
    config = body.generation_config or _Config()
    most = DEFAULT_OUTPUT if config.max_output_tokens is None else config.max_output_tokens
    # The service refuses numbers below 0; here they must not give allowance back.
    return max(0, most) * max(1, config.candidate_count or 1)


def _tokens(size: int) -> int:
    return -(-size // _TEXT)


def _size(raw: msgspec.Raw) -> int:
    return len(bytes(raw))
