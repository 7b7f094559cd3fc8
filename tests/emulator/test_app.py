"""The emulator over ASGI: framing, heads, and every refusal in the service's words."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from emulator.driver import (
    MODEL,
    Interrupted,
    SleepsBy,
    answer,
    ask,
    events,
    method_url,
    prompt,
    stream,
    stream_url,
    text_of,
)
from gemstream.emulator import Emulator, JournalEnd
from gemstream.emulator.exchange import Cut
from gemstream.errors import ConfigError

RECORDED = Path(__file__).parents[1] / "vectors" / "responses" / "googleai"


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


async def test_a_stream_is_one_event_a_write(emulator: Emulator) -> None:
    talk = ask(emulator, stream_url(), prompt("Count to four"))
    status, headers = await talk.head()
    chunks = events(await talk.read_all())
    assert status == 200 and headers["content-type"] == "text/event-stream"
    assert "content-length" not in headers
    assert len(chunks) == 4 and text_of(chunks) == "1, 2, 3, 4"
    assert len({chunk["responseId"] for chunk in chunks}) == 1
    assert [c["candidates"][0].get("finishReason") for c in chunks] == [None, None, None, "STOP"]
    assert all(chunk["modelVersion"] == MODEL for chunk in chunks)


async def test_without_alt_the_stream_is_a_growing_array(emulator: Emulator) -> None:
    talk = ask(emulator, method_url("streamGenerateContent"), prompt("Count to three"))
    status, headers = await talk.head()
    writes = await talk.read_all()
    assert status == 200 and headers["content-type"] == "application/json; charset=UTF-8"
    assert text_of(json.loads(b"".join(writes))) == "1, 2, 3"
    assert [write[:1] for write in writes] == [b"[", b"\n", b"\n", b"\n"]
    assert writes[1].startswith(b"\n,\n{\n  ") and writes[-1] == b"\n]"


async def test_the_whole_answer_has_its_length(emulator: Emulator) -> None:
    talk = ask(emulator, method_url("generateContent"), prompt("hi"))
    status, headers = await talk.head()
    (body,) = await talk.read_all()
    assert status == 200 and int(headers["content-length"]) == len(body)
    assert text_of([json.loads(body)]) == "You said: hi"


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
async def test_all_versions_answer(emulator: Emulator, version: str) -> None:
    status, body = await answer(
        emulator, method_url("generateContent", version=version), prompt("x")
    )
    assert status == 200 and text_of([body]) == "You said: x"


async def test_counting_tokens_agrees_with_the_prompt_of_an_answer(emulator: Emulator) -> None:
    request = prompt("One two three", systemInstruction={"parts": [{"text": "Be kind"}]})
    _, body = await answer(emulator, method_url("generateContent"), request)
    whole = {"generateContentRequest": {"model": f"models/{MODEL}", **request}}
    _, counted = await answer(emulator, method_url("countTokens"), whole)
    assert counted["totalTokens"] == body["usageMetadata"]["promptTokenCount"] == 6
    _, contents = await answer(emulator, method_url("countTokens"), prompt("One two three"))
    assert contents["totalTokens"] == 4


async def test_ids_differ_between_answers_and_not_between_runs() -> None:
    ids = []
    for _ in range(2):
        emulator = Emulator(seed=3)
        chunks = [(await stream(emulator, prompt("x")))[0] for _ in range(2)]
        ids.append([chunk["responseId"] for chunk in chunks])
    assert ids[0] == ids[1] and len(set(ids[0])) == 2


INVALID = "INVALID_ARGUMENT"
ONE = {"role": "user", "parts": [{"text": "x"}]}
ENDLESS = {
    "responseMimeType": "application/json",
    "responseSchema": {"type": "OBJECT", "properties": {"a": {"ref": "#"}}, "required": ["a"]},
}
FUNCTION = {"name": "f", "parameters": {}, "parametersJsonSchema": {}}
REFUSALS = [
    ({"contents": []}, 400, "contents is not specified"),
    (b"", 400, "contents is not specified"),
    ({"contents": [{"role": "user", "parts": []}]}, 400, "contents.parts must not be empty"),
    ({"contents": [{"role": "user", "parts": [{}]}]}, 400, "required oneof field 'data'"),
    ({"contents": [{"parts": [{"text": "a", "functionCall": {}}]}]}, 400, "already set"),
    ({"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, 400, "valid role"),
    ({"contents": [{"parts": [{"inlineData": {"mimeType": "a/b", "data": "!"}}]}]}, 400, "Base64"),
    ({"contents": [{"parts": [{"inlineData": {"data": "aaaa"}}]}]}, 400, "mime type"),
    ({"contents": "x"}, 400, "Invalid value at 'contents'"),
    ({"contents": [{"parts": [{"text": 3}]}]}, 400, "Invalid value at 'contents[0].parts[0].text'"),
    (b'{"contents": [', 400, "Invalid JSON payload received."),
    (b"\xff", 400, "Invalid JSON payload received."),
    (b"[]", 400, "Invalid value"),
    (prompt("x", generationConfig={"stopSequences": list("abcdef")}), 400, "stop sequences"),
    (prompt("x", generationConfig={"candidateCount": 9}), 400, "[1, 8]"),
    (prompt("x", generationConfig={"candidateCount": 0}), 400, "[1, 8]"),
    (prompt("x", generationConfig={"maxOutputTokens": 0}), 400, "must be positive"),
    (prompt("x", generationConfig={"temperature": 2.1}), 400, "[0.0, 2.0]"),
    (prompt("x", generationConfig={"topP": -1}), 400, "[0.0, 1.0]"),
    (prompt("x", generationConfig={"responseMimeType": "a/b"}), 400, "allowed mimetypes"),
    (prompt("x", generationConfig={"responseSchema": {}}), 400, "needs the response mime type"),
    (prompt("x", generationConfig=ENDLESS), 400, "too many or too deeply nested"),
    (prompt("x", tools=[{"functionDeclarations": [{"name": "1 f"}]}]), 400, "Invalid function"),
    (prompt("x", tools=[{"functionDeclarations": [FUNCTION]}]), 400, "only one of parameters"),
    (prompt("x", cachedContent="cachedContents/a"), 404, "cachedContents/a is not found"),
]  # fmt: skip


@pytest.mark.parametrize("method", ["generateContent", "streamGenerateContent"])
@pytest.mark.parametrize(("body", "code", "words"), REFUSALS)
async def test_a_bad_request_is_refused(
    emulator: Emulator, method: str, body: Any, code: int, words: str
) -> None:
    url = method_url(method) + "?alt=sse"
    status, said = await answer(emulator, url, body, method="POST")
    assert status == said["error"]["code"] == code
    assert words in said["error"]["message"]
    assert list(said) == ["error"] and said["error"]["status"] in (INVALID, "NOT_FOUND")


async def test_unknown_fields_are_named_with_their_place(emulator: Emulator) -> None:
    body = prompt("x", foo=1, generation_config={"top_k": 3, "bar": 2})
    status, said = await answer(emulator, method_url("generateContent"), body)
    first = 'Invalid JSON payload received. Unknown name "foo": Cannot find field.'
    second = "Unknown name \"bar\" at 'generation_config': Cannot find field."
    assert status == 400 and first in said["error"]["message"]
    (detail,) = said["error"]["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    (_, violation) = detail["fieldViolations"]
    assert violation["field"] == "generation_config" and second in violation["description"]


async def test_both_key_styles_and_base64_alphabets_are_read(emulator: Emulator) -> None:
    data = base64.urlsafe_b64encode(b"\xfb\xff\xfe\xff").decode().rstrip("=")
    part = {"inline_data": {"mime_type": "audio/wav", "data": data}}
    body = {"contents": [{"parts": [part]}], "system_instruction": {"parts": [{"text": "a"}]}}
    _, said = await answer(emulator, method_url("generateContent"), body)
    assert text_of([said]) == "You sent a file of type audio/wav with 4 bytes."


NOT_FOUND = [
    ("gemini-9", "generateContent", "models/gemini-9 is not found for API version v1beta"),
    ("gemini-embedding-001", "generateContent", "is not supported for generateContent"),
    ("gemini-3.8-live", "generateContent", "is not supported for generateContent"),
    ("veo-3.1-generate-preview", "countTokens", "is not supported for countTokens"),
    (MODEL, "embedContent", "is not supported for embedContent"),
    ("gemini-1.5-flash", "generateContent", "use models/gemini-2.5-flash"),
]


@pytest.mark.parametrize(("model", "method", "words"), NOT_FOUND)
async def test_models_that_cannot_are_not_found(
    emulator: Emulator, model: str, method: str, words: str
) -> None:
    body = {"content": ONE} if method == "embedContent" else prompt("x")
    status, said = await answer(emulator, method_url(method, model), body)
    assert status == 404 and said["error"]["status"] == "NOT_FOUND"
    assert words in said["error"]["message"]


async def test_the_unknown_model_is_refused_as_recorded(emulator: Emulator) -> None:
    recorded = json.loads((RECORDED / "unary-failure-unknown-model.json").read_text())
    url = method_url("generateContent", "gemini-5.0-flash", "v1")
    _, said = await answer(emulator, url, prompt("x"))
    assert said["error"]["message"] == recorded["error"]["message"]


async def test_a_bad_key_is_refused_as_recorded(emulator: Emulator) -> None:
    recorded = json.loads((RECORDED / "unary-failure-api-key.json").read_text())["error"]
    url = method_url("generateContent")
    status, said = await answer(emulator, url, prompt("x"), headers={"x-goog-api-key": "bad-key"})
    assert status == 400 and said["error"]["message"] == recorded["message"]
    assert said["error"]["details"] == recorded["details"][:2]  # the third is for debugging


KEYS = [
    ({"x-goog-api-key": "k"}, "", 200),
    ({"x-goog-api-key": ""}, "", 403),
    ({"x-goog-api-key": ""}, "?key=k", 200),
    ({"x-goog-api-key": ""}, "?key=bad-key", 400),
    ({"x-goog-api-key": "", "authorization": "Bearer t"}, "", 200),
    ({"x-goog-api-key": "", "authorization": "Bearer"}, "", 403),
    ({"x-goog-api-key": "", "authorization": "Basic t"}, "", 403),
]


@pytest.mark.parametrize(("headers", "query", "status"), KEYS)
async def test_a_key_is_taken_wherever_it_stands(
    emulator: Emulator, headers: dict[str, str], query: str, status: int
) -> None:
    url = method_url("generateContent") + query
    assert (await answer(emulator, url, prompt("x"), headers=headers))[0] == status


DEADLINES = [("9", 400), ("0", 400), ("10", 200), ("600", 200), ("9" * 5000, 200), ("²", 200)]


@pytest.mark.parametrize(("seconds", "status"), DEADLINES)
async def test_the_server_deadline_has_a_floor(
    emulator: Emulator, seconds: str, status: int
) -> None:
    headers = {"X-Server-Timeout": seconds}
    got, said = await answer(emulator, method_url("generateContent"), prompt("x"), headers=headers)
    assert got == status
    if status == 400:
        assert said["error"]["message"] == (
            f"Manually set deadline {seconds}s is too short. Minimum allowed deadline is 10s."
        )


async def test_an_error_of_a_plain_stream_is_an_array_of_one(emulator: Emulator) -> None:
    url = method_url("streamGenerateContent", "gemini-9")
    status, said = await answer(emulator, url, prompt("x"))
    assert status == 404 and [item["error"]["code"] for item in said] == [404]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1beta/cachedContents"),
        ("GET", "/v1beta/files"),
        ("GET", method_url("generateContent")),
        ("POST", "/v2/models/x:generateContent"),
        ("POST", method_url("predict")),
        ("GET", "/"),
    ],
)
async def test_what_is_not_served_says_so(emulator: Emulator, method: str, path: str) -> None:
    status, said = await answer(emulator, path, {}, method=method)
    assert status == 404 and path in said["error"]["message"]
    assert emulator.journal == []


ENCODED = json.dumps(prompt("zipped")).encode()
ENCODINGS = [
    ("gzip", gzip.compress(ENCODED), 200),
    ("deflate", zlib.compress(ENCODED), 200),
    ("identity", ENCODED, 200),
    ("gzip", ENCODED, 400),
    ("gzip", gzip.compress(ENCODED)[:-12], 400),
    ("gzip", gzip.compress(b" " * (21 * 1024 * 1024)), 400),
    ("br", ENCODED, 400),
]


@pytest.mark.parametrize(
    ("encoding", "body", "status"), ENCODINGS, ids=map(str, range(len(ENCODINGS)))
)
async def test_encoded_bodies_are_read(
    emulator: Emulator, encoding: str, body: bytes, status: int
) -> None:
    headers = {"content-encoding": encoding}
    url = method_url("generateContent")
    assert (await answer(emulator, url, body, headers=headers))[0] == status


async def test_big_bodies_are_read_up_to_the_limit(emulator: Emulator) -> None:
    data = base64.b64encode(bytes(15_000_000)).decode()
    part = {"inlineData": {"mimeType": "video/mp4", "data": data}}
    url = method_url("generateContent")
    status, said = await answer(emulator, url, {"contents": [{"parts": [part]}]})
    assert status == 200 and "15000000 bytes" in text_of([said])
    status, said = await answer(emulator, url, prompt("x" * (20 * 1024 * 1024)))
    assert status == 400 and "exceeds the limit: 20971520 bytes" in said["error"]["message"]


async def test_models_are_listed_in_pages(emulator: Emulator) -> None:
    names: list[str] = []
    token = ""
    while True:
        url = f"/v1beta/models?pageSize=10{token}"
        _, page = await answer(emulator, url)
        names += [model["name"] for model in page["models"]]
        if "nextPageToken" not in page:
            break
        assert len(page["models"]) == 10
        token = f"&pageToken={page['nextPageToken']}"
    _, everything = await answer(emulator, "/v1beta/models?pageSize=1000")
    assert names == [model["name"] for model in everything["models"]]
    assert len(names) == len(set(names))


BAD_PAGES = [
    "pageToken=x",
    "pageToken=bW9kZWxzOjk5OTk=",  # models:9999
    "pageToken=bW9kZWxzOi01",  # models:-5
    "pageToken=dHVuZWQ6MQ==",  # tuned:1
    "pageSize=x",
    "pageSize=-1",
    "pageSize=%D9%A3",  # an Arabic three
    f"pageSize={'9' * 5000}",
]


@pytest.mark.parametrize("query", BAD_PAGES)
async def test_a_bad_page_is_refused(emulator: Emulator, query: str) -> None:
    assert (await answer(emulator, f"/v1beta/models?{query}"))[0] == 400


async def test_aliases_live_on_v1beta_only(emulator: Emulator) -> None:
    assert (await answer(emulator, "/v1beta/models/gemini-flash-latest"))[0] == 200
    assert (await answer(emulator, "/v1/models/gemini-flash-latest"))[0] == 404
    _, page = await answer(emulator, "/v1/models")
    assert not [model for model in page["models"] if model["name"].endswith("-latest")]


async def test_a_model_tells_what_it_can(emulator: Emulator) -> None:
    _, model = await answer(emulator, f"/v1/models/{MODEL}")
    assert model["inputTokenLimit"] == 1_048_576 and model["outputTokenLimit"] == 65_536
    assert "generateContent" in model["supportedGenerationMethods"]
    _, live = await answer(emulator, "/v1/models/gemini-3.8-live")
    assert live["supportedGenerationMethods"] == ["bidiGenerateContent"]


EMBEDDER = "gemini-embedding-001"
NAME = f"models/{EMBEDDER}"


async def test_contents_are_embedded(emulator: Emulator) -> None:
    url = method_url("embedContent", EMBEDDER)
    _, one = await answer(emulator, url, {"content": ONE, "outputDimensionality": 7})
    assert len(one["embedding"]["values"]) == 7
    _, other = await answer(
        emulator, url, {"content": ONE, "outputDimensionality": 7, "taskType": "CLASSIFICATION"}
    )
    assert one["embedding"] == other["embedding"]
    requests = [{"model": NAME, "content": ONE, "outputDimensionality": 7}] * 2
    _, batch = await answer(
        emulator, method_url("batchEmbedContents", EMBEDDER), {"requests": requests}
    )
    assert batch["embeddings"] == [one["embedding"]] * 2
    _, whole = await answer(emulator, url, {"content": ONE})
    assert len(whole["embedding"]["values"]) == 3072


async def test_files_are_embedded_by_what_they_hold(emulator: Emulator) -> None:
    url = method_url("embedContent", "gemini-embedding-2")
    vectors = []
    for part in (
        {"inlineData": {"mimeType": "image/png", "data": "aaaa"}},
        {"inlineData": {"mimeType": "image/png", "data": "bbbb"}},
        {"fileData": {"fileUri": "https://example.com/a"}},
    ):
        body = {"content": {"parts": [part]}, "outputDimensionality": 3}
        vectors.append((await answer(emulator, url, body))[1]["embedding"]["values"])
    assert len({tuple(vector) for vector in vectors}) == 3


BAD_EMBEDDINGS = [
    ("embedContent", {}, "content"),
    ("embedContent", {"content": ONE, "outputDimensionality": 4000}, "[1, 3072]"),
    ("embedContent", {"content": ONE, "outputDimensionality": 0}, "[1, 3072]"),
    ("batchEmbedContents", {"requests": []}, "requests is not specified"),
    ("batchEmbedContents", {"requests": [{"model": "models/x", "content": ONE}]}, "unexpected"),
    ("batchEmbedContents", {"requests": [{"model": NAME, "content": ONE}] * 101}, "at most 100"),
]


@pytest.mark.parametrize(("method", "body", "words"), BAD_EMBEDDINGS)
async def test_bad_embedding_requests_are_refused(
    emulator: Emulator, method: str, body: Any, words: str
) -> None:
    status, said = await answer(emulator, method_url(method, EMBEDDER), body)
    assert status == 400 and words in said["error"]["message"]


async def test_many_streams_run_side_by_side(emulator: Emulator) -> None:
    prompts = [f"Count to {number}" for number in range(1, 101)]
    answers = await asyncio.gather(*(stream(emulator, prompt(text)) for text in prompts))
    assert [text_of(chunks).count(",") for chunks in answers] == list(range(100))
    assert len(emulator.journal) == 100


async def test_a_rate_paces_by_tokens() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    emulator = Emulator(rate=10, clock=SleepsBy(sleep))
    await stream(emulator, prompt("Count to nine"))
    assert len(slept) == 9 and min(slept) > 0
    assert sum(slept) == pytest.approx(len("1, 2, 3, 4, 5, 6, 7, 8, 9") / 4 / 10)
    slept.clear()
    await answer(emulator, method_url("generateContent"), prompt("Count to nine"))
    assert slept == [pytest.approx(len("1, 2, 3, 4, 5, 6, 7, 8, 9") / 4 / 10)]


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ConfigError, match="rate"):
        Emulator(rate=rate)


async def test_a_client_that_leaves_ends_the_answer() -> None:
    forever = asyncio.Event()

    async def sleep(seconds: float) -> None:
        if seconds:
            await forever.wait()

    emulator = Emulator(rate=1, clock=SleepsBy(sleep))
    talk = ask(emulator, stream_url(), prompt("Count to nine"))
    idle = asyncio.create_task(emulator.idle())
    await talk.leave()
    await idle
    assert [entry.end for entry in emulator.journal] == [JournalEnd.ABORTED]


async def test_a_client_that_leaves_while_sending_is_no_answer(emulator: Emulator) -> None:
    scope = {"type": "http", "method": "POST", "path": method_url("countTokens"), "headers": []}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await emulator(scope, receive, send)
    assert sent == [] and emulator.journal == []


async def test_an_interruption_ends_the_reading_of_a_body(emulator: Emulator) -> None:
    reading = asyncio.Event()

    async def receive() -> dict[str, Any]:
        reading.set()
        await asyncio.Event().wait()
        raise AssertionError

    sending = asyncio.create_task(emulator(SCOPE, receive, _no_answer))
    await reading.wait()
    emulator.interrupt()
    with pytest.raises(Cut):
        await sending
    assert emulator.journal == []


async def test_an_interruption_right_after_the_body_leaves_no_answer(emulator: Emulator) -> None:
    async def receive() -> dict[str, Any]:
        asyncio.get_running_loop().call_soon(emulator.interrupt)
        return {"type": "http.request", "body": b"{}"}

    with pytest.raises(Cut):
        await emulator(SCOPE, receive, _no_answer)
    assert emulator.journal == []


SCOPE = {"type": "http", "method": "POST", "path": method_url("countTokens"), "headers": []}


async def _no_answer(message: Any) -> None:
    raise AssertionError(message)


async def test_a_defect_is_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    async def sleep(seconds: float) -> None:
        raise ZeroDivisionError

    emulator = Emulator(rate=1, clock=SleepsBy(sleep))
    status, said = await answer(emulator, stream_url(), prompt("x"))
    assert status == 500 and said["error"]["status"] == "INTERNAL"
    assert "ZeroDivisionError" in caplog.text


async def test_a_defect_in_mid_stream_breaks_the_connection() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise ZeroDivisionError

    talk = ask(Emulator(rate=1, clock=SleepsBy(sleep)), stream_url(), prompt("x y"))
    await talk.head()
    with pytest.raises(Interrupted):
        await talk.read_all()


async def test_the_lifespan_is_answered(emulator: Emulator) -> None:
    sent: list[str] = []
    received = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, Any]:
        return {"type": next(received)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await emulator({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    with pytest.raises(NotImplementedError):
        await emulator({"type": "webtransport"}, receive, send)
