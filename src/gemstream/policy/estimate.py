"""How many tokens a request will cost, judged by its body before it is sent.

Text has four bytes a token, as Google says of English (https://ai.google.dev/gemini-api/docs/tokens);
an image at least 258 tokens, audio 32 and video 263 a second, there at the rate of a plain
recording. An estimate is what limits reserve and what a budget plans with; what is settled is the
real usage, and what a budget refuses by is a number that the prompt cannot be below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from .limit.tokens import Tokens

__all__ = ("DEFAULT_OUTPUT", "PromptSize", "estimate", "prompt_size", "tokens_of_text")

# What is assumed of an answer whose length nobody bounded.
DEFAULT_OUTPUT = 1000
_TEXT = 4  # bytes a token
_IMAGE = 258
# Base64 bytes a token, at 16 kHz of 16 bits (32 tokens a second) and at 1 Mbit a second.
_MEDIA = {"audio": 1333, "video": 634}
_ABSENT = (b"", b"null")
# The longest pieces of Gemma's published vocabulary are runs of 31 spaces.
_MOST_CHARACTERS = 32  # a token


class _Blob(msgspec.Struct, frozen=True, rename="camel"):
    mime_type: str = ""
    data: msgspec.Raw = msgspec.Raw()


class _Part(msgspec.Struct, frozen=True, rename="camel"):
    text: msgspec.Raw = msgspec.Raw()
    inline_data: _Blob | None = None
    inline_data_too: _Blob | None = msgspec.field(default=None, name="inline_data")
    file_data: msgspec.Raw = msgspec.Raw()
    file_data_too: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="file_data")
    function_call: msgspec.Raw = msgspec.Raw()
    function_response: msgspec.Raw = msgspec.Raw()
    executable_code: msgspec.Raw = msgspec.Raw()
    code_execution_result: msgspec.Raw = msgspec.Raw()


class _Content(msgspec.Struct, frozen=True):
    parts: Sequence[_Part] = ()


class _Config(msgspec.Struct, frozen=True, rename="camel"):
    max_output_tokens: int | None = None
    candidate_count: int | None = None


class _Item(msgspec.Struct, frozen=True):
    content: _Content = _Content()


class _Body(msgspec.Struct, rename="camel"):
    """What of a body costs tokens; media stay undecoded, for only their length counts.

    A body of the caller's own may spell a field in either way, as the service takes both.
    """

    contents: Sequence[_Content] = ()
    content: _Content = _Content()
    requests: Sequence[_Item] = ()
    instances: Sequence[msgspec.Raw] = ()
    system_instruction: _Content | None = None
    system_instruction_too: _Content | None = msgspec.field(default=None, name="system_instruction")
    tools: msgspec.Raw = msgspec.Raw()
    generation_config: _Config | None = None


_decoder = msgspec.json.Decoder(_Body)


class PromptSize(msgspec.Struct, frozen=True):
    """Tokens of a request's prompt: ``likely`` to plan with, ``least`` to refuse by."""

    likely: int
    least: int


def prompt_size(body: bytes) -> PromptSize:
    """Return the size of the prompt in a request's JSON.

    Only text is sure to cost anything; what a cache or a file holds is not known here.
    """
    likely = estimate(body).input
    try:
        contents = _contents(_decoder.decode(body))
        texts = [
            msgspec.json.decode(part.text) for each in contents for part in each.parts if part.text
        ]
    except msgspec.DecodeError:
        return PromptSize(likely, 0)
    characters = sum(len(text) for text in texts if isinstance(text, str))
    return PromptSize(likely, characters // _MOST_CHARACTERS)


def tokens_of_text(characters: int) -> int:
    """Return how many tokens so many characters are likely to be; a started one counts."""
    return _tokens(characters)


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
    for system in (body.system_instruction, body.system_instruction_too):
        if system is not None:
            yield system


def _part(part: _Part) -> int:
    tokens = _tokens(_size(part.text) - 2) if _size(part.text) else 0
    tokens += sum(
        _tokens(_size(raw))
        for raw in (
            part.function_call,
            part.function_response,
            part.executable_code,
            part.code_execution_result,
        )
    )
    for blob in (part.inline_data, part.inline_data_too):
        tokens += 0 if blob is None else _blob(blob)
    for file in (part.file_data, part.file_data_too):
        tokens += 0 if bytes(file) in _ABSENT else _IMAGE
    return tokens


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
