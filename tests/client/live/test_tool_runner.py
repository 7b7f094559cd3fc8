"""The runner by itself: one task for each call, each response as soon as it is there, no task left.

``Sent`` stands in for the session's ``send_tool_response``.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gemstream import FunctionCall, FunctionDeclaration, FunctionResponse, FunctionTool
from gemstream.client.live.tool_runner import MAX_PARALLEL, ToolRunner
from gemstream.client.tools.given_tools import given_tools
from gemstream.client.tools.registry import ToolRegistry
from gemstream.errors import InvalidRequest, InvalidState, SessionClosedError, StreamInterrupted
from gemstream.policy.live.server_event import Text, ToolCallCancelled, ToolCalled
from gemstream.wire.content import Part
from support.clock import in_no_time
from support.peers import left_behind


class Sent:
    """Keeps what is sent; ``until`` waits for so many responses."""

    def __init__(self, error: Exception | None = None) -> None:
        self.responses: list[FunctionResponse] = []
        self._error = error
        self._more = asyncio.Event()

    async def __call__(self, responses: Sequence[FunctionResponse]) -> None:
        self.responses.extend(responses)
        self._more.set()
        if self._error is not None:
            raise self._error

    async def until(self, count: int) -> list[FunctionResponse]:
        while len(self.responses) < count:
            self._more.clear()
            await self._more.wait()
        return self.responses


def called(*calls: tuple[str, str], **args: Any) -> ToolCalled:
    """The model calls functions: ids and names."""
    return ToolCalled([FunctionCall(id=id, name=name, args=args) for id, name in calls])


async def test_calls_run_in_parallel_and_answer_as_they_end() -> None:
    second_began = asyncio.Event()
    first_may_end = asyncio.Event()

    async def first() -> str:
        await second_began.wait()  # in a row it would wait for ever
        await first_may_end.wait()
        return "first"

    async def second() -> str:
        second_began.set()
        return "second"

    sent = Sent()
    runner = ToolRunner(ToolRegistry([first, second]), sent)
    runner.receive(called(("1", "first"), ("2", "second")))
    [response] = await sent.until(1)
    assert response == FunctionResponse(id="2", name="second", response={"result": "second"})
    first_may_end.set()
    assert (await sent.until(2))[1].id == "1"
    await runner.aclose()


async def test_sync_functions_run_in_parallel() -> None:
    meeting = threading.Barrier(2, timeout=30)

    def meets() -> int:
        return meeting.wait()

    sent = Sent()
    runner = ToolRunner(ToolRegistry([meets]), sent)
    runner.receive(called(("1", "meets"), ("2", "meets")))
    assert {repr(one.response) for one in await sent.until(2)} == {
        "{'result': 0}",
        "{'result': 1}",
    }
    await runner.aclose()


async def test_no_more_than_so_many_run_at_a_time() -> None:
    running, most = 0, 0
    may_end = asyncio.Event()
    is_full = asyncio.Event()

    async def counted() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == MAX_PARALLEL:
            is_full.set()
        await may_end.wait()
        running -= 1

    sent = Sent()
    runner = ToolRunner(ToolRegistry([counted]), sent)
    count = MAX_PARALLEL + 4
    runner.receive(called(*((str(number), "counted") for number in range(count))))
    await is_full.wait()
    may_end.set()
    await sent.until(count)
    assert most == MAX_PARALLEL
    await runner.aclose()


def test_waiting_for_a_turn_is_no_part_of_the_time_limit() -> None:
    async def slow() -> str:
        await asyncio.sleep(40)
        return "done"

    async def main() -> list[FunctionResponse]:
        sent = Sent()
        runner = ToolRunner(ToolRegistry([slow]), sent, max_parallel=1)
        runner.receive(called(("1", "slow"), ("2", "slow"), ("3", "slow")))
        responses = await sent.until(3)
        await runner.aclose()
        return responses

    assert [one.response for one in in_no_time(main())] == [{"result": "done"}] * 3


async def test_a_cancelled_call_is_cancelled_and_nothing_is_sent_for_it() -> None:
    began = asyncio.Event()
    cleaned = asyncio.Event()

    async def waits() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    async def other() -> str:
        await cleaned.wait()
        return "other"

    sent = Sent()
    runner = ToolRunner(ToolRegistry([waits, other]), sent)
    runner.receive(called(("1", "waits"), ("2", "other")))
    await began.wait()
    runner.receive(ToolCallCancelled(["1", "unknown"]))
    assert [one.id for one in await sent.until(1)] == ["2"]
    await runner.aclose()
    assert len(sent.responses) == 1


async def test_a_function_that_ignores_its_cancellation_answers_nobody() -> None:
    began, went_on = asyncio.Event(), asyncio.Event()

    async def stubborn() -> str:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            went_on.set()
        return "stubborn"

    sent = Sent()
    runner = ToolRunner(ToolRegistry([stubborn]), sent)
    runner.receive(called(("1", "stubborn")))
    await began.wait()
    runner.receive(ToolCallCancelled(["1"]))
    await went_on.wait()
    await runner.aclose()
    assert sent.responses == []


async def test_a_call_that_waits_for_its_turn_is_cancelled_before_it_begins() -> None:
    began: list[str] = []

    async def waits(name: str) -> None:
        began.append(name)
        await asyncio.Event().wait()

    runner = ToolRunner(ToolRegistry([waits]), Sent(), max_parallel=1)
    runner.receive(called(("1", "waits"), name="first"))
    runner.receive(called(("2", "waits"), name="second"))
    await asyncio.sleep(0)
    runner.receive(ToolCallCancelled(["2"]))
    runner.receive(ToolCallCancelled(["1"]))
    await runner.aclose()
    assert "second" not in began


async def test_only_calls_of_registered_functions_run() -> None:
    def mine() -> None: ...

    _, registry = given_tools([mine, FunctionDeclaration(name="yours")])
    sent = Sent()
    runner = ToolRunner(registry, sent)
    event = called(("1", "mine"), ("2", "yours"), ("3", "nobody's"))
    runner.receive(event)
    assert [call.id for call in runner.left(event.calls)] == ["2"]
    responses = {one.id: one.response for one in await sent.until(2)}
    assert responses["1"] == {"result": None}
    assert 'there is no function "nobody\'s"' in responses["3"]["error"]  # type: ignore[index]
    await runner.aclose()
    assert len(sent.responses) == 2


async def test_other_events_pass() -> None:
    runner = ToolRunner(ToolRegistry(), Sent())
    runner.receive(Text("hello", Part(text="hello")))
    await runner.aclose()


async def test_a_call_without_an_id_is_known_by_its_function() -> None:
    began = asyncio.Event()

    async def waits() -> None:
        began.set()
        await asyncio.Event().wait()

    sent = Sent()
    runner = ToolRunner(ToolRegistry([waits]), sent)
    runner.receive(ToolCalled([FunctionCall(name="waits")]))
    await began.wait()
    runner.receive(ToolCallCancelled(["waits"]))
    await runner.aclose()
    assert sent.responses == []


# --- values as they come ---------------------------------------------------------------------


async def test_each_value_of_a_generator_is_sent_before_the_next_is_asked_for() -> None:
    sent = Sent()
    seen: list[int] = []

    async def counts() -> AsyncIterator[int]:
        for number in range(3):
            yield number
            seen.append(len(sent.responses))

    tool = FunctionTool(counts, behavior="NON_BLOCKING", scheduling="WHEN_IDLE")
    runner = ToolRunner(ToolRegistry([tool]), sent)
    runner.receive(called(("1", "counts")))
    responses = await sent.until(4)
    assert seen == [1, 2, 3]
    assert [one.will_continue for one in responses] == [True, True, True, False]
    assert {one.id for one in responses} == {"1"}
    await runner.aclose()


@pytest.mark.parametrize("how", ["a cancelled call", "a session that is closed"])
async def test_a_generator_is_closed(how: str) -> None:
    closed = asyncio.Event()
    sent = Sent()

    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0)
        finally:
            closed.set()

    tool = FunctionTool(endless, behavior="NON_BLOCKING")
    runner = ToolRunner(ToolRegistry([tool]), sent)
    runner.receive(called(("1", "endless")))
    await sent.until(3)
    if how == "a cancelled call":
        runner.receive(ToolCallCancelled(["1"]))
        await closed.wait()
    await runner.aclose()
    assert closed.is_set()
    assert all(one.will_continue for one in sent.responses)


# --- what sending raises ---------------------------------------------------------------------

GONE = [
    SessionClosedError("closed", code=1011),
    InvalidState("cancelled"),
    StreamInterrupted("cut"),
]


@pytest.mark.parametrize("error", GONE, ids=lambda error: type(error).__name__)
async def test_a_response_that_nobody_waits_for_ends_in_silence(error: Exception) -> None:
    loop = asyncio.get_running_loop()
    complaints: list[Any] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    closed: list[bool] = []

    async def counts() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    sent = Sent(error)
    runner = ToolRunner(ToolRegistry([FunctionTool(counts, behavior="NON_BLOCKING")]), sent)
    before = asyncio.all_tasks()
    runner.receive(called(("1", "counts")))
    await asyncio.wait(left_behind(before))
    await runner.aclose()
    assert (len(sent.responses), closed, complaints) == (1, [True], [])


async def test_a_response_that_cannot_be_sent_becomes_a_failure() -> None:
    sent = Sent(InvalidRequest("it is too large"))
    runner = ToolRunner(ToolRegistry([_done]), sent)
    runner.receive(called(("1", "_done")))
    _, told = await sent.until(2)
    assert told == FunctionResponse(id="1", name="_done", response={"error": "it is too large"})
    await runner.aclose()


async def _done() -> str:
    return "done"


# --- the end ---------------------------------------------------------------------------------


async def test_nothing_is_left_and_nothing_begins_after_the_end() -> None:
    before = asyncio.all_tasks()
    cleaned: list[int] = []

    async def waits(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)  # what cleans up may wait
            cleaned.append(number)

    sent = Sent()
    runner = ToolRunner(ToolRegistry([waits]), sent)
    for number in range(3):
        runner.receive(called((str(number), "waits"), number=number))
    await asyncio.sleep(0)
    runner.receive(ToolCallCancelled(["0"]))  # still cleaning up
    await runner.aclose()
    assert sorted(cleaned) == [0, 1, 2]
    runner.receive(called(("4", "waits"), number=4))
    assert not left_behind(before)
    await runner.aclose()
    assert sent.responses == []


async def test_what_cleans_up_after_its_cancellation_is_waited_for() -> None:
    began, cleaning, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()
    cleaned: list[bool] = []

    async def waits() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            cleaning.set()
            await may_end.wait()
            cleaned.append(True)

    runner = ToolRunner(ToolRegistry([waits]), Sent())
    runner.receive(called(("1", "waits")))
    await began.wait()
    runner.receive(ToolCallCancelled(["1"]))
    await cleaning.wait()
    closing = asyncio.create_task(runner.aclose())
    await asyncio.sleep(0)
    may_end.set()
    await closing
    assert cleaned == [True]  # it was not cancelled once more


async def test_a_function_may_close_the_session_that_runs_it() -> None:
    closed = asyncio.Event()

    async def hang_up() -> str:
        await runner.aclose()
        closed.set()
        return "bye"

    sent = Sent()
    runner = ToolRunner(ToolRegistry([hang_up]), sent)
    before = asyncio.all_tasks()
    runner.receive(called(("1", "hang_up")))
    await asyncio.wait(left_behind(before))
    assert closed.is_set()
    assert sent.responses == []


class Watched:
    """Functions that count how often they begin and end, with some awaits between."""

    def __init__(self) -> None:
        self.open = 0

    async def awaited(self) -> None:
        """Wait a little."""
        async with self._counted():
            await _some_steps()

    async def values(self) -> AsyncIterator[int]:
        """Yield a little."""
        async with self._counted():
            for number in range(3):
                await _some_steps()
                yield number

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self.open += 1
        try:
            yield
        finally:
            try:
                await _some_steps()
            finally:
                self.open -= 1


async def _some_steps() -> None:
    for _ in range(2):
        await asyncio.sleep(0)


@pytest.mark.parametrize("name", ["awaited", "values"])
@pytest.mark.parametrize("end", ["closed", "cancelled"])
async def test_an_end_at_any_step_leaves_nothing(name: str, end: str) -> None:
    loop = asyncio.get_running_loop()
    complaints: list[Any] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    before = asyncio.all_tasks()
    counts = set()

    async def send(responses: Sequence[FunctionResponse]) -> None:
        await _some_steps()
        sent.append(responses)

    for steps in range(40):
        watched, sent = Watched(), list[Any]()
        tools = [watched.awaited, FunctionTool(watched.values, behavior="NON_BLOCKING")]
        runner = ToolRunner(ToolRegistry(tools), send)
        runner.receive(called(("1", name)))
        for _ in range(steps):
            await asyncio.sleep(0)
        if end == "cancelled":
            runner.receive(ToolCallCancelled(["1"]))
        await runner.aclose()
        assert watched.open == 0
        assert not left_behind(before)
        counts.add(len(sent))
    assert counts == ({0, 1} if name == "awaited" else {0, 1, 2, 3, 4})
    assert complaints == []
