"""What ``generate`` gives back of a Live session, and how it fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream import AsyncClient, Completeness, Response, Timeouts
from gemstream.emulator import Chunk, Emulator, Rule, Script, serving
from gemstream.errors import (
    APIError,
    DecodeError,
    GemstreamError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ProtocolError,
    ResourceExhausted,
    StreamInterrupted,
    StreamTruncated,
    Unauthenticated,
    Unavailable,
)
from gemstream.wire.response import FinishReason
from support.clock import in_no_time
from support.emulated import async_client
from support.live import DONE, by_server, output
from support.live_service import MODEL, LiveService, Part, Stage, client_of
from support.one_turn import (
    COUNTED_DONE,
    ONCE,
    USAGE,
    WRITING,
    answers,
    says_then,
)
from support.peers import Receive, Send, left_behind
from support.service import KEY

# --- what comes back -------------------------------------------------------------------------


async def test_the_answer_is_the_fold_of_its_chunks() -> None:
    service = LiveService(answers)
    async with client_of(service).generate_stream("Hi", model=MODEL) as stream:
        chunks = [chunk async for chunk in stream]
    assert [chunk.text for chunk in chunks] == ["Hel", "lo", ""]
    assert [chunk.is_final for chunk in chunks] == [False, False, True]
    response = stream.response
    assert (response.text, response.complete) == ("Hello", Completeness.CONFIRMED)
    assert response.usage.candidates_token_count == 5  # type: ignore[union-attr]
    assert service.left == [1000]


async def test_speech_has_its_transcription_as_text() -> None:
    async with async_client(Emulator()) as client:
        response = await client.generate("Count to 3", model=MODEL)
    sounds = [part for part in response.parts if part.inline_data is not None]
    assert response.text == "1, 2, 3"
    assert len(sounds) == 3
    assert response.usage.candidates_tokens_details[0].modality == "AUDIO"  # type: ignore[union-attr, index]


async def test_a_model_that_can_write_does_not_speak() -> None:
    async with async_client(Emulator()) as client:
        response = await client.generate("Count to 3", model=WRITING)
    assert [part.text for part in response.parts] == ["1, 2, 3"]


async def test_a_function_call_ends_the_answer_and_the_session() -> None:
    call = by_server(toolCall={"functionCalls": [{"id": "c", "name": "f", "args": {"x": 1}}]})
    service = LiveService(says_then(call))
    response = await client_of(service).generate("Hi", model=MODEL)
    assert [one.name for one in response.function_calls] == ["f"]
    assert (response.finish_reason, response.complete) == (
        FinishReason.STOP,
        Completeness.CONFIRMED,
    )
    assert service.left == [1000]


async def test_a_callback_sees_each_chunk_and_may_stop() -> None:
    seen: list[str] = []
    response = await client_of(LiveService(answers)).generate(
        "Hi", model=MODEL, on_chunk=lambda chunk: seen.append(chunk.text)
    )
    assert (seen, response.text) == (["Hel", "lo", ""], "Hello")


# --- how it fails ----------------------------------------------------------------------------

# The close, then the error of an answer that had not begun, and whether it is tried again.
CLOSES: list[tuple[int, str, type[GemstreamError], bool]] = [
    (1007, "API key not valid. Please pass a valid API key.", Unauthenticated, False),
    (1007, "Request contains an invalid argument.", InvalidArgument, False),
    (1008, "models/x is not found for API version v1beta", NotFound, False),
    (1011, "The service is currently unavailable.", Unavailable, True),
    (1011, "You exceeded your current quota", ResourceExhausted, True),
    (1006, "", StreamInterrupted, True),
    (1000, "", StreamTruncated, True),
    (1002, "", ProtocolError, False),
]


@pytest.mark.parametrize("when", ["in the setup", "before the first chunk"])
@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(("code", "reason", "kind", "again"), CLOSES)
async def test_a_close_is_the_error_of_rest_and_tried_again_as_there(
    code: int, reason: str, kind: type[GemstreamError], again: bool, streams: bool, when: str
) -> None:
    async def part(stage: Stage) -> None:
        await stage.hear()
        await stage.close(code, reason and f"{reason} {KEY}")

    service = LiveService(part, sets_up=when != "in the setup")
    client = client_of(service, model=MODEL)
    with pytest.raises(kind) as raised:
        if streams:
            await client.generate_stream("Hi").finish()
        else:
            await client.generate("Hi")
    assert type(raised.value) is kind
    assert KEY not in str(raised.value)
    assert len(service.scopes) == (3 if again else 1)
    if kind is Unauthenticated and when == "in the setup":
        assert "check api_key" in str(raised.value)


@pytest.mark.parametrize(("code", "reason", "kind", "again"), CLOSES)
async def test_a_close_in_the_answer_tells_what_had_come(
    code: int, reason: str, kind: type[GemstreamError], again: bool
) -> None:
    spoken = by_server(
        serverContent={"modelTurn": {"parts": [{"text": "Hel"}]}}, usageMetadata=USAGE
    )
    service = LiveService(says_then(spoken, code=code, reason=reason))
    async with client_of(service, model=MODEL).generate_stream("Hi") as stream:
        with pytest.raises(kind) as raised:
            await stream.finish()
    error = raised.value
    assert (error.partial, error.delivered) == ("Hel", 1)
    assert error.usage.candidates_token_count == 5
    assert len(service.scopes) == 1


async def test_a_session_lost_behind_the_end_of_the_turn_leaves_a_whole_answer() -> None:
    service = LiveService(says_then(output({"text": "Hi"}), COUNTED_DONE, code=1011))
    response = await client_of(service).generate("Hi", model=MODEL)
    assert (response.text, response.complete) == ("Hi", Completeness.CONFIRMED)


GENERATED = by_server(serverContent={"generationComplete": True})


@pytest.mark.parametrize(
    ("code", "complete"),
    [
        (1000, Completeness.CONFIRMED),
        (1006, Completeness.UNCONFIRMED),
        (1011, Completeness.UNCONFIRMED),
    ],
)
async def test_an_answer_that_is_generated_is_whole_when_its_session_is_lost(
    code: int, complete: Completeness
) -> None:
    service = LiveService(says_then(output({"text": "Hello"}), GENERATED, code=code))
    response = await client_of(service, model=MODEL).generate_stream("Hi").finish()
    assert (response.text, response.finish_reason) == ("Hello", FinishReason.STOP)
    assert response.complete is complete
    assert len(service.scopes) == 1


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("late", [Timeouts(idle=60), Timeouts(idle=None, total=60)])
def test_a_turn_s_end_that_waits_for_the_speech_to_be_played_is_not_waited_for_forever(
    streams: bool, late: Timeouts
) -> None:
    async def part(stage: Stage) -> None:
        await stage.hear()
        await stage.say(output({"text": "Hello"}), GENERATED)

    async def ask() -> Response:
        client = client_of(LiveService(part), model=MODEL, timeouts=late, retry=ONCE)
        if streams:
            return await client.generate_stream("Hi").finish()
        return await client.generate("Hi")

    response = in_no_time(ask())
    assert (response.text, response.complete) == ("Hello", Completeness.CONFIRMED)


async def test_an_answer_whole_is_asked_for_again_when_it_broke() -> None:
    asked = 0

    async def part(stage: Stage) -> None:
        nonlocal asked
        asked += 1
        await stage.hear()
        await stage.say(output({"text": "Hi"}))
        await (stage.close(1011) if asked == 1 else stage.say(DONE))

    response = await client_of(LiveService(part)).generate("Hi", model=MODEL)
    assert (response.text, response.attempts) == ("Hi", 2)


async def closes_unheard(stage: Stage) -> None:
    await stage.close(1008, "models/x is not found")


async def ends_unheard(stage: Stage) -> None:
    await stage.close(1000)


@pytest.mark.parametrize(
    ("part", "kind"), [(closes_unheard, NotFound), (ends_unheard, StreamTruncated)]
)
@pytest.mark.parametrize("sets_up", [False, True])
async def test_a_close_while_we_speak_is_its_error(
    part: Part, kind: type[GemstreamError], sets_up: bool
) -> None:
    client = client_of(LiveService(part, sets_up=sets_up), model=MODEL, retry=ONCE)
    with pytest.raises(kind):
        await client.generate("Hi")


GARBAGE: dict[str, tuple[bytes | str, type[Exception]]] = {
    "no JSON": (b"\x00\xff", DecodeError),
    "half a message": (b'{"serverContent": {"modelTurn', DecodeError),
    "text that is no JSON": ("hello", DecodeError),
    "another shape": (b'{"serverContent": []}', DecodeError),
    "no base64": (
        b'{"serverContent": {"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm",'
        b' "data": "*"}}]}}}',
        DecodeError,
    ),
    "a second setup": (b'{"setupComplete": {}}', ProtocolError),
    "too much": (b" " * (8 * 1024 * 1024 + 1), ProtocolError),
    "our secret": (f'{{"error": {{"code": 403, "message": "{KEY}"}}}}', PermissionDenied),
}


@pytest.mark.parametrize("case", GARBAGE)
@pytest.mark.parametrize("streams", [False, True])
async def test_garbage_is_a_typed_error_and_the_session_is_left(case: str, streams: bool) -> None:
    payload, kind = GARBAGE[case]

    async def part(stage: Stage) -> None:
        await stage.hear()
        await stage.say(output({"text": "Hel"}))
        await stage.raw(payload)

    before = asyncio.all_tasks()
    service = LiveService(part)
    client = client_of(service, model=MODEL)
    with pytest.raises(kind) as raised:
        if streams:
            await client.generate_stream("Hi").finish()
        else:
            await client.generate("Hi")
    assert KEY not in str(raised.value)
    assert getattr(raised.value, "partial", "") == ("Hel" if streams else "")
    while left := left_behind(before):
        await asyncio.wait(left)
    assert service.left


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, b'{"error": {"code": 429, "message": "busy"}}', ResourceExhausted),
        (503, b"", Unavailable),
        (404, b"<html>nothing here</html>", NotFound),
    ],
)
async def test_a_refused_handshake_is_its_error(
    status: int, body: bytes, kind: type[APIError]
) -> None:
    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await send({"type": "websocket.http.response.start", "status": status, "headers": []})
        await send({"type": "websocket.http.response.body", "body": body})

    with pytest.raises(kind) as raised:
        await client_of(app).generate("Hi", model=MODEL)
    assert raised.value.code == status


async def test_an_error_message_of_the_service_is_its_error() -> None:
    async def part(stage: Stage) -> None:
        await stage.hear()
        await stage.raw(b'{"error": {"code": 429, "message": "busy"}}')

    for sets_up in (False, True):
        service = LiveService(part, sets_up=sets_up)
        with pytest.raises(ResourceExhausted, match="busy"):
            await client_of(service, retry=ONCE).generate("Hi", model=MODEL)


# --- the same over REST and over Live --------------------------------------------------------


async def test_a_socket_s_answer_is_the_one_of_the_process() -> None:
    async with serving(Emulator()) as url, AsyncClient(KEY, base_url=url, model=MODEL) as client:
        pieces = [piece async for piece in client.generate_stream("Count to 3").text_stream]
    assert "".join(pieces) == "1, 2, 3"


def part_of(finish: str | None = None, **plain: Any) -> Chunk:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [plain]}}
    end = {} if finish is None else {"finishReason": finish}
    return Chunk({"candidates": [candidate | end]})


SCRIPTS: dict[str, list[Any]] = {
    "one piece": ["Hello"],
    "several": ["It is ", "sunny", ".", "\n\n", "Ü 🌞"],
    "thoughts first": [part_of(text="Hm", thought=True), "Hello"],
    "a call": ["Let me see. ", part_of("STOP", functionCall={"name": "f", "args": {}})],
    "code": [part_of(executableCode={"language": "PYTHON", "code": "1"}), "one"],
}


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("live", [WRITING, MODEL])
async def test_the_same_script_gives_the_same_answer_over_rest_and_over_live(
    name: str, live: str
) -> None:
    emulator = Emulator(Script([Rule(steps=SCRIPTS[name])]))
    async with async_client(emulator) as client:
        rest = await client.generate_stream("Hi", model="gemini-2.5-flash").finish()
        over_live = await client.generate_stream("Hi", model=live).finish()
        whole = await client.generate("Hi", model=live)
    for answer in (over_live, whole):
        assert (answer.text, answer.thoughts) == (rest.text, rest.thoughts)
        calls = [(call.name, call.args) for call in answer.function_calls]
        assert calls == [(call.name, call.args) for call in rest.function_calls]
        assert answer.finish_reason is FinishReason.STOP
        assert answer.complete is Completeness.CONFIRMED
