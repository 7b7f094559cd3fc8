"""What every transport must do, over any way to reach an ASGI application.

A transport joins the suite by a ``Reach``: given an application, it yields the transport and the
base URL at which the application stands. Everything is proven by causes, not by clocks: a server
that waits for what the client does, and a client that waits for what the server saw.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from gemstream.errors import (
    FirstChunkTimeout,
    IdleTimeout,
    InvalidState,
    StreamInterrupted,
    StreamTimeout,
    TotalTimeout,
)
from gemstream.net.transport import Deadlines, Exchange, HTTPRequest, Transport
from support.peers import App, Receive, Send, respond, until_gone

__all__ = ("CHECKS", "MOMENT", "PATIENT", "Check", "Reach", "read")

Reach = Callable[[App], AbstractAsyncContextManager[tuple[Transport, str]]]
Check = Callable[[Reach], Awaitable[None]]

# A test that would hang fails after this long; nothing else hangs on its length.
PATIENT = 20.0
# A timeout that a server which stays silent is certain to pass.
MOMENT = 0.02

# More than the kernel's socket buffers ever hold on loopback, which is about 6 MiB.
_MOST_IN_FLIGHT = 32 * 1024 * 1024


def _post(url: str, body: bytes = b"", **headers: str) -> HTTPRequest:
    return HTTPRequest("POST", f"{url}/v1/x?alt=sse", headers, body)


async def read(exchange: Exchange) -> bytes:
    """Return the whole body."""
    pieces: list[bytes] = []
    while data := await exchange.receive():
        pieces.append(data)
    return b"".join(pieces)


async def _asked(reach: Reach, app: App, **request: Any) -> tuple[Exchange, bytes]:
    async with reach(app) as (transport, url):
        exchange = await transport.open(_post(url, **request), Deadlines())
        try:
            return exchange, await read(exchange)
        finally:
            await exchange.aclose()


# --- what arrives ----------------------------------------------------------------------------


async def the_application_sees_the_request_as_it_is(reach: Reach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        seen = (scope["method"], scope["path"], scope["query_string"], headers[b"x-a"])
        await respond(send, repr((*seen, (await receive())["body"])).encode())

    _, body = await _asked(reach, app, body=b"\x00\xff", **{"X-A": "b"})
    assert body == repr(("POST", "/v1/x", b"alt=sse", b"b", b"\x00\xff")).encode()


async def of_headers_that_differ_in_case_only_the_last_is_sent(reach: Reach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, b",".join(v for k, v in scope["headers"] if k == b"x-goog-api-key"))

    headers = {"X-Goog-Api-Key": "first", "x-goog-api-key": "last"}
    assert (await _asked(reach, app, **headers))[1] == b"last"


async def status_and_headers_arrive_case_insensitive(reach: Reach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, b"busy", status=503, headers={"Retry-After": "7", "X-Long": "y" * 4000})

    exchange, body = await _asked(reach, app)
    assert (exchange.status, body) == (503, b"busy")
    assert exchange.headers["retry-AFTER"] == "7"
    assert "absent" not in exchange.headers
    assert len(exchange.headers["x-long"]) == 4000


async def an_empty_body_ends_at_once(reach: Reach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, b"")

    assert (await _asked(reach, app))[1] == b""


async def empty_pieces_do_not_end_the_body(reach: Reach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, b"a", b"", b"b", b"")

    assert (await _asked(reach, app))[1] == b"ab"


async def after_its_end_a_body_stays_ended(reach: Reach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, b"a")

    async with reach(app) as (transport, url):
        exchange = await transport.open(_post(url), Deadlines())
        assert [await read(exchange), await exchange.receive(), await exchange.receive()] == [
            b"a",
            b"",
            b"",
        ]
        await exchange.aclose()


async def large_bodies_pass_both_ways(reach: Reach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        whole = b""
        while (message := await receive()).get("more_body"):
            whole += message["body"]
        await respond(send, whole + message["body"])

    large = bytes(range(256)) * 20_000  # 5 MB
    assert (await _asked(reach, app, body=large))[1] == large


async def a_redirect_is_an_answer_and_is_not_followed(reach: Reach) -> None:
    paths: list[str] = []

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        paths.append(scope["path"])
        await respond(send, b"", status=307, headers={"location": "/elsewhere"})

    exchange, _ = await _asked(reach, app)
    assert (exchange.status, paths) == (307, ["/v1/x"])


async def cookies_are_not_kept(reach: Reach) -> None:
    seen: list[bool] = []

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        seen.append(b"cookie" in dict(scope["headers"]))
        await respond(send, b"", headers={"set-cookie": "a=b"})

    async with reach(app) as (transport, url):
        for _ in range(2):
            await read(await transport.open(_post(url), Deadlines()))
    assert seen == [False, False]


# --- real time and backpressure --------------------------------------------------------------


async def each_piece_arrives_before_the_next_is_sent(reach: Reach) -> None:
    """The server sends piece n+1 only after the client reported piece n."""
    reported = asyncio.Semaphore(0)

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send)
        for number in range(20):
            body = b"%d" % number
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await reported.acquire()
        await send({"type": "http.response.body"})

    async with reach(app) as (transport, url):
        exchange = await transport.open(_post(url), Deadlines())
        got = []
        while data := await exchange.receive():
            got.append(int(data))
            reported.release()
        await exchange.aclose()
    assert got == list(range(20))


async def the_head_arrives_before_the_body(reach: Reach) -> None:
    opened = asyncio.Event()

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send)
        await opened.wait()
        await send({"type": "http.response.body", "body": b"later"})

    async with reach(app) as (transport, url):
        exchange = await transport.open(_post(url), Deadlines())
        opened.set()
        assert await read(exchange) == b"later"
        await exchange.aclose()


async def a_reader_that_does_not_ask_holds_the_server_back(reach: Reach) -> None:
    """While others are served, an endless answer stops growing."""
    sent = 0

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        nonlocal sent
        if scope["query_string"] != b"endless":
            return await respond(send, b"short")
        await respond(send)
        while sent <= _MOST_IN_FLIGHT:
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
            sent += 65536

    async with reach(app) as (transport, url):
        endless = await transport.open(HTTPRequest("GET", f"{url}/?endless"), Deadlines())
        await endless.receive()
        before, still = -1, 0
        while still < 20 and sent <= _MOST_IN_FLIGHT:
            still = still + 1 if sent == before else 0
            before = sent
            await read(await transport.open(_post(url), Deadlines()))
        assert sent <= _MOST_IN_FLIGHT
        await endless.aclose()


# --- timeouts --------------------------------------------------------------------------------


async def _silent_app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Says as much as the query asks for, then nothing."""
    if scope["query_string"] != b"nothing":
        await respond(send)
    if scope["query_string"] == b"piece":
        await send({"type": "http.response.body", "body": b"piece", "more_body": True})
    await until_gone(receive)


