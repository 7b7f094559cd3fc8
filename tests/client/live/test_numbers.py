"""What is counted of a session and told of it: turns, losses, ends, and nothing that was said."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from gemstream import LiveStats, Timeouts
from gemstream.client.live.events import Resumed
from gemstream.emulator import Close, Cut, Emulator, Rule, Script, Status
from gemstream.errors import (
    DecodeError,
    GemstreamError,
    IdleTimeout,
    SessionClosedError,
    StreamInterrupted,
    Unavailable,
)
from gemstream.telemetry import (
    AttemptStarted,
    Event,
    LiveDisconnected,
    LiveEnded,
    LiveOpened,
    LiveResumed,
    LiveStarted,
    LiveTurnEnded,
    Outcome,
)
from gemstream.wire.codec import encode
from support.clock import in_no_time
from support.emulated import async_client, blocking_client
from support.live import DONE, SET_UP, by_server, call, output, response
from support.live_service import MODEL, LiveService, Part, Stage, client_of
from support.service import KEY
from support.tables import read_table

HELLO = output({"text": "Hello"})
HANDLE = by_server(sessionResumptionUpdate={"newHandle": "h1", "resumable": True})
COUNTED = by_server(
    serverContent={"turnComplete": True},
    usageMetadata={"promptTokenCount": 3, "responseTokenCount": 2, "totalTokenCount": 5},
)
FIRST, REST = 2.0, 3.0  # seconds until the first output, and until the end


async def answers(stage: Stage) -> None:
    """Answer every question, the first piece after two seconds, the end three seconds later."""
    while True:
        await stage.hear()
        await asyncio.sleep(FIRST)
        await stage.say(HELLO)
        await asyncio.sleep(REST)
        await stage.say(HELLO, COUNTED)


def told(
    service: Any, scene: Any, **options: Any
) -> tuple[list[Event], LiveStats, GemstreamError | None]:
    """Play ``scene`` in a session; what was told, the numbers, and what was raised."""
    events: list[Event] = []

    async def main() -> tuple[LiveStats, GemstreamError | None]:
        client = client_of(service, on_event=events.append)
        session = client.live(MODEL, **options)
        try:
            async with session:
                await scene(session)
        except GemstreamError as error:
            return session.stats, error
        return session.stats, None

    stats, error = in_no_time(main())
    return events, stats, error


def only(kind: type[Any], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def asking(*texts: str) -> Any:
    async def scene(session: Any) -> None:
        for text in texts:
            await session.send_text(text)

    return scene


# --- a session in which nothing goes wrong ---------------------------------------------------


def test_a_session_is_told_from_its_start_to_its_end() -> None:
    events, stats, _ = told(LiveService(answers), asking("Hi", "And?"))
    assert kinds(events) == [
        *("LiveStarted", "AttemptStarted", "LiveOpened"),
        *("LiveTurnEnded", "LiveTurnEnded", "LiveEnded"),
    ]
    assert len({event.call for event in events}) == 1
    start, _, opened, first, second, end = events
    assert isinstance(start, LiveStarted)
    assert (start.operation, start.model, start.provider) == (
        "bidiGenerateContent",
        MODEL,
        "gcp.gemini",
    )
    assert (start.server_address, start.server_port, start.resumed) == ("live", 80, False)
    assert isinstance(opened, LiveOpened)
    assert (opened.attempts, opened.seconds) == (1, 0.0)
    assert isinstance(first, LiveTurnEnded)
    assert isinstance(second, LiveTurnEnded)
    assert [first.number, second.number] == [1, 2]
    for turn in (first, second):
        assert (turn.asked, turn.first_output_seconds, turn.seconds) == (True, FIRST, FIRST + REST)
        assert (turn.outcome, turn.interrupted, turn.tool_calls) == (Outcome.FINISHED, False, 0)
        assert turn.usage["candidates_token_count"] == 2
    assert isinstance(end, LiveEnded)
    assert (end.outcome, end.error, end.seconds) == (Outcome.STOPPED, None, 2 * (FIRST + REST))
    assert end.stats == stats
    assert first.stats.turns == 1


def test_messages_and_bytes_are_counted_as_they_are_on_the_wire() -> None:
    async def part(stage: Stage) -> None:
        await stage.hear()
        await stage.say(HELLO, DONE)

    _, stats, _ = told(LiveService(part), asking("Hi"))
    received = [SET_UP, HELLO, DONE]
    assert (stats.messages_sent, stats.messages_received) == (2, 3)
    assert stats.bytes_received == sum(len(encode(message)) for message in received)
    assert stats.bytes_sent > len("Hi")
    assert (stats.turns, stats.reconnects, stats.seconds_lost, stats.errors) == (1, 0, 0.0, {})


def test_the_numbers_are_there_without_a_listener_before_and_after() -> None:
    async def main() -> None:
        session = client_of(LiveService(answers)).live(MODEL)
        assert session.stats == LiveStats()
        async with session:
            await session.send_text("Hi")
            assert session.stats.turns == 1
        assert session.stats.turns == 1

    in_no_time(main())


def test_the_blocking_session_has_them_too() -> None:
    options: dict[str, Any] = {"response_modalities": ["TEXT"]}
    with blocking_client(Emulator()) as client, client.live(MODEL, **options) as session:
        session.send_text("Hi")
        assert session.stats.turns == 1
        assert session.stats.messages_sent == 2


def test_an_interruption_and_its_successor_are_two_turns() -> None:
    async def part(stage: Stage) -> None:
        await stage.hear()
        await stage.say(HELLO)
        await stage.hear()
        await stage.say(by_server(serverContent={"interrupted": True}), DONE)
        await asyncio.sleep(FIRST)
        await stage.say(HELLO, DONE)

    async def scene(session: Any) -> None:
        await session.send_client_content("Hi")
        await anext(session)
        await session.send_client_content("No")
        async for _ in session.turn():
            pass
        async for _ in session.turn():
            pass

    events, stats, _ = told(LiveService(part), scene)
    turns = only(LiveTurnEnded, events)
    assert [turn.interrupted for turn in turns] == [True, False]
    assert [turn.first_output_seconds for turn in turns] == [0.0, FIRST]
    assert (stats.turns, stats.interruptions) == (2, 1)


def test_calls_of_functions_belong_to_their_turn() -> None:
    async def part(stage: Stage) -> None:
        await stage.hear()
        await stage.say(call("c1", "c2"))
        await stage.hear()
        await stage.say(HELLO, DONE)

    async def scene(session: Any) -> None:
        await session.send_text("Hi")
        given = response("c1", "c2").tool_response
        assert given is not None
        await session.send_tool_response(given.function_responses)
        await session.turn().finish()

    events, stats, _ = told(LiveService(part), scene)
    (turn,) = only(LiveTurnEnded, events)
    assert (turn.tool_calls, stats.tool_calls) == (2, 2)


def test_speech_whose_end_the_service_finds_has_no_latency() -> None:
    async def part(stage: Stage) -> None:
        await stage.hear()
        await stage.say(HELLO)
        await asyncio.sleep(REST)
        await stage.say(DONE)

    async def scene(session: Any) -> None:
        await session.send_realtime_input(audio=b"\0\0")
        await session.turn().finish()

    (turn,) = only(LiveTurnEnded, told(LiveService(part), scene)[0])
    assert (turn.asked, turn.first_output_seconds, turn.seconds) == (False, None, REST)


def test_what_is_closed_in_the_middle_of_a_turn_is_stopped() -> None:
    async def scene(session: Any) -> None:
        await session.send_client_content("Hi")
        await anext(session)

    events, stats, _ = told(LiveService(answers), scene)
    (turn,) = only(LiveTurnEnded, events)
    assert (turn.outcome, turn.error_type, stats.turns) == (Outcome.STOPPED, None, 0)


# --- connections come and go -----------------------------------------------------------------


def then_answers(part: Part) -> LiveService:
    return LiveService(part, answers)


def losing(code: int, *said: Any) -> Part:
    async def part(stage: Stage) -> None:
        await stage.say(HANDLE)
        await stage.hear()
        await stage.say(*said)
        await stage.close(code)

    return part


def test_a_loss_is_told_with_what_it_cost_and_the_turn_goes_on() -> None:
    events, stats, error = told(then_answers(losing(1011)), asking("Hi"))
    assert error is None
    lost, resumed, turn, _ = events[3:]
    assert isinstance(lost, LiveDisconnected)
    assert (lost.code, lost.is_planned) == (1011, False)
    assert isinstance(resumed, LiveResumed)
    assert (resumed.state_restored, resumed.turn_is_lost, resumed.repeated) == (True, False, 1)
    assert 0.25 <= resumed.gap <= 0.5
    assert (stats.reconnects, stats.seconds_lost) == (1, resumed.gap)
    assert stats.errors == {"1011": 1}
    # Measured from the question that was asked first, not from its repetition.
    assert isinstance(turn, LiveTurnEnded)
    assert turn.first_output_seconds == pytest.approx(resumed.gap + FIRST)


def test_a_turn_that_is_lost_is_told_as_failed() -> None:
    events, stats, error = told(then_answers(losing(1006, HELLO)), asking("Hi"))
    assert isinstance(error, StreamInterrupted)
    (turn,) = only(LiveTurnEnded, events)
    assert (turn.outcome, turn.error_type) == (Outcome.FAILED, "1006")
    assert (stats.turns, stats.reconnects) == (0, 1)
    assert only(LiveResumed, events)[0].turn_is_lost


def test_a_planned_change_is_no_error() -> None:
    async def part(stage: Stage) -> None:
        await stage.say(HANDLE, by_server(goAway={"timeLeft": "30s"}))

    async def scene(session: Any) -> None:
        async for event in session:
            if isinstance(event, Resumed):
                break

    events, stats, _ = told(then_answers(part), scene)
    assert only(LiveDisconnected, events)[0].is_planned
    assert (stats.reconnects, stats.errors) == (1, {})


def test_every_failed_try_is_an_error_and_the_end_none_of_its_own() -> None:
    async def refuse(stage: Stage) -> None:
        await stage.hear()
        await stage.close(1011)

    async def first(stage: Stage) -> None:
        await stage.set_up()
        await losing(1006)(stage)

    service = LiveService(first, refuse, sets_up=False)
    events, stats, error = told(service, asking("Hi"))
    assert isinstance(error, SessionClosedError)
    assert stats.errors == {"1006": 1, "1011": len(service.stages) - 1}
    assert stats.seconds_lost >= 20
    end = events[-1]
    assert isinstance(end, LiveEnded)
    assert (end.outcome, end.error) == (Outcome.FAILED, error)
    (turn,) = only(LiveTurnEnded, events)
    assert turn.outcome is Outcome.FAILED


# --- how it ends -----------------------------------------------------------------------------


async def _says_nothing(stage: Stage) -> None:
    while True:
        await stage.hear()


async def _says_garbage(stage: Stage) -> None:
    await stage.hear()
    await stage.raw(b"<html>")


async def _closes(stage: Stage) -> None:
    await stage.hear()
    await stage.close(1008, f"words about {KEY}")


ENDS: dict[str, tuple[Part, type[GemstreamError], str]] = {
    "garbage": (_says_garbage, DecodeError, "gemstream.errors.DecodeError"),
    "silence": (_says_nothing, IdleTimeout, "gemstream.errors.IdleTimeout"),
    "a close": (_closes, SessionClosedError, "1008"),
}


@pytest.mark.parametrize("case", ENDS)
def test_the_end_is_told_once_with_its_error(case: str) -> None:
    part, kind, name = ENDS[case]
    events, stats, error = told(LiveService(part), asking("Hi"), timeouts=Timeouts(idle=5))
    assert isinstance(error, kind)
    (end,) = only(LiveEnded, events)
    assert (end.outcome, end.error) == (Outcome.FAILED, error)
    assert stats.errors == {name: 1}
    assert KEY not in repr(events)


async def test_a_plain_end_by_the_service_is_finished() -> None:
    async def part(stage: Stage) -> None:
        await stage.close(1000)

    events: list[Event] = []
    async with client_of(LiveService(part), on_event=events.append).live(MODEL) as session:
        assert [event async for event in session] == []
    (end,) = only(LiveEnded, events)
    assert (end.outcome, end.stats.errors) == (Outcome.FINISHED, {})


def test_a_session_that_cannot_be_opened_has_an_end_and_its_tries() -> None:
    emulator = Emulator(
        Script([Rule(method="bidiGenerateContent/handshake", steps=[Status(code=503)])])
    )
    events: list[Event] = []

    async def main() -> None:
        async with async_client(emulator, on_event=events.append) as client:
            session = client.live(MODEL)
            with pytest.raises(Unavailable):
                async with session:
                    pass
            assert session.stats.errors == {"503": 3}

    in_no_time(main())
    assert kinds(events) == [
        "LiveStarted",
        *["AttemptStarted", "AttemptFailed"] * 3,
        "LiveEnded",
    ]
    assert only(LiveEnded, events)[0].outcome is Outcome.FAILED


def test_a_hook_may_send_headers_along_with_the_handshake() -> None:
    def hook(event: Event) -> None:
        if isinstance(event, AttemptStarted):
            event.headers["traceparent"] = "00-1-2-01"

    service = LiveService(answers)

    async def main() -> None:
        async with client_of(service, on_event=hook).live(MODEL):
            pass

    in_no_time(main())
    assert (b"traceparent", b"00-1-2-01") in service.scopes[0]["headers"]


async def test_a_session_that_is_left_while_it_opens_is_cancelled() -> None:
    events: list[Event] = []
    reached = asyncio.Event()

    async def part(stage: Stage) -> None:
        await stage.hear()
        reached.set()

    service = LiveService(part, sets_up=False)

    async def opening() -> None:
        async with client_of(service, on_event=events.append).live(MODEL):
            pass

    task = asyncio.create_task(opening())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (end,) = only(LiveEnded, events)
    assert (end.outcome, end.error) == (Outcome.CANCELLED, None)


def test_a_hook_that_fails_harms_no_session() -> None:
    def hook(event: Event) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        async with client_of(LiveService(answers), on_event=hook).live(MODEL) as session:
            assert (await session.send_text("Hi")).text == "HelloHello"

    in_no_time(main())


def test_the_reference_names_every_number() -> None:
    rows = read_table("docs/reference/live.md", "live stats")
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(LiveStats.__struct_fields__)


# --- against the emulator --------------------------------------------------------------------


@pytest.mark.parametrize("end", [Cut(), Close(code=1011)])
def test_the_emulator_s_disconnects_are_counted(end: Any) -> None:
    emulator = Emulator(Script([Rule(method="bidiGenerateContent", request=1, steps=[end])]))
    options: dict[str, Any] = {"response_modalities": ["TEXT"]}

    async def main() -> LiveStats:
        async with async_client(emulator) as client, client.live(MODEL, **options) as session:
            assert (await session.send_text("Hi")).text == "You said: Hi"
            return session.stats

    stats = in_no_time(main())
    assert (stats.turns, stats.reconnects) == (1, 1)
    assert stats.errors == {"1011" if isinstance(end, Close) else "1006": 1}
