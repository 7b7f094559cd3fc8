"""A session outlives its connections: what is carried over, what is told, what ends it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream import LiveSetup, Timeouts
from gemstream.client.live.events import (
    Disconnected,
    GoingAway,
    Resumed,
    Text,
    ToolCallCancelled,
    ToolCalled,
    TurnCompleted,
)
from gemstream.errors import (
    IdleTimeout,
    InvalidState,
    PermissionDenied,
    SessionClosedError,
    StreamInterrupted,
    Unavailable,
)
from gemstream.policy.live import client_event as heard
from gemstream.policy.live.reconnection import ReconnectPolicy
from gemstream.policy.live.switch import SwitchPolicy
from gemstream.wire.live.server_message import ServerMessage
from gemstream.wire.live.setup import AutomaticActivityDetection, RealtimeInputConfig
from support.clock import in_no_time
from support.live import DONE, by_server, call, output, response
from support.live_service import MODEL, LiveService, Part, Stage, client_of

ONE = output({"text": "one"})
HELLO = output({"text": "Hello"})


def handle(name: str, **more: Any) -> ServerMessage:
    """A handle to go on from."""
    return by_server(sessionResumptionUpdate={"newHandle": name, "resumable": True, **more})


def farewell(seconds: str) -> ServerMessage:
    """The service says that it will close."""
    return by_server(goAway={"timeLeft": seconds})


def answers(name: str) -> Part:
    """Answer every question with "Hello", and give a handle after each."""

    async def part(stage: Stage) -> None:
        while True:
            if isinstance(await stage.hear(), heard.ContentGiven | heard.TextGiven):
                await stage.say(HELLO, DONE, handle(name))

    return part


def then(*steps: ServerMessage | Part | int) -> Part:
    """Messages, parts, and the code of a close, one after the other."""

    async def part(stage: Stage) -> None:
        for step in steps:
            if isinstance(step, int):
                await stage.close(step)
            elif isinstance(step, ServerMessage):
                await stage.say(step)
            else:
                await step(stage)

    return part


async def hear(stage: Stage) -> None:
    await stage.hear()


async def leave(stage: Stage) -> None:
    """Close without a code, as when the wire is cut."""
    await stage.close(1006)


async def silent(stage: Stage) -> None:
    """Hear everything and say nothing."""
    while True:
        await stage.hear()


def setup_of(stage: Stage) -> LiveSetup:
    """The setup of a connection."""
    first = stage.heard[0]
    assert isinstance(first, heard.SetUp)
    return first.setup


def handle_of(stage: Stage) -> str | None:
    """The handle that a connection was opened with."""
    resumption = setup_of(stage).session_resumption
    return resumption.handle if resumption else None


def words_of(stage: Stage) -> list[str]:
    """What was said in writing in a connection."""
    said = []
    for event in stage.heard:
        if isinstance(event, heard.ContentGiven):
            said += [part.text or "" for turn in event.turns for part in turn.parts]
        elif isinstance(event, heard.TextGiven):
            said.append(event.text)
    return said


LOSSES = [1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 4429]


@pytest.mark.parametrize("code", LOSSES)
def test_a_question_without_an_answer_is_asked_again_in_the_next_connection(code: int) -> None:
    service = LiveService(then(handle("h1"), hear, code), answers("h2"))

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            answer = await session.send_text("Hi")
            assert (answer.text, answer.is_complete) == ("Hello", True)
            assert session.handle == "h1"
            assert isinstance(await anext(session), object)
            assert session.handle == "h2"

    in_no_time(main())
    assert [handle_of(stage) for stage in service.stages] == [None, "h1"]
    assert [words_of(stage) for stage in service.stages] == [["Hi"], ["Hi"]]


def test_the_break_is_told_where_it_was() -> None:
    service = LiveService(then(handle("h1"), hear, 1011), answers("h2"))

    async def main() -> list[Any]:
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            return [event async for event in session.turn()]

    _, disconnected, resumed, text, end = in_no_time(main())
    assert disconnected == Disconnected(1011)
    assert isinstance(resumed, Resumed)
    assert (resumed.state_restored, resumed.turn_is_lost, resumed.repeated) == (True, False, 1)
    assert (list(resumed.may_be_lost), resumed.attempts) == ([], 1)
    assert 0.25 <= resumed.gap <= 0.5
    assert isinstance(text, Text)
    assert isinstance(end, TurnCompleted)


def test_an_answer_that_had_begun_is_told_as_lost_and_never_asked_for_twice() -> None:
    service = LiveService(then(handle("h1"), hear, ONE, 1011), answers("h2"))

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            with pytest.raises(StreamInterrupted, match="ask again") as raised:
                await session.send_text("Hi")
            assert raised.value.partial == "one"
            assert (await session.send_text("Again")).text == "Hello"

    in_no_time(main())
    assert words_of(service.stages[1]) == ["Again"]


def test_a_stream_of_text_that_had_begun_is_told_as_lost() -> None:
    service = LiveService(then(handle("h1"), hear, ONE, 1011), answers("h2"))

    async def main() -> None:
        pieces = []
        async with client_of(service).live(MODEL) as session:
            with pytest.raises(StreamInterrupted) as raised:
                async for piece in session.send_text_stream("Hi"):
                    pieces.append(piece)
            assert pieces == ["one"]
            assert raised.value.partial == "one"

    in_no_time(main())


def test_a_turn_that_is_lost_ends_its_iteration_and_names_the_question() -> None:
    service = LiveService(then(handle("h1"), hear, ONE, 1011), answers("h2"))

    async def main() -> Any:
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            *_, last = [event async for event in session.turn()]
            return last

    resumed = in_no_time(main())
    assert isinstance(resumed, Resumed)
    assert resumed.turn_is_lost
    [lost] = resumed.may_be_lost
    assert lost.client_content is not None
    assert lost.client_content.turns[0].parts[0].text == "Hi"


def test_calls_that_were_open_are_cancelled_and_their_question_is_not_repeated() -> None:
    service = LiveService(then(handle("h1"), hear, call("c1"), 1006), silent)

    async def main() -> list[Any]:
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            events = [event async for event in session.turn()]
            with pytest.raises(InvalidState, match="cancelled already"):
                await session.send_tool_response(
                    response("c1").tool_response.function_responses  # type: ignore[union-attr]
                )
            return events

    _, called, cancelled, _, resumed = in_no_time(main())
    assert isinstance(called, ToolCalled)
    assert cancelled == ToolCallCancelled(("c1",))
    assert resumed.turn_is_lost
    assert words_of(service.stages[1]) == []


def test_a_service_that_refuses_the_handle_is_begun_afresh_with_what_was_said() -> None:
    async def refuse(stage: Stage) -> None:
        await stage.hear()
        await stage.close(1007, "Request contains an invalid argument.")

    async def first(stage: Stage) -> None:
        await stage.set_up()
        await then(handle("h1"), hear, HELLO, DONE, 1011)(stage)

    async def fresh(stage: Stage) -> None:
        await stage.set_up()
        await answers("h2")(stage)

    service = LiveService(first, refuse, fresh, sets_up=False)

    async def main() -> Any:
        async with client_of(service).live(MODEL) as session:
            await session.send_text("Hi")
            async for event in session:
                if isinstance(event, Resumed):
                    break
            await session.send_text("And?")
            return event

    resumed = in_no_time(main())
    assert (resumed.state_restored, resumed.history_turns, resumed.attempts) == (False, 2, 2)
    assert [handle_of(stage) for stage in service.stages] == [None, "h1", None]
    told = service.heard[1]
    assert isinstance(told, heard.ContentGiven)
    assert not told.turn_complete
    assert words_of(service.stages[2]) == ["Hi", "Hello", "And?"]


def test_a_model_that_takes_content_as_history_only_is_told_so() -> None:
    model = "gemini-3.1-flash-live-preview"
    service = LiveService(then(hear, HELLO, DONE, 1011), answers("h2"))

    async def main() -> None:
        async with client_of(service).live(model) as session:
            await session.send_text("Hi")
            answer = await session.send_text("And?")
            assert answer.text == "Hello"

    in_no_time(main())
    config = setup_of(service.stages[1]).history_config
    assert config is not None
    assert config.initial_history_in_client_content
    assert words_of(service.stages[1]) == ["Hi", "Hello", "And?"]


REFUSED = [1002, 1003, 1007, 1008, 1009, 4401, 4403]


@pytest.mark.parametrize("code", REFUSED)
async def test_a_close_that_would_come_again_ends_the_session(code: int) -> None:
    service = LiveService(then(handle("h1"), hear, code))
    async with client_of(service).live(MODEL) as session:
        with pytest.raises(SessionClosedError) as raised:
            await session.send_text("Hi")
        assert (raised.value.code, raised.value.resumable) == (code, True)
    assert len(service.stages) == 1


def test_a_service_that_stays_away_ends_the_session_after_its_patience() -> None:
    async def never(stage: Stage) -> None:
        await stage.hear()
        await stage.close(1011, "The service is currently unavailable.")

    async def first(stage: Stage) -> None:
        await stage.set_up()
        await then(handle("h1"), hear, 1011)(stage)

    service = LiveService(first, never, sets_up=False)

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with client_of(service).live(MODEL) as session:
            began = loop.time()
            with pytest.raises(SessionClosedError, match="unavailable") as raised:
                await session.send_text("Hi")
            assert raised.value.code == 1011
            assert session.handle == "h1"
            return loop.time() - began

    assert 20 <= in_no_time(main()) <= 31
    *resumed, fresh = [handle_of(stage) for stage in service.stages[1:]]
    assert set(resumed) == {"h1"}
    assert fresh is None


def test_a_service_that_accepts_and_breaks_for_ever_is_not_followed_for_ever() -> None:
    service = LiveService(then(handle("h1"), 1011))

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            with pytest.raises(SessionClosedError):
                async for _ in session:
                    pass

    in_no_time(main())
    assert 5 <= len(service.stages) <= 40


# --- leaving in time -------------------------------------------------------------------------


def test_at_a_farewell_the_session_moves_between_turns_and_loses_nothing() -> None:
    service = LiveService(
        then(handle("h0"), hear, HELLO, farewell("50s"), DONE, handle("h1"), silent),
        answers("h2"),
    )

    async def main() -> list[Any]:
        events: list[Any] = []
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            async for event in session:
                events.append(event)
                if isinstance(event, Resumed):
                    break
            assert (await session.send_text("And?")).text == "Hello"
        return events

    *_, disconnected, resumed = in_no_time(main())
    assert disconnected == Disconnected(1000, is_planned=True)
    assert (resumed.state_restored, resumed.turn_is_lost, resumed.gap) == (True, False, 0.0)
    assert (resumed.may_be_lost, resumed.forgotten, resumed.repeated) == ([], 0, 0)
    # The old connection was closed before the next was set up, with the handle of its last turn.
    assert service.left == [1000, 1000]
    assert handle_of(service.stages[1]) == "h1"


def test_a_farewell_that_leaves_much_time_is_no_reason_yet() -> None:
    service = LiveService(then(handle("h1"), farewell("300s"), silent), silent)

    async def main() -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        async with client_of(service).live(MODEL) as session:
            async for event in session:
                if isinstance(event, Resumed):
                    return loop.time(), len(service.stages)
        raise AssertionError

    at, connections = in_no_time(main())
    assert 240 <= at <= 242
    assert connections == 2


def test_a_turn_is_waited_for_until_shortly_before_the_end() -> None:
    service = LiveService(then(handle("h1"), hear, farewell("10s"), ONE, silent), silent)

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            async for event in session:
                if isinstance(event, Resumed):
                    return loop.time(), event
        raise AssertionError

    at, resumed = in_no_time(main())
    assert 8 <= at <= 9
    assert resumed.turn_is_lost
    assert [message.client_content is None for message in resumed.may_be_lost] == [False]


def test_an_old_connection_is_left_before_the_service_ends_it() -> None:
    service = LiveService(then(handle("h1"), silent), then(handle("h2"), silent))

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with client_of(service).live(MODEL, switch=SwitchPolicy(oldest=600.0)) as session:
            async for event in session:
                if isinstance(event, Resumed):
                    return loop.time()
        raise AssertionError

    assert 600 <= in_no_time(main()) <= 601


def test_who_asks_again_at_once_loses_no_turn_to_a_farewell() -> None:
    async def part(stage: Stage) -> None:
        await stage.say(handle("h0"), farewell("20s"))
        while True:
            await stage.hear()
            await stage.say(HELLO)
            await asyncio.sleep(0.5)
            await stage.say(DONE)
            await asyncio.sleep(0.05)  # the handle comes a moment later
            await stage.say(handle("h1"))

    service = LiveService(part, answers("h2"))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.2)  # a dial takes longer than the moment between two turns
        await service(scope, receive, send)

    async def main() -> None:
        async with client_of(app).live(MODEL) as session:
            for _ in range(60):
                assert (await session.send_text("Hi")).text == "Hello"
            assert (session.stats.reconnects, session.stats.turns) == (1, 60)

    in_no_time(main())
    assert service.left == [1000, 1000]
    assert handle_of(service.stages[1]) is not None


def test_a_handle_that_never_comes_keeps_nobody_waiting() -> None:
    async def part(stage: Stage) -> None:
        await stage.say(handle("h0"), farewell("50s"))
        while True:
            await stage.hear()
            await stage.say(HELLO, DONE)

    async def main() -> float:
        async with client_of(LiveService(part)).live(MODEL) as session:
            for _ in range(3):
                assert (await session.send_text("Hi")).text == "Hello"
        return asyncio.get_running_loop().time()

    assert in_no_time(main()) <= 3


async def _leaving(stage: Stage) -> None:
    """Say farewell and answer whatever comes."""
    await stage.say(handle("h1"), farewell("50s"))
    while True:
        await stage.hear()
        await stage.say(HELLO, DONE, handle("h1"))


def _hanging(service: LiveService) -> Any:
    """The service, whose second handshake is never answered."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if service.stages:
            await asyncio.Event().wait()
        await service(scope, receive, send)

    return app


