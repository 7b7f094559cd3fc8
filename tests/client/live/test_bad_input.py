"""What a program or the service does wrong: a typed error in time, and nothing is left of it.

One table for both: what was wrong, the error, and whether the session goes on. Behind each case
the session, or another one of the same client, holds a turn.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from gemstream import AsyncClient, Timeouts
from gemstream.client.live.session import LiveSession
from gemstream.emulator import (
    Close,
    Cut,
    Emulator,
    Garbage,
    HalfFrame,
    Huge,
    Rule,
    Script,
    Stall,
    serving,
)
from gemstream.errors import (
    DecodeError,
    FirstChunkTimeout,
    GemstreamError,
    IdleTimeout,
    InvalidRequest,
    InvalidState,
    ProtocolError,
    SessionClosedError,
    UnsupportedMedia,
)
from gemstream.net.asgi import ASGITransport
from gemstream.testing.leaks import LeakCheck
from gemstream.wire.content import Blob, FunctionResponse
from support.beside import beside
from support.clock import in_no_time
from support.live_faults.row import CALL, SETUP, TURN, at
from support.service import AT_ONCE, KEY
from support.timers import timers_left

MODEL = "gemini-3.8-live"
Act = Callable[[LiveSession], Awaitable[object]]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """``acts``: what the program does in a session; ``goes_on``: the session is held all the same.

    ``options``: of the session, the ``model`` among them. ``key``: of the client.
    """

    error: type[GemstreamError]
    says: str
    acts: Act | None = None
    rules: Sequence[Rule] = ()
    options: Mapping[str, Any] = {}
    key: str = KEY
    goes_on: bool = False


def text(words: Any) -> Act:
    return lambda session: session.send_text(words)


def realtime(**given: Any) -> Act:
    return lambda session: session.send_realtime_input(**given)


def sound(kind: str) -> Act:
    return realtime(audio=Blob.of(bytes(320), kind))


def responds(id: str) -> Act:
    return lambda session: session.send_tool_response(FunctionResponse(id=id, name="f"))


async def responds_twice(session: LiveSession) -> None:
    await session.send_text("Call it")
    [id] = session.open_calls
    for _ in range(2):
        response = FunctionResponse(id=id, name="get_weather", response={"result": "sunny"})
        await session.send_tool_response(response)


async def responds_to_another(session: LiveSession) -> None:
    await session.send_text("Call it")
    await session.send_tool_response(FunctionResponse(id="function-call-7", name="get_weather"))


async def hears(session: LiveSession) -> None:
    async for _ in session:
        pass


BY_THE_PROGRAM: Mapping[str, Case] = {
    "a model without Live": Case(
        options={"model": "gemini-2.5-flash"}, error=InvalidRequest, says="has no Live sessions"
    ),
    "a model that nobody knows": Case(
        options={"model": "gemini-9-live"}, error=SessionClosedError, says=r"1008.*gemini-9-live"
    ),
    "a model without a name": Case(options={"model": ""}, error=InvalidRequest, says="model"),
    "a key that is not valid": Case(
        key="bad-key", error=SessionClosedError, says="1007.*API key not valid"
    ),
    "an empty message": Case(acts=text(""), error=InvalidRequest, says="send words", goes_on=True),
    "no message": Case(
        acts=lambda session: session.send_client_content(turn_complete=False),
        error=InvalidRequest,
        says="turns",
        goes_on=True,
    ),
    "an empty text as it happens": Case(
        acts=realtime(text=""), error=InvalidRequest, says="empty", goes_on=True
    ),
    "empty audio": Case(acts=realtime(audio=b""), error=InvalidRequest, says="empty", goes_on=True),
    "a message of 10 MB": Case(
        acts=text("x" * 10_000_000), error=InvalidRequest, says="max_message_size", goes_on=True
    ),
    "a sound of 10 MB": Case(
        acts=realtime(audio=bytes(10_000_000)),
        error=InvalidRequest,
        says="max_message_size",
        goes_on=True,
    ),
    "a modality that is none": Case(
        options={"response_modalities": ["SMELL"]},
        error=SessionClosedError,
        says="1007.*response_modalities",
    ),
    "two modalities": Case(
        options={"response_modalities": ["TEXT", "AUDIO"]},
        error=InvalidRequest,
        says="answers in one modality",
    ),
    "a picture for a sound": Case(
        acts=sound("image/png"), error=UnsupportedMedia, says="image/png", goes_on=True
    ),
    "a sound for a picture": Case(
        acts=realtime(video=Blob.of(bytes(320), "audio/pcm")),
        error=UnsupportedMedia,
        says="audio/pcm",
        goes_on=True,
    ),
    "a sound that is no PCM": Case(
        acts=sound("audio/mp3"), error=UnsupportedMedia, says="audio/mp3", goes_on=True
    ),
    "a rate that no speech has": Case(
        acts=sound("audio/pcm;rate=96000"),
        error=UnsupportedMedia,
        says=r"96000.*resample",
        goes_on=True,
    ),
    "a rate that is no number": Case(
        acts=sound("audio/pcm;rate=fast"), error=UnsupportedMedia, says="fast", goes_on=True
    ),
    "a tool response to no call": Case(
        acts=responds("c1"), error=InvalidRequest, says="no call 'c1'", goes_on=True
    ),
    "a tool response with another id": Case(
        rules=[at(TURN, CALL)],
        acts=responds_to_another,
        error=InvalidRequest,
        says="did you mean 'function-call-1'",
    ),
    "a second tool response": Case(
        rules=[at(TURN, CALL)],
        acts=responds_twice,
        error=InvalidState,
        says="answered already",
    ),
    "the end of speech that never began": Case(
        acts=realtime(activity_end=True), error=InvalidState, says="activity", goes_on=True
    ),
}

ONCE = {"reconnect": False}
BY_THE_SERVICE: Mapping[str, Case] = {
    "a setup that is refused": Case(
        rules=[at(SETUP, Close(code=1007, reason="No such voice."))],
        error=SessionClosedError,
        says=r"before it was set up.*1007.*No such voice",
    ),
    "a setup that is never answered": Case(
        rules=[at(SETUP, Stall(), number=None)],
        options={"timeouts": Timeouts(first_chunk=0.05)},
        error=FirstChunkTimeout,
        says="did not complete the setup within 0.05 s",
    ),
    "garbage for a setup's answer": Case(
        rules=[at(SETUP, Garbage(base64="/wA="))], error=DecodeError, says="invalid JSON"
    ),
    "garbage": Case(
        rules=[at(TURN, Garbage(text="<html>"))], acts=text("Hi"), error=DecodeError, says="<html>"
    ),
    "a message out of its order": Case(
        rules=[at(TURN, Garbage(text='{"setupComplete": {}}'))],
        acts=text("Hi"),
        error=ProtocolError,
        says="order of the session",
    ),
    "a message of 10 MB of text": Case(
        rules=[at(TURN, Huge(bytes=10_000_000))],
        acts=text("Hi"),
        error=ProtocolError,
        says="max_message_size",
    ),
    "a message of 10 MB of sound": Case(
        rules=[at(TURN, Huge(bytes=10_000_000, data="inline"))],
        acts=text("Hi"),
        error=ProtocolError,
        says="max_message_size",
    ),
    "half a frame": Case(
        rules=[at(TURN, HalfFrame())],
        acts=text("Hi"),
        options=ONCE,
        error=SessionClosedError,
        says="1006",
    ),
    "half a frame and half an answer": Case(
        rules=[at(TURN, "Half a", HalfFrame())],
        acts=text("Hi"),
        options=ONCE,
        error=SessionClosedError,
        says="1006",
    ),
    "a cut": Case(
        rules=[at(TURN, Cut())],
        acts=text("Hi"),
        options=ONCE,
        error=SessionClosedError,
        says="1006",
    ),
    "an answer that never comes": Case(
        rules=[at(TURN, Stall())],
        acts=text("Hi"),
        options={"timeouts": Timeouts(idle=0.1)},
        error=IdleTimeout,
        says="timeouts.idle",
    ),
}
CASES = {**BY_THE_PROGRAM, **BY_THE_SERVICE}


class Place(msgspec.Struct, frozen=True):
    """An emulator, and where it is reached; without a URL it runs in the client's process."""

    emulator: Emulator
    url: str = ""


