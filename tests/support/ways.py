"""The ways from a client to an emulator, and what comes of a call that goes one.

A call is written once for both faces of the client: what is awaited of the one is had of the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, NamedTuple

from gemstream import AsyncClient, Client, Response, RetryPolicy, Timeouts
from gemstream.client.loop_thread import loop_thread
from gemstream.emulator import Emulator, serving
from gemstream.errors import GemstreamError
from gemstream.net.aiohttp_transport import AiohttpTransport
from gemstream.net.asgi import ASGITransport
from gemstream.net.http2_transport import HTTP2Transport
from gemstream.net.transport import Transport
from support.http2_server import http2_server
from support.service import KEY

__all__ = (
    "CALLS",
    "FACES",
    "LARGEST",
    "ONCE",
    "PROMPT",
    "WAYS",
    "Answer",
    "Counted",
    "Fails",
    "Met",
    "Way",
    "outcome",
)

PROMPT = "Say it"
# The cap of the clients here, for one event and for a whole answer.
LARGEST = 256 * 1024
ONCE = RetryPolicy(attempts=1)
_IN_FULL = 40


class Answer(NamedTuple):
    """A text and how sure it is that it is whole; ``of`` makes one."""

    text: str
    complete: str = "confirmed"


class Counted(NamedTuple):
    """A number of tokens."""

    tokens: int


class Fails(NamedTuple):
    """An error of exactly this class, and the text that was received before it."""

    kind: type[GemstreamError]
    partial: str = ""


Met = Answer | Counted | Fails
Ask = Callable[[Any, str, Timeouts], Any]


def _generate(client: Any, prompt: str, timeouts: Timeouts) -> Any:
    return client.generate(prompt, timeouts=timeouts)


def _stream(client: Any, prompt: str, timeouts: Timeouts) -> Any:
    return client.generate_stream(prompt, timeouts=timeouts).finish()


def _count(client: Any, prompt: str, timeouts: Timeouts) -> Any:
    return client.count_tokens(prompt, timeouts=timeouts)


CALLS: Mapping[str, Ask] = {"generate": _generate, "stream": _stream, "count": _count}


class Way(NamedTuple):
    """How an emulator is reached: what serves it, and what goes there."""

    serves: Callable[[Emulator], AbstractAsyncContextManager[str]]
    transport: Callable[[Emulator], Transport]


@asynccontextmanager
async def _nowhere(_: Emulator) -> AsyncIterator[str]:
    yield "http://in-process"


WAYS: Mapping[str, Way] = {
    "aiohttp": Way(serving, lambda _: AiohttpTransport()),
    "http2": Way(http2_server, lambda _: HTTP2Transport(prior_knowledge=True)),
    "in process": Way(_nowhere, ASGITransport),
}


class AsyncFace:
    """``AsyncClient``; one call after another."""

    def __init__(self, transport: Transport, url: str, retry: RetryPolicy = ONCE) -> None:
        self._transport = transport
        self._client = AsyncClient(KEY, **_options(transport, url, retry))

    async def ask(self, call: str, timeouts: Timeouts, prompt: str = PROMPT) -> Met:
        """Return what comes of a call."""
        return await outcome(lambda: CALLS[call](self._client, prompt, timeouts))

    async def aclose(self) -> None:
        """Close client and transport."""
        await self._client.aclose()
        await self._transport.aclose()


class BlockingFace:
    """``Client`` in a thread, so that the test's own loop runs on."""

    def __init__(self, transport: Transport, url: str, retry: RetryPolicy = ONCE) -> None:
        self._transport = transport
        self._client = Client(KEY, **_options(transport, url, retry))

    async def ask(self, call: str, timeouts: Timeouts, prompt: str = PROMPT) -> Met:
        """Return what comes of a call."""

        def blocked() -> Any:
            return CALLS[call](self._client, prompt, timeouts)

        return await outcome(lambda: asyncio.to_thread(blocked))

    async def aclose(self) -> None:
        """Close client and transport."""
        await asyncio.to_thread(self._client.close)
        await asyncio.to_thread(loop_thread().run, self._transport.aclose())


FACES: Mapping[str, type[AsyncFace] | type[BlockingFace]] = {
    "async": AsyncFace,
    "blocking": BlockingFace,
}


def _options(transport: Transport, url: str, retry: RetryPolicy) -> Any:
    return {"transport": transport, "base_url": url, "retry": retry, "max_event_size": LARGEST}


async def outcome(call: Callable[[], Awaitable[Any]]) -> Met:
    """Return what came of ``call``, whichever it was."""
    try:
        given = await call()
    except GemstreamError as error:
        return Fails(type(error), error.partial)
    if isinstance(given, Response):
        return Answer(brief(given.text), given.complete.value)
    return Counted(given.total_tokens)


def brief(text: str) -> str:
    """Return ``text``, or beginning and length of a long one: a failed test shows it."""
    return text if len(text) <= _IN_FULL else f"{text[:_IN_FULL]}… of {len(text)}"