async def _outwaited(reach: Reach, said: str, deadlines: Deadlines) -> StreamTimeout:
    async with reach(_silent_app) as (transport, url):
        with pytest.raises(StreamTimeout) as caught:
            exchange = await transport.open(HTTPRequest("GET", f"{url}/?{said}"), deadlines)
            try:
                if said == "piece":
                    assert await exchange.receive() == b"piece"
                    exchange.began()
                await exchange.receive()
            finally:
                exchange.abort()
    return caught.value


_PATIENTLY = {"connect": PATIENT, "first_chunk": PATIENT, "idle": PATIENT}
TIMEOUTS: list[tuple[str, dict[str, float], type[StreamTimeout]]] = [
    ("nothing", {"first_chunk": MOMENT}, FirstChunkTimeout),
    ("head", {"first_chunk": MOMENT}, FirstChunkTimeout),
    ("piece", {"idle": MOMENT}, IdleTimeout),
    ("nothing", {"total": MOMENT}, TotalTimeout),
    ("head", {"total": MOMENT}, TotalTimeout),
    ("piece", {"total": MOMENT}, TotalTimeout),
]


async def each_timeout_has_its_own_error_with_its_seconds(reach: Reach) -> None:
    for said, limits, kind in TIMEOUTS:
        given: dict[str, Any] = {**_PATIENTLY, **limits}
        if "total" in given:
            given["total_seconds"] = given["total"]
            given["total"] += asyncio.get_running_loop().time()
        error = await _outwaited(reach, said, Deadlines(**given))
        assert (type(error), error.timeout) == (kind, MOMENT), said
        assert "raise" in str(error) or "higher" in str(error)


