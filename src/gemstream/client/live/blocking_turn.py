"""LiveTurn and LiveText for callers without an event loop.

Strategy. A turn is a LiveTurn itself, run in the reader's thread over a session whose events are
there when it asks for them, so that it never has to wait for a loop.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from ...policy.live.resumed import SessionEvent
from ...wire.content import FunctionCall
from .pull import Pull, Readers
from .session import LiveSession
from .turn import LiveAnswer, LiveText, LiveTurn

__all__ = ("BlockingLiveText", "BlockingLiveTurn")

T = TypeVar("T")


class BlockingLiveTurn:
    """The events of a turn, to its end; iterable once. The blocking face of ``LiveTurn``.

    It ends and fails as there. A Ctrl-C loses nothing.
    """

    __slots__ = ("_turn",)

    def __init__(self, events: Pull[SessionEvent], session: LiveSession) -> None:
        self._turn = LiveTurn(_Present(events, session))

    def __iter__(self) -> BlockingLiveTurn:
        return self

    def __next__(self) -> SessionEvent:
        try:
            return _outcome(self._turn.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def finish(self) -> LiveAnswer:
        """Read on and return what was said from here: to the end, or until functions are asked for.

        Raises what the iteration raises. A Ctrl-C loses what was read.
        """
        return _outcome(self._turn.finish())


class BlockingLiveText:
    """The answer to a text as pieces of text; the blocking face of ``LiveText``.

    The text is sent when the first piece is asked for. ``calls`` are the functions that the model
    asked for and that are yours to run. A Ctrl-C loses nothing.
    """

    __slots__ = ("_pieces", "_text")

    def __init__(self, text: LiveText, readers: Readers, before: Callable[[], None]) -> None:
        self._text = text
        self._pieces = Pull(text, readers, before)

    @property
    def calls(self) -> Sequence[FunctionCall]:
        """The functions that wait to be answered; it ended with them."""
        return self._text.calls

    def __iter__(self) -> BlockingLiveText:
        return self

    def __next__(self) -> str:
        return self._pieces.next()


class _Present:
    """A session whose next event is there once it has been asked for."""

    __slots__ = ("_events", "_session")

    def __init__(self, events: Pull[SessionEvent], session: LiveSession) -> None:
        self._events = events
        self._session = session

    def left_to_answer(self, calls: Sequence[FunctionCall]) -> Sequence[FunctionCall]:
        return self._session.left_to_answer(calls)

    async def __anext__(self) -> SessionEvent:
        try:
            return self._events.next()
        except StopIteration:  # no coroutine may raise it
            raise StopAsyncIteration from None


def _outcome(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine that never waits returns."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    raise AssertionError("it waits")
