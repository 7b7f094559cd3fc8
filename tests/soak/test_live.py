"""A Live session of 30 hours: each connection ends after ten minutes, each quarter one breaks.

The hours pass in no time: client and emulator share a loop that never waits, and its clock. Every
question has a number. It gets its whole answer exactly once, or is told as lost by name. Two hours
of it run with every ``make test``. ``GEMSTREAM_SOAK_LIVE_HOURS`` is how long under ``make soak``.

Memory is measured over a shorter session, for that takes long: it is what was allocated with no
frame of the emulator below, for the emulator keeps what was said, and the client must not.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import os
import sys
import tracemalloc
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from gemstream.client.live.events import (
    Disconnected,
    Interrupted,
    Resumed,
    Text,
    TurnCompleted,
)
from gemstream.emulator import Clock, Cut, Emulator, JournalEnd, Lifetime, Rule, Script
from support.clock import in_no_time
from support.emulated import async_client

HOURS = float(os.environ.get("GEMSTREAM_SOAK_LIVE_HOURS", "30"))
MODEL = "gemini-3.8-live"
TURN = "bidiGenerateContent"
HOUR = 3600.0
THINKS = (5.0, 35.0)  # seconds between an answer and the next question
# A question each 22 seconds, so this is one in a quarter of an hour.
DROP_EVERY = 39
TOKENS_A_SECOND = 2.0
# What the client keeps for a session begun afresh is full after some fifty questions.
BACKGROUND = "The weather of that day. " * 40
MEASURED_HOURS = 2.4
FRAMES = 14
SAMPLES = 6
GROWTH = 4 * 1024  # bytes; 40 for each question would be 6,000 in these hours


class LoopClock(Clock):
    """The emulator's time is the loop's."""

    def __init__(self) -> None:
        super().__init__(start=0.0)
        self._loop = asyncio.get_running_loop()

    def now_ns(self) -> int:
        return 1_795_292_400 * 1_000_000_000 + int(self._loop.time() * 1e9)


def emulator(hours: float) -> Emulator:
    """One that ends every connection, and cuts every so many answers before or in their middle."""
    rules = [Rule(method=f"{TURN}/connection", steps=[Lifetime(seconds=600.0, farewell=50.0)])]
    ordinals = range(DROP_EVERY, int(hours * 200) + DROP_EVERY, DROP_EVERY)
    for ordinal in ordinals:
        steps = ["You ", Cut()] if ordinal % 2 else [Cut()]
        rules.append(Rule(method=TURN, request=ordinal, steps=steps))
    return Emulator(Script(rules), rate=TOKENS_A_SECOND, clock=LoopClock())


class Conversation:
    """Asks and keeps count; every assertion is about one question."""

    def __init__(self, session: Any, background: str) -> None:
        self._session = session
        self._background = background
        self.asked = 0
        self.answered = 0
        self.lost = 0
        self.moves = 0
        self.breaks = 0
        self.repeated = 0

    async def ask(self) -> None:
        """Ask the next question, and judge what comes of it."""
        self.asked += 1
        question = f"Question {self.asked}"
        if self._background:
            await self._session.send_client_content(self._background, turn_complete=False)
        await self._session.send_client_content(question)
        said = ""
        last: Any = None
        async for event in self._session.turn():
            last = event
            said += self._receive(event, question)
        if isinstance(last, TurnCompleted):
            assert said == f"You said: {question}"
            self.answered += 1
        else:
            assert isinstance(last, Resumed) and last.turn_is_lost
            assert f"You said: {question}".startswith(said)
            assert question in named(last)
            self.lost += 1

    async def rest(self, seconds: float) -> None:
        """Read on in silence: nothing may be said."""
        try:
            async with asyncio.timeout(seconds):
                async for event in self._session:
                    assert not isinstance(event, Text | TurnCompleted | Interrupted), event
                    self._receive(event, "")
        except TimeoutError:
            return
        raise AssertionError("the session ended")

    def _receive(self, event: Any, question: str) -> str:
        """Note an event; returns what it says."""
        if isinstance(event, Text):
            return event.text
        if isinstance(event, Disconnected):
            self.moves += event.is_planned
            self.breaks += not event.is_planned
        elif isinstance(event, Resumed):
            assert event.state_restored
            assert event.forgotten == 0
            assert set(named(event)) <= {self._background, question}
            assert event.turn_is_lost or not event.may_be_lost
            self.repeated += event.repeated
        return ""


def named(resumed: Resumed) -> list[str]:
    """Return the words of the messages that may be lost."""
    contents = [message.client_content for message in resumed.may_be_lost]
    turns = [turn for content in contents if content is not None for turn in content.turns]
    return [part.text or "" for turn in turns for part in turn.parts]


def allocated() -> int:
    """Return the bytes that the client and its session hold."""
    gc.collect()
    return sum(
        trace.size for trace in tracemalloc.take_snapshot().traces if _is_ours(trace.traceback)
    )


@functools.cache
def _is_ours(traceback: tracemalloc.Traceback) -> bool:
    files = {frame.filename for frame in traceback}
    is_emulated = any("/gemstream/emulator/" in file for file in files)
    return not is_emulated and any("/gemstream/" in file for file in files)


async def converse(
    hours: float, background: str = ""
) -> tuple[Conversation, Emulator, Sequence[int]]:
    """Hold the session; returns what was counted, and memory over its later three quarters."""
    loop, chance = asyncio.get_running_loop(), Random(1)
    service = emulator(hours)
    samples = []
    async with (
        async_client(service) as client,
        client.live(MODEL, response_modalities=["TEXT"]) as session,
    ):
        conversation = Conversation(session, background)
        end = loop.time() + hours * HOUR
        next_sample = loop.time() + hours * HOUR / 4
        while loop.time() < end:
            await conversation.ask()
            await conversation.rest(chance.uniform(*THINKS))
            if loop.time() >= next_sample:
                next_sample += hours * HOUR * 3 / 4 / SAMPLES
                samples.append(allocated() if tracemalloc.is_tracing() else 0)
    return conversation, service, samples


def judge(hours: float, conversation: Conversation, service: Emulator) -> None:
    """Judge a session of so many hours."""
    ends = [entry.end for entry in service.journal if entry.method == TURN]
    sys.stdout.write(
        f"{hours:g} h: {conversation.asked} questions, {conversation.answered} answered, "
        f"{conversation.lost} told as lost; {conversation.moves} moves, {conversation.breaks} "
        f"breaks, {conversation.repeated} messages repeated\n"
    )
    assert conversation.asked == conversation.answered + conversation.lost
    assert ends.count(JournalEnd.FINISHED) == conversation.answered  # no turn came twice
    # Each connection's ten minutes begin anew after a break.
    assert conversation.moves + conversation.breaks >= hours * HOUR / 600 - 1
    assert conversation.breaks >= hours * HOUR / 900 - 2
    assert conversation.lost and conversation.repeated


def test_two_hours_of_a_session() -> None:
    conversation, service, _ = in_no_time(converse(2.0))
    judge(2.0, conversation, service)


@pytest.mark.soak
def test_thirty_hours_of_a_session() -> None:
    conversation, service, _ = in_no_time(converse(HOURS))
    judge(HOURS, conversation, service)


@pytest.mark.soak
def test_memory_stays_where_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="gemstream")  # pytest keeps what is logged
    tracemalloc.start(FRAMES)
    try:
        conversation, service, samples = in_no_time(converse(MEASURED_HOURS, BACKGROUND))
    finally:
        tracemalloc.stop()
    judge(MEASURED_HOURS, conversation, service)
    sys.stdout.write(f"bytes of the client: {samples}\n")
    half = len(samples) // 2
    assert min(samples[half:]) <= max(samples[:half]) + GROWTH
