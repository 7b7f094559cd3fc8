"""The official SDK, unmodified, speaks with the emulator: sound both ways, pictures, functions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from google import genai
from google.genai import types

from emulator.live.sound import loud, quiet
from gemstream.emulator import Emulator, Hears, LocalAuthority, Rule, Script, serving

# The SDK's own doing: it subclasses a class of aiohttp that would rather not be.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")

MODEL = "gemini-3.8-live"
SPEECH = Rule(method="bidiGenerateContent/speech", steps=[Hears("What is the weather?")])
SPOKEN: dict[str, Any] = {
    "response_modalities": ["AUDIO"],
    "input_audio_transcription": {},
    "output_audio_transcription": {},
}


@pytest.fixture(scope="module")
def authority() -> LocalAuthority:
    return LocalAuthority()


@pytest.fixture
async def sdk(
    authority: LocalAuthority, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[genai.Client]:
    emulator = Emulator(Script([SPEECH, Rule(prompt="weather", steps=["It ", "rains"])]))
    with authority.file() as ca:
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        async with serving(emulator, tls=authority) as url:
            client = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url))
            yield client
            await client.aio.aclose()
            client.close()


async def speak(session: Any, sound: bytes) -> None:
    for place in range(0, len(sound), 3200):  # 100 ms
        blob = types.Blob(data=sound[place : place + 3200], mime_type="audio/pcm;rate=16000")
        await session.send_realtime_input(audio=blob)


async def answer(session: Any) -> list[Any]:
    return [message async for message in session.receive()]


def texts(messages: list[Any], field: str) -> list[str]:
    """The transcriptions of one kind."""
    contents = [one.server_content for one in messages if one.server_content]
    found = (getattr(content, field) for content in contents)
    return [one.text for one in found if one is not None]


def sound_of(messages: list[Any]) -> bytes:
    return b"".join(message.data or b"" for message in messages)


async def test_sound_in_and_sound_out(sdk: genai.Client) -> None:
    async with sdk.aio.live.connect(model=MODEL, config=SPOKEN) as session:
        for _ in range(2):
            await speak(session, loud(1000) + quiet(600))
            messages = await answer(session)
            assert texts(messages, "input_transcription") == ["What is the weather?"]
            assert texts(messages, "output_transcription") == ["It ", "rains"]
            assert len(sound_of(messages)) == 2 * 9600  # 0.2 s for each word
    heard = [one.voice_activity for one in messages if one.voice_activity]
    assert [(one.voice_activity_type, one.audio_offset) for one in heard] == [
        (types.VoiceActivityType.ACTIVITY_START, "1.6s"),
        (types.VoiceActivityType.ACTIVITY_END, "2.6s"),
    ]
    details = {one.modality: one for one in messages[-1].usage_metadata.prompt_tokens_details}
    assert details[types.MediaModality.AUDIO].token_count == 50
    assert messages[-1].usage_metadata.response_tokens_details[0].token_count == 10


async def test_the_client_says_when_the_user_speaks(sdk: genai.Client) -> None:
    detection = {"automatic_activity_detection": {"disabled": True}}
    config: Any = {**SPOKEN, "realtime_input_config": detection}
    async with sdk.aio.live.connect(model=MODEL, config=config) as session:
        await session.send_realtime_input(activity_start=types.ActivityStart())
        await speak(session, quiet(300))
        picture = types.Blob(data=b"\xff\xd8", mime_type="image/jpeg")
        await session.send_realtime_input(video=picture)
        await session.send_realtime_input(activity_end=types.ActivityEnd())
        messages = await answer(session)
    assert texts(messages, "output_transcription") == ["It ", "rains"]
    details = messages[-1].usage_metadata.prompt_tokens_details
    assert {(one.modality.value, one.token_count) for one in details} == {
        ("AUDIO", 8),
        ("VIDEO", 258),
    }


async def test_a_function_that_nobody_waits_for(sdk: genai.Client) -> None:
    function = types.FunctionDeclaration(name="book", behavior=types.Behavior.NON_BLOCKING)
    tools = [types.Tool(function_declarations=[function])]
    config: Any = {"response_modalities": ["TEXT"], "tools": tools}
    async with sdk.aio.live.connect(model=MODEL, config=config) as session:
        await session.send_realtime_input(text="Please book it")
        (call,) = next(
            one.tool_call.function_calls for one in await answer(session) if one.tool_call
        )
        await session.send_realtime_input(text="How are you?")
        said = "".join(one.text or "" for one in await answer(session))
        assert said == "You said: How are you?"
        for result, more in (("half", True), ("all", False)):
            response = types.FunctionResponse(
                id=call.id,
                name="book",
                response={"output": result},
                will_continue=more,
                scheduling=types.FunctionResponseScheduling.WHEN_IDLE,
            )
            await session.send_tool_response(function_responses=response)
            said = "".join(one.text or "" for one in await answer(session))
            assert said == f"The function book returned {result}."
