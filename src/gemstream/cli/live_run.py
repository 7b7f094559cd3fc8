"""A conversation from the first word to its end: who speaks, who listens, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from ..audio.playback import PlaybackBuffer
from ..audio.wav import Sound
from ..errors import GemstreamError
from .live_conversation import Conversation
from .live_events import LiveOutcome
from .live_lines import Lines
from .live_microphone import Meter, MeteredForm, Microphone, send_microphone
from .live_voice import Loudspeaker, Voice
from .session import Connection, open_client, say
from .sound_card import open_sound_card
from .terminal import stderr

if TYPE_CHECKING:
    from ..client.live.session import LiveSession
    from .live_forms import LiveForm

__all__ = ("Plan", "converse")

_PROMPT = "> "
# The handle that covers the last answer comes behind it; one that stays out costs a second.
_HANDLE_WAIT = 1.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks: with what the session is opened, and who speaks in it."""

    model: str | None
    resume: str | None
    options: dict[str, Any]
    sound: Sound | None = None
    has_microphone: bool = False
    is_timed: bool = False


async def converse(
    plan: Plan, connection: Connection, form: LiveForm, voices: list[Voice]
) -> LiveOutcome:
    """Hold the conversation and return how it ended; ``form`` has shown all but the end.

    Never raises for what the service, the network or Ctrl-C did: that is in the outcome.
    """
    run = _Run(plan, connection, form, voices)
    error: GemstreamError | None = None
    try:
        with run.obeying_ctrl_c():
            await _first_of(whole=run.whole(), stop=run.stopped.wait())
    except GemstreamError as caught:
        error = caught
    except asyncio.CancelledError:  # Ctrl-C where the event loop has no signals
        run.stopped.set()
    return run.outcome(error)


class _Run:
    """A conversation and what it needs around it."""

    def __init__(
        self, plan: Plan, connection: Connection, form: LiveForm, voices: list[Voice]
    ) -> None:
        self._plan = plan
        self._connection = connection
        self._form = form
        self._voices = voices
        self._session: LiveSession | None = None
        self._conversation: Conversation | None = None
        self._microphone: Microphone | None = None
        self._is_asking = False  # the prompt stands there, and perhaps half a line behind it
        self.stopped = asyncio.Event()

    def outcome(self, error: GemstreamError | None) -> LiveOutcome:
        session, conversation = self._session, self._conversation
        # The emulator of this process takes its handles with it; a session that was never set up
        # has none but the one that it was to go on from.
        is_lasting = conversation is not None and not self._connection.emulate
        return LiveOutcome(
            model=None if session is None else session.model.removeprefix("models/"),
            turns=0 if conversation is None else conversation.turns,
            lost=0 if conversation is None else conversation.lost,
            handle=session.handle if session is not None and is_lasting else None,
            error=error,
            is_stopped=self.stopped.is_set(),
            dropped=0.0 if self._microphone is None else self._microphone.dropped,
        )

    @contextlib.contextmanager
    def obeying_ctrl_c(self) -> Iterator[None]:
        """Let Ctrl-C interrupt an answer; with none, or a second time, it ends the conversation."""
        loop = asyncio.get_running_loop()
        try:
            loop.add_signal_handler(signal.SIGINT, self._interrupt)
        except (NotImplementedError, RuntimeError):  # Windows, or not the main thread
            yield
            return
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    def _interrupt(self) -> None:
        if self._conversation is not None and self._conversation.interrupt():
            say("interrupted; Ctrl-C again ends the session")
            return
        self.stopped.set()
        if sys.stdin.isatty():
            stderr().line()  # the prompt's line, with ^C in it

    async def whole(self) -> None:
        plan = self._plan
        async with open_client(self._connection) as client:
            session = client.live(plan.model, resume=plan.resume, **plan.options)
            self._session = session
            async with session, self._talk(session) as (conversation, talk):
                self._conversation = conversation
                if self._connection.emulate:
                    say("emulated answers; no model is asked")
                ended = await _first_of(
                    hear=conversation.hear(), obey=conversation.obey(), talk=talk
                )
                if "talk" not in ended:
                    say("the service ended the session")

    @contextlib.asynccontextmanager
    async def _talk(
        self, session: LiveSession
    ) -> AsyncIterator[tuple[Conversation, Coroutine[Any, Any, None]]]:
        """Give the conversation, and what says something in it."""
        if not self._plan.has_microphone:
            conversation = self._conversation_in(session, self._form, self._voices)
            yield conversation, self._say_all(conversation)
            return
        playback, microphone, meter = PlaybackBuffer(), Microphone(), Meter(stderr())
        self._microphone = microphone
        form, voices = MeteredForm(self._form, meter), [*self._voices, Loudspeaker(playback)]
        conversation = self._conversation_in(session, form, voices)
        with open_sound_card(microphone.receive, playback):
            say("the microphone is on, except while the model speaks; Ctrl-C ends the session")
            yield (
                conversation,
                send_microphone(session, conversation, microphone, playback, meter),
            )
        meter.hide()

    def _conversation_in(
        self, session: LiveSession, form: LiveForm, voices: list[Voice]
    ) -> Conversation:
        return Conversation(
            session,
            form,
            voices=voices,
            note=lambda text: self._note(form, text),
            is_timed=self._plan.is_timed,
        )

    def _note(self, form: LiveForm, text: str) -> None:
        """Say ``text`` on a line of its own, and ask again where somebody was asked."""
        if stderr().is_terminal:
            form.new_line()
            if self._is_asking:
                stderr().line()
        say(text)
        if self._is_asking:
            stderr().write(_PROMPT)

    async def _say_all(self, conversation: Conversation) -> None:
        """Say the sound, then each line of stdin, each when the one before is answered."""
        if self._plan.sound is not None:
            await conversation.speak(self._plan.sound)
        lines, is_prompted = Lines(sys.stdin.fileno()), sys.stdin.isatty()
        while True:
            if is_prompted:
                stderr().write(_PROMPT)
            self._is_asking = is_prompted
            line = await lines.next()
            self._is_asking = False
            if line is None:
                break
            if line.strip():
                await conversation.say(line)
        if is_prompted:
            stderr().line()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HANDLE_WAIT):
                await conversation.has_handle.wait()


async def _first_of(**works: Coroutine[Any, Any, Any]) -> set[str]:
    """Wait until one of ``works`` ends and end the others; return which, or raise what ended it."""
    tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    # Of several failures the first tells most; the others are read, so that nobody logs them.
    failures = [error for task in tasks if not task.cancelled() and (error := task.exception())]
    if failures:
        raise failures[0]
    return {task.get_name() for task in done}
