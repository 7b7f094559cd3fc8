"""The Gemini surface: the service's own bytes, in real time, counted once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator.limits import Keys
from gemstream.emulator.scripts.steps import WaitForAck
from gemstream.net.asgi import ASGITransport
from gemstream.net.transport import Deadlines, HTTPRequest
from support.relayed import MODEL, RELAY_KEY, Watched, prompt, relayed

STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
WHOLE = f"/v1beta/models/{MODEL}:generateContent"


async def _direct(emulator: Emulator, path: str, body: bytes) -> bytes:
    transport = ASGITransport(emulator)
    request = HTTPRequest(
        "POST", f"http://one{path}", {"x-goog-api-key": "upstream-key-of-one"}, body
    )
    exchange = await transport.open(request, Deadlines())
    pieces = []
    while piece := await exchange.receive():
        pieces.append(piece)
    await transport.aclose()
    return b"".join(pieces)


@pytest.mark.parametrize(
    "path",
    [
        STREAM,
        WHOLE,
        STREAM.replace("v1beta", "v1"),
        f"/gemini{STREAM}",
        f"/v1beta/models/{MODEL}:countTokens",
    ],
)
async def test_the_bytes_are_the_services(tmp_path: Path, path: str) -> None:
    body = b'{"contents":[{"role":"user","parts":[{"text":"Count to t\\u00e9n"}]}]}'
    direct = await _direct(Emulator(seed=5), path.removeprefix("/gemini"), body)
    async with relayed(tmp_path, Emulator(seed=5)) as house:
        answer = await house.ask(path, body)
    assert answer.status == 200
    assert answer.body == direct


async def test_a_caller_who_asks_for_no_events_gets_an_array(tmp_path: Path) -> None:
    async with relayed(tmp_path) as house:
        answer = await house.ask(STREAM.removesuffix("?alt=sse"), prompt())
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    assert answer.body.startswith(b"[{") and answer.body.endswith(b"}\n]")
    assert b"}\n,\n{" in answer.body
    texts = [chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in answer.json()]
    assert "".join(texts) == "1, 2, 3, 4, 5"


async def test_the_head_of_a_stream_says_that_nothing_may_keep_it(tmp_path: Path) -> None:
    async with relayed(tmp_path) as house:
        answer = await house.ask(STREAM, prompt())
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["x-request-id"].startswith("req_")


async def test_each_answer_is_one_row_with_the_services_counts(tmp_path: Path) -> None:
    async with relayed(tmp_path) as house:
        streamed = await house.ask(STREAM, prompt())
        whole = await house.ask(WHOLE, prompt())
        first, second = await house.rows()
    usage = whole.json()["usageMetadata"]
    for row, answer in ((first, streamed), (second, whole)):
        assert row["request_id"] == answer.headers["x-request-id"]
        assert (row["status"], row["account"], row["key_id"]) == ("ok", "one", "team-a")
        assert row["prompt_tokens"] == usage["promptTokenCount"]
        assert row["candidates_tokens"] == usage["candidatesTokenCount"]
        assert row["cost"] > 0
        assert not row["is_estimated"]


async def test_chunks_pass_as_they_come(tmp_path: Path) -> None:
    """The next chunk is released only after the last was seen."""
    ack = WaitForAck()
    script = Script([Rule(steps=["one ", ack, "two ", ack, "three"])])
    emulator = Emulator(script)
    async with relayed(tmp_path, emulator) as house:
        stream = await house.open(STREAM, prompt())
        seen = b""
        for word in (b"one ", b"two ", b"three"):
            while word not in seen:
                seen += await stream.receive()
            emulator.ack()
        while data := await stream.receive():
            seen += data
    assert b'"finishReason":"STOP"' in seen


async def test_who_leaves_before_the_first_word_stops_the_upstream(tmp_path: Path) -> None:
    emulator = Emulator(Script([Rule(steps=[WaitForAck(), "never seen"])]))
    watched = Watched(emulator)
    async with relayed(tmp_path, watched) as house:
        asking = asyncio.create_task(house.open(STREAM, prompt()))
        await watched.arrived.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await emulator.idle()
        (row,) = await house.rows()
    assert (row["status"], row["is_estimated"]) == ("client_cancel", 1)
    assert emulator.journal[0].end.value == "aborted"


async def test_our_client_streams_through_it(tmp_path: Path) -> None:
    async with relayed(tmp_path) as house, house.client() as client:
        async with client.generate_stream("Count to five", model=MODEL) as stream:
            texts = [chunk.text async for chunk in stream]
        assert "".join(texts) == "1, 2, 3, 4, 5"
        assert len(texts) > 1
        assert stream.response.usage.prompt_token_count == 4


async def test_the_callers_key_does_not_go_up(tmp_path: Path) -> None:
    emulator = Emulator(Script(keys=Keys(only=("upstream-key-of-one",))))
    async with relayed(tmp_path, emulator) as house:
        assert (await house.ask(WHOLE, prompt())).status == 200
        assert (await house.ask(f"{WHOLE}?key={RELAY_KEY}", prompt(), key=None)).status == 200
