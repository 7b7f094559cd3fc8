"""What only the service can tell: a connection, the key, the model, a short stream, a session.

Each step rests on the one before it; after a failure the others are not tried.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ..errors import GemstreamError
from .advice import describe
from .diagnosis import Finding, State, fail, ok, skip, warn
from .exit_codes import exit_code_of
from .session import Connection, open_client

if TYPE_CHECKING:
    from ..client.client import AsyncClient

__all__ = ("STEPS", "check_online", "skipped")

_PROMPT = "Reply with the one word: ok"
_ONLY_LIVE = "only Live sessions are concerned: gemstream live, and live() of a client"
# TLS certificates and signed URLs stand a few minutes.
_LARGEST_SKEW = 300.0


async def check_online(connection: Connection, model: str) -> AsyncIterator[Finding]:
    """Yield what each step found, as soon as it is known."""
    failed = ""
    try:
        async with open_client(connection) as client:
            for name, step in STEPS.items():
                if failed:
                    yield skip(name, f"not tried, as {failed} failed")
                    continue
                found = await _taken(name, step, client, model)
                failed = name if found.state is State.FAIL else ""
                yield found
    except GemstreamError as error:  # the client itself could not be made
        yield fail("client", describe(error), code=exit_code_of(error))


def skipped(because: str) -> list[Finding]:
    """Return the findings of steps that were not taken."""
    return [skip(name, because) for name in STEPS]


async def _taken(name: str, step: _Step, client: AsyncClient, model: str) -> Finding:
    try:
        return await step(client, model)
    except GemstreamError as error:
        kind = type(error).__name__
        return fail(name, f"{kind}: {describe(error)}", code=exit_code_of(error), error=kind)


async def _connect(client: AsyncClient, model: str) -> Finding:
    """Take any answer of the host for a connection, and its date for the time."""
    from ..net.aiohttp_transport import AiohttpTransport
    from ..net.transport import Deadlines, HTTPRequest

    options = client.options
    timeouts = options.timeouts
    total = None if timeouts.total is None else asyncio.get_running_loop().time() + timeouts.total
    deadlines = Deadlines(
        connect=timeouts.connect,
        first_chunk=timeouts.first_chunk,
        total=total,
        total_seconds=timeouts.total,
    )
    transport = AiohttpTransport()
    began = time.perf_counter()
    try:
        exchange = await transport.open(HTTPRequest("GET", f"{options.base_url}/"), deadlines)
        took = _ms(time.perf_counter() - began)
        date = exchange.headers.get("date")
        await exchange.aclose()
    finally:
        await transport.aclose()
    skew = _skew(date, time.time())
    if abs(skew) > _LARGEST_SKEW:
        said = f"answered after {took} ms; its clock is {abs(skew):.0f} s "
        said += "ahead of this one" if skew > 0 else "behind this one"
        return warn("connection", said, "set the clock", ms=took, skew_s=round(skew))
    return ok("connection", f"{options.base_url} answered after {took} ms", ms=took)


async def _ask_for_models(client: AsyncClient, model: str) -> Finding:
    models = await client.models.list()
    return ok("key accepted", f"it may use {len(models)} models", models=len(models))


async def _find_model(client: AsyncClient, model: str) -> Finding:
    found = await client.models.get(model)
    return ok("model exists", f"{model} ({found.display_name or found.name})", model=model)


async def _stream(client: AsyncClient, model: str) -> Finding:
    arrivals: list[float] = []
    began = time.perf_counter()
    async with client.generate_stream(_PROMPT, model=model) as stream:
        async for _ in stream:
            arrivals.append(_ms(time.perf_counter() - began))
    chunks = f"{len(arrivals)} chunk{'' if len(arrivals) == 1 else 's'}"
    said = f"first chunk after {arrivals[0]} ms, {chunks} in {arrivals[-1]} ms"
    return ok("stream", said, first_chunk_ms=arrivals[0], chunks=len(arrivals))


async def _hold_session(client: AsyncClient, model: str) -> Finding:
    """Open a Live session and close it; nothing is asked, so it costs nothing.

    A failure is a warning: most programs have no sessions, and a proxy may let all but these pass.
    """
    session = client.live()
    name = session.model.removeprefix("models/")
    began = time.perf_counter()
    try:
        async with session:
            took = _ms(time.perf_counter() - began)
    except GemstreamError as error:
        kind = type(error).__name__
        said = f"{name}: {kind}: {describe(error)}"
        return warn("live session", said, _ONLY_LIVE, model=name, error=kind)
    return ok("live session", f"{name} was set up after {took} ms", model=name, ms=took)


def _skew(date: str | None, now: float) -> float:
    """Return how many seconds the service is ahead, 0 when it does not tell."""
    try:
        return parsedate_to_datetime(date).timestamp() - now if date else 0.0
    except ValueError:
        return 0.0


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


_Step = Callable[["AsyncClient", str], Awaitable[Finding]]
STEPS: dict[str, _Step] = {
    "connection": _connect,
    "key accepted": _ask_for_models,
    "model exists": _find_model,
    "stream": _stream,
    "live session": _hold_session,
}
