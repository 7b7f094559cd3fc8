"""What a request says: its last turn's words, files and function results, and values in it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ...wire.content import Blob, Content, FileData, FunctionResponse
from .image_header import read_image_header

__all__ = ("PromptValues", "file_description", "function_results", "media_of", "prompt_text")


def prompt_text(contents: Sequence[Content]) -> str:
    """Return the text of the last turn that has any, its parts joined; ``""`` without one.

    A turn of the model is no prompt, unless there is nothing else.
    """
    asked = [content for content in contents if content.role != "model"] or contents
    for content in reversed(asked):
        if text := " ".join(part.text for part in content.parts if part.text):
            return text
    return ""


def function_results(contents: Sequence[Content]) -> list[FunctionResponse]:
    """Return what functions returned, when the last turn brings it."""
    last = contents[-1].parts if contents else ()
    return [part.function_response for part in last if part.function_response is not None]


def media_of(contents: Sequence[Content]) -> list[Blob | FileData]:
    """Return the files of the last turn, inline or by URI."""
    last = contents[-1].parts if contents else ()
    found = (part.inline_data or part.file_data for part in last)
    return [medium for medium in found if medium is not None]


def file_description(medium: Blob | FileData) -> str:
    """Say what a file is, as ``a PNG image of 640 x 480 pixels``."""
    if isinstance(medium, FileData):
        return f"a file of type {medium.mime_type or 'unknown'} at {medium.file_uri}"
    content = medium.content
    header = read_image_header(content)
    if header is None:
        return f"a file of type {medium.mime_type} with {len(content)} bytes"

    return f"a {header.kind} image of {header.width} x {header.height} pixels"


_QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|(?<!\w)'([^']+)'(?!\w)")
_NAME = re.compile(r"(?<![.!?] )(?<!^)\b[^\W\d_a-z][\w'’-]*(?: [^\W\d_a-z][\w'’-]*)*")
_AFTER_PREPOSITION = re.compile(
    r"\b(?:in|for|at|of|named|called|to)\s+(?!(?:the|an?)\b)([^\W\d][\w-]*)", re.I
)
_NUMBER = re.compile(r"(?<![\w.-])-?\d+(?:\.\d+)?(?![\w-])")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")


class PromptValues:
    """Values a function's arguments may be taken from, each given once and in their order.

    Texts: what stands in quotes, else names, else the word after a preposition.
    """

    __slots__ = ("_dates", "_numbers", "_prompt", "_texts")

    def __init__(self, prompt: str, *, ignore: str = "") -> None:
        words = prompt.replace(ignore, " ") if ignore else prompt
        self._prompt = prompt.lower()
        self._texts = iter(_texts(words))
        self._numbers = (float(number) for number in _NUMBER.findall(words))
        self._dates = iter(_DATE.findall(words))

    def next_text(self) -> str | None:
        """Return the next text, None when there is no more."""
        return next(self._texts, None)

    def next_number(self) -> float | None:
        """Return the next number, None when there is no more."""
        return next(self._numbers, None)

    def next_date(self) -> str | None:
        """Return the next date written as 2026-01-31, None when there is no more."""
        return next(self._dates, None)

    def mentions(self, word: str) -> bool:
        """True when the prompt holds ``word`` as a word."""
        return (
            bool(word)
            and re.search(rf"(?<!\w){re.escape(word.lower())}(?!\w)", self._prompt) is not None
        )


def _texts(prompt: str) -> Iterator[str]:
    seen: set[str] = set()
    quoted = ("".join(groups) for groups in _QUOTED.findall(prompt))
    for text in (*quoted, *_NAME.findall(prompt), *_AFTER_PREPOSITION.findall(prompt)):
        if text not in seen:
            seen.add(text)
            yield text
