"""Callers on sockets: cut at any byte, one behind the other, and in the manners of old clients."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gemstream.emulator import Emulator
from gemstream.relay.server.listener import Listener
from relay.server.served import GUARD, Caller, listening
from support.relay_callers import CALLERS
from support.relay_oracle import broken_laws, read_journal
from support.relayed import MODEL, RELAY_KEY, Answered, Relayed, relayed

STREAM = CALLERS["gemini events"]


def request(
    name: str = "gemini events", *lines: str, method: str = "POST", version: str = "1.1"
) -> bytes:
    caller = CALLERS[name]
    body = json.dumps(caller.body).encode()
    head = (
        f"{method} {caller.path} HTTP/{version}",
        "Host: relay",
        f"x-goog-api-key: {RELAY_KEY}",
        f"Content-Length: {len(body)}",
        *lines,
    )
    return "\r\n".join((*head, "", "")).encode() + body


async def quiet(house: Relayed, listener: Listener | None = None) -> None:
    """Return once nothing runs any more, and no connection stands; of this nobody tells."""
    async with asyncio.timeout(GUARD):
        while house.relay.running or (listener and listener.open_connections):  # noqa: ASYNC110
            await asyncio.sleep(0.001)


@asynccontextmanager
async def house_on_a_port(folder: Path) -> AsyncIterator[tuple[Relayed, int]]:
    """Serve a relay on a port; in the end its books are held against the journal."""
    journal = folder / "journal.jsonl"
    emulator = Emulator(journal=journal)
    accounts = {"one": {"attempt_header": True}}
    async with relayed(folder, emulator, accounts=accounts) as house:
        async with listening(house.relay) as (listener, port):
            yield house, port
            await quiet(house, listener)
            await emulator.idle()
        assert broken_laws(read_journal(journal), await house.rows()) == []


async def told(port: int, data: bytes, *, is_cut: bool = False) -> bytes:
    """Send ``data`` and return all that is answered; ``is_cut``: leave at once instead."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await Caller(reader, writer).send(data)
        return b"" if is_cut else await Caller(reader, writer).rest()
    finally:
        writer.transport.abort()


def body_of(answer: bytes) -> tuple[int, bytes, bytes]:
    """Return status, head and body of the first answer, and take its chunks out of their frames."""
    head, _, rest = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    if b"\r\ntransfer-encoding: chunked" in head:
        return status, head, _unframed(rest)
    return status, head, rest


def _unframed(rest: bytes) -> bytes:
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            assert rest == b"\r\n"
            return body
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


async def test_a_request_cut_at_any_byte_is_nothing_or_one_row(tmp_path: Path) -> None:
    data = request()
    async with house_on_a_port(tmp_path) as (house, port):
        for byte in range(0, len(data) + 1, 3):
            await told(port, data[:byte], is_cut=True)
        await told(port, data, is_cut=True)
        rows = await house.rows()
    assert len(rows) <= 2  # of the whole one, if at all: who left at once may not have been seen


async def test_an_answer_cut_at_any_byte_is_one_row(tmp_path: Path) -> None:
    data = request("gemini events", "Connection: close")
    async with house_on_a_port(tmp_path) as (house, port):
        size = len(await told(port, data)) - 200  # it may come in fewer frames
        for most in range(1, size, 37):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                await Caller(reader, writer).send(data)
                await Caller(reader, writer).exactly(most)
            finally:
                writer.transport.abort()
        await quiet(house)
        rows = await house.rows()
    assert len(rows) == len(range(1, size, 37)) + 1
    assert {row["status"] for row in rows} <= {"ok", "client_cancel"}


async def test_two_requests_at_once_are_answered_one_behind_the_other(tmp_path: Path) -> None:
    async with house_on_a_port(tmp_path) as (house, port):
        both = request() + request("openai events", "Connection: close")
        answer = await told(port, both)
        first, second = re.split(rb"(?<=\r\n0\r\n\r\n)(?=HTTP/1\.1)", answer)
        rows = await house.rows()
    for name, one in (("gemini events", first), ("openai events", second)):
        status, _, body = body_of(one)
        assert CALLERS[name].met(Answered(status, {}, body)).text == "1, 2, 3, 4, 5"
    assert [row["surface"] for row in rows] == ["gemini", "openai"]
    assert [row["status"] for row in rows] == ["ok", "ok"]


async def test_who_asks_whether_to_go_on_is_told_so(tmp_path: Path) -> None:
    head, _, body = request(
        "anthropic events", "Expect: 100-continue", "Connection: close"
    ).partition(b"\r\n\r\n")
    async with house_on_a_port(tmp_path) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        caller = Caller(reader, writer)
        await caller.send(head + b"\r\n\r\n")
        assert (await caller.head()).startswith(b"HTTP/1.1 100 Continue")
        await caller.send(body)
        status, _, told_back = body_of(await caller.rest())
        writer.close()
    met = CALLERS["anthropic events"].met(Answered(status, {}, told_back))
    assert (met.text, met.error) == ("1, 2, 3, 4, 5", None)


@pytest.mark.parametrize("name", CALLERS)
async def test_a_caller_of_http_1_0_gets_a_body_without_frames(tmp_path: Path, name: str) -> None:
    """RFC 9112 §6.1: no Transfer-Encoding for whoever has not said that it speaks 1.1."""
    async with house_on_a_port(tmp_path) as (house, port):
        answer = await told(port, request(name, version="1.0"))
        (row,) = await house.rows()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head and b"connection: close" in head
    met = CALLERS[name].met(Answered(int(head.split()[1]), {}, body))
    assert (met.text, met.error) == ("1, 2, 3, 4, 5", None)
    assert row["status"] == "ok"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "GET", "PUT", "DELETE"])
async def test_other_methods_ask_nobody(tmp_path: Path, method: str) -> None:
    async with house_on_a_port(tmp_path) as (house, port):
        answer = await told(port, request("gemini events", "Connection: close", method=method))
        assert await house.rows() == []
    status, head, body = body_of(answer)
    assert status in (404, 405)
    assert (body == b"") == (method == "HEAD")
    assert MODEL.encode() not in head
