"""What was said in a session, in writing: for a new one that knows nothing of it.

Speech is kept by its transcriptions, when the setup switched them on. Functions, pictures and
thoughts are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from ...wire.content import Content, Part
from ...wire.live.client_message import ClientMessage
from .server_event import InputTranscribed, OutputTranscribed, Text

__all__ = ("MAX_TRANSCRIPT", "Transcript", "Words")

MAX_TRANSCRIPT = 64 * 1024  # characters, about 16,000 tokens; a context of 32,000 takes them
_MOST_TURNS = 1000  # of both sides; short ones take more memory than their characters
_USER, _MODEL = "user", "model"

Words: TypeAlias = Text | OutputTranscribed | InputTranscribed


class Transcript:
    """The newest turns, up to ``MAX_TRANSCRIPT`` characters.

    What is asked and not answered is no part of it: it is repeated, or told as lost. Of a turn that
    is longer than all of it, the beginning is kept.
    """

    __slots__ = ("_asked", "_open_size", "_said", "_size", "_turns")

    def __init__(self) -> None:
        self._turns: list[tuple[str, str]] = []  # role and text; an empty deque takes 0.7 KiB
        self._size = 0
        self._open_size = 0  # of the turn that is not finished
        self._asked: list[str] = []
        self._said: list[str] = []

    @property
    def turns(self) -> Sequence[Content]:
        """What was said, oldest first; it begins with the user."""
        return tuple(Content(role=role, parts=[Part(text=text)]) for role, text in self._turns)

    def receive_sent(self, message: ClientMessage) -> None:
        """Note what the user says in writing."""
        if message.client_content is not None:
            parts = [part for turn in message.client_content.turns for part in turn.parts]
            self._add(self._asked, "".join(part.text or "" for part in parts))
        elif message.realtime_input is not None and message.realtime_input.text:
            self._add(self._asked, message.realtime_input.text)

    def receive(self, event: Words) -> None:
        """Note what ``event`` says."""
        if not isinstance(event, InputTranscribed):
            self._add(self._said, event.text)
        elif not event.interim:
            self._add(self._asked, event.text)

    def drop_turn(self) -> None:
        """Forget the turn that was not finished."""
        self._asked.clear()
        self._said.clear()
        self._open_size = 0

    def _add(self, words: list[str], text: str) -> None:
        self._open_size += len(text) + 1  # also of nothing there is no end of pieces
        if self._open_size <= MAX_TRANSCRIPT:
            words.append(text)

    def finish_turn(self, waiting: int = 0) -> None:
        """Note the end of a turn; the newest ``waiting`` words of the user are of later turns."""
        answered = max(len(self._asked) - waiting, 0)
        asked, later = self._asked[:answered], self._asked[answered:]
        for role, words in ((_USER, asked), (_MODEL, self._said)):
            text = "".join(words)
            if text:
                self._turns.append((role, text))
                self._size += len(text)
        self._asked, self._said = later, []
        self._open_size = sum(len(words) + 1 for words in later)
        while self._turns and (self._is_too_much or self._turns[0][0] != _USER):
            self._size -= len(self._turns.pop(0)[1])

    @property
    def _is_too_much(self) -> bool:
        return self._size > MAX_TRANSCRIPT or len(self._turns) > _MOST_TURNS
