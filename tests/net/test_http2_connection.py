"""One HTTP/2 connection for all: its streams, and what its other end can do to it."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from gemstream.errors import FirstChunkTimeout, GemstreamError, ProtocolError, StreamInterrupted
from gemstream.net.http2_connection import HTTP2Connection
from gemstream.net.http2_stream import NotBegun
from gemstream.net.transport import Exchange
from support.clock import in_no_time
from support.http2_reach import HTTP2Reach, reached, read
from support.http2_server import Peer
from support.memory_wire import join
from support.peers import Receive, Send, left_behind, respond, until_gone

NO_ERROR, REFUSED_STREAM, CANCEL = 0, 7, 8  # RFC 9113, 7


async def _endless(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answers at once to ``/short``, otherwise says one piece and waits for the client to leave."""
    if scope["path"] == "/short":
        return await respond(send, b"short")
    if scope["path"] != "/silent":
        await respond(send)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
    await until_gone(receive)


# --- one connection --------------------------------------------------------------------------


async def test_two_hundred_streams_share_one_connection() -> None:
    everybody = asyncio.Barrier(200)

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        if scope["path"] != "/first":
            await everybody.wait()
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    async def call(number: int) -> bytes:
        return await read(await reach.open(str(number)))

    async with asyncio.timeout(20), reached(app, max_streams=250) as reach:
        # Until the server said how many it allows, it is taken to allow 100 (RFC 9113, 6.5.2).
        assert await read(await reach.open("first")) == b"a/first"
        answers = await asyncio.gather(*map(call, range(200)))
        assert answers == [b"a/%d" % number for number in range(200)]
        assert [peer.requests for peer in reach.peers] == [201]


async def test_streams_beyond_what_the_server_allows_are_answered_all_the_same() -> None:
    """They wait, or take a further connection; the server here ends one that has too many."""

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, b"a")

    async def call() -> bytes:
        return await read(await reach.open())

    async with asyncio.timeout(20), reached(app, max_streams=4) as reach:
        assert await call() == b"a"
        assert await asyncio.gather(*[call() for _ in range(40)]) == [b"a"] * 40
        assert sum(peer.requests for peer in reach.peers) == 41


@pytest.mark.parametrize("path", ["body", "silent"])
async def test_abandoned_streams_leave_no_slots(path: str) -> None:
    """More than the server allows at a time, left half-way one after another, and all at once."""
    async with asyncio.timeout(20), reached(_endless, max_streams=5) as reach:
        for _ in range(12):
            await _abandon(reach, path)
        await asyncio.gather(*[_abandon(reach, path) for _ in range(5)])
        assert await read(await reach.open("short")) == b"short"
        (peer,) = reach.peers
        assert peer.resets == [CANCEL] * 17


async def _abandon(reach: HTTP2Reach, path: str) -> None:
    """Leave a stream once its request has arrived."""
    if path == "body":
        exchange = await reach.open(path)
        await reach.arrived.acquire()
        assert await exchange.receive() == b"a"
        await exchange.aclose()
        return
    opening = asyncio.create_task(reach.open(path))
    await reach.arrived.acquire()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening


async def test_leaving_one_stream_does_not_touch_the_others() -> None:
    async with asyncio.timeout(20), reached(_endless) as reach:
        stays, leaves = await reach.open(), await reach.open()
        assert await stays.receive() == await leaves.receive() == b"a"
        waiting = asyncio.create_task(stays.receive())
        leaves.abort()
        assert await read(await reach.open("short")) == b"short"
        assert (waiting.done(), reach.peers[0].resets, len(reach.peers)) == (False, [CANCEL], 1)
        stays.abort()
        with pytest.raises(StreamInterrupted, match="closed"):
            await waiting


# --- the server leaves -----------------------------------------------------------------------


async def test_after_a_goaway_open_streams_end_and_new_ones_take_another_connection() -> None:
    asked = asyncio.Event()

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await asked.wait()
        await send({"type": "http.response.body", "body": b"b"})

    async with asyncio.timeout(20), reached(app) as reach:
        before = await reach.open()
        assert await before.receive() == b"a"
        reach.peers[0].announce_end()
        after = await reach.open()
        asked.set()
        assert [await read(before), await read(after)] == [b"b", b"ab"]
        assert [peer.requests for peer in reach.peers] == [1, 1]


