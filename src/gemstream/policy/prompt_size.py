"""How many tokens a prompt may have, before the service has counted them.

Two numbers, for a decision needs the right one: ``likely`` to plan with, ``least`` to refuse by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ..wire.codec import JSONObject, encode

__all__ = ("PromptSize", "tokens_of_text")

# https://ai.google.dev/gemini-api/docs/tokens: a token is about four characters; an image is 258.
_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_FILE = 258
# The longest pieces of Gemma's published vocabulary are runs of 31 spaces.
_MOST_CHARACTERS_PER_TOKEN = 32


class PromptSize(msgspec.Struct, frozen=True):
    """Tokens of a request's prompt: a guess, and a number it cannot be below."""

    likely: int
    least: int

    @classmethod
    def of_body(cls, body: JSONObject) -> PromptSize:
        """Return the size of a generateContent request, given as plain JSON.

        Text, system instruction and declared tools count by their characters, a file as an image;
        what a cache or a file holds is not known here.
        """
        characters, files = 0, 0
        for part in _parts(body):
            if isinstance(text := part.get("text"), str):
                characters += len(text)
            elif not _FILES.isdisjoint(part):
                files += 1
            else:
                characters += len(encode(part))
        declared = len(encode(body["tools"])) if body.get("tools") else 0
        likely = tokens_of_text(characters + declared) + files * _TOKENS_PER_FILE
        return cls(likely, characters // _MOST_CHARACTERS_PER_TOKEN)


_FILES = frozenset({"inlineData", "inline_data", "fileData", "file_data"})
_SYSTEM = ("systemInstruction", "system_instruction")


def tokens_of_text(characters: int) -> int:
    """Return how many tokens so many characters are likely to be; a started one counts."""
    return -(-characters // _CHARACTERS_PER_TOKEN)


def _parts(body: JSONObject) -> Iterator[Mapping[str, Any]]:
    contents = [*_listed(body.get("contents")), *(body.get(name) for name in _SYSTEM)]
    for content in contents:
        parts = content.get("parts") if isinstance(content, dict) else None
        yield from (part for part in _listed(parts) if isinstance(part, dict))


def _listed(value: Any) -> list[Any]:
    """Return a repeated field as a list; a body of the caller's own may hold anything there."""
    return value if isinstance(value, list) else [value]