def test_a_dial_that_hangs_keeps_a_question_waiting_for_a_moment_only() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with client_of(_hanging(LiveService(_leaving))).live(MODEL) as session:
            assert isinstance([await anext(session) for _ in range(2)][1], GoingAway)
            began = loop.time()
            assert (await session.send_text("Hi")).text == "Hello"
            return loop.time() - began

    assert in_no_time(main()) <= 3.1


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_question_that_waits_for_a_move_can_be_left(is_closed: bool) -> None:
    service = LiveService(_leaving)

    async def main() -> None:
        before = asyncio.all_tasks()
        async with client_of(_hanging(service)).live(MODEL) as session:
            assert isinstance([await anext(session) for _ in range(2)][1], GoingAway)
            asking = asyncio.create_task(session.send_client_content("Hi"))
            await asyncio.sleep(1)
            assert not asking.done()
            if is_closed:
                await session.aclose()
                with pytest.raises(InvalidState, match="closed"):
                    await asking
            else:
                asking.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asking
                assert not session.is_in_turn
        await asyncio.sleep(2)
        assert asyncio.all_tasks() == before

    in_no_time(main())
    assert words_of(service.stages[0]) == []


def test_a_service_that_cannot_be_dialed_is_not_left() -> None:
    service = LiveService(then(handle("h1"), farewell("30s"), answers("h1")))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if service.stages:
            await send({"type": "websocket.http.response.start", "status": 503, "headers": []})
            await send({"type": "websocket.http.response.body", "body": b""})
        else:
            await service(scope, receive, send)

    async def main() -> None:
        async with client_of(app).live(MODEL) as session:
            await asyncio.sleep(10)
            assert (await session.send_text("Hi")).text == "Hello"

    in_no_time(main())


