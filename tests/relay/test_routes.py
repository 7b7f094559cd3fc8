"""What every route does, over each surface, streamed and whole.

Who is let in, what the head says, that events are events, that usage adds up, what becomes of
errors and of callers who leave.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gemstream.config.relay.options import KeyOptions
from gemstream.emulator import Emulator, Script
from gemstream.emulator.scripts.faults import Cut, ErrorInStream, NakedError, Slice, Status
from gemstream.emulator.scripts.steps import Step
from gemstream.wire.dialect.dialect import Dialect
from support.relay_server import ACK, said
from support.relayed import MODEL, RELAY_KEY, Relayed, Watched, prompt, relayed


class Surface(msgspec.Struct, frozen=True):
    """How one dialect asks for an answer, and where it tells what of it."""

    dialect: Dialect
    stream: str
    whole: str
    body: Mapping[str, Any]
    is_in_body: bool
    text: str
    ending: bytes

    def asked(self, is_stream: bool, **fields: Any) -> tuple[str, dict[str, Any]]:
        """Return path and body of a request."""
        told = {"stream": is_stream} if self.is_in_body else {}
        return self.stream if is_stream else self.whole, {**self.body, **told, **fields}


_MESSAGES = [{"role": "user", "content": "Count to five"}]
_NATIVE = f"/v1beta/models/{MODEL}"
SURFACES = {
    Dialect.GEMINI: Surface(
        dialect=Dialect.GEMINI,
        stream=f"{_NATIVE}:streamGenerateContent?alt=sse",
        whole=f"{_NATIVE}:generateContent",
        body=prompt(),
        is_in_body=False,
        text="candidates.0.content.parts.0.text",
        ending=b'"finishReason":"STOP"',
    ),
    Dialect.OPENAI: Surface(
        dialect=Dialect.OPENAI,
        stream="/v1/chat/completions",
        whole="/v1/chat/completions",
        body={"model": MODEL, "messages": _MESSAGES},
        is_in_body=True,
        text="choices.0.message.content",
        ending=b"data: [DONE]",
    ),
    Dialect.ANTHROPIC: Surface(
        dialect=Dialect.ANTHROPIC,
        stream="/v1/messages",
        whole="/v1/messages",
        body={"model": MODEL, "messages": _MESSAGES, "max_tokens": 100},
        is_in_body=True,
        text="content.0.text",
        ending=b"event: message_stop",
    ),
}
EVERY = pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda one: one.dialect.value)
BOTH = pytest.mark.parametrize("is_stream", [True, False], ids=["streamed", "whole"])
STREAMED, WHOLE = True, False
COUNTED = "1, 2, 3, 4, 5"


def _at(plain: Any, place: str) -> Any:
    for step in place.split("."):
        plain = plain[int(step) if step.isdigit() else step]
    return plain


def _events(body: bytes) -> list[Any]:
    """Return the JSON of the events; every line must be of an event."""
    lines = [line for line in body.replace(b"\r\n", b"\n").split(b"\n") if line]
    assert all(line.startswith((b"data: ", b"event: ")) for line in lines)
    data = [line.removeprefix(b"data: ") for line in lines if line.startswith(b"data: ")]
    return [json.loads(one) for one in data if one != b"[DONE]"]


def _texts(events: list[Any]) -> str:
    """Return the text of a stream of any surface."""
    found = []
    for event in events:
        for place in ("candidates.0.content.parts.0.text", "choices.0.delta.content", "delta.text"):
            try:
                found.append(_at(event, place) or "")
            except (KeyError, IndexError, TypeError):
                continue
    return "".join(found)


# --- who is let in ---------------------------------------------------------------------------


@EVERY
@BOTH
async def test_it_requires_auth(tmp_path: Path, surface: Surface, is_stream: bool) -> None:
    emulator = Watched(Emulator())
    async with relayed(tmp_path, emulator) as house:
        for key in (None, "a-key-that-nobody-was-given"):
            answer = await house.ask(*surface.asked(is_stream), key=key)
            assert answer.status == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.headers["content-type"].startswith("application/json")
        assert await house.rows() == []
    assert emulator.heads == []


@pytest.mark.parametrize("path", ["/v1beta/models", f"/v1beta/models/{MODEL}", "/v1/nowhere"])
async def test_lists_and_strange_paths_require_auth(tmp_path: Path, path: str) -> None:
    async with relayed(tmp_path) as house:
        assert (await house.ask(path, key=None)).status == 401


@pytest.mark.parametrize("allowed", SURFACES)
async def test_the_permission_of_a_key_is_enforced(tmp_path: Path, allowed: Dialect) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, surfaces=(allowed.value,))]
    async with relayed(tmp_path, keys=keys) as house:
        told = {
            dialect: (await house.ask(*surface.asked(STREAMED))).status
            for dialect, surface in SURFACES.items()
        }
    assert told == {dialect: 200 if dialect is allowed else 403 for dialect in SURFACES}


@EVERY
@BOTH
async def test_the_models_of_a_key_are_enforced(
    tmp_path: Path, surface: Surface, is_stream: bool
) -> None:
    keys = [KeyOptions(name="k", key=RELAY_KEY, models=("other-*",))]
    emulator = Watched(Emulator())
    async with relayed(tmp_path, emulator, keys=keys) as house:
        assert (await house.ask(*surface.asked(is_stream))).status == 403
    assert emulator.heads == []


# --- what the head and the body are ----------------------------------------------------------


@EVERY
async def test_the_headers_of_events(tmp_path: Path, surface: Surface) -> None:
    async with relayed(tmp_path) as house:
        answer = await house.ask(*surface.asked(STREAMED))
    assert answer.status == 200
    assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["x-request-id"].startswith("req_")
    assert "content-length" not in answer.headers


@EVERY
async def test_a_stream_is_events_from_the_first_byte_to_the_last(
    tmp_path: Path, surface: Surface
) -> None:
    async with relayed(tmp_path) as house:
        answer = await house.ask(*surface.asked(STREAMED))
    assert _texts(_events(answer.body)) == COUNTED
    assert surface.ending in answer.body


@EVERY
async def test_an_answer_that_is_not_streamed_still_works(tmp_path: Path, surface: Surface) -> None:
    async with relayed(tmp_path) as house:
        answer = await house.ask(*surface.asked(WHOLE))
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert _at(answer.json(), surface.text) == COUNTED


@EVERY
async def test_events_that_come_in_pieces_are_read_whole(tmp_path: Path, surface: Surface) -> None:
    """One byte at a time, the text, its end and its usage are the same."""
    script = said("ä", "€", "𝄞", Slice(sizes=[1]))
    async with relayed(tmp_path, Emulator(script)) as house:
        answer = await house.ask(*surface.asked(STREAMED))
        (row,) = await house.rows()
    assert _texts(_events(answer.body)) == "ä€𝄞"
    assert (row["status"], row["candidates_tokens"]) == ("ok", 1)


# --- usage -----------------------------------------------------------------------------------


@EVERY
@BOTH
async def test_usage_is_counted_once(tmp_path: Path, surface: Surface, is_stream: bool) -> None:
    async with relayed(tmp_path) as house:
        for _ in range(3):
            await house.ask(*surface.asked(is_stream))
        rows = await house.rows()
    told = [(row["status"], row["prompt_tokens"], row["candidates_tokens"]) for row in rows]
    assert told == [("ok", 4, 4)] * 3
    assert len({row["request_id"] for row in rows}) == 3
    assert not any(row["is_estimated"] for row in rows)


@EVERY
@BOTH
async def test_thoughts_are_counted_apart(
    tmp_path: Path, surface: Surface, is_stream: bool
) -> None:
    body = json.loads(json.dumps(surface.body).replace("Count to five", "[thoughts] Count to five"))
    path, told = surface.asked(is_stream)
    async with relayed(tmp_path) as house:
        await house.ask(path, {**told, **body})
        (row,) = await house.rows()
    assert row["candidates_tokens"] == 4
    assert row["thoughts_tokens"] > 0


# --- errors ----------------------------------------------------------------------------------

# What the service says: what callers are told, in the order of the surfaces above.
UPSTREAM = {
    400: (400, 400, 400),
    401: (503, 503, 500),
    404: (404, 404, 404),
    429: (429, 429, 429),
    500: (500, 500, 500),
    503: (503, 503, 529),
}


@EVERY
@BOTH
@pytest.mark.parametrize("code", UPSTREAM)
async def test_an_error_before_the_first_byte_is_a_status(
    tmp_path: Path, surface: Surface, is_stream: bool, code: int
) -> None:
    expected = dict(zip(SURFACES, UPSTREAM[code], strict=True))[surface.dialect]
    async with relayed(tmp_path, Emulator(said(Status(code=code, message="so it is")))) as house:
        answer = await house.ask(*surface.asked(is_stream))
    assert answer.status == expected
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json()["error"]["message"]


@EVERY
@pytest.mark.parametrize("fault", [ErrorInStream(code=503), NakedError(code=500), Cut()])
async def test_an_error_in_mid_stream_ends_it_as_no_answer(
    tmp_path: Path, surface: Surface, fault: Step
) -> None:
    emulator = Emulator(said("one ", ACK, fault))
    async with relayed(tmp_path, emulator) as house:
        stream = await house.open(*surface.asked(STREAMED))
        body = b""
        while b"one " not in body:
            body += await stream.receive()
        emulator.ack()
        while data := await stream.receive():
            body += data
        (row,) = await house.rows()
    assert b'"error"' in body and surface.ending not in body
    assert row["status"] != "ok"


@EVERY
@BOTH
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'{"a":' * 100 + b"1" + b"}" * 100])
async def test_a_body_that_is_none(
    tmp_path: Path, surface: Surface, is_stream: bool, body: bytes
) -> None:
    path, _ = surface.asked(is_stream)
    async with relayed(tmp_path) as house:
        answer = await house.ask(path, body, method="POST")
        assert await house.rows() == []
    assert answer.status == 400
    assert answer.json()["error"]["message"]


@EVERY
async def test_a_wrong_method_names_the_right_one(tmp_path: Path, surface: Surface) -> None:
    async with relayed(tmp_path) as house:
        for method in ("GET", "PUT", "DELETE"):
            answer = await house.ask(surface.stream, method=method)
            assert (answer.status, answer.headers["allow"]) == (405, "POST")
            assert "use POST" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({}, {"code", "message", "status"}),
        ({"authorization": f"Bearer {RELAY_KEY}"}, {"message", "type", "param", "code"}),
        ({"anthropic-version": "2023-06-01"}, {"type", "message", "details"}),
    ],
)
async def test_a_path_that_leads_nowhere_is_told_in_the_words_of_its_caller(
    tmp_path: Path, headers: Mapping[str, str], fields: set[str]
) -> None:
    async with relayed(tmp_path) as house:
        answer = await house.ask("/v1/responses", {}, headers=headers)
    assert answer.status == 404
    assert set(answer.json()["error"]) == fields


# --- who leaves ------------------------------------------------------------------------------


@EVERY
@BOTH
async def test_who_leaves_before_the_first_word_stops_the_service(
    tmp_path: Path, surface: Surface, is_stream: bool
) -> None:
    emulator = Emulator(said(ACK, "never seen"))
    watched = Watched(emulator)
    async with relayed(tmp_path, watched) as house:
        asking = asyncio.create_task(house.open(*surface.asked(is_stream)))
        await watched.arrived.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await _stopped(house, emulator)


@EVERY
async def test_who_leaves_in_mid_stream_stops_the_service(tmp_path: Path, surface: Surface) -> None:
    emulator = Emulator(said("one ", ACK, "never seen"))
    async with relayed(tmp_path, emulator) as house:
        stream = await house.open(*surface.asked(STREAMED))
        while b"one " not in await stream.receive():
            pass
        await stream.aclose()
        await _stopped(house, emulator)


async def _stopped(house: Relayed, emulator: Emulator) -> None:
    await emulator.idle()
    (row,) = await house.rows()
    assert (row["status"], row["is_estimated"]) == ("client_cancel", 1)
    assert emulator.journal[0].end.value == "aborted"


# --- beside answers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "headers", "place"),
    [
        ("/v1beta/models?pageSize=1000", {}, "models"),
        ("/v1/models", {"authorization": f"Bearer {RELAY_KEY}"}, "data"),
        ("/v1/models", {"anthropic-version": "2023-06-01"}, "data"),
    ],
)
async def test_lists_of_models(
    tmp_path: Path, path: str, headers: Mapping[str, str], place: str
) -> None:
    async with relayed(tmp_path) as house:
        answer = await house.ask(path, headers=headers)
    assert answer.status == 200
    names = [one.get("id") or one["name"].removeprefix("models/") for one in answer.json()[place]]
    assert MODEL in names


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        (f"{_NATIVE}:countTokens", prompt(), "totalTokens"),
        ("/v1/messages/count_tokens", {"model": MODEL, "messages": _MESSAGES}, "input_tokens"),
        (
            "/claude/v1/messages/count_tokens",
            {"model": MODEL, "messages": _MESSAGES},
            "input_tokens",
        ),
    ],
)
async def test_counts_of_tokens(tmp_path: Path, path: str, body: Any, place: str) -> None:
    async with relayed(tmp_path, Emulator(Script())) as house:
        answer = await house.ask(path, body)
    assert (answer.status, answer.json()[place]) == (200, 4)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_health_needs_no_key(tmp_path: Path, method: str) -> None:
    async with relayed(tmp_path) as house:
        for path in ("/livez", "/readyz", "/startupz"):
            assert (await house.ask(path, key=None, method=method)).status == 200
        house.relay.begin_drain()
        assert (await house.ask("/readyz", key=None, method=method)).status == 503
        assert (await house.ask("/livez", key=None, method=method)).status == 200
