"""Who has the floor in a session: turns of the model begun, cut short, ended, and what follows.

Promises: one turn at a time; what may not interrupt waits for its end, results of functions before
words of the user; each turn is booked once, before its end is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import msgspec

from ...config.models import KnownModel
from ...wire.content import Content, FunctionResponse, Part, Scheduling
from ...wire.live.server_message import (
    InteractionStatus,
    LiveToolCallCancellation,
    ServerContent,
    ServerMessage,
    SessionResumptionUpdate,
)
from ...wire.live.setup import ActivityHandling, LiveSetup
from ..builtin.prompt import prompt_text
from ..journal import End
from .answering import answer_parts, prompt_tokens, request_of, speaks
from .connection import LiveConnection
from .functions import Functions
from .house import TURN, House
from .telling import Teller, tells
from .turn import Turn, Voice, live_usage

__all__ = ("Book", "Floor", "Talk")

Book = Callable[[Turn, End], Awaitable[None]]
"""Makes the journal entry of a turn."""


class Talk(msgspec.Struct, kw_only=True):
    """What a session's parts share: how it is set up at the moment, and what was said so far."""

    setup: LiveSetup
    model: KnownModel
    connection: LiveConnection
    house: House
    functions: Functions
    is_vertex: bool
    history: list[Content] = []

    def voice(self) -> Voice:
        """Return how the model says words."""
        return Voice(speaks(self.setup), self.setup.output_audio_transcription is not None)


