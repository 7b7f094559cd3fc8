"""The official SDK, unmodified, holds Live sessions with the emulator: TLS, ``//ws/``, its JSON."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from gemstream.emulator import Emulator, Lifetime, LocalAuthority, Rule, Script, serving

# The SDK's own doing: it subclasses a class of aiohttp that would rather not be.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")

MODEL = "gemini-3.8-live"
TEXT = {"response_modalities": ["TEXT"]}
WEATHER = {
    "function_declarations": [
        {
            "name": "get_weather",
            "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
        }
    ]
}


@pytest.fixture(scope="module")
def authority() -> LocalAuthority:
    return LocalAuthority()


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
async def url(
    emulator: Emulator, authority: LocalAuthority, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    with authority.file() as ca:
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        async with serving(emulator, tls=authority) as url:
            yield url


@pytest.fixture
async def sdk(url: str) -> AsyncIterator[genai.Client]:
    client = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url))
    yield client
    await client.aio.aclose()
    client.close()


def words(text: str) -> types.Content:
    return types.Content(role="user", parts=[types.Part(text=text)])


async def answer(session: Any) -> list[Any]:
    return [message async for message in session.receive()]


def text_of(messages: list[Any]) -> str:
    return "".join(message.text or "" for message in messages)


async def test_a_conversation_in_writing(sdk: genai.Client) -> None:
    async with sdk.aio.live.connect(model=MODEL, config=TEXT) as session:
        for prompt in ("Hello there", "How are you?"):
            await session.send_client_content(turns=words(prompt))
            messages = await answer(session)
            assert text_of(messages) == f"You said: {prompt}"
            assert len([one for one in messages if one.text]) > 2  # word by word
            usage = messages[-1].usage_metadata
            assert usage.response_token_count == -(-len(text_of(messages)) // 4)
            assert usage.total_token_count == usage.prompt_token_count + usage.response_token_count


async def test_text_as_it_happens(sdk: genai.Client) -> None:
    async with sdk.aio.live.connect(model=MODEL, config=TEXT) as session:
        await session.send_realtime_input(text="Now")
        assert text_of(await answer(session)) == "You said: Now"


async def test_sound_and_its_transcription(sdk: genai.Client) -> None:
    config: Any = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
    async with sdk.aio.live.connect(model=MODEL, config=config) as session:
        await session.send_client_content(turns=words("Hello"))
        messages = await answer(session)
    blobs = [
        part.inline_data
        for message in messages
        if message.server_content and message.server_content.model_turn
        for part in message.server_content.model_turn.parts
    ]
    assert {blob.mime_type for blob in blobs} == {"audio/pcm;rate=24000"}
    assert [len(blob.data) for blob in blobs] == [9600] * 3  # 0.2 s each: You, said, Hello
    heard = [
        message.server_content.output_transcription.text
        for message in messages
        if message.server_content and message.server_content.output_transcription
    ]
    assert heard == ["You ", "said: ", "Hello"]
    (details,) = messages[-1].usage_metadata.response_tokens_details
    assert (details.modality, details.token_count) == ("AUDIO", 15)


async def test_functions(sdk: genai.Client) -> None:
    config: Any = {**TEXT, "tools": [WEATHER]}
    async with sdk.aio.live.connect(model=MODEL, config=config) as session:
        await session.send_client_content(turns=words("Call get_weather for Paris"))
        stream = session.receive()
        async for message in stream:
            if message.tool_call:
                break
        (call,) = message.tool_call.function_calls
        assert (call.name, call.args) == ("get_weather", {"city": "Paris"})
        await session.send_tool_response(
            function_responses=types.FunctionResponse(
                id=call.id, name=call.name, response={"result": "sunny"}
            )
        )
        rest = [message async for message in stream]
        assert text_of(rest) == "The function get_weather returned sunny."
        await session.send_client_content(turns=words("Thanks"))
        assert text_of(await answer(session)) == "You said: Thanks"


async def test_a_session_goes_on_from_its_handle(sdk: genai.Client) -> None:
    config: Any = {**TEXT, "session_resumption": {}}
    async with sdk.aio.live.connect(model=MODEL, config=config) as session:
        await session.send_client_content(turns=words("One"))
        first = await answer(session)
        update = (await anext(session.receive())).session_resumption_update
    assert update.resumable
    config = {**TEXT, "session_resumption": {"handle": update.new_handle}}
    async with sdk.aio.live.connect(model=MODEL, config=config) as session:
        await session.send_client_content(turns=words("Two"))
        second = await answer(session)
    before, now = (one[-1].usage_metadata for one in (first, second))
    assert now.prompt_token_count == before.total_token_count + 1


@pytest.mark.parametrize(
    ("key", "model", "code", "words_"),
    [
        ("bad-key", MODEL, 1007, "API key not valid"),
        ("k", "gemini-2.5-flash", 1008, "models/gemini-2.5-flash is not found for API version v1"),
        ("k", "gemini-9-live", 1008, "is not supported for bidiGenerateContent"),
    ],
)
async def test_what_is_refused(url: str, key: str, model: str, code: int, words_: str) -> None:
    client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))
    with pytest.raises(errors.APIError, match=words_) as met:
        async with client.aio.live.connect(model=model, config=TEXT):
            pass
    assert met.value.code == code
    await client.aio.aclose()
    client.close()


EXPERIMENTAL = pytest.mark.filterwarnings(
    "ignore:The SDK's:google.genai.errors.ExperimentalWarning"
)


def heard(config: dict[str, Any]) -> Any:
    return {"model": MODEL, "config": config}


@EXPERIMENTAL
@pytest.mark.parametrize("face", ["async", "blocking"])
async def test_a_token_is_made_and_opens_a_session(url: str, face: str) -> None:
    options = types.HttpOptions(base_url=url, api_version="v1alpha")
    maker = genai.Client(api_key="k", http_options=options)
    config: Any = {"uses": 1, "live_connect_constraints": heard(TEXT)}
    if face == "async":
        made = await maker.aio.auth_tokens.create(config=config)
    else:
        made = await asyncio.to_thread(maker.auth_tokens.create, config=config)
    await maker.aio.aclose()
    maker.close()
    assert made.name.startswith("auth_tokens/")
    browser = genai.Client(api_key=made.name, http_options=options)
    # The token says that the answers are in writing, whatever is asked for.
    config = {"response_modalities": ["AUDIO"]}
    async with browser.aio.live.connect(model=MODEL, config=config) as session:
        await session.send_client_content(turns=words("Hello"))
        assert text_of(await answer(session)) == "You said: Hello"
    with pytest.raises(errors.APIError) as met:
        async with browser.aio.live.connect(model=MODEL, config=config):
            pass
    assert (met.value.code, "used up" in str(met.value)) == (1008, True)
    await browser.aio.aclose()
    browser.close()


@EXPERIMENTAL
@pytest.mark.parametrize(
    ("constraints", "additional", "is_spoken"),
    [
        (None, None, True),
        (heard(TEXT), None, False),
        (heard(TEXT), [], False),
        (heard({"temperature": 0.5}), [], True),
        (heard({"temperature": 0.5, **TEXT}), ["output_audio_transcription"], False),
        (heard({"system_instruction": "Be brief", "session_resumption": {}}), ["top_k"], True),
    ],
)
async def test_the_fields_that_the_sdk_locks(
    url: str, constraints: Any, additional: Any, is_spoken: bool
) -> None:
    options = types.HttpOptions(base_url=url, api_version="v1alpha")
    maker = genai.Client(api_key="k", http_options=options)
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    config: Any = {"uses": 2, "expire_time": expires, "new_session_expire_time": expires}
    if constraints is not None:
        config |= {"live_connect_constraints": constraints}
    if additional is not None:
        config |= {"lock_additional_fields": additional}
    made = await maker.aio.auth_tokens.create(config=config)
    await maker.aio.aclose()
    maker.close()
    browser = genai.Client(api_key=made.name, http_options=options)
    config = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
    async with browser.aio.live.connect(model=MODEL, config=config) as session:
        await session.send_client_content(turns=words("Hello"))
        messages = await answer(session)
    assert (text_of(messages) == "") is is_spoken
    transcribed = any(
        one.server_content and one.server_content.output_transcription for one in messages
    )
    assert transcribed is is_spoken
    await browser.aio.aclose()
    browser.close()


@EXPERIMENTAL
async def test_a_wish_that_cannot_be_is_an_error_of_the_sdk(url: str) -> None:
    options = types.HttpOptions(base_url=url, api_version="v1alpha")
    sdk = genai.Client(api_key="k", http_options=options)
    past: Any = {"expire_time": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)}
    with pytest.raises(errors.ClientError) as met:
        await sdk.aio.auth_tokens.create(config=past)
    assert (met.value.code, met.value.status) == (400, "INVALID_ARGUMENT")
    await sdk.aio.aclose()
    sdk.close()


async def test_a_farewell_and_the_end_of_a_connection(
    sdk: genai.Client, emulator: Emulator
) -> None:
    life = Lifetime(seconds=1000, farewell=1000)
    emulator.script = Script([Rule(method="bidiGenerateContent/connection", steps=[life])])
    async with sdk.aio.live.connect(model=MODEL, config=TEXT) as session:
        message = await anext(session.receive())
        assert message.go_away.time_left == "1000s"
        await session.send_client_content(turns=words("Still there?"))
        assert text_of(await answer(session)) == "You said: Still there?"
        emulator.advance(1000)
        with pytest.raises(errors.APIError) as met:
            await answer(session)
    assert met.value.code == 1011
    assert "Deadline expired" in str(met.value)


async def test_the_index_of_transparent_resumption(url: str) -> None:
    options = types.HttpOptions(base_url=url, api_version="v1")
    vertex = genai.Client(vertexai=True, api_key="k", http_options=options)
    config: Any = {**TEXT, "session_resumption": {"transparent": True}}
    async with vertex.aio.live.connect(model=MODEL, config=config) as session:
        await session.send_client_content(turns=words("One"))
        await answer(session)
        update = (await anext(session.receive())).session_resumption_update
    assert (update.resumable, update.last_consumed_client_message_index) == (True, 1)
    await vertex.aio.aclose()
    vertex.close()