# --- nobody reads ----------------------------------------------------------------------------


def test_a_session_that_nobody_reads_is_kept() -> None:
    service = LiveService(
        then(handle("h1"), hear, HELLO, DONE, handle("h2"), farewell("20s"), silent),
        answers("h3"),
    )

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            await session.send_text("Hi")
            await asyncio.sleep(60)
            assert len(service.stages) == 2
            assert session.handle == "h2"
            assert (await session.send_text("And?")).text == "Hello"

    in_no_time(main())
    assert handle_of(service.stages[1]) == "h2"


def test_a_message_that_meets_a_dead_connection_is_sent_in_the_next() -> None:
    async def part(stage: Stage) -> None:
        await stage.say(handle("h1"))
        await stage.hear()
        await stage.say(HELLO, DONE)
        await stage.close(1011)

    service = LiveService(part, answers("h2"))

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            await session.send_text("Hi")
            assert (await session.send_text("And?")).text == "Hello"

    in_no_time(main())
    assert words_of(service.stages[1]) == ["And?"]


def test_ahead_is_read_within_a_bound() -> None:
    async def part(stage: Stage) -> None:
        await stage.hear()
        for _ in range(10_000):
            await stage.say(ONE)
        await stage.say(DONE)

    service = LiveService(part)

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            await asyncio.sleep(60)
            assert len(session._lifeline.ready) == 256  # type: ignore[union-attr]
            assert len((await session.turn().finish()).text) == 3 * 10_000

    in_no_time(main())