async def test_what_a_server_certifies_not_to_have_begun_is_sent_again() -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if len(reach.peers) == 1:
            scope["peer"].go_away(last_stream=0)
            return await until_gone(receive)
        await respond(send, b"a")

    async with asyncio.timeout(20), reached(app) as reach:
        assert await read(await reach.open()) == b"a"
        assert [peer.requests for peer in reach.peers] == [1, 1]


async def test_a_server_that_never_begins_is_an_interruption() -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        scope["peer"].go_away(last_stream=0)
        await until_gone(receive)

    async with asyncio.timeout(20), reached(app) as reach:
        with pytest.raises(StreamInterrupted):
            await reach.open()
        assert len(reach.peers) <= 3


@pytest.mark.parametrize("has_begun", [True, False])
async def test_a_server_that_dies_interrupts_every_stream(has_begun: bool) -> None:
    async def call() -> GemstreamError:
        exchange: Exchange | None = None
        with pytest.raises(StreamInterrupted) as caught:
            exchange = await reach.open("" if has_begun else "silent")
            while await exchange.receive():
                pass
        assert (exchange is not None) == has_begun
        return caught.value

    async with asyncio.timeout(20), reached(_endless) as reach:
        calls = [asyncio.create_task(call()) for _ in range(10)]
        for _ in calls:
            await reach.arrived.acquire()
        if has_begun:
            await read(await reach.open("short"))
        reach.peers[0].kill()
        for error in await asyncio.gather(*calls):
            assert error.retryable
            assert (error.__cause__, error.__context__) == (None, None)
        assert await read(await reach.open("short")) == b"short"


@pytest.mark.parametrize("refusals", [1, 2, 3])
async def test_a_refused_stream_is_sent_again_at_most_twice(refusals: int) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["peer"].requests <= refusals:
            return scope["peer"].reset(scope["stream"], REFUSED_STREAM)
        await respond(send, (await receive())["body"])

    async with asyncio.timeout(20), reached(app) as reach:
        if refusals < 3:
            assert await read(await reach.open(body=b"again")) == b"again"
        else:
            with pytest.raises(StreamInterrupted, match="did not begin"):
                await reach.open()
        assert [peer.requests for peer in reach.peers] == [min(refusals + 1, 3)]


@pytest.mark.parametrize("code", [NO_ERROR, REFUSED_STREAM, CANCEL])
async def test_a_stream_that_is_reset_inside_its_body_is_an_interruption(code: int) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        scope["peer"].reset(scope["stream"], code)

    async with asyncio.timeout(20), reached(app) as reach:
        exchange = await reach.open()
        assert await exchange.receive() == b"a"
        with pytest.raises(StreamInterrupted, match="the service reset the stream"):
            await exchange.receive()


async def test_what_is_no_http2_breaks_its_own_answer_for_good_and_the_others_for_now() -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["path"] == "/bad":
            headers = {"content-length": "1"}
            return await respond(send, b"more than one", headers=headers)
        await _endless(scope, receive, send)

    async with asyncio.timeout(20), reached(app) as reach:
        good = await reach.open()
        assert await good.receive() == b"a"
        with pytest.raises(ProtocolError):
            await read(await reach.open("bad"))
        with pytest.raises(StreamInterrupted, match="another answer") as caught:
            await good.receive()
        assert caught.value.retryable
        assert await read(await reach.open("short")) == b"short"


# --- the messages of an exchange -------------------------------------------------------------


async def test_informational_heads_and_trailers_are_no_part_of_the_answer() -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        for status in (100, 103):
            await send({"type": "http.response.informational", "status": status})
        await respond(send)
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.trailers", "headers": [(b"x-trailer", b"b")]})

    async with asyncio.timeout(20), reached(app) as reach:
        exchange = await reach.open()
        assert (exchange.status, await read(exchange)) == (200, b"a")
        assert "x-trailer" not in exchange.headers


async def test_an_answer_that_is_whole_before_its_request_is_read_ends_the_request() -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, b"too large", status=413)

    async with asyncio.timeout(20), reached(app) as reach:
        exchange = await reach.open(body=bytes(20_000_000))
        assert (exchange.status, await read(exchange)) == (413, b"too large")
        while not reach.peers[0].resets:
            assert (await reach.open()).status == 413
        assert reach.peers[0].resets == [CANCEL]


