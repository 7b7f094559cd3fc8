"""What the players of a script share while one answer is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Protocol

import msgspec

from ...wire.codec import Message
from ...wire.response import GenerateContentResponse
from ..builtin.answer import Answer
from ..exchange import Exchange
from ..output import Output

__all__ = ("Performance", "Sleep", "Told")

Sleep = Callable[[float], Awaitable[None]]


class Told(Protocol):
    """An answer that can be told at once or in chunks."""

    def whole(self) -> Message:
        """Return the one message."""
        ...

    def chunks(self) -> Iterator[GenerateContentResponse]:
        """Yield the chunks."""
        ...


class Performance(msgspec.Struct, kw_only=True):
    """What the players share while one answer is told.

    ``answer`` makes the built-in answer when it is asked for; ``frame`` is an answer without
    candidates: the model, the id and the prompt's tokens of scripted chunks. ``whole``: the answer
    is one message and no stream.
    """

    exchange: Exchange
    output: Output
    frame: Answer
    answer: Callable[[], Told]
    sleep: Sleep
    take_ack: Callable[[], Awaitable[None]]
    whole: bool
    rate: float | None
    said: int = 0  # characters of the scripted texts so far
    file_tokens: int = 0  # of scripted files so far
    ended: bool = False