# --- the moment ------------------------------------------------------------------------------


def test_speech_of_the_outage_goes_out_if_it_is_fresh_and_is_told_if_not() -> None:
    async def first(stage: Stage) -> None:
        await stage.set_up()
        await then(handle("h1"), hear, 1011)(stage)

    async def away(stage: Stage) -> None:
        await stage.hear()
        await asyncio.sleep(3)
        await stage.close(1011)

    async def back(stage: Stage) -> None:
        await stage.set_up()
        await silent(stage)

    service = LiveService(first, away, back, sets_up=False)

    async def main() -> Any:
        async with client_of(service).live(MODEL) as session:

            async def speak() -> None:
                for number in range(100):
                    await session.send_realtime_input(audio=number.to_bytes(2, "little"))
                    await asyncio.sleep(0.1)

            speaking = asyncio.create_task(speak())
            async for event in session:
                if isinstance(event, Resumed):
                    await speaking
                    await asyncio.sleep(1)  # until the service has heard it
                    return event
        raise AssertionError

    resumed = in_no_time(main())
    said = [event.data for event in service.heard if isinstance(event, heard.Audio)]
    numbers = [int.from_bytes(data, "little") for data in said]
    assert numbers == list(range(numbers[0], 100))
    assert numbers[0] == len(resumed.may_be_lost) + resumed.forgotten
    assert 15 <= resumed.repeated <= 21  # two seconds of it


