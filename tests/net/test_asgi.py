"""The in-process transport, where it is more than a transport: the application's side of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream.errors import ProtocolError, StreamInterrupted
from gemstream.net.asgi import ASGITransport
from gemstream.net.transport import Deadlines, HTTPRequest
from support.clock import in_no_time
from support.peers import App, Receive, Send, respond, until_gone

_REQUEST = HTTPRequest("POST", "http://emulator:81/v1/a%2Fb?c=d%20e", {"X-Key": "k"}, b"{}")


async def _scope_of(request: HTTPRequest) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        seen.update(scope)
        await respond(send, b"")

    exchange = await ASGITransport(app).open(request, Deadlines())  # type: ignore[arg-type]
    await exchange.aclose()
    return seen


async def test_the_scope_is_that_of_the_asgi_specification() -> None:
    scope = await _scope_of(_REQUEST)
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/a/b",
        "raw_path": b"/v1/a%2Fb",
        "query_string": b"c=d%20e",
        "root_path": "",
        "headers": [(b"host", b"emulator:81"), (b"content-length", b"2"), (b"x-key", b"k")],
        "client": ("127.0.0.1", 0),
        "server": ("emulator", 81),
    }


async def test_a_url_without_port_means_port_80() -> None:
    assert (await _scope_of(HTTPRequest("GET", "http://emulator/")))["server"] == ("emulator", 80)


async def _fails(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    raise LookupError("no such thing")


async def _says_nothing(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    return


@pytest.mark.parametrize(
    ("app", "said"), [(_fails, "LookupError('no such thing')"), (_says_nothing, "returned before")]
)
async def test_an_application_without_an_answer_is_an_interruption(app: App, said: str) -> None:
    with pytest.raises(StreamInterrupted) as caught:
        await ASGITransport(app).open(_REQUEST, Deadlines())  # type: ignore[arg-type]
    assert said in str(caught.value)


async def test_the_failure_of_an_application_is_the_cause() -> None:
    with pytest.raises(StreamInterrupted) as caught:
        await ASGITransport(_fails).open(_REQUEST, Deadlines())  # type: ignore[arg-type]
    assert isinstance(caught.value.__cause__, LookupError)


async def test_a_packed_body_is_refused_and_its_application_told() -> None:
    gone = asyncio.Event()

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, headers={"content-encoding": "gzip"})
        await until_gone(receive)
        gone.set()

    with pytest.raises(ProtocolError, match=r"'gzip', which ASGITransport does not unpack"):
        await ASGITransport(app).open(_REQUEST, Deadlines())  # type: ignore[arg-type]
    await gone.wait()


async def test_exactly_one_piece_is_ahead_of_the_reader() -> None:
    sent: list[int] = []

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send)
        for number in range(10):
            sent.append(number)
            await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
        await send({"type": "http.response.body"})

    exchange = await ASGITransport(app).open(_REQUEST, Deadlines())  # type: ignore[arg-type]
    ahead = []
    while data := await exchange.receive():
        ahead.append(len(sent) - int(data))
    await exchange.aclose()
    assert max(ahead) <= 2  # one in the slot, one that waits for the slot


def test_an_application_that_ignores_the_farewell_is_cancelled() -> None:
    ended: list[str] = []

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        try:
            await respond(send)
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def scene() -> float:
        exchange = await ASGITransport(app).open(_REQUEST, Deadlines())  # type: ignore[arg-type]
        await exchange.aclose()
        await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    assert in_no_time(scene()) <= 3
    assert ended == ["cancelled"]


async def test_an_application_that_hears_the_farewell_may_finish_its_books() -> None:
    books: list[str] = []

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await receive()
        await respond(send)
        await until_gone(receive)
        for line in ("one", "two"):
            await asyncio.to_thread(books.append, line)

    exchange = await ASGITransport(app).open(_REQUEST, Deadlines())  # type: ignore[arg-type]
    await exchange.aclose()
    assert books == ["one", "two"]


async def test_sending_to_a_reader_that_left_does_not_block_the_application() -> None:
    done = asyncio.Event()

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, *[b"x"] * 100)
        done.set()

    exchange = await ASGITransport(app).open(_REQUEST, Deadlines())  # type: ignore[arg-type]
    exchange.abort()
    await done.wait()


def _working_on(ended: list[str], seconds: float) -> App:
    """Return an application that answers, then works on for so long."""

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send, b"a")
        try:
            await asyncio.sleep(seconds)
            ended.append("done")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    return app


async def _answered(transport: ASGITransport) -> None:
    exchange = await transport.open(_REQUEST, Deadlines())
    while await exchange.receive():
        pass
    await exchange.aclose()


def test_an_application_may_work_on_after_its_answer() -> None:
    ended: list[str] = []

    async def scene() -> float:
        await _answered(ASGITransport(_working_on(ended, 60)))  # type: ignore[arg-type]
        answered = asyncio.get_running_loop().time()
        await asyncio.sleep(61)
        return answered

    assert in_no_time(scene()) == 0
    assert ended == ["done"]


def test_closing_the_transport_ends_all_applications_at_once() -> None:
    ended: list[str] = []

    async def scene() -> float:
        transport = ASGITransport(_working_on(ended, 60))  # type: ignore[arg-type]
        for _ in range(5):
            await _answered(transport)
        await transport.aclose()
        await asyncio.sleep(1)
        return asyncio.get_running_loop().time()

    assert in_no_time(scene()) <= 2.5
    assert ended == ["cancelled"] * 5


async def test_a_cancelled_application_is_an_interruption() -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await respond(send)
        raise asyncio.CancelledError

    exchange = await ASGITransport(app).open(_REQUEST, Deadlines())  # type: ignore[arg-type]
    with pytest.raises(StreamInterrupted, match="cancelled"):
        await exchange.receive()
    exchange.abort()
