"""A session that goes on: the moments in which something else happens too."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream.client.live.events import Resumed, Text, TurnCompleted
from gemstream.errors import InvalidState, SessionClosedError
from gemstream.net.asgi import ASGITransport
from gemstream.policy.live import client_event as heard
from gemstream.policy.live.deferred import Deferred
from gemstream.policy.live.resumption import MAX_KEPT_SIZE
from gemstream.wire.live.server_message import ServerMessage
from support.clock import in_no_time
from support.live import DONE, SET_UP, audio_in, by_server, output
from support.live_service import MODEL, LiveService, Part, Stage, client_of

HELLO = output({"text": "Hello"})


def handle(name: str) -> ServerMessage:
    return by_server(sessionResumptionUpdate={"newHandle": name, "resumable": True})


def then(*steps: ServerMessage | float | str) -> Part:
    """Messages to say, seconds to wait, "hear", and "cut" the wire; at last only hear."""

    async def part(stage: Stage) -> None:
        for step in steps:
            if isinstance(step, ServerMessage):
                await stage.say(step)
            elif step == "hear":
                await stage.hear()
            elif step == "cut":
                await stage.close(1006)
            else:
                await asyncio.sleep(float(step))
        while True:
            await stage.hear()

    return part


def words_of(stage: Stage) -> list[str]:
    """What was said as content in a connection."""
    return [
        part.text or ""
        for event in stage.heard
        if isinstance(event, heard.ContentGiven)
        for turn in event.turns
        for part in turn.parts
    ]


def handle_of(stage: Stage) -> str | None:
    first = stage.heard[0]
    assert isinstance(first, heard.SetUp)
    return first.setup.session_resumption.handle if first.setup.session_resumption else None


class Once(ASGITransport):
    """Opens one connection, and fails at the next as no transport should."""

    is_used = False

    async def open_socket(self, *arguments: Any, **options: Any) -> Any:
        if self.is_used:
            raise ZeroDivisionError("a fault of ours")
        self.is_used = True
        return await super().open_socket(*arguments, **options)


def test_a_fault_of_ours_ends_the_session_in_sight_of_readers_and_senders() -> None:
    service = LiveService(then(handle("h1"), "hear", "cut"))

    async def main() -> None:
        client = client_of(service)
        client._service.transport = Once(service)
        async with client.live(MODEL) as session:
            for _ in range(2):
                with pytest.raises(SessionClosedError, match="ZeroDivisionError") as raised:
                    await session.send_text("Hi")
                assert isinstance(raised.value.__cause__, ZeroDivisionError)

    in_no_time(main())


def test_a_question_that_met_a_dead_connection_is_not_taken_as_answered_by_what_lay_unread() -> (
    None
):
    service = LiveService(
        then(handle("h1"), "hear", HELLO, DONE, handle("h2"), "cut"),
        then("hear", HELLO, DONE),
    )

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            await asyncio.sleep(0.2)  # nobody reads yet
            await session.send_client_content("And?")
            assert (await session.turn().finish()).text == "Hello"
            *_, last = [event async for event in session.turn()]
            assert isinstance(last, Resumed)
            [lost] = last.may_be_lost
            assert lost.client_content is not None
            assert lost.client_content.turns[0].parts[0].text == "And?"
            assert last.turn_is_lost

    in_no_time(main())
    assert words_of(service.stages[1]) == []


def test_a_question_after_an_answer_on_its_way_is_not_covered_by_that_answer() -> None:
    service = LiveService(
        then(
            handle("h1"),
            "hear",
            HELLO,
            "hear",
            by_server(serverContent={"interrupted": True}),
            DONE,
            handle("h2"),
            "cut",
        ),
        then("hear", HELLO, DONE),
    )

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            assert isinstance(await anext(aiter(_texts(session))), Text)
            await session.send_client_content("And?")
            assert (await session.turn().finish()).is_interrupted
            assert (await session.turn().finish()).text == "Hello"

    in_no_time(main())
    assert words_of(service.stages[1]) == ["And?"]


async def _texts(session: Any) -> Any:
    async for event in session:
        if isinstance(event, Text):
            yield event


def test_an_answer_that_had_begun_is_lost_although_a_later_question_is_answered() -> None:
    service = LiveService(
        then(handle("h1"), "hear", HELLO, "hear", "cut"), then("hear", HELLO, DONE)
    )

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            await anext(aiter(_texts(session)))
            await session.send_client_content("And?")
            *_, last = [event async for event in session.turn()]
            assert isinstance(last, Resumed)
            assert last.turn_is_lost
            assert (await session.turn().finish()).text == "Hello"

    in_no_time(main())
    assert words_of(service.stages[1]) == ["And?"]


def test_a_session_that_was_silent_for_long_is_sought_with_all_patience_again() -> None:
    service = LiveService(
        then(handle("h1"), 1.0, "cut"), then(handle("h2"), 600.0, "cut"), then(handle("h3"))
    )

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            resumed = 0
            async for event in session:
                if isinstance(event, Resumed):
                    assert event.state_restored
                    resumed += 1
                if resumed == 2:
                    break

    in_no_time(main())
    assert handle_of(service.stages[2]) == "h2"


def test_a_session_begun_afresh_has_no_handle_of_the_one_before() -> None:
    async def first(stage: Stage) -> None:
        await stage.hear()
        await stage.say(SET_UP, handle("h1"))
        await stage.close(1011)

    async def away(stage: Stage) -> None:
        await stage.hear()
        await stage.close(1006) if handle_of(stage) else await stage.say(SET_UP)
        await stage.hear()

    service = LiveService(first, away, sets_up=False)

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            async for event in session:
                if isinstance(event, Resumed):
                    assert not event.state_restored
                    assert session.handle is None
                    break

    in_no_time(main())


def test_a_question_in_an_outage_waits_for_the_answer_that_is_still_due() -> None:
    service = LiveService(then(handle("h1"), "hear", "cut"), then("hear", HELLO, DONE))

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            await anext(session)  # the handle
            await anext(session)  # Disconnected
            assert session.is_in_turn
            with pytest.raises(InvalidState, match="earlier turn"):
                await session.send_text("And?")
            assert (await session.turn().finish()).text == "Hello"

    in_no_time(main())


def test_a_loss_that_nobody_has_read_is_not_taken_for_that_of_the_next_question() -> None:
    service = LiveService(then(handle("h1"), "hear", HELLO, "cut"), then("hear", HELLO, DONE))

    async def main() -> None:
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            await asyncio.sleep(10)
            with pytest.raises(InvalidState, match="earlier turn"):
                await session.send_text("And?")
            assert isinstance([event async for event in session.turn()][-1], Resumed)
            assert (await session.send_text("And?")).text == "Hello"

    in_no_time(main())


def test_an_end_of_turn_during_the_farewell_loses_nothing() -> None:
    farewell = by_server(goAway={"timeLeft": "1s"})
    service = LiveService(
        then(handle("h1"), "hear", HELLO, farewell, DONE), then("hear", HELLO, DONE)
    )

    async def main() -> list[Any]:
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            events = []
            async for event in session:
                events.append(event)
                if isinstance(event, Resumed):
                    return events
        raise AssertionError

    events = in_no_time(main())
    ends = [type(event) for event in events if isinstance(event, TurnCompleted)]
    assert (len(ends), events[-1].turn_is_lost) in [(1, False), (0, True)]


@pytest.mark.parametrize("steps", range(0, 40, 2))
def test_whoever_sends_while_the_session_is_closed_does_not_wait_for_ever(steps: int) -> None:
    service = LiveService(then(handle("h1"), "hear", "cut"), then("hear", "cut"))

    async def main() -> None:
        before = asyncio.all_tasks()
        async with client_of(service).live(MODEL) as session:
            await session.send_client_content("Hi")
            await asyncio.sleep(0.2)
            sending = [
                asyncio.create_task(session.send_client_content(str(number))) for number in range(3)
            ]
            for _ in range(steps):
                await asyncio.sleep(0)
            await session.aclose()
            async with asyncio.timeout(5):
                await asyncio.wait(sending)
            for task in sending:
                assert task.exception() is None or isinstance(task.exception(), InvalidState)
        await asyncio.sleep(2)
        assert asyncio.all_tasks() == before

    in_no_time(main())


@pytest.mark.parametrize("steps", range(0, 30))
def test_a_session_closed_in_its_move_leaves_no_connection(steps: int) -> None:
    farewell = by_server(goAway={"timeLeft": "50s"})
    service = LiveService(then(handle("h1"), "hear", farewell), then())

    async def main() -> None:
        before = asyncio.all_tasks()
        async with client_of(service).live(MODEL) as session:
            await session.send_realtime_input(audio=b"\0\0")
            reading = asyncio.create_task(_all(session))
            for _ in range(steps):
                await asyncio.sleep(0)
            await session.aclose()
            await reading
        await asyncio.sleep(2)
        assert asyncio.all_tasks() == before

    in_no_time(main())


async def _all(session: Any) -> None:
    async for _ in session:
        pass


def test_what_is_too_much_to_be_deferred_is_counted_as_dropped() -> None:
    deferred = Deferred()
    deferred.put(audio_in(bytes(MAX_KEPT_SIZE)), 0.0)
    assert (deferred.take(0.0), deferred.take_dropped()) == ([], 1)


def test_sound_does_not_wait_for_a_connection() -> None:
    service = LiveService(then(handle("h1"), 0.1, "cut"), then())

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with client_of(service).live(MODEL) as session:
            await asyncio.sleep(0.2)
            began = loop.time()
            for _ in range(5):
                await session.send_realtime_input(audio=b"\0\0")
            return loop.time() - began

    assert in_no_time(main()) == 0
