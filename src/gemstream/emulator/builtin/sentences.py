"""Sentences of a text with their places in UTF-8 bytes, as metadata names passages."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

__all__ = ("Sentence", "sentences_of")

_SENTENCE = re.compile(r"[^\s.!?][^.!?\n]*[.!?]*")


class Sentence(msgspec.Struct, frozen=True):
    """A passage; ``start`` and ``end`` count the UTF-8 bytes before and up to its end."""

    text: str
    start: int
    end: int


def sentences_of(text: str) -> Iterator[Sentence]:
    """Yield the sentences of ``text``; none overlap."""
    position = place = 0
    for found in _SENTENCE.finditer(text):
        position += len(text[place : found.start()].encode())
        size = len(found[0].encode())
        yield Sentence(found[0], position, position + size)
        position += size
        place = found.end()
