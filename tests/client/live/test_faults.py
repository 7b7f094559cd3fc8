"""Whatever the service does: a typed error in bounded time, the connection closed, no task left."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from conformance.transport import MOMENT, PATIENT
from gemstream import AsyncClient, RetryPolicy, Timeouts
from gemstream.errors import (
    APIError,
    ConfigError,
    DecodeError,
    FirstChunkTimeout,
    IdleTimeout,
    InvalidState,
    PermissionDenied,
    ProtocolError,
    ResourceExhausted,
    SessionClosed,
    SessionClosedError,
    SessionClosedOK,
    Unauthenticated,
)
from gemstream.net.http2_transport import HTTP2Transport
from support.live import AUDIO_OUT, DONE, by_server, output
from support.live_service import MODEL, LiveService, Part, Stage, client_of
from support.peers import Receive, Send, asgi_server, left_behind
from support.service import KEY


def _says(*payloads: bytes | str) -> Part:
    async def part(stage: Stage) -> None:
        await stage.hear()
        for payload in payloads:
            await stage.raw(payload)

    return part


def _closes(code: int, reason: str = "", *, hears: bool = True) -> Part:
    async def part(stage: Stage) -> None:
        if hears:
            await stage.hear()
        await stage.close(code, reason)

    return part


async def _silent(stage: Stage) -> None:
    await stage.hear()


# --- what the service says -------------------------------------------------------------------

GARBAGE: dict[str, tuple[list[bytes | str], type[Exception], str | None]] = {
    "no JSON": ([b"\x00\xff"], DecodeError, None),
    "half a message": ([b'{"serverContent": {"modelTurn'], DecodeError, None),
    "text that is no JSON": (["hello"], DecodeError, None),
    "no UTF-8": ([b'{"serverContent": {"turnComplete": "\xff"}}'], DecodeError, None),
    "another shape": ([b'{"serverContent": []}'], DecodeError, None),
    "a second setup": ([b'{"setupComplete": {}}'], ProtocolError, "order of the session"),
    "too much": ([b" " * (8 * 1024 * 1024 + 1)], ProtocolError, "max_message_size"),
    "an error": ([b'{"error": {"code": 429, "message": "busy"}}'], ResourceExhausted, "busy"),
    "our secret": ([f'{{"error": {{"code": 403, "message": "{KEY}"}}}}'], PermissionDenied, None),
    "our secret in details": (
        [f'{{"error": {{"code": 403, "details": [{{"@type": "x", "of": ["{KEY}"]}}]}}}}'],
        PermissionDenied,
        None,
    ),
}


@pytest.mark.parametrize("case", GARBAGE)
async def test_garbage_ends_the_session_with_its_error(case: str) -> None:
    payloads, kind, said = GARBAGE[case]
    before = asyncio.all_tasks()
    service = LiveService(_says(*payloads))
    async with client_of(service).live(MODEL) as session:
        with pytest.raises(kind, match=said) as raised:
            await session.send_text("Hi")
        assert KEY not in f"{raised.value} {vars(raised.value)}"
        with pytest.raises(kind):
            await anext(session)
        with pytest.raises(kind):
            await session.send_text("Hi")
    assert await _gone(before)
    assert service.left


async def _gone(before: set[asyncio.Task[Any]]) -> bool:
    async with asyncio.timeout(PATIENT):
        while left := left_behind(before):
            await asyncio.wait(left)
    return True


# --- how the service ends it -----------------------------------------------------------------

CLOSES = {
    1000: SessionClosedOK,
    1001: SessionClosedError,
    1006: SessionClosedError,
    1007: SessionClosedError,
    1008: SessionClosedError,
    1011: SessionClosedError,
    4429: SessionClosedError,
}


@pytest.mark.parametrize("code", CLOSES)
async def test_a_close_while_an_answer_is_due_is_raised(code: int) -> None:
    reason = "" if code == 1006 else f"because {KEY}"
    async with client_of(LiveService(_closes(code, reason))).live(
        MODEL, reconnect=False
    ) as session:
        with pytest.raises(SessionClosed) as raised:
            await session.send_text("Hi")
        assert type(raised.value) is CLOSES[code]
        assert (raised.value.code, raised.value.resumable) == (code, False)
        assert KEY not in raised.value.reason
        with pytest.raises(CLOSES[code]):
            await session.send_client_content("Hi")


async def test_a_normal_close_between_turns_is_a_plain_end() -> None:
    async with client_of(LiveService(_closes(1000, hears=False))).live(MODEL) as session:
        assert [event async for event in session] == []
        with pytest.raises(InvalidState, match="closed"):
            await session.send_client_content("Hi")


async def test_what_came_before_a_close_is_given_first() -> None:
    async def part(stage: Stage) -> None:
        update = {"newHandle": "new", "resumable": True}
        await stage.say(by_server(sessionResumptionUpdate=update), AUDIO_OUT)
        await stage.close(1011, "no")

    async with client_of(LiveService(part)).live(MODEL, reconnect=False) as session:
        events = []
        with pytest.raises(SessionClosedError) as raised:
            async for event in session:
                events.append(event)
        assert len(events) == 2
        assert raised.value.resumable
        assert session.handle == "new"


async def test_an_application_that_breaks_is_1006() -> None:
    async def part(stage: Stage) -> None:
        await stage.hear()
        raise RuntimeError("on purpose")

    async with client_of(LiveService(part)).live(MODEL, reconnect=False) as session:
        with pytest.raises(SessionClosedError) as raised:
            await session.send_text("Hi")
        assert raised.value.code == 1006


# --- before the session stands ---------------------------------------------------------------


@pytest.mark.parametrize("code", [1000, 1007, 1008])
async def test_a_setup_that_is_refused_is_told_and_not_tried_again(code: int) -> None:
    service = LiveService(_closes(code, "no such voice"), sets_up=False)
    with pytest.raises(SessionClosedError, match=r"before it was set up.*no such voice") as raised:
        async with client_of(service).live(MODEL):
            pass
    assert raised.value.code == code
    assert len(service.stages) == 1


async def test_a_setup_that_is_never_answered_times_out() -> None:
    before = asyncio.all_tasks()
    service = LiveService(_silent, sets_up=False)
    client = client_of(service, retry=RetryPolicy(attempts=1))
    with pytest.raises(FirstChunkTimeout, match="did not complete the setup") as raised:
        async with client.live(MODEL, timeouts=Timeouts(first_chunk=MOMENT)):
            pass
    assert raised.value.timeout == MOMENT
    assert await _gone(before)
    assert service.left


async def test_a_setup_answered_by_garbage_is_told() -> None:
    service = LiveService(_says(b"{}x"), sets_up=False)
    with pytest.raises(DecodeError):
        async with client_of(service).live(MODEL):
            pass


REFUSALS = {
    400: (b'{"error": {"code": 400, "details": [%s]}}', Unauthenticated),
    403: (b'{"error": {"code": 403, "message": "no"}}', PermissionDenied),
    418: (b"<html>", APIError),
}
_INVALID_KEY = b'{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}'


@pytest.mark.parametrize("status", REFUSALS)
async def test_a_refused_handshake_is_the_error_in_its_body(status: int) -> None:
    body, kind = REFUSALS[status]

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send({"type": "websocket.http.response.start", "status": status, "headers": []})
        said = body.replace(b"%s", _INVALID_KEY)
        await send({"type": "websocket.http.response.body", "body": said})

    with pytest.raises(kind) as raised:
        async with client_of(app).live(MODEL):
            pass
    assert isinstance(raised.value, APIError)
    assert raised.value.code == status


async def test_a_service_that_is_busy_is_asked_again() -> None:
    asked = 0
    service = LiveService(_silent)

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            return await service(scope, receive, send)
        await send({"type": "websocket.http.response.start", "status": 503, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b""})

    async with client_of(app).live(MODEL):
        pass
    assert asked == 2


async def test_a_transport_without_websockets_is_told() -> None:
    client = AsyncClient("key", transport=HTTP2Transport())
    with pytest.raises(ConfigError, match="HTTP2Transport opens no WebSockets"):
        async with client.live(MODEL):
            pass


# --- waiting and leaving ---------------------------------------------------------------------


async def test_an_answer_that_stays_out_times_out_and_silence_between_turns_does_not() -> None:
    async def part(stage: Stage) -> None:
        await stage.hear()
        await asyncio.sleep(MOMENT * 3)
        await stage.say(output({"text": "unasked"}), DONE)
        await stage.hear()

    timeouts = Timeouts(idle=MOMENT)
    async with client_of(LiveService(part)).live(MODEL, timeouts=timeouts) as session:
        await session.send_realtime_input(audio=b"\0\0")
        assert (await session.turn().finish()).text == "unasked"
        with pytest.raises(IdleTimeout, match=r"timeouts\.idle") as raised:
            await session.send_text("Hi")
        assert raised.value.timeout == MOMENT


async def test_an_answer_that_becomes_due_while_somebody_reads_is_waited_for_as_long() -> None:
    timeouts = Timeouts(idle=MOMENT)
    async with client_of(LiveService(_silent)).live(MODEL, timeouts=timeouts) as session:
        reader = asyncio.create_task(session.turn().finish())
        await asyncio.sleep(0)
        await session.send_client_content("Hi")
        with pytest.raises(IdleTimeout):
            await reader


async def test_closing_ends_a_reader_in_another_task_plainly() -> None:
    async with client_of(LiveService(_silent)).live(MODEL) as session:

        async def read() -> list[Any]:
            return [event async for event in session]

        reader = asyncio.create_task(read())
        await asyncio.sleep(0)
        await session.aclose()
        assert await reader == []
        await session.aclose()


async def test_a_cancelled_read_loses_nothing() -> None:
    async def part(stage: Stage) -> None:
        await stage.hear()
        await stage.say(output({"text": "Hello"}), DONE)

    async with client_of(LiveService(part)).live(MODEL) as session:
        reader = asyncio.create_task(anext(session))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
        assert (await session.send_text("Hi")).text == "Hello"


async def _answers(stage: Stage) -> None:
    await stage.hear()
    await stage.say(output({"text": "Hello"}), DONE)


async def _talk(client: AsyncClient) -> None:
    async with client.live(MODEL) as session:
        await session.send_text("Hi")
        await session.send_realtime_input(audio=b"\0\0")


async def _cancelled_after(steps: int, client: AsyncClient) -> bool:
    """Cancel a conversation after so many turns of the loop; True when it was through."""
    before = asyncio.all_tasks()
    task = asyncio.create_task(_talk(client))
    for _ in range(steps):
        await asyncio.sleep(0)
    is_through = task.done()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert await _gone(before)
    return is_through


async def test_cancelling_at_every_await_leaves_nothing() -> None:
    service = LiveService(_answers)
    client = client_of(service)
    steps = 0
    while not await _cancelled_after(steps, client):
        steps += 1
    assert steps >= 5
    # Every connection that was begun was left.
    assert len(service.left) == len(service.stages)


async def test_cancelling_over_sockets_leaves_nothing() -> None:
    service = LiveService(_answers)
    async with asgi_server(service) as url, AsyncClient("key", base_url=url) as client:
        await _talk(client)
        for steps in range(60):
            await _cancelled_after(steps, client)
    assert service.left
