"""The recording transport: what passes is unchanged and in real time; what is stored is no key."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conformance.transport import CHECKS, MOMENT, Check
from gemstream.errors import ConfigError, IdleTimeout, StreamInterrupted
from gemstream.net.aiohttp_transport import AiohttpTransport
from gemstream.net.asgi import ASGITransport
from gemstream.net.recording import Recording, RecordingEnd, RecordingTransport, load
from gemstream.net.transport import Deadlines, HTTPRequest, Transport
from support.peers import App, Receive, Send, asgi_server, respond, until_gone

KEY = "AIza-secret-of-the-tests-0123456789abcd"
URL = f"http://a/v1/x?alt=sse&key={KEY}"
HEADERS = {
    "Content-Type": "application/json",
    "X-Goog-Api-Key": KEY,
    "Authorization": "Bearer of-all-news-token",
    "Cookie": "a=session-of-the-tests",
    "X-Goog-User-Project": "mine",
}


@contextlib.asynccontextmanager
async def _in_process(app: App) -> AsyncIterator[tuple[Transport, str]]:
    transport = RecordingTransport(ASGITransport(app), [].append)  # type: ignore[arg-type]
    yield transport, "http://app"
    await transport.aclose()


@contextlib.asynccontextmanager
async def _over_sockets(app: App) -> AsyncIterator[tuple[Transport, str]]:
    async with asgi_server(app) as url:
        transport = RecordingTransport(AiohttpTransport(), [].append, redact=["a.b"])
        yield transport, url
        await transport.aclose()


@pytest.mark.parametrize("reach", [_in_process, _over_sockets])
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_it_is_a_transport(check: Check, reach: Any) -> None:
    await check(reach)


def answering(*pieces: bytes, end: bool = True) -> App:
    """Answer with ``pieces`` and end cleanly, or break off."""

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = {"content-type": "text/event-stream", "set-cookie": "a=b", "x-new": "new"}
        await respond(send, headers=headers)
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if end:
            await send({"type": "http.response.body"})

    return app


async def recorded(
    app: App, body: bytes = b"{}", idle: float | None = None, **options: Any
) -> Recording:
    """Return the recording of one exchange that was read to its end."""
    recordings: list[Recording] = []
    transport = RecordingTransport(ASGITransport(app), recordings.append, **options)  # type: ignore[arg-type]
    exchange = await transport.open(HTTPRequest("POST", URL, HEADERS, body), Deadlines(idle=idle))
    exchange.began()
    with contextlib.suppress(StreamInterrupted, IdleTimeout):
        while await exchange.receive():
            pass
    await exchange.aclose()
    await transport.aclose()
    (recording,) = recordings
    return recording


async def test_each_read_is_recorded_with_its_time() -> None:
    recording = await recorded(answering(b"one", b"two"))
    assert [read.data for read in recording.reads] == [b"one", b"two"]
    times = [recording.at_ms, *(read.at_ms for read in recording.reads), recording.end_ms or 0]
    assert times == sorted(times)
    assert (recording.status, recording.end) == (200, RecordingEnd.CLEAN)


async def test_a_broken_answer_is_recorded_as_broken() -> None:
    recording = await recorded(answering(b"one", end=False))
    assert (recording.body, recording.end) == (b"one", RecordingEnd.BROKEN)


async def test_an_answer_that_fell_silent_is_recorded_as_left() -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        await until_gone(receive)

    recording = await recorded(app, idle=MOMENT)
    assert (recording.body, recording.end) == (b"one", RecordingEnd.ABORTED)


@pytest.mark.parametrize("leave", ["abort", "aclose", "transport"])
async def test_an_answer_its_reader_left_is_recorded_at_once(leave: str, tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    transport = RecordingTransport(ASGITransport(answering(b"one", b"two")), file)  # type: ignore[arg-type]
    exchange = await transport.open(HTTPRequest("POST", URL), Deadlines())
    await exchange.receive()
    if leave == "abort":
        exchange.abort()
    elif leave == "aclose":
        await exchange.aclose()
    else:
        await transport.aclose()
    (recording,) = load(file)
    assert (recording.body, recording.end) == (b"one", RecordingEnd.ABORTED)
    await exchange.aclose()
    await transport.aclose()
    assert len(load(file)) == 1


async def test_the_recording_of_a_large_answer_breaks_off(caplog: pytest.LogCaptureFixture) -> None:
    recording = await recorded(answering(b"one", b"two", b"three"), max_size=6)
    assert (recording.body, recording.end) == (b"onetwo", RecordingEnd.ABORTED)
    assert "larger than 6 bytes; its recording breaks off there" in caplog.text


async def test_a_header_that_is_no_text_is_stored_with_signs(tmp_path: Path) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"server", b"a\xff")]}
        )
        await send({"type": "http.response.body", "body": b"one"})

    async with asgi_server(app) as url:
        transport = RecordingTransport(AiohttpTransport(), tmp_path / "r.jsonl")
        exchange = await transport.open(HTTPRequest("GET", f"{url}/x"), Deadlines())
        assert exchange.headers["server"] == "a\udcff"
        while await exchange.receive():
            pass
        await transport.aclose()
    assert load(tmp_path / "r.jsonl")[0].headers["server"] == "a\ufffd"


async def test_an_exchange_without_an_answer_leaves_no_recording() -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        raise ValueError

    recordings: list[Recording] = []
    transport = RecordingTransport(ASGITransport(app), recordings.append)  # type: ignore[arg-type]
    with pytest.raises(StreamInterrupted):
        await transport.open(HTTPRequest("POST", URL), Deadlines())
    await transport.aclose()
    assert recordings == []


async def test_no_credential_is_stored(tmp_path: Path) -> None:
    file = tmp_path / "r.jsonl"
    said = f"data: the key {KEY} is wrong".encode()
    app = answering(said[:25], said[25:])
    transport = RecordingTransport(ASGITransport(app), file)  # type: ignore[arg-type]
    body = f'{{"key": "{KEY}"}}'.encode()
    url = f"{URL}&access_token=ya29.of-the-tests"
    exchange = await transport.open(HTTPRequest("POST", url, HEADERS, body), Deadlines())
    assert await exchange.receive() == said[:25]  # what passes is unchanged
    assert await exchange.receive() == said[25:]
    assert not await exchange.receive()
    await transport.aclose()
    (recording,) = load(file)
    assert recording.path == "/v1/x?alt=sse"
    assert recording.request_headers == {"content-type": "application/json"}
    assert recording.headers == {"content-type": "text/event-stream"}
    assert recording.request_body == body.replace(KEY.encode(), b"*" * len(KEY))
    stars = said.replace(KEY.encode(), b"*" * len(KEY))
    assert [read.data for read in recording.reads] == [stars[:25], stars[25:]]
    text = file.read_text()
    for secret in (KEY, "of-all-news", "session-of", "ya29", "mine"):
        assert secret not in text


async def test_what_is_to_be_redacted_is_in_neither_body() -> None:
    event = b'data: {"a": {"text": "private"}}\r\n\r\n'
    recording = await recorded(
        answering(event[:25], event[25:]),
        body=b'{"a": [{"text": "private"}]}',
        redact=["a.text"],
    )
    assert recording.body == event.replace(b"private", b"REDACTED")
    assert recording.request_body == b'{"a": [{"text": "REDACTED"}]}'


async def test_many_exchanges_at_once_are_many_recordings(tmp_path: Path) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        name = scope["path"].encode()
        await respond(send, *[name] * 20)

    file = tmp_path / "r.jsonl"
    transport = RecordingTransport(ASGITransport(app), file)  # type: ignore[arg-type]

    async def ask(number: int) -> None:
        exchange = await transport.open(HTTPRequest("GET", f"http://a/{number:03}"), Deadlines())
        while await exchange.receive():
            pass

    await asyncio.gather(*map(ask, range(50)))
    await transport.aclose()
    recordings = load(file)
    assert sorted(recording.path for recording in recordings) == [f"/{n:03}" for n in range(50)]
    assert all(set(one.reads) for one in recordings)
    assert all(one.body == one.path.encode() * 20 for one in recordings)


async def test_a_recording_that_cannot_be_written_does_not_harm_the_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    transport = RecordingTransport(ASGITransport(answering(b"one")), folder / "r.jsonl")  # type: ignore[arg-type]
    (folder / "r.jsonl").unlink()
    folder.rmdir()
    exchange = await transport.open(HTTPRequest("POST", URL), Deadlines())
    with caplog.at_level(logging.ERROR):
        assert [await exchange.receive(), await exchange.receive()] == [b"one", b""]
    assert "cannot be written: No such file or directory; the recording of /v1/x" in caplog.text
    await transport.aclose()


@pytest.mark.parametrize(
    ("to", "redact", "word"), [("no/r.jsonl", [], "cannot be written"), ("r", ["a..b"], "a..b")]
)
async def test_what_cannot_work_is_refused_at_once(
    to: str, redact: list[str], word: str, tmp_path: Path
) -> None:
    inner = ASGITransport(answering())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=word):
        RecordingTransport(inner, tmp_path / to, redact=redact)
