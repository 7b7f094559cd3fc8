"""The conversation of one Live session: setup, what the client says and shows, handles.

Strategy. One task reads, one writes, one tells the model's turn, one plays what the script has for
the connection; the first that ends ends all. The reader alone interrupts turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ...config.models import KnownModel
from ...policy.live.client_event import (
    ActivityEnded,
    ActivityStarted,
    AudioStreamEnded,
    ContentGiven,
    ContextChanged,
    TextGiven,
    ToolResponded,
    VideoGiven,
)
from ...policy.live.server_event import Audio, UnknownFields
from ...wire.content import Content, Part
from ...wire.live.server_message import (
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    SetupComplete,
    VoiceActivity,
    VoiceActivityType,
)
from ...wire.live.setup import LiveSetup
from ...wire.scalar import encode_duration
from ..exchange import Cut, Left
from .answering import changed
from .connection import LiveConnection
from .ear import Ear, Perceived
from .ending import SessionEnd
from .floor import Book, Floor, Talk
from .functions import Functions
from .handles import Owner
from .hearing import Activity
from .house import CONNECTION, RESUME, SETUP, House
from .playing import play_event
from .realtime import check_setup, rate_of, transcribe

__all__ = ("Book", "Session")


class Session:
    """One connection's conversation once its setup is read; ``owner`` owns its handles."""

    def __init__(
        self,
        setup: LiveSetup,
        model: KnownModel,
        connection: LiveConnection,
        house: House,
        owner: Owner,
        book: Book,
        *,
        is_vertex: bool = False,
    ) -> None:
        self._connection = connection
        self._house = house
        self._owner = owner
        self._talk = Talk(
            setup=setup,
            model=model,
            connection=connection,
            house=house,
            functions=Functions(setup.tools),
            is_vertex=is_vertex,
        )
        self._floor = Floor(self._talk, book, self._give_handle)
        self._ear = Ear(setup, model.name)

    async def hold(self) -> None:
        """Hold the conversation to its end: raises SessionEnd, Left or Cut."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._floor.open(tasks)
                tasks.create_task(self._connection.write_all(), name="emulator live writer")
                tasks.create_task(self._begin(), name="emulator live script")
                await self._listen()  # from the first: the client may leave unanswered
        except BaseExceptionGroup as group:
            raise _reason(group) from None

    async def abandon(self) -> None:
        """Book a turn that the end of the connection cut short."""
        await self._floor.abandon()

    # The connection.

    async def _begin(self) -> None:
        check_setup(self._talk.setup)
        for method in (RESUME, SETUP) if self._resume() else (SETUP,):
            for step in self._house.steps_for(method, self._talk.model.name, ""):
                await play_event(step, self._connection, self._house)
        self._connection.post(ServerMessage(setup_complete=SetupComplete()))
        self._give_handle()
        for step in self._house.steps_for(CONNECTION, self._talk.model.name, ""):
            await play_event(step, self._connection, self._house)

    async def _listen(self) -> None:
        while True:
            for event in await self._connection.events():
                await _HANDLERS.get(type(event), Session._refuse)(self, event)

    def _resume(self) -> bool:
        """Return True for a session that goes on; raises SessionEnd where it cannot."""
        resumption = self._talk.setup.session_resumption
        if resumption is None:
            return False
        if resumption.transparent is not None and not self._talk.is_vertex:
            raise SessionEnd(
                1007,
                'Invalid JSON payload received. Unknown name "transparent" at '
                "'setup.session_resumption': Cannot find field.",
            )
        if not resumption.handle:
            return False
        self._talk.history = self._house.handles.resume(resumption.handle, self._owner)
        return True

    def _give_handle(self) -> None:
        resumption = self._talk.setup.session_resumption
        if resumption is None or self._floor.holds_back:
            return  # what is held back is in no history yet, and its turn gives a handle
        handle = self._house.new_id()
        self._house.handles.keep(handle, self._owner, self._talk.history)
        covered = (self._connection.handled or None) if resumption.transparent else None
        update = SessionResumptionUpdate(
            new_handle=handle, resumable=True, last_consumed_client_message_index=covered
        )
        self._connection.post(ServerMessage(session_resumption_update=update))

    # What the client says in writing.

    async def _on_content(self, event: ContentGiven) -> None:
        contents = [*self._seen(), *event.turns]
        if event.turn_complete and not event.is_history:
            await self._floor.ask(contents)
            return
        await self._floor.interrupt()
        self._talk.history.extend(contents)
        if not event.turn_complete:
            waiting = ServerContent(waiting_for_input=True)
            self._connection.post(ServerMessage(server_content=waiting))

    async def _on_text(self, event: TextGiven) -> None:
        words = Content(role="user", parts=[Part(text=event.text)])
        await self._floor.ask([*self._seen(), words], may_wait=True)

    async def _on_results(self, event: ToolResponded) -> None:
        await self._floor.take_results(event.responses)

    async def _on_context(self, event: ContextChanged) -> None:
        self._talk.setup = changed(self._talk.setup, event.update)
        self._talk.functions.tools = self._talk.setup.tools

    async def _refuse(self, event: object) -> None:
        fields = event.fields if isinstance(event, UnknownFields) else {}
        raise SessionEnd(
            1007,
            f'Invalid JSON payload received. Unknown name "{next(iter(fields), "")}": Cannot find '
            "field.",
        )

    # What the client lets the model hear and see.

    async def _on_audio(self, event: Audio) -> None:
        await self._act(self._ear.hear(event.data, rate_of(event)))

    async def _on_stream_end(self, event: AudioStreamEnded) -> None:
        await self._act(self._ear.end_stream())

    async def _on_video(self, event: VideoGiven) -> None:
        self._ear.see()

    async def _on_activity_start(self, event: ActivityStarted) -> None:
        self._ear.begin()
        await self._floor.begin_speech()

    async def _on_activity_end(self, event: ActivityEnded) -> None:
        await self._understand(self._ear.take())

    async def _act(self, activities: list[Activity]) -> None:
        for activity in activities:
            offset = encode_duration(activity.offset)
            heard = VoiceActivity(type=activity.type, audio_offset=offset)
            self._connection.post(ServerMessage(voice_activity=heard))
            if activity.type is VoiceActivityType.ACTIVITY_START:
                self._ear.begin(activity.offset)
                await self._floor.begin_speech()
            else:
                await self._understand(self._ear.take(activity.offset))

    async def _understand(self, perceived: Perceived) -> None:
        """Make a turn of what was perceived while the user spoke."""
        self._floor.is_user_speaking = False
        pieces = transcribe(perceived, self._house, self._talk.model.name)
        if self._talk.setup.input_audio_transcription is not None:
            for piece in pieces:
                content = ServerContent(input_transcription=piece)
                self._connection.post(ServerMessage(server_content=content))
        words = "".join(piece.text or "" for piece in pieces)
        await self._floor.ask([perceived.content(words, self._talk.setup)], may_wait=True)

    def _seen(self) -> list[Content]:
        """Return the pictures that go with what is said in writing."""
        perceived = self._ear.glance()
        return [perceived.content("", self._talk.setup)] if perceived.frames else []


_HANDLERS: Mapping[type, Callable[[Session, Any], Awaitable[None]]] = {
    ContentGiven: Session._on_content,
    TextGiven: Session._on_text,
    ToolResponded: Session._on_results,
    ContextChanged: Session._on_context,
    Audio: Session._on_audio,
    VideoGiven: Session._on_video,
    ActivityStarted: Session._on_activity_start,
    ActivityEnded: Session._on_activity_end,
    AudioStreamEnded: Session._on_stream_end,
}


def _reason(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what ended the session: a defect before all, else the first."""
    ends = (SessionEnd, Left, Cut)
    defects = [one for one in group.exceptions if not isinstance(one, ends)]
    return (defects or list(group.exceptions))[0]
