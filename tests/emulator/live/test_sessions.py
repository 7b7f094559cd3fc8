"""Live sessions frame by frame: turns, interruptions, functions, refusals, the books."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from emulator.live.live_client import MODEL, PATH, TEXT, LiveClient, live, said
from gemstream.emulator import Emulator, JournalEnd, Keys, Rule, Script, WaitForAck, serving

FUNCTION = {"functionDeclarations": [{"name": "look_up"}]}
QUIET = {**TEXT, "realtimeInputConfig": {"activityHandling": "NO_INTERRUPTION"}}


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
async def url(emulator: Emulator) -> AsyncIterator[str]:
    async with serving(emulator) as url:
        yield url


@pytest.mark.parametrize(
    "path",
    [
        PATH,
        f"/{PATH}",  # as the official SDK writes it
        PATH.replace("v1beta", "v1"),
        PATH.replace("v1beta", "v1alpha"),
    ],
)
async def test_every_way_in(url: str, path: str) -> None:
    async with live(url, path) as client:
        assert await client.setup(**TEXT) == {"setupComplete": {}}
        await client.ask("Hi")
        messages = await client.turn()
    assert said(messages) == "You said: Hi"
    assert [list(one) for one in messages] == [["serverContent"]] * 4 + [
        ["serverContent", "usageMetadata"]
    ]
    assert messages[-2]["serverContent"] == {"generationComplete": True}
    assert messages[-1]["usageMetadata"] == {
        "promptTokenCount": 1,
        "responseTokenCount": 3,
        "totalTokenCount": 4,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 1}],
        "responseTokensDetails": [{"modality": "TEXT", "tokenCount": 3}],
    }


async def test_the_key_may_stand_in_the_address_and_frames_may_be_binary(
    url: str, emulator: Emulator
) -> None:
    async with live(url, f"{PATH}?key=k", key=None) as client:
        setup = {"setup": {"model": MODEL, "generation_config": {"response_modalities": ["TEXT"]}}}
        await client.socket.send_bytes(json.dumps(setup).encode())
        assert await client.next() == {"setupComplete": {}}
        content = {"turns": [{"parts": [{"text": "Hi"}]}], "turn_complete": True}
        await client.socket.send_bytes(json.dumps({"client_content": content}).encode())
        assert said(await client.turn()) == "You said: Hi"


async def test_vertex_has_its_own_address_names_and_counts(url: str) -> None:
    path = "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"
    model = "projects/p/locations/l/publishers/google/models/gemini-3.8-live"
    headers = {"authorization": "Bearer token"}
    async with live(url, path, key=None, headers=headers) as client:
        assert await client.setup(model, **TEXT) == {"setupComplete": {}}
        await client.ask("Hi")
        assert (await client.turn())[-1]["usageMetadata"]["candidatesTokenCount"] == 3
    async with live(url, path, key=None) as client:
        await client.send(setup={"model": model})
        code, reason = await client.closed()
    assert (code, reason[:32]) == (1008, "Request is missing required auth")


async def test_audio_is_what_the_service_gives_unasked(url: str) -> None:
    async with live(url) as client:
        await client.setup()
        await client.ask("Hi")
        (first, *_) = await client.turn()
    (part,) = first["serverContent"]["modelTurn"]["parts"]
    assert part["inlineData"]["mimeType"] == "audio/pcm;rate=24000"


async def test_history_waits_for_its_question(url: str) -> None:
    async with live(url) as client:
        await client.setup(**TEXT, historyConfig={"initialHistoryInClientContent": True})
        await client.ask("Long ago")
        await client.ask("There is more", turn_complete=False)
        await client.ask("And now?")
        messages = await client.turn()
    assert said(messages) == "You said: And now?"
    assert messages[-1]["usageMetadata"]["promptTokenCount"] == 2 + 4 + 2


async def test_new_content_interrupts_the_turn(url: str, emulator: Emulator) -> None:
    emulator.script = Script([Rule(request=1, steps=["Once upon", WaitForAck(), " a time"])])
    async with live(url) as client:
        await client.setup(**TEXT)
        await client.ask("A story")
        assert said([await client.next()]) == "Once upon"
        await client.ask("Stop")
        messages = await client.turn()
        assert messages[0] == {"serverContent": {"interrupted": True}}
        assert messages[-1]["usageMetadata"]["responseTokenCount"] == 3
        assert said(await client.turn()) == "You said: Stop"
    await emulator.idle()
    ends = [one.end for one in emulator.journal if one.method == "bidiGenerateContent"]
    assert ends == [JournalEnd.ABORTED, JournalEnd.FINISHED]


async def test_text_waits_where_nothing_may_interrupt(url: str, emulator: Emulator) -> None:
    emulator.script = Script([Rule(request=1, steps=["Once", WaitForAck(), " upon a time"])])
    async with live(url) as client:
        await client.setup(**QUIET)
        await client.ask("A story")
        await client.next()
        await client.send(realtimeInput={"text": "Later"})
        await client.send(realtimeInput={"text": "Last"})
        # Another session's answer: what was sent before it has been read.
        async with live(url) as other:
            await other.setup(**TEXT)
        emulator.ack()
        assert said(await client.turn()) == " upon a time"
        assert said(await client.turn()) == "You said: Last"


async def test_a_function_is_called_and_its_result_told(url: str) -> None:
    async with live(url) as client:
        await client.setup(**TEXT, tools=[FUNCTION])
        for number in (1, 2):
            await client.ask("Please look_up this")
            (*_, message) = await client.until("toolCall")
            (call,) = message["toolCall"]["functionCalls"]
            assert (call["name"], call["id"]) == ("look_up", f"function-call-{number}")
            response = {"id": call["id"], "name": "look_up", "response": {"output": number}}
            await client.send(toolResponse={"functionResponses": [response]})
            assert said(await client.turn()) == f"The function look_up returned {number}."


async def test_an_interruption_cancels_the_call(url: str) -> None:
    async with live(url) as client:
        await client.setup(**TEXT, tools=[FUNCTION])
        await client.ask("Please look_up this")
        await client.until("toolCall")
        await client.ask("Never mind")
        messages = await client.turn()
        assert messages[0] == {"toolCallCancellation": {"ids": ["function-call-1"]}}
        assert messages[1] == {"serverContent": {"interrupted": True}}
        late = {"id": "function-call-1", "name": "look_up", "response": {}}
        await client.send(toolResponse={"functionResponses": [late]})
        assert said(await client.turn()) == "You said: Never mind"


async def test_a_handle_belongs_to_its_key_and_lives_two_hours(
    url: str, emulator: Emulator
) -> None:
    resumption: dict[str, Any] = {**TEXT, "sessionResumption": {}}
    async with live(url) as client:
        await client.setup(**resumption)
        await client.ask("One")
        messages = await client.until("serverContent", "turnComplete")
        assert {"sessionResumptionUpdate": {}} in messages  # not while the model speaks
        update = (await client.next())["sessionResumptionUpdate"]
        assert update["resumable"]
    await emulator.idle()
    emulator.advance(2 * 60 * 60 - 60)
    resumption["sessionResumption"] = {"handle": update["newHandle"]}
    async with live(url) as client:
        await client.setup(**resumption)
        await client.ask("Two")
        assert (await client.turn())[-1]["usageMetadata"]["promptTokenCount"] == 1 + 4 + 1
    async with live(url, key="another") as client:
        await client.send(setup={"model": MODEL, **resumption})
        assert await client.closed() == (1008, "BidiGenerateContent session not found")
    # The life begins anew with each end of the session.
    await emulator.idle()
    emulator.advance(2 * 60 * 60 + 1)
    async with live(url) as client:
        await client.send(setup={"model": MODEL, **resumption})
        assert await client.closed() == (1008, "BidiGenerateContent session not found")


SETUP = {"setup": {"model": MODEL, **TEXT}}
ASKED = {"clientContent": {"turns": [{"parts": [{"text": "Hi"}]}], "turnComplete": True}}
OPUS = {"realtimeInput": {"audio": {"mimeType": "audio/opus", "data": "AAE="}}}
RATE = {"realtimeInput": {"audio": {"mimeType": "audio/pcm;rate=100", "data": "AAE="}}}
START: dict[str, Any] = {"realtimeInput": {"activityStart": {}}}
NEGATIVE = {"automaticActivityDetection": {"silenceDurationMs": -1}}
WRONG: dict[str, tuple[list[Any], int, str]] = {
    "garbage": (["{"], 1007, "Invalid JSON payload received."),
    "garbage later": ([SETUP, b"\xff"], 1007, "Invalid JSON payload received."),
    "a list": ([[]], 1007, "Invalid JSON payload received."),
    "no setup": ([ASKED], 1007, "Request contains an invalid argument: input cannot come while"),
    "nothing but a stranger": ([{"hello": {}}], 1007, "Request contains an invalid argument: inp"),
    "a stranger": ([SETUP, {"hello": {}}], 1007, 'Invalid JSON payload received. Unknown name "h'),
    "two setups": ([SETUP, SETUP], 1007, "Request contains an invalid argument: a setup cannot"),
    "no model": ([{"setup": {}}], 1007, "Request contains an invalid argument: a Live session"),
    "another model": ([{"setup": {"model": "models/x"}}], 1008, "models/x is not found for API"),
    "a retired model": (
        [{"setup": {"model": "models/gemini-1.5-pro"}}],
        1008,
        "models/gemini-1.5-pro is no longer available.",
    ),
    "two modalities": (
        [
            {
                "setup": {
                    "model": MODEL,
                    "generationConfig": {"responseModalities": ["TEXT", "AUDIO"]},
                }
            }
        ],
        1007,
        "Request contains an invalid argument: response_modalities",
    ),
    "a result nobody asked for": (
        [SETUP, {"toolResponse": {"functionResponses": [{"id": "x", "response": {}}]}}],
        1007,
        "Request contains an invalid argument: there is no call 'x'",
    ),
    "nothing": ([SETUP, {}], 1007, "Request contains an invalid argument: a message of the client"),
    "nine megabytes": ([SETUP, " " * (9 * 1024 * 1024)], 1009, "a message has at most"),
    "compressed sound": ([SETUP, OPUS], 1007, "Request contains an invalid argument: audio is"),
    "sound of no rate": ([SETUP, RATE], 1007, "Request contains an invalid argument: audio of"),
    "activities nobody asked for": (
        [SETUP, START],
        1007,
        "Request contains an invalid argument: a",
    ),
    "less than no silence": (
        [{"setup": {"model": MODEL, "realtimeInputConfig": NEGATIVE}}],
        1007,
        "Request contains an invalid argument: silence_duration_ms",
    ),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_closes_with_a_reason(
    url: str, emulator: Emulator, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    messages, code, words = WRONG[case]
    async with live(url) as client:
        for message in messages:
            if isinstance(message, bytes):
                await client.socket.send_bytes(message)
            else:
                text = message if isinstance(message, str) else json.dumps(message)
                await client.socket.send_str(text)
            if message is SETUP and not client.frames:
                await client.next()
        closed = await client.closed()
    assert (closed[0], closed[1][: len(words)]) == (code, words)
    assert len(closed[1].encode()) <= 123
    await emulator.idle()
    (entry,) = emulator.journal
    assert (entry.method, entry.status) == ("bidiGenerateContent/connection", code)
    assert (entry.end, entry.usage) == (JournalEnd.ERROR, None)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("key", "code", "words"),
    [
        ("bad-key", 1007, "API key not valid. Please pass a valid API key."),
        ("unlisted", 1007, "API key not valid. Please pass a valid API key."),
        (None, 1008, "Method doesn't allow unregistered callers"),
    ],
)
async def test_a_key_that_is_refused(
    url: str, emulator: Emulator, key: str | None, code: int, words: str
) -> None:
    emulator.script = Script(keys=Keys(only=["k"]))
    async with live(url, key=key) as client:
        await client.send(setup={"model": MODEL})
        closed = await client.closed()
    assert (closed[0], closed[1][: len(words)]) == (code, words)


@pytest.mark.parametrize(
    "path",
    [
        "/ws/google.ai.generativelanguage.v2.GenerativeService.BidiGenerateContent",
        "/v1beta/models/gemini-3.8-live:streamGenerateContent",
        f"{PATH}Constrained",  # ephemeral tokens are of v1alpha alone
    ],
)
async def test_a_path_without_sessions_is_not_found(url: str, path: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as met:
        async with live(url, path):
            pass
    assert met.value.status == 404


async def test_live_models_are_listed(url: str) -> None:
    async with (
        aiohttp.ClientSession(headers={"x-goog-api-key": "k"}) as session,
        session.get(f"{url}/v1beta/{MODEL}") as response,
    ):
        methods = (await response.json())["supportedGenerationMethods"]
    assert methods == ["bidiGenerateContent"]


async def test_the_books(url: str, emulator: Emulator) -> None:
    async with live(url) as client:
        await client.setup(**TEXT)
        await client.ask("Hi")
        await client.turn()
        (turn,) = emulator.journal  # made before the client saw the end
        received = sum(len(json.dumps(one, separators=(",", ":"))) for one in client.frames)
    await emulator.idle()
    _, connection = emulator.journal
    assert (turn.method, turn.model, turn.status) == ("bidiGenerateContent", "gemini-3.8-live", 200)
    assert turn.usage is not None and turn.usage.total_token_count == 4
    assert (turn.end, connection.end) == (JournalEnd.FINISHED,) * 2
    assert (connection.status, connection.usage, connection.bytes) == (1000, None, received)


async def leave(client: LiveClient, how: str) -> None:
    if how == "close":
        await client.socket.close()
        return
    transport = client.socket._response.connection.transport  # type: ignore[union-attr]
    transport.abort()


@pytest.mark.parametrize("how", ["close", "abort"])
async def test_leaving_in_a_turn_leaves_nothing_behind(
    url: str, emulator: Emulator, how: str
) -> None:
    emulator.script = Script([Rule(request=1, steps=["One", WaitForAck()])])
    before = asyncio.all_tasks()
    async with live(url) as client:
        await client.setup(**TEXT)
        await client.ask("Hi")
        await client.next()
        names = {task.get_name() for task in asyncio.all_tasks() - before}
        assert "emulator live turn" in names
        await leave(client, how)
        await emulator.idle()
    left = {task.get_name() for task in asyncio.all_tasks() - before}
    assert not {name for name in left if name.startswith("emulator")}
    turn, connection = emulator.journal
    assert (turn.end, turn.usage and turn.usage.candidates_token_count) == (JournalEnd.ABORTED, 1)
    assert connection.end is (JournalEnd.FINISHED if how == "close" else JournalEnd.ABORTED)


async def test_the_server_going_down_breaks_sessions_off(emulator: Emulator) -> None:
    emulator.script = Script([Rule(steps=["One", WaitForAck()])])
    async with aiohttp.ClientSession(headers={"x-goog-api-key": "k"}) as session:
        async with serving(emulator) as url:
            client = LiveClient(await session.ws_connect(url + PATH))
            await client.setup(**TEXT)
            await client.ask("Hi")
            await client.next()
        assert await client.closed() == (1006, "")
    await emulator.idle()
