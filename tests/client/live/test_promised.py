"""The Live tests that the design documents name, under their names (rows 107 to 109).

They are written against the public API over a real socket, as a user would write them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gemstream import AsyncClient, LiveRateLimiter
from gemstream.client.live.events import TurnCompleted
from gemstream.config.models import bundled_models
from gemstream.emulator import Cut, Emulator, WaitForAck, serving
from gemstream.errors import (
    InvalidRequest,
    SessionClosedError,
    StreamingNotSupported,
    StreamInterrupted,
)
from gemstream.limits.clock import Clock
from gemstream.policy.capability import answers_live_only, supports_live
from gemstream.policy.live.reconnection import ReconnectPolicy
from support.emulated import scripted
from support.service import KEY

MODEL = "gemini-3.8-live"
TEXT = ["TEXT"]


@asynccontextmanager
async def client_of(emulator: Emulator) -> AsyncIterator[AsyncClient]:
    async with serving(emulator) as url, AsyncClient(KEY, base_url=url) as client:
        yield client


# --- row 107 ---------------------------------------------------------------------------------


async def test_connection() -> None:
    emulator = Emulator()
    async with client_of(emulator) as client, client.live(MODEL) as session:
        assert not session.is_in_turn
    await emulator.idle()
    (entry,) = emulator.journal
    assert (entry.method, entry.status) == ("bidiGenerateContent/connection", 1000)


async def test_basic_generation() -> None:
    async with client_of(Emulator()) as client:
        async with client.live(MODEL, response_modalities=TEXT) as session:
            answer = await session.send_text("Count to 5")
        assert (answer.text, answer.is_complete) == ("1, 2, 3, 4, 5", True)
        assert (await client.generate("Count to 5", model=MODEL)).text == "1, 2, 3, 4, 5"


async def test_streaming() -> None:
    emulator = scripted(["One ", WaitForAck(), "two ", WaitForAck(), "three"])
    async with (
        client_of(emulator) as client,
        client.live(MODEL, response_modalities=TEXT) as session,
    ):
        pieces = []
        async for piece in session.send_text_stream("Count"):
            pieces.append(piece)  # each is here before the next is written
            emulator.ack()
    assert pieces == ["One ", "two ", "three"]


async def test_multiple_turns() -> None:
    async with (
        client_of(Emulator()) as client,
        client.live(MODEL, response_modalities=TEXT) as session,
    ):
        for number in (3, 4, 5):
            answer = await session.send_text(f"Count to {number}")
            assert answer.text == ", ".join(map(str, range(1, number + 1)))
        await session.send_client_content("And again")
        ends = [event async for event in session.turn() if isinstance(event, TurnCompleted)]
        assert len(ends) == 1


# --- row 108 ---------------------------------------------------------------------------------


async def test_routes() -> None:
    emulator = Emulator()
    async with client_of(emulator) as client:
        for model in (MODEL, "gemini-2.5-flash", "gemini-2.0-flash-exp"):
            assert (await client.generate("Count to 3", model=model)).text == "1, 2, 3"
    await emulator.idle()
    turns = [(entry.model, entry.method) for entry in emulator.journal if entry.usage]
    assert turns == [
        (MODEL, "bidiGenerateContent"),
        ("gemini-2.5-flash", "generateContent"),
        ("gemini-2.0-flash-exp", "generateContent"),
    ]


async def test_streaming_routes() -> None:
    emulator = scripted(["One ", WaitForAck(), "two"])
    async with client_of(emulator) as client:
        texts = []
        async for text in client.generate_stream("Count", model=MODEL).text_stream:
            texts.append(text)  # each is here before the next is written
            emulator.ack()
        assert texts == ["One ", "two"]
        with pytest.raises(StreamingNotSupported):
            client.generate_stream("Count", model="gemini-embedding-001")
    await emulator.idle()
    assert {entry.method.partition("/")[0] for entry in emulator.journal} == {"bidiGenerateContent"}


DETECTED = {
    MODEL: True,
    "gemini-9-live-preview": True,
    "gemini-9-streaming": True,
    "gemini-live-2.5-flash-native-audio": True,
    "gemini-2.0-flash-exp": False,
    "gemini-9-exp": False,
    "gemini-2.5-flash": False,
}


@pytest.mark.parametrize("model", DETECTED)
async def test_detects(model: str) -> None:
    assert supports_live(model, bundled_models()) is DETECTED[model]
    assert answers_live_only(model, bundled_models()) is DETECTED[model]
    async with AsyncClient(KEY) as client:
        assert client.supports_streaming(model)


# --- row 109 ---------------------------------------------------------------------------------


async def test_invalid_model() -> None:
    emulator = Emulator()
    async with client_of(emulator) as client:
        with pytest.raises(InvalidRequest, match="has no Live sessions; use one that has"):
            client.live("gemini-2.5-flash")
        with pytest.raises(SessionClosedError, match="models/gemini-9-live is not found") as raised:
            async with client.live("gemini-9-live"):
                pass
        assert (raised.value.code, raised.value.retryable) == (1008, False)
    await emulator.idle()
    assert [entry.status for entry in emulator.journal] == [1008]  # it was not tried again


async def test_rate_limiting() -> None:
    scale, now = 600, asyncio.get_running_loop().time  # so many times as fast
    limiter = LiveRateLimiter(clock=Clock(scale))
    emulator = Emulator()
    async with client_of(emulator) as client:
        began = now()
        async with client.live(MODEL, response_modalities=TEXT, rate_limiter=limiter) as session:
            for number in range(limiter.messages_per_minute + 1):
                assert (await session.send_text(f"Say {number}")).is_complete
        assert (now() - began) * scale > 59.9  # the eleventh waited, and was no error
    await emulator.idle()
    assert [entry.method for entry in emulator.journal].count("bidiGenerateContent") == 11


async def test_empty_message() -> None:
    async with (
        client_of(Emulator()) as client,
        client.live(MODEL, response_modalities=TEXT) as session,
    ):
        with pytest.raises(InvalidRequest, match="send words"):
            await session.send_text("")
        with pytest.raises(InvalidRequest, match="send words"):
            await anext(session.send_text_stream(""))
        assert (await session.send_text("Count to 3")).text == "1, 2, 3"


async def test_very_long_message() -> None:
    long = "x" * 2_000_000
    async with (
        client_of(scripted(["Heard"])) as client,
        client.live(MODEL, response_modalities=TEXT) as session,
    ):
        answer = await session.send_text(long)
        assert (answer.text, answer.is_complete) == ("Heard", True)
        assert answer.usage is not None
        assert answer.usage.prompt_token_count == len(long) / 4  # it was heard whole
        with pytest.raises(InvalidRequest, match="max_message_size"):
            await session.send_text(long * 5)
        assert (await session.send_text("Count to 3")).text == "1, 2, 3"


async def test_streaming_recovery() -> None:
    emulator = scripted([Cut()], ["1, ", "2"], ["Half ", "an ", Cut()])
    policy = ReconnectPolicy(base=0.01)
    async with (
        client_of(emulator) as client,
        client.live(MODEL, response_modalities=TEXT, reconnect=policy) as session,
    ):
        # Before the first word nothing is lost: it is asked again, and nobody notices.
        assert [piece async for piece in session.send_text_stream("Count to 2")] == ["1, ", "2"]
        # Later the rest of the answer is lost, and told so; the session goes on.
        pieces = []
        with pytest.raises(StreamInterrupted, match="ask again") as raised:
            async for piece in session.send_text_stream("Count to 3"):
                pieces.append(piece)
        assert pieces == ["Half ", "an "]
        assert raised.value.partial == "Half an "
        again = [piece async for piece in session.send_text_stream("Count to 3")]
        assert "".join(again) == "1, 2, 3"
