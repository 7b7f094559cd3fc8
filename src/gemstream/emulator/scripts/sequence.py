"""The steps as they are played: with the built-in answer and the finish reason in their places.

The rule of the finish reason. When the last chunk of a script is a text, no chunk of it is a
table with a finish reason, and no fault that ends the answer is among its steps, that last text
goes out with ``STOP``. A table goes out exactly as written. Steps that bring no chunk and end
nothing (a pause, a wait, a cut at a byte, garbage) are followed by the built-in answer. A cut at
a byte counts in the answer as it would be without it; one beyond the end takes the clean end away.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ...wire.codec import from_plain
from ...wire.response import GenerateContentResponse
from .faults import Alteration, Cut, End, Fault, Huge
from .steps import Body, Chunk, Step

__all__ = ("BuiltIn", "Closing", "prepared")


class BuiltIn(msgspec.Struct, frozen=True):
    """Stands for the built-in answer among the steps."""


class Closing(msgspec.Struct, frozen=True):
    """The text or the huge chunk that carries the finish reason."""

    step: str | Huge


def prepared(steps: Sequence[Step]) -> Iterator[Any]:
    """Put the built-in answer where there is none, and the finish reason on the last text."""
    played = [step for step in steps if not _only_alters(step)]
    if not any(_tells(step) for step in played):
        yield from played
        yield BuiltIn()
        return
    closing = _closing_place(played)
    for place, step in enumerate(played):
        words = step if isinstance(step, Huge) else _text_of(step)
        yield Closing(words) if place == closing and words is not None else step


def _only_alters(step: Step) -> bool:
    return isinstance(step, Alteration) or (isinstance(step, Cut | End) and not step.ends)


def _tells(step: Step) -> bool:
    """True when the step brings an answer of its own or ends it."""
    return step.tells if isinstance(step, Fault) else isinstance(step, str | Chunk | Body)


def _ends(step: Step) -> bool:
    return isinstance(step, Fault) and step.ends


def _closing_place(steps: Sequence[Step]) -> int | None:
    chunks = [place for place, step in enumerate(steps) if isinstance(step, str | Chunk | Huge)]
    if not chunks or any(_ends(step) for step in steps):
        return None
    if any(_has_finish_reason(step) for step in steps):
        return None
    return chunks[-1]


def _text_of(step: Step) -> str | None:
    content = step.content if isinstance(step, Chunk) else step
    return content if isinstance(content, str) else None


def _has_finish_reason(step: Step) -> bool:
    if not isinstance(step, Chunk) or isinstance(step.content, str):
        return False
    content = step.content
    typed = from_plain(content, GenerateContentResponse) if isinstance(content, dict) else content
    return any(candidate.finish_reason is not None for candidate in typed.candidates)