def test_speech_that_had_begun_goes_on_in_the_next_connection() -> None:
    config = RealtimeInputConfig(
        automatic_activity_detection=AutomaticActivityDetection(disabled=True)
    )

    async def first(stage: Stage) -> None:
        await then(handle("h1"), hear, hear)(stage)
        await asyncio.sleep(5)
        await stage.close(1011)

    service = LiveService(first, silent)

    async def main() -> None:
        async with client_of(service).live(MODEL, realtime_input_config=config) as session:
            await session.send_realtime_input(activity_start=True)
            await session.send_realtime_input(audio=b"\0\0")
            async for event in session:
                if isinstance(event, Resumed):
                    break
            await session.send_realtime_input(activity_end=True)
            await session.aclose()

    in_no_time(main())
    kinds = [type(event) for event in service.heard[1:]]
    assert kinds == [heard.ActivityStarted, heard.ActivityEnded]


# --- silence ---------------------------------------------------------------------------------


def test_a_connection_that_says_nothing_at_all_is_left_for_another() -> None:
    service = LiveService(then(handle("h1"), silent), answers("h2"))

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with client_of(service).live(MODEL) as session:
            assert (await session.send_text("Hi")).text == "Hello"
            return loop.time()

    assert 60 <= in_no_time(main()) <= 63


