"""A recorded stream cut at every byte: exactly what was decided, and nothing left behind.

Decided: an answer is complete when every candidate has its finish reason and the end was clean.
A broken end after the finish leaves the full answer, ``unconfirmed``. Before the first chunk the
call is tried again; after it, what arrived is on the error.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gemstream import AsyncClient
from gemstream.errors import GemstreamError, StreamInterrupted, StreamTruncated
from gemstream.policy.answer import Completeness
from support.peers import Receive, Send, left_behind, raw_server, read_head, reset, respond
from support.service import AT_ONCE, KEY, SSE, Service, client_of

_RECORDED = Path(__file__).parents[1] / "vectors/responses/googleai"
BODY = (_RECORDED / "streaming-success-basic-reply-short.txt").read_bytes()
TEXTS = ["The", " capital of Wyoming", " is **Cheyenne**.\n"]
WHOLE = "".join(TEXTS)
_EVENTS = [event + b"\r\n\r\n" for event in BODY.split(b"\r\n\r\n")[:-1]]
# Where each event's blank line is whole, and where its JSON is.
_ENDS = [sum(map(len, _EVENTS[: number + 1])) for number in range(len(_EVENTS))]
_JSON_ENDS = [end - 4 for end in _ENDS]


class Outcome(NamedTuple):
    """What a caller saw."""

    delivered: list[str]
    partial: str | None  # of the error
    end: Completeness | type[GemstreamError]
    requests: int


def _decided(offset: int, *, is_clean: bool) -> list[Outcome]:
    """Return the outcomes that are right for a cut at ``offset``; two where CR LF is cut."""
    ends = _JSON_ENDS if is_clean else _ENDS
    counts = {sum(end <= offset for end in ends)}
    if not is_clean:  # a blank line may be known at its CR
        counts.add(sum(end - 1 <= offset for end in ends))
    return [_outcome(count, is_clean=is_clean) for count in counts]


def _outcome(count: int, *, is_clean: bool) -> Outcome:
    if count == 0:  # nothing was delivered, so it was tried again and went well
        return Outcome(TEXTS, None, Completeness.CONFIRMED, 2)
    if count == len(TEXTS):
        whole = Completeness.CONFIRMED if is_clean else Completeness.UNCONFIRMED
        return Outcome(TEXTS, None, whole, 1)
    error = StreamTruncated if is_clean else StreamInterrupted
    return Outcome(TEXTS[:count], "".join(TEXTS[:count]), error, 1)


async def _observed(client: AsyncClient) -> Outcome:
    delivered: list[str] = []
    stream = client.generate_stream("What is the capital of Wyoming?")
    try:
        async for chunk in stream:
            delivered.append(chunk.text)
    except (StreamInterrupted, StreamTruncated) as error:
        assert error.delivered == len(delivered)
        assert error.usage.prompt_token_count == 7
        assert stream.response.complete is Completeness.PARTIAL
        return Outcome(delivered, error.partial, type(error), stream.response.attempts)
    response = stream.response
    assert response.text == WHOLE
    assert response.usage.total_token_count == 17
    return Outcome(delivered, None, response.complete, response.attempts)


# --- in process, at every byte ---------------------------------------------------------------


class _Cut:
    """Says the first ``offset`` bytes, then ends; whole at the second try."""

    def __init__(self, offset: int, *, is_clean: bool) -> None:
        self._said = BODY[:offset]
        self._is_clean = is_clean

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, headers={"content-type": SSE})
        await send({"type": "http.response.body", "body": self._said, "more_body": True})
        if self._is_clean:
            await send({"type": "http.response.body"})


async def _whole(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await respond(send, BODY, headers={"content-type": SSE})


@pytest.mark.parametrize("is_clean", [True, False], ids=["clean end", "broken end"])
async def test_a_stream_cut_at_any_byte_ends_as_decided(is_clean: bool) -> None:
    before = asyncio.all_tasks()
    for offset in range(len(BODY) + 1):
        service = Service(_Cut(offset, is_clean=is_clean), _whole)
        async with client_of(service) as client:
            observed = await _observed(client)
        assert observed in _decided(offset, is_clean=is_clean), offset
        assert len(service.asked) == observed.requests
    assert not left_behind(before)


# --- over a socket, inside its framing too ---------------------------------------------------

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def _framed() -> list[tuple[bytes, int]]:
    """Return the response byte for byte, each with how much of the body it brings."""
    framed = [(bytes([byte]), 0) for byte in _HEAD]
    for event in _EVENTS:
        framed += [(bytes([byte]), 0) for byte in b"%x\r\n" % len(event)]
        framed += [(bytes([byte]), 1) for byte in event]
        framed += [(b"\r", 0), (b"\n", 0)]
    return framed + [(bytes([byte]), 0) for byte in b"0\r\n\r\n"]


WIRE = _framed()


class _Peer:
    """Says the first ``said`` bytes to its first request and breaks off; then whole answers."""

    def __init__(self, said: int, *, resets: bool) -> None:
        self.requests = 0
        self.released = asyncio.Event()  # the client has let the broken connection go
        self._said = b"".join(byte for byte, _ in WIRE[:said])
        self._resets = resets

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_head(reader)
        self.requests += 1
        is_cut = self.requests == 1
        writer.write(self._said if is_cut else b"".join(byte for byte, _ in WIRE))
        await writer.drain()
        if is_cut and self._resets:
            reset(writer)
            self.released.set()
        elif is_cut:
            writer.write_eof()
            await reader.read()
            self.released.set()
        else:
            await reader.read()


@contextlib.asynccontextmanager
async def _client(url: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(KEY, base_url=url, retry=AT_ONCE) as client:
        yield client


_SAMPLE = sorted({*range(0, len(WIRE), 7), *range(len(WIRE) - 8, len(WIRE))})


async def test_a_connection_closed_at_any_byte_ends_as_decided() -> None:
    before = asyncio.all_tasks()
    for said in range(len(WIRE)):
        peer = _Peer(said, resets=False)
        async with raw_server(peer) as url, _client(url) as client:
            observed = await _observed(client)
            await peer.released.wait()
        offset = sum(brought for _, brought in WIRE[:said])
        assert observed in _decided(offset, is_clean=False), said
        assert peer.requests == observed.requests
    assert not left_behind(before)


async def test_a_connection_reset_at_a_sample_of_bytes_loses_nothing_it_showed() -> None:
    """The kernel may drop what was on its way, so an RST may look like an earlier cut."""
    before = asyncio.all_tasks()
    for said in _SAMPLE:
        peer = _Peer(said, resets=True)
        async with raw_server(peer) as url, _client(url) as client:
            observed = await _observed(client)
        offset = sum(brought for _, brought in WIRE[:said])
        counts = range(sum(end - 1 <= offset for end in _ENDS) + 1)
        assert observed in [_outcome(count, is_clean=False) for count in counts], said
    assert not left_behind(before)


async def test_the_whole_response_over_a_socket_is_confirmed() -> None:
    peer = _Peer(len(WIRE), resets=False)
    async with raw_server(peer) as url, _client(url) as client:
        assert await _observed(client) == Outcome(TEXTS, None, Completeness.CONFIRMED, 1)