async def a_total_that_has_passed_already_lets_nothing_through(reach: Reach) -> None:
    now = asyncio.get_running_loop().time()
    error = await _outwaited(reach, "nothing", Deadlines(total=now - 1, total_seconds=3.0))
    assert (type(error), error.timeout) == (TotalTimeout, 3.0)


async def a_timeout_closes_the_connection(reach: Reach) -> None:
    arrived, gone = asyncio.Event(), asyncio.Event()

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        arrived.set()
        await until_gone(receive)
        gone.set()

    async with reach(app) as (transport, url):
        patience = MOMENT
        while not arrived.is_set():  # a first connection may take longer than a moment
            with pytest.raises(FirstChunkTimeout):
                await transport.open(_post(url), Deadlines(first_chunk=patience))
            patience *= 2
        await gone.wait()


# --- leaving early ---------------------------------------------------------------------------


class _Watched:
    """An application that says how far it came and when its client left."""

    def __init__(self, *, head: bool) -> None:
        self.arrived = asyncio.Event()
        self.gone = asyncio.Event()
        self._head = head

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if self._head:
            await respond(send)
            await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await receive()
        self.arrived.set()
        await until_gone(receive)
        self.gone.set()


async def cancelling_before_the_head_closes_upstream(reach: Reach) -> None:
    app = _Watched(head=False)
    async with reach(app) as (transport, url):
        opening = asyncio.create_task(transport.open(_post(url), Deadlines()))
        await app.arrived.wait()
        opening.cancel()
        await app.gone.wait()
    assert opening.cancelled()


async def cancelling_inside_the_body_closes_upstream(reach: Reach) -> None:
    app = _Watched(head=True)

    async def call() -> None:
        exchange = await transport.open(_post(url), Deadlines())
        try:
            await read(exchange)
        finally:
            exchange.abort()

    async with reach(app) as (transport, url):
        reading = asyncio.create_task(call())
        await app.arrived.wait()
        reading.cancel()
        await app.gone.wait()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def aborting_from_another_task_wakes_the_reader(reach: Reach) -> None:
    app = _Watched(head=True)
    async with reach(app) as (transport, url):
        exchange = await transport.open(_post(url), Deadlines())
        assert await exchange.receive() == b"a"
        pending = asyncio.create_task(exchange.receive())
        await app.arrived.wait()
        exchange.abort()
        with pytest.raises(StreamInterrupted):
            await pending
        await app.gone.wait()
        with pytest.raises(StreamInterrupted):
            await exchange.receive()


async def closing_twice_is_harmless(reach: Reach) -> None:
    app = _Watched(head=True)
    async with reach(app) as (transport, url):
        exchange = await transport.open(_post(url), Deadlines())
        await exchange.aclose()
        await exchange.aclose()
        exchange.abort()
        await app.gone.wait()


async def closing_after_the_end_is_harmless(reach: Reach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, b"a")

    async with reach(app) as (transport, url):
        exchange = await transport.open(_post(url), Deadlines())
        await read(exchange)
        exchange.abort()
        await exchange.aclose()


