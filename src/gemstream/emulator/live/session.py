"""The conversation of one Live session: setup, turns, interruptions, functions, handles.

Strategy. One task reads, one writes, one tells the model's turn, one plays what the script has for
the connection; the first that ends ends all. The reader alone begins and interrupts turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from ...config.models import KnownModel
from ...policy.live.client_event import (
    ActivityEnded,
    ActivityStarted,
    AudioStreamEnded,
    ContentGiven,
    ContextChanged,
    SetUp,
    TextGiven,
    ToolResponded,
    VideoGiven,
)
from ...policy.live.server_event import Audio, UnknownFields
from ...wire.content import Content, Part
from ...wire.live.server_message import (
    LiveToolCallCancellation,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
    SetupComplete,
)
from ...wire.live.setup import ActivityHandling, LiveSetup
from ..builtin.prompt import prompt_text
from ..builtin.token_count import request_tokens
from ..exchange import Cut, Left
from ..journal import End
from .answering import answer_parts, request_of, speaks
from .connection import LiveConnection
from .ending import SessionEnd
from .handles import Owner
from .house import CONNECTION, RESUME, SETUP, TURN, House
from .playing import play_event
from .telling import Teller, tells
from .turn import Turn, Voice, live_usage

__all__ = ("Book", "Session")

Book = Callable[[Turn, End], Awaitable[None]]
"""Makes the journal entry of a turn."""

_MODALITIES = ("TEXT", "AUDIO")


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
        self._setup = setup
        self._model = model
        self._connection = connection
        self._house = house
        self._owner = owner
        self._book = book
        self._is_vertex = is_vertex
        self._history: list[Content] = []
        self._waiting: list[Content] = []  # asked while the model may not be interrupted
        self._turn: Turn | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._calls = 0
        voice = Voice(speaks(setup), setup.output_audio_transcription is not None)
        self._teller = Teller(connection, house, voice, self._count_calls)

    async def hold(self) -> None:
        """Hold the conversation to its end: raises SessionEnd, Left or Cut."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._connection.write_all(), name="emulator live writer")
                tasks.create_task(self._begin(), name="emulator live script")
                await self._listen()  # from the first: the client may leave unanswered
        except BaseExceptionGroup as group:
            raise _reason(group) from None

    async def abandon(self) -> None:
        """Book a turn that the end of the connection cut short."""
        if self._turn is not None and not self._turn.is_booked:
            self._turn.is_booked = True
            await self._book(self._turn, End.ABORTED)

    # The connection.

    async def _begin(self) -> None:
        _check_modalities(self._setup)
        for method in (RESUME, SETUP) if self._resume() else (SETUP,):
            for step in self._house.steps_for(method, self._model.name, ""):
                await play_event(step, self._connection, self._house)
        self._connection.post(ServerMessage(setup_complete=SetupComplete()))
        self._give_handle()
        for step in self._house.steps_for(CONNECTION, self._model.name, ""):
            await play_event(step, self._connection, self._house)

    async def _listen(self) -> None:
        while True:
            for event in await self._connection.events():
                await _HANDLERS.get(type(event), Session._refuse)(self, event)

    def _resume(self) -> bool:
        """Return True for a session that goes on; raises SessionEnd where it cannot."""
        resumption = self._setup.session_resumption
        if resumption is None:
            return False
        if resumption.transparent is not None and not self._is_vertex:
            raise SessionEnd(
                1007,
                'Invalid JSON payload received. Unknown name "transparent" at '
                "'setup.session_resumption': Cannot find field.",
            )
        if not resumption.handle:
            return False
        self._history = self._house.handles.resume(resumption.handle, self._owner)
        return True

    def _give_handle(self) -> None:
        resumption = self._setup.session_resumption
        if resumption is None or self._waiting:
            return  # what waits is in no history yet, and its turn gives a handle
        handle = self._house.new_id()
        self._house.handles.keep(handle, self._owner, self._history)
        covered = (self._connection.handled or None) if resumption.transparent else None
        update = SessionResumptionUpdate(
            new_handle=handle, resumable=True, last_consumed_client_message_index=covered
        )
        self._connection.post(ServerMessage(session_resumption_update=update))

    # What the client says.

    async def _on_content(self, event: ContentGiven) -> None:
        await self._interrupt()
        self._history.extend(event.turns)
        if event.turn_complete and not event.is_history:
            self._start_turn()

    async def _on_text(self, event: TextGiven) -> None:
        content = Content(role="user", parts=[Part(text=event.text)])
        if self._turn is not None and self._keeps_talking:
            self._waiting.append(content)
            return
        await self._interrupt()
        self._history.append(content)
        self._start_turn()

    async def _on_results(self, event: ToolResponded) -> None:
        turn = self._turn
        if turn is None or not event.responses:
            return  # they crossed a cancellation on their way
        turn.results.extend(event.responses)
        if not self._connection.protocol.open_calls:
            self._history.extend(turn.exchange())
            self._run(turn, self._answer(turn))

    async def _on_context(self, event: ContextChanged) -> None:
        update = event.update
        instruction = update.system_instruction or self._setup.system_instruction
        tools = self._setup.tools if update.tools is None else update.tools.tools
        self._setup = msgspec.structs.replace(
            self._setup, system_instruction=instruction, tools=tools
        )

    async def _refuse(self, event: object) -> None:
        if isinstance(event, UnknownFields):
            name = next(iter(event.fields), "")
            raise SessionEnd(
                1007, f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
            )
        heard = "video" if isinstance(event, VideoGiven) else "audio"
        raise SessionEnd(1011, f"the emulator takes no {heard} yet: send text")

    @property
    def _keeps_talking(self) -> bool:
        config = self._setup.realtime_input_config
        return bool(config and config.activity_handling is ActivityHandling.NO_INTERRUPTION)

    # The model's turn.

    def _start_turn(self) -> None:
        self._turn = Turn(self._house.new_id())
        if self._setup.session_resumption is not None:
            nothing = SessionResumptionUpdate()  # not while the model speaks
            self._connection.post(ServerMessage(session_resumption_update=nothing))
        self._run(self._turn, self._tell(self._turn))

    def _run(self, turn: Turn, telling: Any) -> None:
        assert self._tasks is not None
        turn.task = self._tasks.create_task(telling, name="emulator live turn")

    async def _tell(self, turn: Turn) -> None:
        prompt = prompt_text(self._history)
        steps = self._house.steps_for(TURN, self._model.name, prompt)
        turn.prompt_tokens = request_tokens(request_of(self._setup, self._history))
        await self._teller.play(steps, turn)
        if tells(steps):
            await self._pause_or_finish(turn)
        else:
            await self._answer(turn)

    async def _answer(self, turn: Turn) -> None:
        request = request_of(self._setup, self._history)
        turn.prompt_tokens = request_tokens(request)
        await self._teller.say(answer_parts(request, self._model, self._house.seed), turn)
        await self._pause_or_finish(turn)

    async def _pause_or_finish(self, turn: Turn) -> None:
        if turn.calls:
            return  # the client's functions run; their results continue the turn
        self._connection.post(ServerMessage(server_content=ServerContent(generation_complete=True)))
        await self._end_turn(turn, End.FINISHED)
        if self._waiting:
            self._history.extend(self._waiting)
            self._waiting.clear()
            self._start_turn()

    async def _interrupt(self) -> None:
        while (turn := self._turn) is not None:
            if turn.task is not None:
                turn.task.cancel()
                await asyncio.wait((turn.task,))
            if self._turn is turn:  # it did not end meanwhile
                await self._cut_short(turn)

    async def _cut_short(self, turn: Turn) -> None:
        if ids := self._connection.protocol.open_calls:
            cancellation = LiveToolCallCancellation(ids=ids)
            self._connection.post(ServerMessage(tool_call_cancellation=cancellation))
        self._connection.post(ServerMessage(server_content=ServerContent(interrupted=True)))
        await self._end_turn(turn, End.ABORTED)

    async def _end_turn(self, turn: Turn, end: End) -> None:
        """Book the turn, then end it; nothing is awaited between its end and what follows."""
        usage = turn.usage()
        if not turn.is_booked:
            turn.is_booked = True
            await self._book(turn, end)
        if turn.content is not None:
            self._history.append(turn.content)
        self._connection.post(
            ServerMessage(
                server_content=ServerContent(turn_complete=True),
                usage_metadata=live_usage(usage, is_vertex=self._is_vertex),
            )
        )
        self._turn = None
        self._give_handle()

    def _count_calls(self, more: int) -> int:
        first = self._calls + 1
        self._calls += more
        return first


_HANDLERS: Mapping[type, Callable[[Session, Any], Awaitable[None]]] = {
    ContentGiven: Session._on_content,
    TextGiven: Session._on_text,
    ToolResponded: Session._on_results,
    ContextChanged: Session._on_context,
    # Not built yet, and told: a session that hears.
    Audio: Session._refuse,
    VideoGiven: Session._refuse,
    ActivityStarted: Session._refuse,
    ActivityEnded: Session._refuse,
    AudioStreamEnded: Session._refuse,
    UnknownFields: Session._refuse,
    SetUp: Session._refuse,
}


def _check_modalities(setup: LiveSetup) -> None:
    config = setup.generation_config
    asked = config.response_modalities if config else ()
    if len(asked) > 1 or any(one not in _MODALITIES for one in asked):
        raise SessionEnd(
            1007, "Request contains an invalid argument: response_modalities is TEXT or AUDIO"
        )


def _reason(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return what ended the session: a defect before all, else the first."""
    ends = (SessionEnd, Left, Cut)
    defects = [one for one in group.exceptions if not isinstance(one, ends)]
    return (defects or list(group.exceptions))[0]
