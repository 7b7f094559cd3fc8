"""What was said in a session, in writing: for a new one that knows nothing of it.

Speech is kept by its transcriptions, when the setup switched them on. Functions, pictures and
thoughts are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ...wire.content import Content, Part
from ...wire.live.client_message import ClientMessage
from .server_event import InputTranscribed, OutputTranscribed, Text, TurnCompleted

__all__ = ("MAX_TRANSCRIPT", "Transcript", "Words")

MAX_TRANSCRIPT = 64 * 1024  # characters, about 16,000 tokens; a context of 32,000 takes them
_USER, _MODEL = "user", "model"

Words: TypeAlias = Text | OutputTranscribed | InputTranscribed


class Transcript:
    """The newest turns, up to ``MAX_TRANSCRIPT`` characters.

    What is asked and not answered is no part of it: it is repeated, or told as lost.
    """

    __slots__ = ("_asked", "_said", "_size", "_turns")

    def __init__(self) -> None:
        self._turns: list[Content] = []  # an empty deque takes 0.7 KiB in each session
        self._size = 0
        self._asked: list[str] = []
        self._said: list[str] = []

    @property
    def turns(self) -> Sequence[Content]:
        """What was said, oldest first; it begins with the user."""
        return tuple(self._turns)

    def receive_sent(self, message: ClientMessage) -> None:
        """Note what the user says in writing."""
        if message.client_content is not None:
            for turn in message.client_content.turns:
                self._asked.extend(part.text for part in turn.parts if part.text)
        elif message.realtime_input is not None and message.realtime_input.text:
            self._asked.append(message.realtime_input.text)

    def receive(self, event: Words | TurnCompleted) -> None:
        """Note what ``event`` says: words, or the end of the turn."""
        if isinstance(event, TurnCompleted):
            self._finish_turn()
        elif not isinstance(event, InputTranscribed):
            self._said.append(event.text)
        elif not event.interim:
            self._asked.append(event.text)

    def drop_turn(self) -> None:
        """Forget the turn that was not finished."""
        self._asked.clear()
        self._said.clear()

    def _finish_turn(self) -> None:
        for role, words in ((_USER, self._asked), (_MODEL, self._said)):
            text = "".join(words)
            if text:
                self._turns.append(Content(role=role, parts=[Part(text=text)]))
                self._size += len(text)
        self.drop_turn()
        while self._turns and (self._size > MAX_TRANSCRIPT or self._turns[0].role != _USER):
            self._size -= sum(len(part.text or "") for part in self._turns.pop(0).parts)
