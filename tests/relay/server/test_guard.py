"""What the wire refuses, by raw sockets: sizes, framing, and nothing leaked."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from gemstream.config.relay.options import RelayOptions, ServerOptions
from gemstream.relay.server.refusal import Refusal
from relay.server.served import GUARD, called, echo, listening

POST = b"POST /x HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /y HTTP/1.1\r\nHost: a\r\n\r\n"

# What is sent → what is answered. The first half is llhttp's strictness, held here.
REFUSED: list[tuple[bytes, Refusal]] = [
    (POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", Refusal.MALFORMED),
    (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", Refusal.MALFORMED),
    (POST + b"Content-Length: 2, 2\r\n\r\nab", Refusal.MALFORMED),
    (POST + b"Content-Length: -1\r\n\r\n", Refusal.MALFORMED),
    (POST + b"Content-Length: +1\r\n\r\na", Refusal.MALFORMED),
    (POST + b"Content-Length:\r\n\r\n", Refusal.MALFORMED),
    (POST + b"Content-Length: 99999999999999999999999\r\n\r\n", Refusal.MALFORMED),
    (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal.MALFORMED),
    (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", Refusal.MALFORMED),
    (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n", Refusal.MALFORMED),
    (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n", Refusal.MALFORMED),
    (POST + b"Transfer-Encoding: xchunked\r\n\r\n", Refusal.CODING),
    (POST + b"Transfer-Encoding: gzip\r\n\r\n", Refusal.CODING),
    (POST + b"X: a\r\n b\r\n\r\n", Refusal.MALFORMED),
    (POST + b"X: a\r\n\tb\r\n\r\n", Refusal.MALFORMED),
    (POST + b"X : a\r\n\r\n", Refusal.MALFORMED),
    (POST + b"X(: a\r\n\r\n", Refusal.MALFORMED),
    (POST + b"X: a\x00b\r\n\r\n", Refusal.MALFORMED),
    (POST + b"X: a\rY: b\r\n\r\n", Refusal.MALFORMED),
    (POST + b"X: a\nY: b\r\n\r\n", Refusal.MALFORMED),
    (b"POST /x HTTP/1.1\nHost: a\n\n", Refusal.MALFORMED),
    (b"POST /x HTTP/1.1\r\n Host: a\r\n\r\n", Refusal.MALFORMED),
    (b"POST /\xff HTTP/1.1\r\nHost: a\r\n\r\n", Refusal.MALFORMED),
    (b"POST x HTTP/1.1\r\nHost: a\r\n\r\n", Refusal.MALFORMED),
    (b"BREW /x HTTP/1.1\r\nHost: a\r\n\r\n", Refusal.MALFORMED),
    (b"GET /x HTTP/1.2\r\nHost: a\r\n\r\n", Refusal.MALFORMED),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refusal.MALFORMED),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", Refusal.MALFORMED),
    (CHUNKED + b"1\nx\r\n0\r\n\r\n", Refusal.MALFORMED),
    (CHUNKED + b"1\r\nx\n0\r\n\r\n", Refusal.MALFORMED),
    (CHUNKED + b"1 \r\nx\r\n0\r\n\r\n", Refusal.MALFORMED),
    (CHUNKED + b"0x1\r\nx\r\n0\r\n\r\n", Refusal.MALFORMED),
    (CHUNKED + b"-1\r\nx\r\n0\r\n\r\n", Refusal.MALFORMED),
    (CHUNKED + b"fffffffffffffffff\r\nx\r\n", Refusal.MALFORMED),
    # Ours.
    (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", Refusal.CODING),
    (b"POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Refusal.CHUNKED_1_0),
    (CHUNKED + b"1;" + b"a" * 300 + b"\r\nx\r\n0\r\n\r\n", Refusal.CHUNK_EXTENSIONS),
    (CHUNKED + b"1;" + b"a" * 300, Refusal.CHUNK_EXTENSIONS),
    (CHUNKED + b"1;a=bcdefghijklmnopq\r\nx\r\n" * 30, Refusal.CHUNK_EXTENSIONS),
    (CHUNKED + b"0" * 300, Refusal.CHUNK_EXTENSIONS),
    (CHUNKED + b"1\r\nx\r\n0\r\nX-Goog-Api-Key: k\r\n\r\n", Refusal.TRAILERS),
    (POST + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nab", Refusal.PACKED),
    (POST + b"Content-Encoding: br, gzip\r\nContent-Length: 2\r\n\r\nab", Refusal.PACKED),
    (POST + b"Content-Encoding:\r\nContent-Length: 2\r\n\r\nab", Refusal.PACKED),
    (POST + b"Expect: 200-maybe\r\nContent-Length: 2\r\n\r\n", Refusal.EXPECTATION),
    (POST + b"X_Api_Key: a\r\nX-Api-Key: b\r\n\r\n", Refusal.UNDERSCORE),
    (POST + b"Host: b\r\n\r\n", Refusal.NO_HOST),
    (b"POST /x HTTP/1.1\r\nX: a\r\n\r\n", Refusal.NO_HOST),
    (b"GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n", Refusal.FRAGMENT),
    (b"GET /x HTTP/2.0\r\nHost: a\r\n\r\n", Refusal.VERSION),
    (b"GET /x\r\n\r\n", Refusal.VERSION),
    (POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\nab", Refusal.UPGRADE),
    (b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", Refusal.UPGRADE),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", Refusal.LONG_URL),
    (b"GET /" + b"a" * 9000, Refusal.LONG_URL),
    (POST + b"X: a\r\n" * 100 + b"\r\n", Refusal.LARGE_HEAD),
    (POST + b"X: " + b"a" * 33_000 + b"\r\n\r\n", Refusal.LARGE_HEAD),
    (POST + b"X: " + b"a" * 33_000, Refusal.LARGE_HEAD),
]


@pytest.mark.parametrize(("sent", "refusal"), REFUSED)
async def test_what_is_no_request_of_ours_is_refused(
    sent: bytes, refusal: Refusal, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reached: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)
        while (await receive())["type"] != "http.disconnect":
            pass

    async with listening(app) as (_, port), called(port) as caller:
        await caller.send(sent)
        answer = await caller.rest()
    assert answer == refusal.answer
    # A body can only be judged while it comes; no answer of the application is lost by it.
    assert not reached or sent.startswith(CHUNKED)
    assert caplog.text == ""


@pytest.mark.parametrize("refusal", Refusal)
def test_a_refusal_is_a_whole_small_answer(refusal: Refusal) -> None:
    head, _, body = refusal.answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    code, message = refusal.value
    assert lines[0].startswith(b"HTTP/1.1 %d " % code)
    assert b"content-length: %d" % len(body) in lines
    assert b"connection: close" in lines
    error = json.loads(body)["error"]
    assert (error["code"], error["message"]) == (code, message)


@pytest.mark.parametrize(
    "sent",
    [
        POST + b"Content-Length: 2\r\n\r\nab",
        POST + b"Content-Length: 2 \r\n\r\nab",
        POST + b"Content-Encoding: identity\r\nContent-Length: 2\r\n\r\nab",
        CHUNKED + b"1\r\na\r\n1;x=y\r\nb\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        b"\r\n\r\n" + POST + b"Content-Length: 2\r\n\r\nab",
        POST + b"X_Only: 1\r\nContent-Length: 2\r\n\r\nab",
        POST + b"X: a\r\n" * 98 + b"Content-Length: 2\r\n\r\nab",
        b"POST /x HTTP/1.0\r\nContent-Length: 2\r\n\r\nab",
    ],
)
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
async def test_a_request_is_taken_however_it_is_cut(sent: bytes, piece: int) -> None:
    async with listening() as (_, port), called(port) as caller:
        for at in range(0, len(sent), piece):
            await caller.send(sent[at : at + piece])
            await asyncio.sleep(0)
        assert (await caller.head()).startswith(b"HTTP/1.1 200 OK\r\n")
        assert await caller.exactly(10) == b"POST /x ab"


async def test_a_large_body_of_small_chunks_is_taken() -> None:
    body = b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n"
    async with listening() as (_, port), called(port) as caller:
        await caller.send(CHUNKED + body)
        assert b"content-length: 20008\r\n" in await caller.head()


async def test_connections_are_kept_and_pipelined_requests_answered_in_order() -> None:
    both = POST + b"Content-Length: 2\r\n\r\nab" + GET
    async with listening() as (_, port), called(port) as caller:
        for _round in range(2):
            await caller.send(both)
            for said in (b"POST /x ab", b"GET /y "):
                head = await caller.head()
                assert b"connection: close" not in head
                assert await caller.exactly(len(said)) == said


async def test_a_second_request_behind_chunks_does_not_slip_in() -> None:
    reached: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope["raw_path"])
        await echo(scope, receive, send)

    async with listening(app) as (_, port), called(port) as caller:
        await caller.send(CHUNKED + b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await caller.rest() == Refusal.PIPELINED.answer
    assert b"/smuggled" not in reached


async def test_a_trailer_never_reaches_the_application() -> None:
    scopes: list[Any] = []
    reached = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        reached.set()
        while (await receive())["type"] != "http.disconnect":
            pass

    async with listening(app) as (_, port), called(port) as caller:
        await caller.send(CHUNKED + b"1\r\nx\r\n0\r\nX-Goog-Api-Key: k\r\nX: y\r\n")
        async with asyncio.timeout(GUARD):
            await reached.wait()
        await caller.send(b"\r\n")
        assert await caller.rest() == Refusal.TRAILERS.answer
    assert [name for name, _ in scopes[0]["headers"]] == [b"host", b"transfer-encoding"]


async def test_nothing_of_the_server_is_told() -> None:
    async with listening() as (_, port), called(port) as caller:
        await caller.send(GET)
        head = (await caller.head()).lower()
    assert b"server:" not in head
    assert b"uvicorn" not in head
    assert b"date: " in head


async def test_an_early_answer_ends_a_body_nobody_reads() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": b"no"})

    async with listening(app) as (_, port), called(port) as caller:
        await caller.send(POST + b"Content-Length: 100000000\r\n\r\n" + b"a" * 1000)
        assert (await caller.head()).startswith(b"HTTP/1.1 413 ")
        assert await caller.rest() == b"no"


async def test_continue_is_said_when_the_body_is_wanted() -> None:
    async with listening() as (_, port), called(port) as caller:
        await caller.send(POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert await caller.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
        await caller.send(b"ab")
        assert (await caller.head()).startswith(b"HTTP/1.1 200 ")


async def test_headers_that_do_not_come_are_not_waited_for() -> None:
    options = ServerOptions(header_timeout=0.05)
    async with listening(options=options) as (_, port):
        async with called(port) as silent:
            assert await silent.rest() == b""
        async with called(port) as slow:
            await slow.send(b"POST /x HTT")
            assert await slow.rest() == Refusal.LATE_HEAD.answer
        async with called(port) as again:
            await again.send(GET)
            await again.head()
            await again.exactly(len(b"GET /y "))
            await again.send(b"GET /z")
            assert await again.rest() == Refusal.LATE_HEAD.answer


async def test_an_answer_that_runs_is_not_mixed_with_a_refusal() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    async with listening(app) as (_, port), called(port) as caller:
        await caller.send(CHUNKED)
        await caller.head()
        assert await caller.exactly(10) == b"5\r\nbegun\r\n"
        await caller.send(b"zz\r\n")
        assert await caller.rest() == b""  # not even the last chunk


async def test_a_change_of_the_options_holds_from_the_next_request_on() -> None:
    async with listening() as (listener, port), called(port) as caller:
        await caller.send(GET)
        await caller.head()
        await caller.exactly(len(b"GET /y "))
        await listener.follow(RelayOptions(server=ServerOptions(max_url=64)))
        await caller.send(b"GET /" + b"a" * 64 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await caller.rest() == Refusal.LONG_URL.answer


async def test_while_it_drains_each_answer_ends_its_connection() -> None:
    async with listening() as (listener, port), called(port) as kept:
        await kept.send(GET)
        await kept.head()
        await kept.exactly(len(b"GET /y "))
        listener.begin_drain()
        for _caller in range(2):
            async with called(port) as fresh:
                await fresh.send(GET)
                assert b"connection: close\r\n" in await fresh.head()
                assert await fresh.rest() == b"GET /y "
        await kept.send(GET)
        assert b"connection: close\r\n" in await kept.head()
        assert await kept.rest() == b"GET /y "