@pytest.fixture(scope="module")
def served() -> Iterator[Place]:
    gc.collect()
    gc.freeze()  # a leak check looks at every object; what is here already is not the cases'
    emulator = Emulator()
    with beside(serving(emulator)) as url:
        yield Place(emulator, url)
    gc.unfreeze()


@asynccontextmanager
async def session_of(case: Case, place: Place, **other: Any) -> AsyncIterator[LiveSession]:
    """A session of a client of its own, which tries again without waiting."""
    transport = None if place.url else ASGITransport(place.emulator)
    url = place.url or "http://in-process"
    key = other.pop("key", case.key)
    async with AsyncClient(key, base_url=url, transport=transport, retry=AT_ONCE) as client:
        options = {"model": MODEL, "response_modalities": ["TEXT"], **(other or case.options)}
        async with client.live(**options) as session:
            yield session


async def meets_it(case: Case, place: Place) -> None:
    place.emulator.script = Script(case.rules)
    with pytest.raises(GemstreamError, match=case.says) as met:
        async with session_of(case, place) as session:
            assert case.acts is not None
            try:
                await case.acts(session)
            except GemstreamError:
                place.emulator.script = Script()
                if case.goes_on:
                    assert (await session.send_text("Still there?")).is_complete
                raise
    assert type(met.value) is case.error
    place.emulator.script = Script()
    async with session_of(case, place, key=KEY, model=MODEL) as session:
        assert (await session.send_text("Hi")).text == "You said: Hi"
    await place.emulator.idle()


@pytest.mark.parametrize("name", CASES)
async def test_it_is_told_over_sockets(
    name: str, served: Place, caplog: pytest.LogCaptureFixture
) -> None:
    leaks = LeakCheck()
    async with asyncio.timeout(20):
        await meets_it(CASES[name], served)
    assert [*await asyncio.to_thread(leaks.leaks), *timers_left()] == []
    assert [one for one in caplog.records if one.name == "gemstream.emulator"] == []


@pytest.mark.parametrize("name", CASES)
def test_it_is_told_in_process(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> list[str]:
        leaks = LeakCheck()
        await meets_it(CASES[name], Place(Emulator()))
        await asyncio.sleep(1)  # what ends by itself has ended
        return [*leaks.leaks(), *timers_left()]

    assert in_no_time(main()) == []
    assert [one for one in caplog.records if one.name == "gemstream.emulator"] == []
