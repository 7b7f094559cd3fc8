"""Vertex paths: the same answers with Vertex's fields, words and refusals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from emulator.driver import MODEL, answer, ask, events, method_url, prompt, stream_url, text_of
from gemstream.emulator import Chunk, Emulator, Rule, Script, Status
from gemstream.emulator.builtin.function_calls import argument_pieces
from gemstream.wire.content import FunctionCall, Part

HOME = "/v1/projects/p/locations/us-central1"
PATHS = [
    f"{HOME}/publishers/google/models/{MODEL}",
    f"/v1beta1/projects/p/locations/global/publishers/google/models/{MODEL}",
    f"{HOME}/endpoints/123",
    f"/v1/publishers/google/models/{MODEL}",
]


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


def vertex_url(method: str, model: str = MODEL) -> str:
    return f"{HOME}/publishers/google/models/{model}:{method}"


async def stream(emulator: Emulator, body: Any, **more: Any) -> list[Any]:
    talk = ask(emulator, vertex_url("streamGenerateContent") + "?alt=sse", body, **more)
    assert (await talk.head())[0] == 200
    return events(await talk.read_all())


@pytest.mark.parametrize("path", PATHS)
async def test_every_path_answers(emulator: Emulator, path: str) -> None:
    _, whole = await answer(emulator, f"{path}:generateContent", prompt("Count to three"))
    assert text_of([whole]) == "1, 2, 3"
    talk = ask(emulator, f"{path}:streamGenerateContent?alt=sse", prompt("Count to three"))
    await talk.head()
    assert text_of(events(await talk.read_all())) == "1, 2, 3"
    _, array = await answer(emulator, f"{path}:streamGenerateContent", prompt("Count to three"))
    assert text_of(array) == "1, 2, 3"
    _, counted = await answer(emulator, f"{path}:countTokens", prompt("Count to three"))
    assert counted["totalTokens"] == 4 and counted["totalBillableCharacters"] == 12


async def test_every_chunk_tells_its_traffic_and_time(emulator: Emulator) -> None:
    chunks = await stream(emulator, prompt("Count to three"))
    assert {chunk["usageMetadata"]["trafficType"] for chunk in chunks} == {"ON_DEMAND"}
    (time,) = {chunk["createTime"] for chunk in chunks}
    assert time.endswith("Z") and datetime.fromisoformat(time)
    assert {chunk["modelVersion"] for chunk in chunks} == {MODEL}


async def test_the_gemini_api_tells_neither(emulator: Emulator) -> None:
    _, said = await answer(emulator, method_url("generateContent"), prompt("[citations] x. y."))
    assert "createTime" not in said and "trafficType" not in said["usageMetadata"]
    assert list(said["candidates"][0]["citationMetadata"]) == ["citationSources"]


async def test_sources_are_citations(emulator: Emulator) -> None:
    _, said = await answer(emulator, vertex_url("generateContent"), prompt("[citations] x. y."))
    cited = said["candidates"][0]["citationMetadata"]
    assert list(cited) == ["citations"] and len(cited["citations"]) == 2


async def test_a_blocked_prompt_has_a_message_and_severities(emulator: Emulator) -> None:
    (only,) = await stream(emulator, prompt("[blocked] x"))
    feedback = only["promptFeedback"]
    assert feedback["blockReasonMessage"] and "candidates" not in only
    assert {rating["severity"] for rating in feedback["safetyRatings"]} == {
        "HARM_SEVERITY_NEGLIGIBLE",
        "HARM_SEVERITY_HIGH",
    }
    last = (await stream(emulator, prompt("[safety] x")))[-1]["candidates"][0]
    assert all(rating["probabilityScore"] for rating in last["safetyRatings"])


CREDENTIALS = [
    ({"authorization": "Bearer t"}, "", 200, None),
    ({"x-goog-api-key": "k"}, "", 200, None),
    ({}, "?key=k", 200, None),
    ({}, "", 401, "CREDENTIALS_MISSING"),
    ({"authorization": "Bearer"}, "", 401, "CREDENTIALS_MISSING"),
    ({"authorization": "Bearer bad-key"}, "", 401, "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
    ({"x-goog-api-key": "bad-key"}, "", 400, "API_KEY_INVALID"),
]


@pytest.mark.parametrize(("headers", "query", "status", "reason"), CREDENTIALS)
async def test_credentials_are_a_token_or_a_key(
    emulator: Emulator, headers: dict[str, str], query: str, status: int, reason: str | None
) -> None:
    url = vertex_url("generateContent") + query
    given = {"x-goog-api-key": "", **headers}
    got, said = await answer(emulator, url, prompt("x"), headers=given)
    assert got == status
    if reason is not None:
        assert said["error"]["details"][0]["reason"] == reason
        assert status == 400 or said["error"]["status"] == "UNAUTHENTICATED"


UNKNOWN = [
    (f"{HOME}/publishers/google/models/gemini-9", f"{HOME[4:]}/publishers/google/models/gemini-9"),
    ("/v1/publishers/google/models/gemini-9", "publishers/google/models/gemini-9"),
    (f"{HOME}/publishers/google/models/gemini-1.5-pro", "models/gemini-1.5-pro"),
    (f"{HOME}/publishers/google/models/gemini-flash-latest", "models/gemini-flash-latest"),
]


@pytest.mark.parametrize(("path", "name"), UNKNOWN)
async def test_an_unknown_model_is_told_in_vertex_words(
    emulator: Emulator, path: str, name: str
) -> None:
    status, said = await answer(emulator, f"{path}:generateContent", prompt("x"))
    assert status == 404 and said["error"]["status"] == "NOT_FOUND"
    message = said["error"]["message"]
    assert message.startswith("Publisher Model `") and f"{name}` was not found" in message


ONLY_GEMINI = [
    ({"tools": [{"fileSearch": {}}]}, "Unknown name \"fileSearch\" at 'tools[0]'"),
    ({"tools": [{"mcp_servers": [{"name": "x"}]}]}, "Unknown name \"mcpServers\" at 'tools[0]'"),
    ({"store": True}, 'Unknown name "store"'),
    (
        {"toolConfig": {"includeServerSideToolInvocations": True}},
        'Unknown name "includeServerSideToolInvocations"',
    ),
    (
        {"contents": [{"parts": [{"functionResponse": {"name": "f", "willContinue": True}}]}]},
        'Unknown name "willContinue"',
    ),
    (
        {"contents": [{"parts": [{"fileData": {"fileUri": "files/abc"}}]}]},
        "Unsupported file URI type: files/abc",
    ),
    (
        {
            "contents": [
                {
                    "parts": [
                        {
                            "fileData": {
                                "fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"
                            }
                        }
                    ]
                }
            ]
        },
        "Unsupported file URI type: https://generativelanguage",
    ),
]


@pytest.mark.parametrize(("fields", "words"), ONLY_GEMINI)
async def test_what_only_the_gemini_api_has_is_refused(
    emulator: Emulator, fields: Any, words: str
) -> None:
    body = {**prompt("x"), **fields}
    status, said = await answer(emulator, vertex_url("generateContent"), body)
    assert status == 400 and words in said["error"]["message"]
    status, _ = await answer(emulator, method_url("generateContent"), body)
    assert status == 200


async def test_what_vertex_has_is_taken(emulator: Emulator) -> None:
    bucket = {"fileData": {"fileUri": "gs://bucket/a.pdf", "mimeType": "application/pdf"}}
    body = {"contents": [{"role": "user", "parts": [bucket]}], "labels": {"team": "a"}}
    status, said = await answer(emulator, vertex_url("generateContent"), body)
    assert status == 200 and "gs://bucket/a.pdf" in text_of([said])


async def test_a_429_has_vertex_words_and_no_details(emulator: Emulator) -> None:
    emulator.script = Script([Rule(steps=[Status(code=429)])])
    _, said = await answer(emulator, vertex_url("generateContent"), prompt("x"))
    assert said["error"]["message"].startswith("Resource exhausted. Please try again later.")
    assert "error-code-429" in said["error"]["message"] and "details" not in said["error"]
    talk = ask(emulator, vertex_url("streamGenerateContent") + "?alt=sse", prompt("x"))
    assert (await talk.head())[0] == 429
    emulator.script = Script([Rule(steps=[Status(code=429, retry_delay=3)])])
    _, said = await answer(emulator, vertex_url("generateContent"), prompt("x"))
    assert said["error"]["details"]  # the script's word counts


async def test_scripted_texts_are_dressed_and_tables_are_not(emulator: Emulator) -> None:
    table = {"candidates": [{"content": {"parts": [{"text": "b"}]}, "finishReason": "STOP"}]}
    emulator.script = Script([Rule(steps=["a", Chunk(table)])])
    first, second = await stream(emulator, prompt("x"))
    assert first["usageMetadata"]["trafficType"] == "ON_DEMAND" and first["createTime"]
    assert second == table


# --- streamed arguments ----------------------------------------------------------------------

WEATHER = {
    "name": "weather",
    "parameters": {
        "type": "OBJECT",
        "properties": {"city": {"type": "STRING"}, "days": {"type": "INTEGER"}},
        "required": ["city", "days"],
    },
}


def calling(**config: Any) -> dict[str, Any]:
    return prompt(
        "weather in Paris for 3 days",
        tools=[{"functionDeclarations": [WEATHER]}],
        toolConfig={"functionCallingConfig": config},
    )


async def test_arguments_come_in_pieces(emulator: Emulator) -> None:
    chunks = await stream(emulator, calling(streamFunctionCallArguments=True))
    parts = [part for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"]]
    first, *pieces, last = [part["functionCall"] for part in parts]
    assert first["name"] == "weather" and first["willContinue"] is True and "args" not in first
    assert parts[0]["thoughtSignature"] and last == {}
    assert all(piece["willContinue"] and "name" not in piece for piece in pieces)
    given = [piece["partialArgs"][0] for piece in pieces]
    city = [one for one in given if one["jsonPath"] == "$.city"]
    assert "".join(one["stringValue"] for one in city) == "Paris"
    assert [one.get("willContinue", False) for one in city] == [True, False]
    assert {"jsonPath": "$.days", "numberValue": 3} in given
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


async def test_a_whole_answer_has_whole_arguments(emulator: Emulator) -> None:
    body = calling(streamFunctionCallArguments=True)
    _, said = await answer(emulator, vertex_url("generateContent"), body)
    (part,) = said["candidates"][0]["content"]["parts"]
    assert part["functionCall"]["args"] == {"city": "Paris", "days": 3}


async def test_the_gemini_api_does_not_stream_arguments(emulator: Emulator) -> None:
    body = calling(streamFunctionCallArguments=True)
    status, said = await answer(emulator, method_url("generateContent"), body)
    assert status == 400 and "streamFunctionCallArguments" in said["error"]["message"]


def test_every_value_has_its_path() -> None:
    args = {
        "a": [{"b": "xy"}, None],
        "odd key's": True,
        "n": 1.5,
        "empty": "",
        "none": {},
    }
    call = Part(function_call=FunctionCall(name="f", args=args))
    pieces = [one.function_call.partial_args for one in argument_pieces(call) if one.function_call]
    assert [
        (one.json_path, one.string_value, one.number_value, one.bool_value, one.null_value)
        for (one,) in filter(None, pieces)
    ] == [
        ("$.a[0].b", "x", None, None, None),
        ("$.a[0].b", "y", None, None, None),
        ("$.a[1]", None, None, None, "NULL_VALUE"),
        ("$['odd key\\'s']", None, None, True, None),
        ("$.n", None, 1.5, None, None),
        ("$.empty", "", None, None, None),
    ]


# --- embeddings and models -------------------------------------------------------------------


async def test_embeddings_are_predicted_or_embedded(emulator: Emulator) -> None:
    body = {"instances": [{"content": "a"}, {"content": "b", "task_type": "RETRIEVAL_QUERY"}]}
    body["parameters"] = {"outputDimensionality": 8}  # type: ignore[assignment]
    _, said = await answer(emulator, vertex_url("predict", "gemini-embedding-001"), body)
    vectors = [one["embeddings"]["values"] for one in said["predictions"]]
    assert [len(vector) for vector in vectors] == [8, 8] and vectors[0] != vectors[1]
    assert said["predictions"][0]["embeddings"]["statistics"]["token_count"] == 1
    content = {"content": {"parts": [{"text": "a"}]}, "outputDimensionality": 8}
    _, one = await answer(emulator, vertex_url("embedContent", "gemini-embedding-001"), content)
    assert one["embedding"]["values"] == vectors[0]


@pytest.mark.parametrize(
    "body", [b"[", b"[]", {"embedContentConfig": 3}, {"embedContentConfig": {"x": 1}}]
)
async def test_a_bad_embedding_is_refused(emulator: Emulator, body: Any) -> None:
    url = vertex_url("embedContent", "gemini-embedding-001")
    assert (await answer(emulator, url, body, method="POST"))[0] == 400


BAD_PREDICTIONS = [
    b"[",
    [],
    {},
    {"instances": []},
    {"instances": [{}] * 251},
    {"instances": ["x"]},
    {"instances": [{"content": 3}]},
    {"instances": [{"content": "x"}], "parameters": {"outputDimensionality": "x"}},
    {"instances": [{"content": "x"}], "parameters": {"outputDimensionality": 0}},
]


@pytest.mark.parametrize("body", BAD_PREDICTIONS, ids=lambda body: str(body)[:40])
async def test_a_bad_prediction_is_refused(emulator: Emulator, body: Any) -> None:
    url = vertex_url("predict", "gemini-embedding-001")
    status, said = await answer(emulator, url, body, method="POST")
    assert status == 400 and said["error"]["status"] == "INVALID_ARGUMENT"


async def test_models_that_do_not_embed_do_not_predict(emulator: Emulator) -> None:
    url = vertex_url("predict", "imagen-4.0-generate-001")
    assert (await answer(emulator, url, {"instances": [{"content": "x"}]}))[0] == 404


async def test_models_are_listed_and_shown(emulator: Emulator) -> None:
    _, page = await answer(emulator, "/v1beta1/publishers/google/models?pageSize=3")
    assert len(page["publisherModels"]) == 3
    token = page["nextPageToken"]
    _, following = await answer(emulator, f"/v1beta1/publishers/google/models?pageToken={token}")
    assert page["publisherModels"][0] not in following["publisherModels"]
    _, model = await answer(emulator, f"/v1/publishers/google/models/{MODEL}")
    assert model["name"] == f"publishers/google/models/{MODEL}"


async def test_the_journal_and_the_script_know_the_bare_name() -> None:
    emulator = Emulator(Script([Rule(model=MODEL, steps=["scripted"])]))
    _, said = await answer(emulator, vertex_url("generateContent"), prompt("x"))
    assert text_of([said]) == "scripted"
    await emulator.idle()
    assert [entry.model for entry in emulator.journal] == [MODEL]


async def test_both_backends_say_the_same(emulator: Emulator) -> None:
    talk = ask(emulator, stream_url(), prompt("Count to nine"))
    await talk.head()
    texts = [text_of([chunk]) for chunk in events(await talk.read_all())]
    assert [text_of([chunk]) for chunk in await stream(emulator, prompt("Count to nine"))] == texts
