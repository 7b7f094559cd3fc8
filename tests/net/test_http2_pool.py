"""Who gets a place on which connection, and when another one is opened."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream.errors import ConnectFailed, GemstreamError, StreamInterrupted
from gemstream.net.http2_connection import HTTP2Connection
from gemstream.net.http2_pool import HTTP2Pool, Opened
from support.clock import in_no_time
from support.http2_server import Peer
from support.memory_wire import join
from support.peers import Receive, Send, left_behind, until_gone

CANCEL = 8  # RFC 9113, 7
_DIAL = "gemstream HTTP/2 connection"


class _Place:
    """A server that lets as many connections in as it is told, and the pool that goes there."""

    def __init__(self, *, connections: int, streams: int) -> None:
        self.begun: list[str] = []
        self.peers: list[Peer] = []
        self.dials = 0
        self.pool = HTTP2Pool(self._connect)
        self._connections = connections
        self._streams = streams

    async def send(self, path: str) -> Opened:
        """Send a request."""
        fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)]
        opened = await self.pool.send(fields, b"")
        assert opened is not None
        return opened

    async def _connect(self, connection: HTTP2Connection) -> None:
        self.dials += 1
        if len(self.peers) == self._connections:
            await asyncio.get_running_loop().create_future()
        self.peers.append(Peer(self._app, None, self._streams))
        join(connection, self.peers[-1])

    async def _app(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.begun.append(scope["path"])
        await until_gone(receive)


async def _settled() -> None:
    """Let everything happen that waits for nothing."""
    await asyncio.sleep(1)


def test_those_who_wait_get_their_places_in_their_order() -> None:
    async def scene() -> list[str]:
        place = _Place(connections=1, streams=1)
        first = await place.send("/0")
        await _settled()
        waiting = [asyncio.create_task(place.send(f"/{number}")) for number in (1, 2, 3)]
        await _settled()
        first.stream.abort()
        for task in waiting:
            (await task).stream.abort()
            await _settled()
        await place.pool.aclose("the test is over")
        return place.begun

    assert in_no_time(scene()) == ["/0", "/1", "/2", "/3"]


def test_who_is_cancelled_takes_no_place_and_for_nobody_no_connection_is_opened() -> None:
    async def scene() -> None:
        place = _Place(connections=1, streams=1)
        first = await place.send("/0")
        await _settled()
        waiting = [asyncio.create_task(place.send(f"/{number}")) for number in (1, 2)]
        await _settled()
        assert _DIAL in {task.get_name() for task in asyncio.all_tasks()}
        waiting[0].cancel()
        first.stream.abort()
        opened = await waiting[1]
        await _settled()
        assert place.begun == ["/0", "/2"]
        assert _DIAL not in {task.get_name() for task in asyncio.all_tasks()}
        opened.stream.abort()
        await place.pool.aclose("the test is over")

    in_no_time(scene())


def test_a_stream_that_came_as_its_caller_was_cancelled_is_reset() -> None:
    async def scene() -> list[int]:
        place = _Place(connections=1, streams=1)
        first = await place.send("/0")
        await _settled()
        late = asyncio.create_task(place.send("/late"))
        await _settled()
        first.stream.abort()  # the place is given to the other in this call
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
        await _settled()
        await place.pool.aclose("the test is over")
        return place.peers[0].resets

    assert in_no_time(scene()) == [CANCEL] * 2


@pytest.mark.parametrize(("requests", "connections"), [(1, 1), (4, 1), (5, 2), (40, 10)])
def test_there_are_as_many_connections_as_are_needed(requests: int, connections: int) -> None:
    async def scene() -> None:
        place = _Place(connections=100, streams=4)
        (await place.send("/first")).stream.abort()
        await _settled()  # by now the server has said how many it allows
        await asyncio.gather(*[place.send(f"/{number}") for number in range(requests)])
        await _settled()
        assert (place.dials, len(place.begun)) == (connections, requests + 1)
        await place.pool.aclose("the test is over")

    in_no_time(scene())


def test_a_connection_that_fails_fails_each_who_waits_with_an_error_of_their_own() -> None:
    async def refuses(_: HTTP2Connection) -> None:
        await asyncio.sleep(1)
        raise ConnectionRefusedError(111, "Connection refused")

    async def scene() -> None:
        pool = HTTP2Pool(refuses)
        sent = [pool.send([], b"") for _ in range(3)]
        errors = await asyncio.gather(*sent, return_exceptions=True)
        assert len({id(error) for error in errors}) == 3
        for error in errors:
            assert isinstance(error, ConnectFailed)
            assert (error.__cause__, error.__context__) == (None, None)

    in_no_time(scene())


def test_a_server_that_ends_every_connection_at_once_is_not_dialled_for_ever() -> None:
    """On each a request was sent, which fails with it."""

    class _Ends(_Place):
        async def _connect(self, connection: HTTP2Connection) -> None:
            if self.dials == 3:
                raise ConnectionRefusedError
            await super()._connect(connection)
            connection.abort()  # is lost in the next turn of the loop

    async def scene() -> None:
        place = _Ends(connections=100, streams=1)
        opened = await place.send("/0")
        with pytest.raises(StreamInterrupted):
            await opened.stream.head()
        assert place.dials == 1
        await place.pool.aclose("the test is over")

    in_no_time(scene())


def test_closing_ends_who_waits_and_who_streams_and_what_is_being_opened() -> None:
    async def outcome(sent: asyncio.Task[Opened]) -> GemstreamError:
        with pytest.raises(StreamInterrupted, match="the test is over") as caught:
            await (await sent).stream.head()
        return caught.value

    async def scene() -> None:
        before = asyncio.all_tasks()
        place = _Place(connections=1, streams=1)
        tasks = []
        for number in range(3):
            tasks.append(asyncio.create_task(place.send(f"/{number}")))
            await _settled()
        await place.pool.aclose("the test is over")
        errors = [await outcome(task) for task in tasks]
        assert len({id(error) for error in errors}) == 3
        await place.peers[0].aclose()
        assert not left_behind(before)

    in_no_time(scene())
