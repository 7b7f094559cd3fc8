"""A turn told: the steps of a script, or the built-in answer word by word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...wire.codec import from_plain
from ...wire.content import Part
from ...wire.live.server_message import ServerMessage
from ...wire.response import GenerateContentResponse
from ..builtin.text_pieces import pieces
from ..scripts.faults import Fault
from ..scripts.steps import Chunk, Step
from .connection import LiveConnection
from .functions import Functions
from .house import House
from .playing import play_event
from .turn import Turn, Voice, tokens_in

__all__ = ("Teller", "tells")


def tells(steps: Sequence[Step]) -> bool:
    """True when the steps stand for an answer, so that the built-in one does not follow."""
    return any(
        one.tells if isinstance(one, Fault) else isinstance(one, str | Chunk) for one in steps
    )


class Teller:
    """Says parts in one voice and calls functions, until it has to wait for one."""

    __slots__ = ("_connection", "_functions", "_house", "voice")

    def __init__(
        self,
        connection: LiveConnection,
        house: House,
        voice: Voice,
        functions: Functions,
    ) -> None:
        self._connection = connection
        self._house = house
        self._functions = functions
        self.voice = voice

    async def play(self, steps: Sequence[Step], turn: Turn) -> None:
        """Play the steps of a script; raises SessionEnd and Cut.

        Behind a call that is waited for, what befalls the session plays on; what is to be said
        stays in ``turn.rest``, with all that follows it.
        """
        for place, step in enumerate(steps):
            parts = _parts_of(step)
            if parts is None:
                await play_event(step, self._connection, self._house)
            elif turn.calls:
                turn.rest = steps[place:]
                return
            else:
                await self.say(parts, turn, is_cut=False)

    async def say(self, parts: Sequence[Part], turn: Turn, *, is_cut: bool = True) -> None:
        """Say ``parts``, the texts word by word unless not ``is_cut``; last call the functions."""
        for message in self._messages(parts, turn, is_cut):
            if self._house.rate is not None:
                await self._house.clock.sleep(tokens_in(message) / self._house.rate)
            turn.bytes += self._connection.post(message)
            await self._connection.flushed()
        if calls := self._functions.numbered(parts):
            awaited = self._functions.begin(calls)
            turn.bytes += self._connection.post(turn.call(calls, awaited))
            await self._connection.flushed()

    def _messages(self, parts: Sequence[Part], turn: Turn, is_cut: bool) -> Iterator[ServerMessage]:
        for part in parts:
            if part.function_call is not None:
                continue
            if not part.text:
                yield turn.other(part)
                continue
            for word in pieces(part.text) if is_cut else [part.text]:
                if part.thought:
                    yield turn.thought(word)
                else:
                    yield from turn.word(word, self.voice)


def _parts_of(step: Step) -> Sequence[Part] | None:
    """Return what a step says; None for one that says nothing."""
    content = step.content if isinstance(step, Chunk) else step
    if isinstance(content, str):
        return [Part(text=content)]
    if isinstance(content, dict):
        content = from_plain(content, GenerateContentResponse)
    if not isinstance(content, GenerateContentResponse):
        return None
    said = content.candidates[0].content if content.candidates else None
    return said.parts if said is not None else ()