# --- ends ------------------------------------------------------------------------------------


async def an_application_that_stops_inside_its_body_has_cut_it(reach: Reach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    async with reach(app) as (transport, url):
        exchange = await transport.open(_post(url), Deadlines())
        assert await exchange.receive() == b"half"
        with pytest.raises(StreamInterrupted):
            await exchange.receive()
        exchange.abort()


async def an_application_that_fails_inside_its_body_has_cut_it(reach: Reach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("broken")

    async with reach(app) as (transport, url):
        exchange = await transport.open(_post(url), Deadlines())
        assert await exchange.receive() == b"half"
        with pytest.raises(StreamInterrupted):
            await exchange.receive()
        exchange.abort()


async def what_arrived_before_a_cut_reaches_a_reader_that_was_busy(reach: Reach) -> None:
    done = asyncio.Event()

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["query_string"] != b"cut":
            return await respond(send, b"short")
        await respond(send)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        done.set()

    async with reach(app) as (transport, url):
        cut = await transport.open(HTTPRequest("GET", f"{url}/?cut"), Deadlines())
        await done.wait()
        for _ in range(5):  # the reader is busy elsewhere while the cut arrives
            await read(await transport.open(_post(url), Deadlines()))
        assert await cut.receive() == b"half"
        with pytest.raises(StreamInterrupted):
            await cut.receive()
        cut.abort()


async def many_exchanges_do_not_mix(reach: Reach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = (await receive())["body"]
        await respond(send, *[body + b"%d," % number for number in range(5)])

    async def call(number: int) -> bytes:
        exchange = await transport.open(_post(url, b"%d-" % number), Deadlines())
        return await read(exchange)

    async with reach(app) as (transport, url):
        answers = await asyncio.gather(*map(call, range(50)))
    assert answers == [b"".join(b"%d-%d," % (n, m) for m in range(5)) for n in range(50)]


async def a_closed_transport_opens_nothing(reach: Reach) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, b"")

    async with reach(app) as (transport, url):
        await transport.aclose()
        await transport.aclose()
        with pytest.raises(InvalidState, match="closed"):
            await transport.open(_post(url), Deadlines())


async def closing_the_transport_closes_what_is_open(reach: Reach) -> None:
    app = _Watched(head=True)
    async with reach(app) as (transport, url):
        exchange = await transport.open(_post(url), Deadlines())
        await app.arrived.wait()
        await transport.aclose()
        await app.gone.wait()
        with pytest.raises(StreamInterrupted):
            await read(exchange)
        exchange.abort()


CHECKS: tuple[Check, ...] = (
    the_application_sees_the_request_as_it_is,
    of_headers_that_differ_in_case_only_the_last_is_sent,
    status_and_headers_arrive_case_insensitive,
    an_empty_body_ends_at_once,
    empty_pieces_do_not_end_the_body,
    after_its_end_a_body_stays_ended,
    large_bodies_pass_both_ways,
    a_redirect_is_an_answer_and_is_not_followed,
    cookies_are_not_kept,
    each_piece_arrives_before_the_next_is_sent,
    the_head_arrives_before_the_body,
    a_reader_that_does_not_ask_holds_the_server_back,
    each_timeout_has_its_own_error_with_its_seconds,
    a_total_that_has_passed_already_lets_nothing_through,
    a_timeout_closes_the_connection,
    cancelling_before_the_head_closes_upstream,
    cancelling_inside_the_body_closes_upstream,
    aborting_from_another_task_wakes_the_reader,
    closing_twice_is_harmless,
    closing_after_the_end_is_harmless,
    an_application_that_stops_inside_its_body_has_cut_it,
    an_application_that_fails_inside_its_body_has_cut_it,
    what_arrived_before_a_cut_reaches_a_reader_that_was_busy,
    many_exchanges_do_not_mix,
    a_closed_transport_opens_nothing,
    closing_the_transport_closes_what_is_open,
)
