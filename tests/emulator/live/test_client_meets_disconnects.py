"""One connection of ours meets each way to end: typed errors, in its own process and outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gemstream import AsyncClient, RetryPolicy
from gemstream.emulator import (
    Close,
    Cut,
    Emulator,
    Garbage,
    HalfFrame,
    Html,
    Huge,
    Lifetime,
    Rule,
    Script,
    Status,
    Step,
    serving,
)
from gemstream.errors import (
    DecodeError,
    GemstreamError,
    PermissionDenied,
    ProtocolError,
    ResourceExhausted,
    SessionClosedError,
    StreamInterrupted,
    Unauthenticated,
    Unavailable,
)
from gemstream.net.asgi import ASGITransport

TURN = "bidiGenerateContent"
HANDSHAKE, SETUP, CONNECTION = f"{TURN}/handshake", f"{TURN}/setup", f"{TURN}/connection"

ENDS: dict[str, tuple[str, tuple[Step, ...], type[GemstreamError], str]] = {
    "429 at the upgrade": (HANDSHAKE, (Status(code=429),), ResourceExhausted, "exhausted"),
    "401 at the upgrade": (HANDSHAKE, (Status(code=401),), Unauthenticated, "credentials"),
    "403 at the upgrade": (HANDSHAKE, (Status(code=403),), PermissionDenied, "permission"),
    "503 at the upgrade": (HANDSHAKE, (Status(code=503),), Unavailable, "overloaded"),
    "a proxy's page at the upgrade": (HANDSHAKE, (Html(),), Unavailable, "HTTP 502"),
    "a cut at the setup": (SETUP, (Cut(),), SessionClosedError, "1006"),
    "half a frame at the setup": (SETUP, (HalfFrame(),), SessionClosedError, "1006"),
    "a cut in a turn": (TURN, ("Half a", Cut()), SessionClosedError, "1006"),
    "half a frame in a turn": (TURN, ("Half a", HalfFrame()), SessionClosedError, "1006"),
    "no JSON": (TURN, ("Half a", Garbage(text="<html>")), DecodeError, "<html>"),
    "bytes": (TURN, ("Half a", Garbage(base64="/wA=")), DecodeError, "invalid JSON"),
    "10 MB": (TURN, (Huge(bytes=10_000_000),), ProtocolError, "max_message_size"),
    "unavailable": (TURN, (Close(reason="unavailable"),), SessionClosedError, "unavailable"),
    "the end of its life": (
        CONNECTION,
        (Lifetime(seconds=0, farewell=0),),
        SessionClosedError,
        "Deadline expired",
    ),
}


@asynccontextmanager
async def client_of(emulator: Emulator, *, is_apart: bool) -> AsyncIterator[AsyncClient]:
    """A client that tries once, on a socket or in the emulator's process."""
    retry = RetryPolicy(attempts=1)
    if not is_apart:
        transport = ASGITransport(emulator)
        async with AsyncClient(
            "k", transport=transport, base_url="http://emulator", retry=retry
        ) as client:
            yield client
        return
    async with serving(emulator) as url, AsyncClient("k", base_url=url, retry=retry) as client:
        yield client


async def converse(client: AsyncClient) -> str:
    options = {"response_modalities": ["TEXT"], "reconnect": False}
    async with client.live("gemini-3.8-live", **options) as session:  # type: ignore[misc]
        return (await session.send_text("Hi")).text


@pytest.mark.parametrize("is_apart", [False, True])
@pytest.mark.parametrize("case", ENDS)
async def test_each_end_is_a_typed_error_and_the_next_session_is_held(
    case: str, is_apart: bool
) -> None:
    method, steps, error, words = ENDS[case]
    emulator = Emulator(Script([Rule(method=method, request=1, steps=steps)]))
    async with client_of(emulator, is_apart=is_apart) as client:
        with pytest.raises(error, match=words):
            await converse(client)
        assert await converse(client) == "You said: Hi"


@pytest.mark.parametrize("is_apart", [False, True])
async def test_an_unknown_message_is_passed_over(is_apart: bool) -> None:
    steps = ("Before, ", Garbage(text='{"news": {}}'), "after")
    emulator = Emulator(Script([Rule(steps=steps)]))
    async with client_of(emulator, is_apart=is_apart) as client:
        assert await converse(client) == "Before, after"


async def test_an_upgrade_that_breaks_off() -> None:
    emulator = Emulator(Script([Rule(method=HANDSHAKE, steps=[Cut()])]))
    async with client_of(emulator, is_apart=True) as client:
        with pytest.raises(StreamInterrupted):
            await converse(client)
