"""What the user of a Live session does while something befalls it; no step waits for a time."""

from __future__ import annotations

import asyncio

from emulator.live.sound import loud, quiet
from gemstream.client.live import events
from gemstream.wire.content import FunctionResponse
from support.live_talk import Deed, Talk

__all__ = (
    "adds_history",
    "answers_a_call",
    "answers_a_call_and_is_moved",
    "asks",
    "asks_before_the_end",
    "asks_in_the_outage",
    "asks_twice",
    "asks_while_time_passes",
    "hears_slowly",
    "interrupts",
    "is_cut_while_idle",
    "is_moved_after_the_turn",
    "outlives",
    "reads_nothing",
    "sends_much",
    "speaks",
    "speaks_in_the_outage",
    "speaks_with_marks",
)

_PIECES = 10  # of 100 ms


async def asks(talk: Talk) -> None:
    """A question, its answer."""
    await talk.ask()
    await talk.turn()


async def asks_twice(talk: Talk) -> None:
    """A question whose answer is lost, and the same again."""
    await asks(talk)
    await asks(talk)


async def is_moved_after_the_turn(talk: Talk) -> None:
    """A question, its answer, and then what happens by itself."""
    await asks(talk)
    await talk.until(events.Resumed)


async def is_cut_while_idle(talk: Talk) -> None:
    """As before, and the script goes on behind the answer."""
    await asks(talk)
    talk.emulator.ack()
    await talk.until(events.Resumed)


def asks_while_time_passes(seconds: float) -> Deed:
    """A question, its answer, and so many seconds on the service's clock."""

    async def deed(talk: Talk) -> None:
        await asks(talk)
        talk.emulator.advance(seconds)
        await talk.until(events.Resumed)

    return deed


def outlives(lives: int, seconds: float) -> Deed:
    """As before, for several connections."""

    async def deed(talk: Talk) -> None:
        for _ in range(lives):
            await asks_while_time_passes(seconds)(talk)

    return deed


async def interrupts(talk: Talk) -> None:
    """A question; in the middle of its answer the same again."""
    await talk.ask()
    await talk.until(events.Text)
    await asks(talk)
    await talk.turn()


async def adds_history(talk: Talk) -> None:
    """A question; in the middle of its answer something to know, which cuts it short."""
    await talk.ask()
    await talk.until(events.Text)
    await talk.session.send_client_content("By the way. ", turn_complete=False)
    await talk.turn()
    await talk.until(events.ResumptionUpdated)
    talk.emulator.ack()
    await talk.until(events.Resumed)
    await asks(talk)


async def asks_before_the_end(talk: Talk) -> None:
    """A question; in the middle of its answer another, which waits for its turn."""
    await talk.ask("Well?")
    await talk.until(events.Text)
    await talk.session.send_realtime_input(text="Hi")
    talk.emulator.ack()
    await talk.turn()
    await talk.turn()


async def asks_in_the_outage(talk: Talk) -> None:
    """A question while there is no connection."""
    talk.emulator.ack()
    await talk.until(events.Disconnected)
    await asks(talk)


async def speaks_in_the_outage(talk: Talk) -> None:
    """A sentence while there is no connection."""
    talk.emulator.ack()
    await talk.until(events.Disconnected)
    await talk.session.send_realtime_input(activity_start=True)
    await _say(talk, loud(100), _PIECES)
    await talk.session.send_realtime_input(activity_end=True)
    await talk.turn()


def hears_slowly(seconds: float) -> Deed:
    """A question; in the middle of its answer nothing is said for so long."""

    async def deed(talk: Talk) -> None:
        await talk.ask()
        await talk.until(events.Text)
        await asyncio.sleep(seconds)
        talk.emulator.ack()
        await talk.turn()

    return deed


async def reads_nothing(talk: Talk) -> None:
    """After an answer nobody reads until the session has the handle of another connection."""
    await asks(talk)
    await talk.until(events.ResumptionUpdated)
    before = talk.session.handle
    talk.emulator.ack()
    while talk.session.handle == before:  # noqa: ASYNC110 - no event tells of it: nobody reads
        await asyncio.sleep(0.01)
    await talk.until(events.Resumed)


async def answers_a_call(talk: Talk) -> None:
    """A question, a call, its result, what follows."""
    await talk.ask()
    await talk.until(events.ToolCalled)
    [id] = talk.session.open_calls
    response = FunctionResponse(id=id, name="get_weather", response={"result": "sunny"})
    await talk.session.send_tool_response(response)
    await talk.turn()


async def answers_a_call_and_is_moved(talk: Talk) -> None:
    """As before, and then what happens by itself."""
    await answers_a_call(talk)
    await talk.until(events.Resumed)


def sends_much(size: int) -> Deed:
    """A message of so many bytes, which asks for nothing; then a question."""

    async def deed(talk: Talk) -> None:
        await talk.until(events.ResumptionUpdated)
        await talk.session.send_client_content("x" * size, turn_complete=False)
        await talk.until(events.Resumed)
        await asks(talk)

    return deed


async def speaks(talk: Talk) -> None:
    """The connection ends in the middle of a sentence, which goes on in the next."""
    await talk.until(events.ResumptionUpdated)
    await _say(talk, loud(100), _PIECES)
    talk.emulator.ack()
    await talk.until(events.Resumed)
    await _say(talk, quiet(100), _PIECES)
    await talk.turn()


async def speaks_with_marks(talk: Talk) -> None:
    """As before; the program itself says when the user speaks."""
    await talk.until(events.ResumptionUpdated)
    await talk.session.send_realtime_input(activity_start=True)
    await _say(talk, loud(100), _PIECES)
    talk.emulator.ack()
    await talk.until(events.Resumed)
    await talk.session.send_realtime_input(activity_end=True)
    await talk.turn()


async def _say(talk: Talk, piece: bytes, count: int) -> None:
    for _ in range(count):
        await talk.session.send_realtime_input(audio=piece)
