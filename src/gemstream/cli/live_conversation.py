"""A Live session as the command holds it: somebody asks, the answers are shown as they come.

One task hears all that the service sends, also while nobody asks, so that a farewell or a loss is
told at once. Others say something and wait for the answer's end.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..audio.pcm import chunks, rate_of
from ..audio.wav import Sound
from ..client.live import events
from ..policy.capability import answers_client_content
from ..wire.content import Blob, FunctionCall, FunctionResponse
from .live_timing import TurnTiming

if TYPE_CHECKING:
    from ..client.live.events import SessionEvent
    from ..client.live.session import LiveSession
    from .live_forms import LiveForm
    from .live_voice import Voice

__all__ = ("INTERRUPTION", "Conversation")

# A Live session has no message that does nothing but interrupt while the service detects activity.
# A turn that asks for no answer does, and what it says is true.
INTERRUPTION = "(The user interrupted here.)"
_NO_TOOLS = {"error": "gemstream live runs no functions; answer without them"}
_SAID = (events.Text, events.Thought, events.OutputTranscribed, events.Audio, events.OtherPart)


class Conversation:
    """What is said and heard in ``session``.

    ``voices``: where the model's speech goes. ``note``: says something beside the answer.
    ``is_timed``: the times of each turn are noted. ``turns`` counts the answers that came to an
    end, ``lost`` those that broke off with their connection; ``is_speaking`` is True from an
    answer's first word or sound to its end; ``has_handle`` is clear while the service says that the
    newest handle does not cover all.
    """

    __slots__ = (
        "_asked_at",
        "_cut",
        "_form",
        "_heard",
        "_is_muted",
        "_is_timed",
        "_is_waiting",
        "_note",
        "_over",
        "_session",
        "_timed",
        "_timing",
        "_voices",
        "has_handle",
        "is_speaking",
        "lost",
        "turns",
    )

    def __init__(
        self,
        session: LiveSession,
        form: LiveForm,
        *,
        voices: Sequence[Voice] = (),
        note: Callable[[str], None],
        is_timed: bool = False,
    ) -> None:
        self._session = session
        self._form = form
        self._voices = voices
        self._note = note
        self._is_timed = is_timed
        self._asked_at = time.perf_counter()
        self._timing = TurnTiming()
        self._timed = 0  # turns whose times were told, lost ones too
        self._heard: list[str] = []  # what the service understood of the user, until it answers
        self._over = asyncio.Event()  # the answer that somebody waits for is
        self._cut = asyncio.Event()  # the model is to be told that it was interrupted
        self._is_waiting = False
        self._is_muted = False  # what comes belongs to an answer that nobody wants any more
        self.is_speaking = False
        self.turns = 0
        self.lost = 0
        self.has_handle = asyncio.Event()
        self.has_handle.set()

    # Saying.

    async def say(self, text: str) -> None:
        """Say ``text``, and return when it is answered."""
        self._expect()
        if answers_client_content(self._session.model):
            await self._session.send_client_content(text)
        else:
            await self._session.send_realtime_input(text=text)
        await self._answered()

    async def speak(self, sound: Sound) -> None:
        """Say ``sound`` as one turn, and return when it is answered.

        The session must have been set up without the service's own detection of activity.
        """
        self._expect()
        await self._session.send_realtime_input(activity_start=True)
        for chunk in chunks(sound.pcm, sound.rate):
            await self._session.send_realtime_input(audio=Blob.of(chunk, sound.mime_type))
        await self._session.send_realtime_input(activity_end=True)
        self.asked()
        await self._answered()

    def asked(self) -> None:
        """Count the times of the next answer from now."""
        self._asked_at = time.perf_counter()

    def _expect(self) -> None:
        self._over.clear()
        self._is_waiting = True
        self.asked()

    async def _answered(self) -> None:
        await self._over.wait()

    # Hearing.

    async def hear(self) -> None:
        """Show what comes until the session is closed; raises what the session's iteration does."""
        async for event in self._session:
            self._take(event)
            if isinstance(event, events.ToolCalled):
                await self._refuse(event.calls)

    def _take(self, event: SessionEvent) -> None:
        at = time.perf_counter() - self._asked_at
        if self._is_muted and isinstance(event, _SAID):
            return
        self._timing.receive(at, event)
        if isinstance(event, _SAID) and not self.is_speaking:
            self.is_speaking = True
            self._tell_heard()
        self._form.show(at, event)
        self._hear(event)

    def _hear(self, event: SessionEvent) -> None:
        """Do what an event asks for, beside being shown."""
        match event:
            case events.Audio(data=pcm, mime_type=kind):
                for voice in self._voices:
                    voice.write(pcm, rate_of(kind))
            case events.Interrupted():
                self._silence()
            case events.InputTranscribed(text=text, interim=False):
                self._heard.append(text)
            case events.TurnCompleted(reason=reason):
                if reason is not None:
                    self._note(f"the turn ended with {reason}")
                self.turns += 1
                self._end_turn()
            case _:
                self._mind_connection(event)

    def _mind_connection(self, event: SessionEvent) -> None:
        match event:
            case events.GoingAway(time_left=left):
                self._note(f"the service ends the connection in {left:g} s")
            case events.ResumptionUpdated(resumable=resumable):
                self._note_handle(resumable=resumable)
            case events.Disconnected(code=code, is_planned=False):
                self._note(f"the connection ended with code {code}; seeking another")
            case events.Resumed():
                self._tell_return(event)
            case _:
                pass

    def _end_turn(self) -> None:
        self._tell_heard()
        if self._is_timed:
            self._timed += 1
            self._note(self._timing.line(self._timed))
        self._timing = TurnTiming()
        self.is_speaking = self._is_muted = False
        if not self._session.is_in_turn:
            self._is_waiting = False
            self._over.set()

    def _tell_return(self, resumed: events.Resumed) -> None:
        if not resumed.state_restored:
            self._note("the session began afresh; it knows what was said in writing alone")
        if resumed.turn_is_lost:
            self.lost += 1
            self._silence()
            self._form.break_off()
            self._note("the rest of the answer is lost; ask again")
            self._end_turn()

    def _note_handle(self, *, resumable: bool) -> None:
        if resumable:
            self.has_handle.set()
        else:
            self.has_handle.clear()

    def _tell_heard(self) -> None:
        if said := "".join(self._heard).strip():
            self._note(f"heard: {said}")
        self._heard.clear()

    async def _refuse(self, calls: Sequence[FunctionCall]) -> None:
        """Answer calls of functions, which a setup of ours declares none of, so that it goes on."""
        self._note(f"not run: the functions {', '.join(call.name or '' for call in calls)}")
        await self._session.send_tool_response(
            [FunctionResponse(id=call.id, name=call.name, response=_NO_TOOLS) for call in calls]
        )

    # Interrupting.

    def interrupt(self) -> bool:
        """Fall silent and have the model told; return False when there is nothing to interrupt.

        An answer that was interrupted already is nothing more to interrupt.
        """
        is_answering = self._is_waiting or self._session.is_in_turn
        if self._is_muted or not (is_answering or any(voice.is_heard for voice in self._voices)):
            return False
        self._silence()
        self._form.break_off()
        if is_answering:
            self._is_muted = True
            self._cut.set()
        return True

    async def obey(self) -> None:
        """Tell the model of interruptions, until cancelled.

        The models that take content as history alone are not told: the rest of their answer comes,
        and is dropped.
        """
        while True:
            await self._cut.wait()
            self._cut.clear()
            if answers_client_content(self._session.model):
                await self._session.send_client_content(INTERRUPTION, turn_complete=False)

    def _silence(self) -> None:
        for voice in self._voices:
            voice.clear()
