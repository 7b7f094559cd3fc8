"""Answers on their way from the courier's thread to the event loops that wait for them.

Waking a loop costs more than what it is told, so all answers of a round trip wake each loop once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ("Answer", "Letter", "Mail")

Answer = list[int] | Exception


class Letter:
    """One answer: who waits for it, and what undoes it when nobody can any more."""

    __slots__ = ("_return", "_waiter")

    def __init__(self, waiter: asyncio.Future[list[int]], undo: Callable[[], None]) -> None:
        self._waiter = waiter
        self._return = undo

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of who waits."""
        return self._waiter.get_loop()

    def hand_over(self, answer: Answer) -> None:
        """Give the answer; called on the loop. One who was cancelled undoes it by itself."""
        if self._waiter.done():
            return
        if isinstance(answer, Exception):
            self._waiter.set_exception(answer)
        else:
            self._waiter.set_result(answer)

    def send_back(self) -> None:
        """Undo what was answered: the loop is closed."""
        self._return()


class Mail:
    """Belongs to one thread; ``deliver`` empties it."""

    __slots__ = ("_letters",)

    def __init__(self) -> None:
        self._letters: dict[asyncio.AbstractEventLoop, list[tuple[Letter, Answer]]] = {}

    def add(self, letter: Letter, answer: Answer) -> None:
        """Take an answer along."""
        self._letters.setdefault(letter.loop, []).append((letter, answer))

    def deliver(self) -> None:
        """Bring all answers to their loops."""
        if not self._letters:
            return
        letters, self._letters = self._letters, {}
        for loop, theirs in letters.items():
            try:
                loop.call_soon_threadsafe(_hand_over, theirs)
            except RuntimeError:
                for letter, _ in theirs:
                    letter.send_back()


def _hand_over(letters: list[tuple[Letter, Answer]]) -> None:
    for letter, answer in letters:
        letter.hand_over(answer)