def test_an_answer_that_stays_out_is_an_error_in_its_own_time() -> None:
    service = LiveService(then(handle("h1"), silent))

    async def main() -> None:
        async with client_of(service).live(MODEL, timeouts=Timeouts(idle=30)) as session:
            with pytest.raises(IdleTimeout):
                await session.send_text("Hi")

    in_no_time(main())


# --- leaving nothing behind ------------------------------------------------------------------


def test_a_reader_that_is_cancelled_again_and_again_does_not_stop_the_return() -> None:
    async def first(stage: Stage) -> None:
        await stage.set_up()
        await then(handle("h1"), hear, 1011)(stage)

    async def slow(stage: Stage) -> None:
        await stage.hear()
        await asyncio.sleep(2)
        await stage.say(by_server(setupComplete={}))
        await silent(stage)

    service = LiveService(first, slow, sets_up=False)

    async def main() -> None:
        events = []
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            while not (events and isinstance(events[-1], Resumed)):
                try:
                    async with asyncio.timeout(0.1):
                        events.append(await anext(session))
                except TimeoutError:
                    pass

    in_no_time(main())
    assert len(service.stages) == 2


@pytest.mark.parametrize("steps", range(0, 60, 3))
def test_a_session_that_is_closed_while_it_seeks_a_connection_leaves_nothing(steps: int) -> None:
    service = LiveService(then(handle("h1"), hear, 1011), then(hear, 1011))

    async def main() -> None:
        before = asyncio.all_tasks()
        async with client_of(service).live(MODEL) as session:
            reading = asyncio.create_task(session.send_text("Hi"))
            for _ in range(steps):
                await asyncio.sleep(0)
            await session.aclose()
            await asyncio.wait((reading,))
            reading.exception()
        await asyncio.sleep(2)
        assert asyncio.all_tasks() == before

    in_no_time(main())


def test_a_service_that_is_gone_is_told_as_such() -> None:
    service = LiveService(then(handle("h1"), hear, 1011))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if not service.stages:
            return await service(scope, receive, send)
        await send({"type": "websocket.http.response.start", "status": 503, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})

    async def main() -> None:
        client = client_of(app)
        async with client.live(MODEL, reconnect=ReconnectPolicy(patience=5.0)) as session:
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await session.send_text("Hi")
            with pytest.raises(Unavailable):
                await anext(session)

    in_no_time(main())


def test_a_key_that_was_revoked_meanwhile_ends_the_session_at_once() -> None:
    service = LiveService(then(handle("h1"), hear, 1011))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if not service.stages:
            return await service(scope, receive, send)
        await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})

    async def main() -> float:
        async with client_of(app).live(MODEL) as session:
            with pytest.raises(PermissionDenied):
                await session.send_text("Hi")
        return asyncio.get_running_loop().time()

    assert in_no_time(main()) <= 1


def test_a_function_that_runs_while_the_connection_breaks_is_cancelled() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def running(stage: Stage) -> None:
        await began.wait()

    service = LiveService(then(handle("h1"), hear, call("c1"), running, 1006), answers("h2"))

    async def f() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def main() -> None:
        async with client_of(service).live(MODEL, tools=[f]) as session:
            with pytest.raises(StreamInterrupted):
                await session.send_text("Hi")
            await ended.wait()
            assert (await session.send_text("Again")).text == "Hello"

    in_no_time(main())