class Floor:
    """The turns of one session; ``is_user_speaking``: the model then begins nothing by itself.

    ``give_handle`` is called when a turn has ended.
    """

    __slots__ = (
        "_book",
        "_give_handle",
        "_results",
        "_silent",
        "_talk",
        "_tasks",
        "_teller",
        "_turn",
        "_waiting",
        "is_user_speaking",
    )

    def __init__(self, talk: Talk, book: Book, give_handle: Callable[[], None]) -> None:
        self._talk = talk
        self._book = book
        self._give_handle = give_handle
        self._teller = Teller(talk.connection, talk.house, talk.voice(), talk.functions)
        self._tasks: asyncio.TaskGroup | None = None
        self._turn: Turn | None = None
        self._waiting: list[Content] = []  # words of the user
        self._results: list[FunctionResponse] = []  # to be told when the model is idle
        self._silent: list[FunctionResponse] = []  # to be known when the turn has ended
        self.is_user_speaking = False

    @property
    def holds_back(self) -> bool:
        """True while the user has said something that no turn has taken up yet."""
        return bool(self._waiting) or self.is_user_speaking

    def open(self, tasks: asyncio.TaskGroup) -> None:
        """Have the turns told by tasks of ``tasks``; comes first."""
        self._tasks = tasks

    async def abandon(self) -> None:
        """Book a turn that the end of the connection cut short."""
        if self._turn is not None and not self._turn.is_booked:
            self._turn.is_booked = True
            await self._book(self._turn, End.ABORTED)

    # What the client does.

    async def interrupt(self) -> None:
        """Cut the open turn short; without one nothing happens."""
        while (turn := self._turn) is not None:
            if turn.task is not None:
                turn.task.cancel()
                await asyncio.wait((turn.task,))
            if self._turn is turn:  # it did not end meanwhile
                await self._cut_short(turn)

    async def begin_speech(self) -> None:
        """The user begins to speak, and by that interrupts, unless the setup says otherwise."""
        self.is_user_speaking = True
        if not self._keeps_talking:
            await self.interrupt()

    async def ask(self, contents: Sequence[Content], *, may_wait: bool = False) -> None:
        """Have the model answer, now or, if it may wait, when its turn may not be interrupted."""
        if may_wait and self._turn is not None and self._keeps_talking:
            self._waiting.extend(contents)
            return
        await self.interrupt()
        self._talk.history.extend(contents)
        self._start_turn()

    async def take_results(self, responses: Sequence[FunctionResponse]) -> None:
        """Go on with what functions returned, or keep it until it is to be told."""
        running = [one for one in responses if self._talk.functions.is_running(one)]
        schedules = [self._schedule(one) for one in running]
        if Scheduling.INTERRUPT in schedules:
            await self.interrupt()
            self._tell_results()
        elif self._turn is None:
            self._follow_up()
        turn = self._turn
        if turn is None or not turn.awaited:
            return
        for response in responses:
            turn.take(response)
        if not turn.awaited and (turn.task is None or turn.task.done()):
            self._run(turn, self._go_on(turn))

    @property
    def _keeps_talking(self) -> bool:
        config = self._talk.setup.realtime_input_config
        return bool(config and config.activity_handling is ActivityHandling.NO_INTERRUPTION)

    def _schedule(self, response: FunctionResponse) -> Scheduling:
        scheduling = self._talk.functions.schedule(response)
        (self._silent if scheduling is Scheduling.SILENT else self._results).append(response)
        return scheduling

    # What the model does.

    def _start_turn(self) -> None:
        self._begin(self._tell)

    def _tell_results(self) -> None:
        self._talk.history.append(_told(self._results))
        self._results = []
        self._begin(self._answer)

    def _begin(self, telling: Callable[[Turn], Coroutine[Any, Any, None]]) -> None:
        self._turn = Turn(self._talk.house.new_id())
        if self._talk.setup.session_resumption is not None:
            nothing = SessionResumptionUpdate()  # not while the model speaks
            self._talk.connection.post(ServerMessage(session_resumption_update=nothing))
        self._run(self._turn, telling(self._turn))

    def _run(self, turn: Turn, telling: Coroutine[Any, Any, None]) -> None:
        assert self._tasks is not None
        turn.task = self._tasks.create_task(telling, name="emulator live turn")

    async def _tell(self, turn: Turn) -> None:
        talk = self._talk
        steps = talk.house.steps_for(TURN, talk.model.name, prompt_text(talk.history))
        turn.prompt_tokens = prompt_tokens(talk.setup, talk.history)
        await self._play(steps, turn)

    async def _go_on(self, turn: Turn) -> None:
        """Go on with what the functions returned that the turn waited for."""
        self._talk.history.extend(turn.exchange())
        steps, turn.rest = turn.rest, ()
        turn.prompt_tokens = prompt_tokens(self._talk.setup, self._talk.history)
        await self._play(steps, turn)

    async def _play(self, steps: Sequence[Any], turn: Turn) -> None:
        await self._teller.play(steps, turn)
        if tells(steps):
            await self._pause_or_finish(turn)
        else:
            await self._answer(turn)

    async def _answer(self, turn: Turn) -> None:
        talk = self._talk
        request = request_of(talk.setup, talk.history)
        turn.prompt_tokens = prompt_tokens(talk.setup, talk.history)
        await self._teller.say(answer_parts(request, talk.model, talk.house.seed), turn)
        await self._pause_or_finish(turn)

    async def _pause_or_finish(self, turn: Turn) -> None:
        if turn.awaited:
            return  # the client's functions run; their results continue the turn
        if turn.calls:  # they were faster than the news that the calls had been written
            await self._go_on(turn)
            return
        done = ServerMessage(server_content=ServerContent(generation_complete=True))
        self._talk.connection.post(done)
        await self._end_turn(turn, End.FINISHED)
        self._follow_up()

    async def _cut_short(self, turn: Turn) -> None:
        connection = self._talk.connection
        awaited = [id for id in connection.protocol.open_calls if id in turn.awaited]
        if awaited:
            cancellation = LiveToolCallCancellation(ids=awaited)
            connection.post(ServerMessage(tool_call_cancellation=cancellation))
        connection.post(ServerMessage(server_content=ServerContent(interrupted=True)))
        await self._end_turn(turn, End.ABORTED)

    async def _end_turn(self, turn: Turn, end: End) -> None:
        """Book the turn, then end it; nothing is awaited between its end and what follows."""
        usage = turn.usage()
        if not turn.is_booked:
            turn.is_booked = True
            await self._book(turn, end)
        self._talk.history.extend(turn.contents)
        self._turn = None
        self._learn()
        follows = end is End.FINISHED and self._has_more
        status = InteractionStatus.IN_PROGRESS if follows else InteractionStatus.IDLE
        self._talk.connection.post(
            ServerMessage(
                server_content=ServerContent(turn_complete=True, interaction_status=status),
                usage_metadata=live_usage(usage, is_vertex=self._talk.is_vertex),
            )
        )
        self._give_handle()

    # What follows a turn.

    @property
    def _has_more(self) -> bool:
        return bool(self._waiting or (self._results and not self.is_user_speaking))

    def _follow_up(self) -> None:
        self._learn()
        if self._results and not self.is_user_speaking:
            self._tell_results()
        elif self._waiting:
            self._talk.history.extend(self._waiting)
            self._waiting.clear()
            self._start_turn()

    def _learn(self) -> None:
        """Let the history know what is not to be told; not in a turn, which answers its last."""
        if self._silent:
            self._talk.history.append(_told(self._silent))
            self._silent = []


def _told(results: Sequence[FunctionResponse]) -> Content:
    return Content(role="user", parts=[Part(function_response=one) for one in results])
