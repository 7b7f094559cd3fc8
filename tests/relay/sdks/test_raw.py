"""What goes over the socket itself, byte by byte: the framing that no SDK shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gemstream.emulator import Script
from gemstream.emulator.limits import Keys
from gemstream.emulator.scripts.faults import NakedError
from support.relay_server import ACK, RelayServer, relay_server, said
from support.relayed import MODEL, RELAY_KEY, prompt

GUARD = 30
SSE = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}], "stream": True}


class Caller:
    """One connection, as curl holds it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, path: str, body: Any, *headers: str) -> tuple[int, dict[str, str]]:
        """Send a request, and return status and headers once they are there."""
        data = json.dumps(body).encode()
        lines = (
            f"POST {path} HTTP/1.1",
            "Host: relay",
            f"x-goog-api-key: {RELAY_KEY}",
            "Content-Type: application/json",
            f"Content-Length: {len(data)}",
            *headers,
        )
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        async with asyncio.timeout(GUARD):
            head = await self._reader.readuntil(b"\r\n\r\n")
        first, *rest = head.decode("latin-1").split("\r\n")
        fields = (line.partition(":") for line in rest if line)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in fields}

    async def chunk(self) -> bytes:
        """Return the next chunk of the transfer coding: one write of the relay; b"" at the end."""
        async with asyncio.timeout(GUARD):
            size = int(await self._reader.readuntil(b"\r\n"), 16)
            return (await self._reader.readexactly(size + 2))[:-2]

    async def rest(self) -> list[bytes]:
        """Return the chunks up to the end of the answer."""
        chunks = []
        while chunk := await self.chunk():
            chunks.append(chunk)
        return chunks


@asynccontextmanager
async def _called(house: RelayServer) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()


async def test_gemini_s_events(house: RelayServer) -> None:
    async with _called(house) as caller:
        status, headers = await caller.ask(SSE, prompt())
        body = b"".join(await caller.rest())
    assert status == 200
    assert headers["content-type"] == "text/event-stream"
    assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-cache", "no")
    events = body.split(b"\r\n\r\n")
    assert events.pop() == b""
    assert all(event.startswith(b'data: {"') and b"\n" not in event for event in events)
    assert b"[DONE]" not in body


async def test_an_event_is_sent_when_it_comes() -> None:
    """Of each surface the first text is on the socket while the service still thinks."""
    asked: dict[str, Any] = {
        SSE: prompt(),
        "/v1/chat/completions": CHAT,
        "/v1/messages": {**CHAT, "max_tokens": 10},
    }
    async with relay_server(said("one ", ACK, "two")) as house:
        for path, body in asked.items():
            async with _called(house) as caller:
                await caller.ask(path, body)
                seen = b""
                while b"one " not in seen:
                    seen += await caller.chunk()
                assert b"two" not in seen
                house.emulator.ack()
                assert b"two" in b"".join(await caller.rest())


async def test_an_error_in_mid_stream_is_the_last_write() -> None:
    """One raw line, as the service's: no event, no ``[DONE]``; the connection ends with it."""
    script = said("one ", ACK, NakedError(code=500))
    async with relay_server(script) as house, _called(house) as caller:
        await caller.ask(SSE, prompt())
        first = await caller.chunk()
        house.emulator.ack()
        rest = b"".join(await caller.rest())
    assert first.startswith(b"data: ") and first.endswith(b"\r\n\r\n")
    assert rest.startswith(b'{"error":') and b"\n" not in rest
    assert json.loads(rest)["error"]["code"] == 500


async def test_openai_s_events_end_in_done(house: RelayServer) -> None:
    async with _called(house) as caller:
        _, headers = await caller.ask("/v1/chat/completions", CHAT)
        body = b"".join(await caller.rest())
    assert headers["content-type"].startswith("text/event-stream")
    assert body.endswith(b"data: [DONE]\n\n")
    assert all(event.startswith(b"data: ") for event in body.split(b"\n\n")[:-1])


async def test_anthropic_s_events_have_names(house: RelayServer) -> None:
    async with _called(house) as caller:
        await caller.ask("/v1/messages", {**CHAT, "max_tokens": 10})
        body = b"".join(await caller.rest())
    for event in body.split(b"\n\n")[:-1]:
        name, data = event.split(b"\n")
        assert name == b"event: " + json.loads(data.removeprefix(b"data: "))["type"].encode()


async def test_two_answers_on_one_connection(house: RelayServer) -> None:
    async with _called(house) as caller:
        for _ in range(2):
            status, _ = await caller.ask(SSE, prompt())
            assert status == 200
            assert (await caller.rest())[-1].endswith(b"\r\n\r\n")


@pytest.mark.parametrize("parameter", ["key", "%6bey"])
async def test_the_key_of_a_url_is_taken_and_not_sent_on(parameter: str) -> None:
    script = Script(keys=Keys(only=("upstream",)))
    async with relay_server(script) as house, _called(house) as caller:
        status, _ = await caller.ask(
            f"{SSE}&{parameter}={RELAY_KEY}", prompt(), f"Authorization: Bearer {RELAY_KEY}"
        )
        await caller.rest()
    assert status == 200
