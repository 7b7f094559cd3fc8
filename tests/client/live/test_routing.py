"""``generate`` on a Live model: who is asked without a session, and what is sent in one."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream import AccessToken, AsyncClient, Client
from gemstream.client.driver import Driver
from gemstream.emulator import Emulator
from gemstream.errors import (
    ConfigError,
    InvalidRequest,
    NotFound,
)
from gemstream.net.asgi import ASGITransport
from gemstream.net.http2_transport import HTTP2Transport
from gemstream.policy.live.client_event import ContentGiven, SetUp, TextGiven
from gemstream.wire.content import Content, Part
from gemstream.wire.tool import FunctionDeclaration
from support.emulated import async_client, blocking_client
from support.live import DONE, output
from support.live_service import MODEL, LiveService, Stage, client_of
from support.one_turn import (
    HISTORY_ONLY,
    WRITING,
    answers,
)
from support.peers import Receive, Send
from support.service import KEY, Service, finish, said

# --- who is asked over what ------------------------------------------------------------------


async def methods_of(model: str, *, streams: bool) -> list[str]:
    emulator = Emulator()
    async with async_client(emulator) as client:
        if streams:
            await client.generate_stream("Hi", model=model).finish()
        else:
            await client.generate("Hi", model=model)
    await emulator.idle()
    return [entry.method for entry in emulator.journal]


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("model", [MODEL, f"models/{MODEL}", WRITING, HISTORY_ONLY])
async def test_a_live_model_is_asked_in_one_session_of_one_turn(model: str, streams: bool) -> None:
    methods = await methods_of(model, streams=streams)
    assert methods == ["bidiGenerateContent", "bidiGenerateContent/connection"]


@pytest.mark.parametrize("model", ["gemini-2.5-flash", "gemini-2.0-flash-exp"])
async def test_every_other_model_is_asked_over_rest(model: str) -> None:
    assert await methods_of(model, streams=False) == ["generateContent"]
    assert await methods_of(model, streams=True) == ["streamGenerateContent"]


@pytest.mark.parametrize(
    ("model", "is_live"),
    [
        ("gemini-2.0-flash-exp", True),
        ("models/gemini-9-ultra", True),
        ("gemini-9-live", False),
        (MODEL, False),
    ],
)
async def test_a_client_may_be_told_which_models_are_live(model: str, is_live: bool) -> None:
    service, rest = LiveService(answers), Service(said(finish("Hello")))

    async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await (service if scope["type"] == "websocket" else rest)(scope, receive, send)

    client = client_of(app, live_models={model: is_live})
    assert (await client.generate("Hi", model=model)).text == "Hello"
    assert (len(service.scopes), len(rest.asked)) == ((1, 0) if is_live else (0, 1))


@pytest.mark.parametrize("named", [["gemini-9"], {"gemini-9": 1}, {1: True}, "gemini-9"])
def test_live_models_that_cannot_be_meant_are_told(named: Any) -> None:
    with pytest.raises(ConfigError, match=r"live_models is .* pass a dict"):
        client_of(LiveService(answers), live_models=named)


async def test_the_client_s_default_may_be_a_live_model() -> None:
    async with async_client(Emulator(), model=MODEL) as client:
        assert client.supports_streaming(MODEL)
        assert isinstance(client, Driver)
        assert (await client.generate("Count to 5")).text == "1, 2, 3, 4, 5"


async def test_tokens_of_a_live_model_are_counted_as_before() -> None:
    client = async_client(Emulator())
    with pytest.raises(NotFound, match="not supported for countTokens"):
        await client.count_tokens("Hi", model=MODEL)


def test_the_blocking_client_asks_live_models_too() -> None:
    with blocking_client(Emulator(), model=MODEL) as client:
        assert client.generate("Count to 5").text == "1, 2, 3, 4, 5"
        with client.generate_stream("Count to 3") as stream:
            assert "".join(chunk.text for chunk in stream) == "1, 2, 3"
        assert isinstance(client, Client)


# --- what is sent ----------------------------------------------------------------------------


async def heard_for(model: str, prompt: Any, **options: Any) -> list[Any]:
    service = LiveService(answers_to_the_last)
    await client_of(service).generate(prompt, model=model, **options)
    return service.heard


async def answers_to_the_last(stage: Stage) -> None:
    while not stage.protocol.is_in_turn:
        await stage.hear()
    await stage.say(output({"text": "Hi"}), DONE)


PROMPT = [
    Content(role="user", parts=[Part(text="My name is Ada")]),
    Content(role="model", parts=[Part(text="Hello Ada")]),
    "What is my name?",
]


async def test_history_system_tools_and_config_reach_the_session() -> None:
    heard = await heard_for(
        MODEL,
        PROMPT,
        system="Be brief",
        tools=[FunctionDeclaration(name="f")],
        temperature=0.5,
        thinking=True,
    )
    setup, content = heard
    assert isinstance(setup, SetUp)
    assert isinstance(content, ContentGiven)
    assert setup.setup.model == f"models/{MODEL}"
    assert setup.setup.system_instruction.parts[0].text == "Be brief"  # type: ignore[union-attr]
    assert setup.setup.tools[0].function_declarations[0].name == "f"
    assert setup.setup.generation_config.temperature == 0.5  # type: ignore[union-attr]
    assert setup.setup.generation_config.thinking_config.include_thoughts  # type: ignore[union-attr]
    assert setup.setup.session_resumption is None
    texts = [turn.parts[0].text for turn in content.turns]
    assert texts == ["My name is Ada", "Hello Ada", "What is my name?"]
    assert content.turn_complete


async def test_a_model_that_answers_realtime_input_alone_gets_its_history_first() -> None:
    _, history, text = await heard_for(HISTORY_ONLY, PROMPT)
    assert isinstance(history, ContentGiven)
    assert (len(history.turns), history.is_history) == (2, True)
    assert text == TextGiven("What is my name?")


async def test_files_are_read_into_the_turn(tmp_path: Any) -> None:
    note = tmp_path / "note.txt"
    note.write_text("milk")
    _, content = await heard_for(MODEL, "What is to buy?", files=[note])
    assert content.turns[0].parts[0].inline_data.content == b"milk"


async def test_the_key_goes_in_a_header_and_a_token_to_its_own_address() -> None:
    service = LiveService(answers)
    await client_of(service).generate("Hi", model=MODEL)
    await client_of(service, api_key="auth_tokens/secret").generate("Hi", model=MODEL)
    first, second = service.scopes
    assert first["path"].endswith("v1beta.GenerativeService.BidiGenerateContent")
    assert dict(first["headers"])[b"x-goog-api-key"] == KEY.encode()
    assert second["path"].endswith("v1alpha.GenerativeService.BidiGenerateContentConstrained")
    assert dict(second["headers"])[b"authorization"] == b"Token auth_tokens/secret"
    assert b"x-goog-api-key" not in dict(second["headers"])
    assert not any(scope["query_string"] for scope in service.scopes)


async def test_vertex_is_asked_at_its_own_address_with_the_whole_name() -> None:
    service = LiveService(answers)
    client = AsyncClient(
        project="p",
        location="us-central1",
        credentials=AccessToken("ya29.token"),
        transport=ASGITransport(service),
    )
    await client.generate("Hi", model="gemini-live-2.5-flash-native-audio")
    (scope,) = service.scopes
    assert scope["path"].endswith("aiplatform.v1beta1.LlmBidiService/BidiGenerateContent")
    name = "projects/p/locations/us-central1/publishers/google/models/"
    assert service.heard[0].setup.model == name + "gemini-live-2.5-flash-native-audio"  # type: ignore[union-attr]


REFUSED: dict[str, Any] = {
    "schema": {"type": "object"},
    "stop_sequences": ["."],
    "candidate_count": 2,
    "response_logprobs": True,
    "cached_content": "cachedContents/a",
    "service_tier": "flex",
    "continuation_token": "t",
    "extra_body": {"realtimeInputConfig": {}},
}


@pytest.mark.parametrize("option", REFUSED)
@pytest.mark.parametrize("streams", [False, True])
async def test_what_a_session_has_no_place_for_is_refused_at_once(
    option: str, streams: bool
) -> None:
    service = LiveService(answers)
    client = client_of(service, model=MODEL)
    options: Any = {option: REFUSED[option]}
    with pytest.raises(InvalidRequest, match=option):
        client.generate_stream("Hi", **options) if streams else await client.generate(
            "Hi", **options
        )
    assert not service.scopes


async def test_a_prompt_above_what_a_message_holds_is_refused_at_once() -> None:
    with pytest.raises(InvalidRequest, match="Files API"):
        client_of(LiveService(answers)).generate_stream("x" * 9_000_000, model=MODEL)


async def test_a_transport_without_websockets_is_told() -> None:
    client = AsyncClient("key", transport=HTTP2Transport())
    with pytest.raises(ConfigError, match="HTTP2Transport opens no WebSockets"):
        await client.generate("Hi", model=MODEL)
