"""Ephemeral tokens: what is asked of the service, what a token opens, and that none is shown."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gemstream import (
    AccessToken,
    AsyncClient,
    AuthToken,
    GenerationConfig,
    LiveConstraints,
    LiveOptions,
    LiveSetup,
)
from gemstream.client.live.options import SETUP_OPTIONS
from gemstream.errors import (
    ConfigError,
    GemstreamError,
    InvalidRequest,
    InvalidState,
    PermissionDenied,
    ProtocolError,
)
from gemstream.net.asgi import ASGITransport
from gemstream.net.recording import Recording, RecordingTransport
from gemstream.policy.live import client_event as heard
from support.live import DONE, output
from support.live_service import MODEL, LiveService, Stage
from support.live_service import client_of as live_client_of
from support.service import KEY, Service, client_of, failed, said

NAME = "auth_tokens/0123456789abcdef0123456789abcdef"
MADE = said({"name": NAME, "uses": 1})


async def _asked(**options: Any) -> dict[str, Any]:
    """Return the JSON in which a token is asked for."""
    service = Service(MADE)
    token = await client_of(service).live_tokens.create(**options)
    assert token.name == NAME
    assert service.last.method == "POST"
    assert service.last.url == "/v1alpha/auth_tokens"
    body: dict[str, Any] = service.last.json
    return body


# --- what is asked ---------------------------------------------------------------------------


async def test_a_token_without_constraints_leaves_the_setup_to_its_client() -> None:
    assert await _asked() == {"uses": 1}
    assert await _asked(uses=0) == {"uses": 0}


@pytest.mark.parametrize("version", ["v1beta", "v1", "v1alpha"])
async def test_a_token_is_asked_of_v1alpha_whatever_the_client_s_version(version: str) -> None:
    service = Service(MADE)
    await client_of(service, api_version=version).live_tokens.create()
    assert service.last.url == "/v1alpha/auth_tokens"
    assert service.last.headers["x-goog-api-key"] == KEY


async def test_moments_are_told_from_now() -> None:
    before = datetime.now(UTC)
    at = before + timedelta(hours=2)
    body = await _asked(expire=at, new_session_expire=300)
    assert datetime.fromisoformat(body["expireTime"]) - at < timedelta(milliseconds=1)
    opens = datetime.fromisoformat(body["newSessionExpireTime"]) - timedelta(seconds=300)
    assert before - timedelta(milliseconds=1) <= opens <= datetime.now(UTC)


KEPT_GOING = {"sessionResumption": {}, "contextWindowCompression": {"slidingWindow": {}}}


@pytest.mark.parametrize(
    "constraints",
    [
        {"model": MODEL, "temperature": 0.5, "response_modalities": ["TEXT"]},
        {
            "temperature": 0.5,
            "response_modalities": ["TEXT"],
            "config": LiveSetup(model=f"models/{MODEL}"),
        },
        LiveSetup(
            model=MODEL,
            generation_config=GenerationConfig(temperature=0.5, response_modalities=["TEXT"]),  # type: ignore[list-item]
        ),
    ],
    ids=["options", "both", "a setup"],
)
async def test_constraints_are_the_whole_setup_of_the_token_s_sessions(constraints: Any) -> None:
    body = await _asked(constraints=constraints)
    assert body["bidiGenerateContentSetup"] == {
        "model": f"models/{MODEL}",
        "generationConfig": {"temperature": 0.5, "responseModalities": ["TEXT"]},
        **KEPT_GOING,
    }
    assert "fieldMask" not in body


@pytest.mark.parametrize(
    ("constraints", "lock", "setup", "mask"),
    [
        (
            {"model": MODEL, "temperature": 0.5},
            ["model", "generation_config.temperature"],
            {"model": f"models/{MODEL}", "generationConfig": {"temperature": 0.5}},
            "model,generationConfig.temperature",
        ),
        (
            {"system": "Be brief"},
            ["system_instruction", "tools"],
            {"systemInstruction": {"parts": [{"text": "Be brief"}]}},
            "systemInstruction,tools",
        ),
        (
            {"context_window_compression": True},
            ["context_window_compression"],
            {"contextWindowCompression": {"slidingWindow": {}}},
            "contextWindowCompression",
        ),
    ],
)
async def test_a_lock_settles_its_fields_alone(
    constraints: Any, lock: list[str], setup: dict[str, Any], mask: str
) -> None:
    body = await _asked(constraints=constraints, lock=lock)
    assert (body["bidiGenerateContentSetup"], body["fieldMask"]) == (setup, mask)


NO_MODEL = LiveSetup(generation_config=GenerationConfig(temperature=1.0))
REFUSED = {
    "fewer than no uses": ({"uses": -1}, "uses is -1"),
    "a moment that has passed": ({"expire": -1}, "expire is -1, which has passed"),
    "a moment too late": ({"new_session_expire": timedelta(hours=20)}, "^new_session_expire is"),
    "a datetime of nowhere": ({"expire": datetime(2999, 1, 1)}, "without time zone"),
    "no constraints": ({"constraints": "models/m"}, "it takes a LiveSetup, or a dict"),
    "a lock of nothing": ({"lock": ["model"]}, "give them too"),
    "no field": ({"constraints": {"model": MODEL}, "lock": ["modl"]}, "did you mean 'model'"),
    "an unknown option": ({"constraints": {"temprature": 1}}, "did you mean 'temperature'"),
    "another client's option": ({"constraints": {"timeouts": 3}}, "timeouts is not of the setup"),
    "a value without effect": (
        {"constraints": {"model": MODEL, "top_k": 3}, "lock": ["model"]},
        r"generation_config\.top_k: given but not locked",
    ),
    "compression without effect": (
        {"constraints": {"model": MODEL, "context_window_compression": True}, "lock": ["model"]},
        "context_window_compression.*given but not locked",
    ),
    "resumption without effect": (
        {"constraints": {"model": MODEL, "transparent": True}, "lock": ["model"]},
        r"session_resumption\.transparent: given but not locked",
    ),
    "a whole setup without model": ({"constraints": NO_MODEL}, "name no model"),
    "a locked model that is not there": (
        {"constraints": NO_MODEL, "lock": ["model", "generation_config"]},
        "the model is locked but not given",
    ),
    "a model without Live": ({"constraints": {"model": "gemini-2.5-flash"}}, "no Live sessions"),
    "a schema": (
        {"constraints": LiveSetup(model=MODEL, generation_config=GenerationConfig(logprobs=1))},
        "cannot be used in a Live session",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_no_token_can_be_is_refused_before_anything_is_sent(case: str) -> None:
    options, words = REFUSED[case]
    service = Service(MADE)
    with pytest.raises(InvalidRequest, match=words):
        await client_of(service).live_tokens.create(**options)
    assert service.asked == []


async def test_vertex_has_no_tokens() -> None:
    service = Service(MADE)
    client = AsyncClient(
        project="p",
        location="l",
        credentials=AccessToken("token"),
        transport=ASGITransport(service),  # type: ignore[arg-type]
    )
    with pytest.raises(InvalidRequest, match="Vertex AI has no ephemeral tokens"):
        await client.live_tokens.create()
    assert service.asked == []
    with pytest.raises(ConfigError, match="which Vertex AI does not take"):
        AsyncClient(NAME, vertexai=True)


async def test_a_closed_client_makes_no_tokens() -> None:
    client = client_of(Service(MADE))
    await client.aclose()
    with pytest.raises(InvalidState, match="the client is closed"):
        await client.live_tokens.create()


async def test_a_service_that_is_busy_is_asked_again() -> None:
    service = Service(failed(503, "UNAVAILABLE"), MADE)
    assert (await client_of(service).live_tokens.create()).name == NAME
    assert len(service.asked) == 2


async def test_a_refusal_is_told() -> None:
    with pytest.raises(PermissionDenied):
        await client_of(Service(failed(403, "PERMISSION_DENIED"))).live_tokens.create()


async def test_every_option_of_a_session_is_of_the_setup_or_refused_in_constraints() -> None:
    """A new option of ``live`` must not be taken by a token, which would then ignore it."""
    assert {*LiveOptions.__annotations__, "config"} > SETUP_OPTIONS
    assert set(LiveConstraints.__annotations__) == {
        *LiveOptions.__annotations__,
        "config",
        "model",
    }
    for name in set(LiveOptions.__annotations__) - SETUP_OPTIONS:
        with pytest.raises(InvalidRequest, match=f"^{name} is not of the setup"):
            await client_of(Service(MADE)).live_tokens.create(constraints={name: object()})


# --- what is shown ---------------------------------------------------------------------------

SECRET = NAME.partition("/")[2]


def test_a_token_does_not_show_its_name() -> None:
    token = AuthToken(name=NAME, uses=1)
    assert repr(token) == f"{token!s}" == "AuthToken(name='auth_tokens/…', uses=1)"
    assert repr(AuthToken(uses=1)) == "AuthToken(uses=1)"
    assert (token.name, token) == (NAME, AuthToken(name=NAME, uses=1))


@pytest.mark.parametrize(
    "answer",
    [
        said({"name": {"secret": NAME}}),
        said(f'{{"name": "{NAME}", uses}}'.encode()),
        said(f"<p>{NAME}</p>".encode(), kind="text/html"),
        said([NAME]),
        failed(400, "INVALID_ARGUMENT", message=f"{NAME} is there already"),
    ],
    ids=["wrong shape", "no JSON", "HTML", "a list", "an error"],
)
async def test_no_error_shows_a_token(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(GemstreamError) as caught:
        await client_of(Service(answer)).live_tokens.create()
    error = caught.value
    shown = f"{error!r} {error} {vars(error)} {error.__context__!r} {caplog.text}"
    assert SECRET not in shown
    assert "auth_tokens/[redacted]" in shown


async def test_a_recording_holds_a_token_unless_it_is_told_not_to() -> None:
    kept: list[Recording] = []
    recording = RecordingTransport(ASGITransport(Service(MADE)), kept.append, redact=["name"])  # type: ignore[arg-type]
    async with AsyncClient(KEY, base_url="http://service", transport=recording) as client:
        assert (await client.live_tokens.create()).name == NAME
    [recorded] = kept
    assert SECRET.encode() not in b"".join(read.data for read in recorded.reads)


async def test_a_token_without_a_name_is_none() -> None:
    with pytest.raises(ProtocolError, match="without a name"):
        await client_of(Service(said({"uses": 1}))).live_tokens.create()


async def test_a_service_that_repeats_a_token_is_not_quoted() -> None:
    async def repeats(stage: Stage) -> None:
        await stage.hear()
        await stage.close(1008, f"{NAME} is used up, ask auth_tokens for another")

    async with live_client_of(LiveService(repeats), api_key=NAME) as client:
        assert SECRET not in repr(client)
        with pytest.raises(GemstreamError) as caught:
            async with client.live(MODEL) as session:
                await session.send_text("Hi")
    assert "auth_tokens/[redacted] is used up, ask auth_tokens for another" in str(caught.value)


# --- what it opens ---------------------------------------------------------------------------


async def _greets(stage: Stage) -> None:
    await stage.hear()
    await stage.say(output({"text": "Hello"}), DONE)


@pytest.mark.parametrize(
    ("options", "given", "model"),
    [
        ({}, None, None),
        ({}, MODEL, f"models/{MODEL}"),
        ({"model": "gemini-3.1-flash-live-preview"}, None, "models/gemini-3.1-flash-live-preview"),
    ],
)
async def test_a_session_of_a_token_leaves_the_model_to_it(
    options: dict[str, Any], given: str | None, model: str | None
) -> None:
    service = LiveService(_greets)
    client = live_client_of(service, api_key=NAME, **options)
    async with client, client.live(given) as session:
        assert (await session.send_text("Hi")).text == "Hello"
        assert session.model == (model or "")
    setup = service.heard[0]
    assert isinstance(setup, heard.SetUp)
    assert setup.setup.model == model


REST = {
    "generate": lambda client: client.generate("Hi"),
    "generate_stream": lambda client: client.generate_stream("Hi").finish(),
    "count_tokens": lambda client: client.count_tokens("Hi"),
    "embed": lambda client: client.embed("Hi"),
    "models": lambda client: client.models.list(),
    "request": lambda client: client.request("GET", "models"),
    "a token": lambda client: client.live_tokens.create(),
}


@pytest.mark.parametrize("case", REST)
async def test_a_token_asks_for_nothing_but_sessions(case: str) -> None:
    service = Service(MADE)
    async with client_of(service, api_key=NAME) as client:
        with pytest.raises(InvalidRequest, match="opens Live sessions and nothing else"):
            await REST[case](client)
    assert service.asked == []
