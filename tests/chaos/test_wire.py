"""The wire broken at every byte by the fault proxy: the documented end, and nothing left behind.

A stream of the emulator, served by its own server and read by our client, both over sockets: head,
framing and body are those that users meet.
"""

from __future__ import annotations

import asyncio
import json
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from emulator.driver import prompt, stream_url
from gemstream import AsyncClient
from gemstream.config.timeouts import Timeouts
from gemstream.emulator import Chunk, Emulator, WaitForAck, chaos, serving
from gemstream.emulator.toxics import Cut, Direction, Latency, Place, Refuse, Reset, Swallow, Toxic
from gemstream.errors import ConnectFailed, FirstChunkTimeout, GemstreamError, StreamInterrupted
from gemstream.policy.answer import Completeness
from support.emulated import scripted
from support.peers import left_behind
from support.service import AT_ONCE, KEY, chunk

TEXTS = ["a ", "b ", "c"]
CHUNKS = [chunk("a "), chunk("b "), chunk("c", finish="STOP")]  # short ones: fewer bytes to cut at
# As our client asks, so that the answer has the head that it will see.
_BODY = json.dumps(prompt("hi")).encode()
_REQUEST = (
    f"POST {stream_url()} HTTP/1.1\r\nHost: x\r\nx-goog-api-key: k\r\n"
    f"Content-Length: {len(_BODY)}\r\n\r\n"
).encode() + _BODY


class Outcome(NamedTuple):
    """What a caller saw; ``attempts`` is 0 when it has no answer to tell them."""

    delivered: list[str]
    end: Completeness | type[GemstreamError]
    attempts: int


async def _observed(url: str, **options: object) -> Outcome:
    delivered: list[str] = []
    async with AsyncClient(KEY, base_url=url, retry=AT_ONCE, **options) as client:  # type: ignore[arg-type]
        stream = client.generate_stream("hi")
        try:
            async for one in stream:
                delivered.append(one.text)
        except GemstreamError as error:
            assert error.partial == "".join(delivered)
            return Outcome(delivered, type(error), 1 if delivered else 0)
        return Outcome(delivered, stream.response.complete, stream.response.attempts)


def emulator() -> Emulator:
    return scripted(*[[Chunk(one) for one in CHUNKS]] * 5)


async def _answer(url: str) -> bytes:
    """Return the answer's bytes as they cross the wire."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(url).port)
    writer.write(_REQUEST)
    answer = await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.close()
    return answer


WHOLE = Outcome(TEXTS, Completeness.CONFIRMED, 1)


async def test_without_toxics_nothing_changes() -> None:
    async with serving(emulator()) as far, chaos(far) as near:
        assert await _observed(near) == WHOLE


async def test_each_chunk_passes_before_the_next_is_made() -> None:
    service = scripted(["a ", WaitForAck(), "b ", WaitForAck(), "c"])
    delivered = []
    async with (
        serving(service) as far,
        chaos(far) as near,
        AsyncClient(KEY, base_url=near, retry=AT_ONCE) as client,
    ):
        async for one in client.generate_stream("hi"):
            delivered.append(one.text)
            service.ack()
    assert delivered == TEXTS


def _allowed(answer: bytes, at: int, *, is_reset: bool) -> list[Outcome]:
    """Return the right outcomes of a connection that ends after ``at`` bytes."""
    ends = [answer.index(b'"text":"%b"' % text.encode()) for text in TEXTS]
    ends = [answer.index(b"\r\n\r\n", end) + 4 for end in ends]
    # A blank line may be known at its CR; a reset may lose what was on its way.
    least = 0 if is_reset else sum(end <= at for end in ends)
    return [_outcome(count) for count in range(least, sum(end - 1 <= at for end in ends) + 1)]


def _outcome(count: int) -> Outcome:
    if count == 0:
        return Outcome(TEXTS, Completeness.CONFIRMED, 2)
    if count == len(TEXTS):
        return Outcome(TEXTS, Completeness.UNCONFIRMED, 1)
    return Outcome(TEXTS[:count], StreamInterrupted, 1)


@pytest.mark.parametrize("toxic", [Cut, Reset], ids=["closed", "reset"])
async def test_a_stream_broken_at_any_byte_ends_as_decided(toxic: type[Cut | Reset]) -> None:
    service = emulator()
    async with serving(service) as far:
        answer = await _answer(far)
        before = asyncio.all_tasks()
        for at in range(0, len(answer), 3 if toxic is Reset else 1):
            service.script = service.script  # count requests anew
            async with chaos(far, toxic(at=at, connection=1)) as near:
                observed = await _observed(near)
            assert observed in _allowed(answer, at, is_reset=toxic is Reset), at
            await service.idle()
            assert not left_behind(before), at


PLACES = [
    (Cut(place=Place.HEAD, connection=1), _outcome(0)),
    (Cut(place=Place.CHUNK_SIZE, connection=1), _outcome(0)),
    (Cut(place=Place.CHUNK_SIZE, chunk=2, connection=1), _outcome(1)),
    (Cut(place=Place.CHUNK_DATA, chunk=3, connection=1), _outcome(2)),
    (Cut(place=Place.CHUNK_END, chunk=2, connection=1), _outcome(2)),
    (Cut(place=Place.LAST_CHUNK, connection=1), _outcome(3)),
]


@pytest.mark.parametrize(("toxic", "expected"), PLACES)
async def test_a_named_place_is_where_it_says(toxic: Toxic, expected: Outcome) -> None:
    async with serving(emulator()) as far, chaos(far, toxic) as near:
        assert await _observed(near) == expected


async def test_a_refused_connection_is_told() -> None:
    async with serving(emulator()) as far, chaos(far, Refuse()) as near:
        assert await _observed(near) == Outcome([], ConnectFailed, 0)


async def test_a_swallowed_request_ends_by_the_timeout() -> None:
    async with serving(emulator()) as far, chaos(far, Swallow()) as near:
        timeouts = Timeouts(first_chunk=0.02)
        assert await _observed(near, timeouts=timeouts) == Outcome([], FirstChunkTimeout, 0)


async def test_a_request_broken_on_its_way_up_is_tried_again() -> None:
    toxic = Reset(at=10, direction=Direction.UP, connection=1)
    async with serving(emulator()) as far, chaos(far, toxic) as near:
        assert await _observed(near) == _outcome(0)


async def test_slow_wires_lose_nothing() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    toxics = [Latency(ms=500, jitter=100), Latency(ms=7000, reads=1)]
    async with serving(emulator()) as far, chaos(far, *toxics, sleep=sleep) as near:
        assert await _observed(near) == WHOLE
    assert slept.count(7.0) == 1
    assert all(0.4 <= one <= 0.6 for one in slept if one != 7.0)
    assert len(slept) > 1
