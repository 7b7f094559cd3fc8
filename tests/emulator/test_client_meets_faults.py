"""The unmodified client meets every fault: the documented error or answer, nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest

from gemstream import AsyncClient, RetryPolicy, Timeouts
from gemstream.emulator import (
    ContentType,
    Cut,
    Drip,
    Duplicate,
    Emulator,
    End,
    ErrorInStream,
    Garbage,
    GzipBomb,
    Headers,
    Html,
    Huge,
    JournalEnd,
    NakedError,
    NoFinish,
    Rule,
    Script,
    Slice,
    Stall,
    Status,
    Step,
    Usage,
    serving,
)
from gemstream.emulator.faults import FAULTS
from gemstream.errors import (
    DecodeError,
    GemstreamError,
    IdleTimeout,
    Internal,
    ProtocolError,
    StreamInterrupted,
    StreamTimeout,
    StreamTruncated,
    Unavailable,
)
from gemstream.net.asgi import ASGITransport
from support.peers import left_behind

_MIB = 1024 * 1024
# Above every answer here but the bombs'.
_CAP = 20 * _MIB
ONCE = RetryPolicy(attempts=1)

Met = str | type[GemstreamError]


class Case(NamedTuple):
    """Steps, and what comes of them: a text or the type of an error."""

    steps: list[Step]
    unary: Met
    stream: Met


CASES: dict[str, Case] = {
    "status": Case([Status(code=503)], Unavailable, Unavailable),
    "html": Case([Html()], Unavailable, Unavailable),
    "html, late": Case(["a", Html()], Unavailable, StreamTruncated),
    "error_in_stream": Case(["a", ErrorInStream()], Internal, Internal),
    "naked_error": Case(["a", NakedError()], Internal, Internal),
    "cut": Case(["a", Cut()], StreamInterrupted, StreamInterrupted),
    "cut, at a byte": Case(["a", Cut(at_byte=60)], StreamInterrupted, StreamInterrupted),
    "end": Case(["a", End()], "a", StreamTruncated),
    "end, in the JSON": Case(["a", End(at_byte=60)], StreamTruncated, StreamTruncated),
    "end, at once": Case([End(at_byte=0)], StreamTruncated, StreamTruncated),
    "garbage": Case(["a", Garbage(text="\n<oops>"), "b"], DecodeError, ProtocolError),
    "garbage, at once": Case([Garbage()], DecodeError, ProtocolError),
    "huge": Case([Huge(bytes=17 * _MIB)], "A" * 17 * _MIB, "A" * 17 * _MIB),
    "huge, inline": Case([Huge(data="inline")], "", ""),
    "content_type": Case(["a", ContentType()], DecodeError, DecodeError),
    "headers": Case(["a", Headers()], "a", "a"),
    "slice": Case(["é 😀", "b", Slice()], "é 😀b", "é 😀b"),
    "slice, of one": Case(["é 😀", "b", Slice(sizes=[1])], "é 😀b", "é 😀b"),
    "drip": Case(["a", "b", Drip(bytes=3, pause=0)], "ab", "ab"),
    "duplicate": Case(["a", "b", Duplicate()], "aab", "aab"),
    "no_finish": Case(["a", "b", NoFinish()], "ab", StreamTruncated),
    "usage": Case(["a", "b", Usage()], "ab", "ab"),
    "usage, decreasing": Case(["a", "b", Usage(mode="decreasing")], "ab", "ab"),
    "usage, first_only": Case(["a", "b", Usage(mode="first_only")], "ab", "ab"),
}
# What only a socket shows: nobody unpacks or limits the head in process.
SOCKET_CASES: dict[str, Case] = {
    "gzip_bomb": Case([GzipBomb(bytes=_CAP + _MIB)], ProtocolError, ProtocolError),
    "headers, in one line": Case(["a", Headers(lines=1)], ProtocolError, ProtocolError),
}


def test_every_fault_is_met() -> None:
    assert {name.partition(",")[0] for name in {**CASES, **SOCKET_CASES}} == {*FAULTS} - {"stall"}


@asynccontextmanager
async def in_process(emulator: Emulator, **options: Any) -> AsyncIterator[AsyncClient]:
    transport = ASGITransport(emulator)
    async with AsyncClient("k", transport=transport, base_url="http://e", **options) as client:
        yield client


@asynccontextmanager
async def on_a_socket(emulator: Emulator, **options: Any) -> AsyncIterator[AsyncClient]:
    async with serving(emulator) as url, AsyncClient("k", base_url=url, **options) as client:
        yield client


async def _generate(client: AsyncClient) -> str:
    return (await client.generate("x")).text


async def _stream(client: AsyncClient) -> str:
    return (await client.generate_stream("x").finish()).text


async def meet(case: Case, place: Any, call: Any, expected: Met) -> None:
    before = asyncio.all_tasks()
    emulator = Emulator(Script([Rule(steps=case.steps)]))
    options = {"retry": ONCE, "max_event_size": _CAP}
    async with place(emulator, **options) as client:
        if isinstance(expected, str):
            assert await call(client) == expected
        else:
            with pytest.raises(expected):
                await call(client)
        emulator.script = Script()  # the client is as good as before
        assert await _stream(client) == "You said: x"
    await emulator.idle()
    assert len(emulator.journal) == 2
    assert not left_behind(before)


@pytest.mark.parametrize("place", [in_process, on_a_socket])
@pytest.mark.parametrize("name", CASES)
async def test_the_client_knows_what_it_met(name: str, place: Any) -> None:
    await meet(CASES[name], place, _generate, CASES[name].unary)
    await meet(CASES[name], place, _stream, CASES[name].stream)


@pytest.mark.parametrize("name", SOCKET_CASES)
async def test_the_client_has_limits_on_a_socket(name: str) -> None:
    await meet(SOCKET_CASES[name], on_a_socket, _generate, SOCKET_CASES[name].unary)
    await meet(SOCKET_CASES[name], on_a_socket, _stream, SOCKET_CASES[name].stream)


@pytest.mark.parametrize("place", [in_process, on_a_socket])
async def test_the_client_leaves_what_stalls(place: Any) -> None:
    before = asyncio.all_tasks()
    emulator = Emulator(Script([Rule(steps=["a", Stall()])]))
    async with place(emulator, retry=ONCE) as client:
        with pytest.raises(StreamTimeout):
            await client.generate("x", timeouts=Timeouts(total=0.05))
        stream = client.generate_stream("x", timeouts=Timeouts(idle=0.05))
        with pytest.raises(IdleTimeout) as caught:
            await stream.finish()
        assert caught.value.partial == "a"
        emulator.script = Script()
        assert await _stream(client) == "You said: x"
    await emulator.idle()
    assert {entry.end for entry in emulator.journal} == {JournalEnd.ABORTED, JournalEnd.FINISHED}
    assert not left_behind(before)


async def test_a_bomb_that_fits_is_an_answer() -> None:
    """The cap counts unpacked bytes, so one just below it is read."""
    fits = Case([GzipBomb(bytes=_CAP - _MIB)], "A" * (_CAP - _MIB), "")
    await meet(fits, on_a_socket, _generate, fits.unary)