async def test_a_request_of_twenty_megabytes_leaves_room_for_others() -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        size = 0
        while (message := await receive())["more_body"]:
            size += len(message["body"])
        await respond(send, b"%d" % size)

    async with asyncio.timeout(20), reached(app) as reach:
        large = asyncio.create_task(reach.open(body=bytes(20_000_000)))
        assert await read(await reach.open()) == b"2"
        assert not large.done()
        assert await read(await large) == b"20000000"


# --- leaks ----------------------------------------------------------------------------------


async def test_two_thousand_cancelled_streams_leave_nothing_behind() -> None:
    async def storm(count: int) -> None:
        for number in range(count):
            await _abandon(reach, "silent" if number % 2 else "body")

    async with asyncio.timeout(60), reached(_endless, max_streams=5) as reach:
        await storm(200)  # tables and caches grow to their size
        assert await read(await reach.open("short")) == b"short"
        await reach.arrived.acquire()
        reach.peers[0].resets.clear()
        tasks = asyncio.all_tasks()
        gc.collect()
        before = len(gc.get_objects())
        await storm(2000)
        assert await read(await reach.open("short")) == b"short"
        while left := left_behind(tasks):  # the server's, of the last streams
            await asyncio.wait(left)
        gc.collect()
        assert len(gc.get_objects()) - before < 200  # a stream is some twenty objects
        (peer,) = reach.peers
        assert peer.resets == [CANCEL] * 2000


# --- a server that is gone -------------------------------------------------------------------


async def test_after_a_stream_waited_in_vain_the_next_takes_another_connection() -> None:
    async with asyncio.timeout(20), reached(_endless) as reach:
        assert await read(await reach.open("short")) == b"short"
        reach.peers[0].fall_silent()
        with pytest.raises(FirstChunkTimeout):
            await reach.open("silent", first_chunk=0.02)
        assert await read(await reach.open("short")) == b"short"
        assert len(reach.peers) == 2


class _Joined:
    """A connection and its server without a socket."""

    def __init__(self) -> None:
        self.connection = HTTP2Connection(lambda: None, 100)
        self.peer = Peer(_endless, None, 100)
        join(self.connection, self.peer)

    async def ask(self, path: str) -> bytes:
        fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)]
        stream = self.connection.send(fields, b"")
        await stream.head()
        return await stream.read()


def test_a_connection_without_a_stream_is_closed_after_a_minute() -> None:
    async def scene() -> float:
        joined, loop = _Joined(), asyncio.get_running_loop()
        assert await joined.ask("/short") == b"short"
        began = loop.time()
        await joined.peer.lost()
        assert joined.connection.is_lost and not joined.connection.has_room
        return loop.time() - began

    assert in_no_time(scene()) == 60


def test_a_connection_with_a_stream_stays() -> None:
    async def scene() -> bool:
        joined = _Joined()
        assert await joined.ask("/endless") == b"a"
        await asyncio.sleep(3600)
        still_there = not joined.connection.is_lost
        await joined.connection.aclose("the test is over")
        return still_there

    assert in_no_time(scene())


@pytest.mark.parametrize("is_there", [True, False])
def test_a_connection_in_doubt_is_given_up_unless_the_server_answers(is_there: bool) -> None:
    async def scene() -> None:
        joined = _Joined()
        connection = joined.connection
        assert await joined.ask("/endless") == b"a"
        if not is_there:
            joined.peer.fall_silent()
        connection.doubt()
        assert not connection.has_room
        await asyncio.sleep(11)
        assert (connection.has_room, connection.is_lost) == (is_there, not is_there)
        await connection.aclose("the test is over")

    in_no_time(scene())


def test_of_a_connection_that_was_given_up_every_stream_says_why() -> None:
    async def scene() -> None:
        joined = _Joined()
        joined.peer.fall_silent()
        waiting = asyncio.create_task(joined.ask("/endless"))
        await asyncio.sleep(1)
        joined.connection.doubt()
        with pytest.raises(StreamInterrupted, match="does not answer"):
            await waiting

    in_no_time(scene())


def test_a_request_beyond_a_goaway_was_not_begun() -> None:
    async def scene() -> None:
        joined = _Joined()
        waiting = asyncio.create_task(joined.ask("/silent"))
        await asyncio.sleep(1)
        joined.peer.go_away(last_stream=0)
        with pytest.raises(NotBegun, match="NO_ERROR"):
            await waiting
        await joined.peer.lost()

    in_no_time(scene())
