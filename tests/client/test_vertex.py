"""Vertex AI as the client asks it: addresses, credentials, and what differs in a body."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream import AccessToken, AsyncClient, Part
from gemstream.errors import (
    ConfigError,
    InvalidRequest,
    MissingCredentials,
    Unauthenticated,
)
from support.service import KEY, Service, client_of, failed, finish, said, streamed

TOKEN = "ya29.secret-of-the-tests-0123456789"
BELOW = "projects/p-1/locations/europe-west4"
GOOGLE = "publishers/google/models"


def vertex_of(service: Service, **options: Any) -> AsyncClient:
    """Return a client of a Vertex AI that ``service`` plays."""
    options = {"project": "p-1", "location": "europe-west4", **options}
    options.setdefault("credentials", AccessToken(TOKEN))
    return client_of(service, api_key=None, **options)


# Options of the client, the model asked → the path that is asked.
ADDRESSES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "gemini-2.5-pro", f"/v1beta1/{BELOW}/{GOOGLE}/gemini-2.5-pro"),
    ({}, "models/gemini-2.5-pro", f"/v1beta1/{BELOW}/{GOOGLE}/gemini-2.5-pro"),
    ({}, f"{GOOGLE}/gemini-2.5-pro", f"/v1beta1/{BELOW}/{GOOGLE}/gemini-2.5-pro"),
    ({}, "endpoints/123", f"/v1beta1/{BELOW}/endpoints/123"),
    ({"api_version": "v1"}, "m", f"/v1/{BELOW}/{GOOGLE}/m"),
    ({"location": None}, "m", f"/v1beta1/projects/p-1/locations/global/{GOOGLE}/m"),
    ({"project": None, "location": None, "vertexai": True}, "m", f"/v1beta1/{GOOGLE}/m"),
]


@pytest.mark.parametrize(("options", "model", "path"), ADDRESSES)
async def test_every_call_asks_below_the_project(
    options: dict[str, Any], model: str, path: str
) -> None:
    whole, events = said({**finish("a"), "totalTokens": 1}), streamed(finish("a"))
    service = Service(whole, whole, events)
    client = vertex_of(service, **options)
    await client.generate("Hi", model=model)
    await client.count_tokens("Hi", model=model)
    await client.generate_stream("Hi", model=model).finish()
    assert [asked.url for asked in service.asked] == [
        f"{path}:generateContent",
        f"{path}:countTokens",
        f"{path}:streamGenerateContent?alt=sse",
    ]


async def test_the_token_travels_in_its_header_and_nowhere_else() -> None:
    service = Service(said(finish("a")))
    client = vertex_of(service, credentials=AccessToken(TOKEN, quota_project="payer"))
    await client.generate("Hi")
    assert service.last.headers.pop("authorization") == f"Bearer {TOKEN}"
    assert service.last.headers.pop("x-goog-user-project") == "payer"
    assert TOKEN not in f"{service.last}{client!r}{vars(client)}{AccessToken(TOKEN)!r}"


async def test_a_token_that_an_error_repeats_is_taken_out() -> None:
    service = Service(failed(401, "UNAUTHENTICATED", message=f"bad {TOKEN}"))
    with pytest.raises(Unauthenticated) as caught:
        await vertex_of(service).generate("Hi")
    assert TOKEN not in str(caught.value)


async def test_a_function_is_asked_for_the_token_of_every_request() -> None:
    made: list[str] = []

    async def fresh() -> str:
        made.append(f"token-{len(made)}")
        return made[-1]

    service = Service(said(finish("a")))
    client = vertex_of(service, credentials=AccessToken(fresh))
    await client.generate("Hi")
    await client.generate("Hi")
    sent = [asked.headers["authorization"] for asked in service.asked]
    assert sent == ["Bearer token-0", "Bearer token-1"]


def _fails() -> str:
    raise OSError("no metadata server")


@pytest.mark.parametrize(
    ("token", "kind", "said_so"),
    [
        (_fails, MissingCredentials, "raised OSError"),
        (lambda: "two\nlines", InvalidRequest, "white space"),
        (lambda: None, InvalidRequest, "NoneType"),
    ],
)
async def test_a_function_that_gives_no_token_is_the_callers_error(
    token: Any, kind: type[Exception], said_so: str
) -> None:
    service = Service(said(finish("a")))
    with pytest.raises(kind, match=said_so):
        await vertex_of(service, credentials=AccessToken(token)).generate("Hi")
    assert service.asked == []


async def test_a_key_may_ask_below_a_project() -> None:
    service = Service(said(finish("a")))
    client = client_of(service, api_key=KEY, project="p-1")
    await client.generate("Hi", model="m")
    assert service.last.headers["x-goog-api-key"] == KEY
    assert service.last.url.startswith("/v1beta1/projects/p-1/locations/global/")


async def test_counting_tells_only_what_costs() -> None:
    service = Service(said({"totalTokens": 3}))
    await vertex_of(service).count_tokens(
        "Hi", system="Be brief", safety={"HARASSMENT": "OFF"}, temperature=0.5
    )
    assert sorted(service.last.json) == ["contents", "generationConfig", "systemInstruction"]


# Options, environment → base URL.
HOSTS: list[tuple[dict[str, Any], dict[str, str], str]] = [
    ({"project": "p"}, {}, "https://aiplatform.googleapis.com"),
    ({"project": "p", "location": "eu"}, {}, "https://aiplatform.eu.rep.googleapis.com"),
    ({"project": "p", "location": "us-east5"}, {}, "https://us-east5-aiplatform.googleapis.com"),
    ({"vertexai": True}, {}, "https://aiplatform.googleapis.com"),
    ({"project": "p"}, {"GOOGLE_VERTEX_BASE_URL": "https://h"}, "https://h"),
    (
        {"project": "p"},
        {"GOOGLE_GEMINI_BASE_URL": "https://h"},
        "https://aiplatform.googleapis.com",
    ),
    (
        {"project": "p"},
        {"GOOGLE_CLOUD_LOCATION": "asia-east1"},
        "https://asia-east1-aiplatform.googleapis.com",
    ),
    (
        {},
        {
            "GOOGLE_GENAI_USE_VERTEXAI": "true",
            "GOOGLE_CLOUD_PROJECT": "p",
            "GOOGLE_CLOUD_LOCATION": "us",
        },
        "https://aiplatform.us.rep.googleapis.com",
    ),
    ({"vertexai": False}, {"GOOGLE_GENAI_USE_VERTEXAI": "1"}, "https://generativelanguage"),
    ({}, {"GOOGLE_CLOUD_PROJECT": "p"}, "https://generativelanguage"),
]


@pytest.mark.parametrize(("options", "environ", "url"), HOSTS)
def test_the_location_names_the_host(
    options: dict[str, Any], environ: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    client = AsyncClient(credentials=AccessToken(TOKEN), **options)
    assert client.options.base_url.startswith(url)


# Options that contradict each other or cannot be → the error's words.
IMPOSSIBLE: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"vertexai": False, "project": "p"}, ConfigError, "exclude|leave one out"),
    ({"location": "us"}, ConfigError, "project="),
    ({"vertexai": "yes"}, ConfigError, "True or False"),
    ({"project": "a/b"}, InvalidRequest, "project"),
    ({"project": "p", "location": "Europe!"}, InvalidRequest, "location"),
    ({"project": "p", "location": ""}, InvalidRequest, "location"),
    ({"project": "p", "api_version": "v1beta"}, ConfigError, "v1beta1"),
    ({"api_version": "v1beta1"}, ConfigError, "v1beta"),
    ({"projekt": "p"}, ConfigError, "did you mean 'project'"),
]


@pytest.mark.parametrize(("options", "kind", "said_so"), IMPOSSIBLE)
def test_what_cannot_be_asked_is_refused_at_once(
    options: dict[str, Any], kind: type[Exception], said_so: str
) -> None:
    with pytest.raises(kind, match=said_so):
        AsyncClient(credentials=AccessToken(TOKEN), **options)


def test_vertex_without_credentials_says_what_to_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingCredentials, match="AccessToken"):
        AsyncClient(project="p")


async def test_texts_are_embedded_in_one_prediction() -> None:
    vector = {"embeddings": {"values": [0.5], "statistics": {"token_count": 2.0}}}
    service = Service(said({"predictions": [vector, vector]}))
    answer = await vertex_of(service).embed(
        ["a", "b"], task_type="RETRIEVAL_DOCUMENT", title="t", output_dimensionality=1
    )
    assert service.last.url.endswith(f"{GOOGLE}/gemini-embedding-001:predict")
    instance = {"task_type": "RETRIEVAL_DOCUMENT", "title": "t"}
    assert service.last.json == {
        "instances": [{"content": "a", **instance}, {"content": "b", **instance}],
        "parameters": {"outputDimensionality": 1},
    }
    assert [list(one.values) for one in answer.embeddings] == [[0.5], [0.5]]
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.prompt_token_count == 4


async def test_newer_models_embed_one_content_a_request() -> None:
    vector = {"embedding": {"values": [0.5]}, "usageMetadata": {"promptTokenCount": 2}}
    service = Service(said(vector))
    answer = await vertex_of(service).embed(["a", "b"], model="gemini-embedding-2")
    assert [asked.json["content"]["parts"] for asked in service.asked] == [
        [{"text": "a"}],
        [{"text": "b"}],
    ]
    assert len(answer.embeddings) == 2
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.prompt_token_count == 4


async def test_a_picture_is_no_text_to_embed() -> None:
    picture = Part.of_bytes(b"x", "image/png")
    with pytest.raises(InvalidRequest, match="text only"):
        await vertex_of(Service()).embed([picture])
