"""What goes over the wire for what a caller asked: options → the body that the service reads."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path
from typing import Any, TypedDict

import msgspec
import pydantic
import pytest

from gemstream import (
    AsyncClient,
    Blob,
    Content,
    FileData,
    FunctionDeclaration,
    GenerateOptions,
    GenerationConfig,
    GoogleSearch,
    MediaResolution,
    Part,
    SafetySetting,
    SpeechConfig,
    ThinkingConfig,
    Timeouts,
    Tool,
    VoiceConfig,
)
from gemstream.client.settings import timeouts_of
from gemstream.emulator import Emulator
from gemstream.errors import FirstChunkTimeout, InvalidRequest
from gemstream.wire.speech import AudioTranscriptionConfig
from support.clock import in_no_time
from support.emulated import async_client
from support.service import KEY, Service, client_of, finish, held, said, streamed

_OK = {"totalTokens": 7, **finish("a")}


async def _sent(prompt: Any, **options: Any) -> Any:
    """Return the body of ``generate``; the other calls must send the same."""
    service = Service(said(_OK), streamed(_OK), said(_OK))
    client = client_of(service)
    await client.generate(prompt, **options)
    await client.generate_stream(prompt, **options).finish()
    await client.count_tokens(prompt, **options)
    whole, stream, count = [asked.json for asked in service.asked]
    assert whole == stream
    counted = count["generateContentRequest"]
    assert counted.pop("model").startswith(("models/", "tunedModels/"))
    assert "contents" not in count
    assert counted == whole
    return whole


def _user(*parts: Any) -> list[Any]:
    return [{"role": "user", "parts": list(parts)}]


_A = {"text": "a"}
_PIXEL = {"inlineData": {"mimeType": "image/png", "data": "AAE="}}
_URI = {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/c"}}
PROMPTS: dict[str, tuple[Any, list[Any]]] = {
    "text": ("a", _user(_A)),
    "texts": (["a", "a"], _user(_A, _A)),
    "a part": (Part(text="a"), _user(_A)),
    "bytes of a type": (Part.of_bytes(b"\x00\x01", "image/png"), _user(_PIXEL)),
    "a blob": (Blob(mime_type="image/png", data="AAE="), _user(_PIXEL)),
    "a file elsewhere": (FileData(mime_type="video/mp4", file_uri="gs://b/c"), _user(_URI)),
    "text and data": (["a", Part.of_bytes(b"\x00\x01", "image/png")], _user(_A, _PIXEL)),
    "turns": (
        [
            Content(role="user", parts=[Part(text="a")]),
            Content(role="model", parts=[Part(text="b")]),
        ],
        [*_user(_A), {"role": "model", "parts": [{"text": "b"}]}],
    ),
    "pieces between turns": (
        ["a", Content(role="model", parts=[Part(text="b")]), "a", "a"],
        [*_user(_A), {"role": "model", "parts": [{"text": "b"}]}, *_user(_A, _A)],
    ),
}


@pytest.mark.parametrize("case", PROMPTS)
async def test_a_prompt_becomes_contents(case: str) -> None:
    prompt, contents = PROMPTS[case]
    assert await _sent(prompt) == {"contents": contents}


FILES = {
    "photo.png": "image/png",
    "PHOTO.JPG": "image/jpeg",
    "notes.md": "text/markdown",
    "page.html": "text/html",
    "paper.pdf": "application/pdf",
    "talk.m4a": "audio/mp4",
    "clip.mp4": "video/mp4",
    "data.json": "application/json",
    "settings.toml": "application/toml",
    "image.heic": "image/heic",
}


@pytest.mark.parametrize("name", FILES)
async def test_a_file_goes_before_the_text_with_its_media_type(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x00\x01")
    inline = {
        "inlineData": {"mimeType": FILES[name], "data": base64.b64encode(b"\x00\x01").decode()}
    }
    assert await _sent("a", files=[path]) == {"contents": _user(inline, _A)}
    assert await _sent([path, "a"]) == {"contents": _user(inline, _A)}
    assert await _sent("a", files=[str(path)]) == {"contents": _user(inline, _A)}


# --- options ---------------------------------------------------------------------------------


class Struct(msgspec.Struct):
    x: int


@dataclasses.dataclass
class Data:
    x: int


class Typed(TypedDict):
    x: int


class Model(pydantic.BaseModel):
    x: int


_POINT = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}


@pytest.mark.parametrize("schema", [_POINT, Struct, Data, Typed, Model], ids=str)
async def test_a_schema_may_be_any_description_of_a_shape(schema: Any) -> None:
    config = (await _sent("a", schema=schema))["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    sent = config["responseJsonSchema"]
    sent = sent.get("$defs", {}).get(sent.get("$ref", "").rpartition("/")[2], sent)
    assert {k: v["type"] for k, v in sent["properties"].items()} == {"x": "integer"}
    assert sent["required"] == ["x"]


async def test_a_schema_may_be_a_list_of_them() -> None:
    config = (await _sent("a", schema=list[Struct]))["generationConfig"]
    assert config["responseJsonSchema"]["type"] == "array"


async def test_a_schema_keeps_the_media_type_that_was_given() -> None:
    config = (await _sent("a", schema=_POINT, response_mime_type="text/x.enum"))["generationConfig"]
    assert config["responseMimeType"] == "text/x.enum"


@pytest.mark.parametrize("schema", [Struct, Data, Model], ids=str)
async def test_the_answer_to_a_schema_fits_it(schema: Any) -> None:
    answer = await async_client(Emulator()).generate("A point", schema=schema)
    assert msgspec.json.decode(answer.text, type=Struct)


THINKING = [
    (True, {"includeThoughts": True, "thinkingBudget": -1}),
    (False, {"includeThoughts": False, "thinkingBudget": 0}),
    (512, {"thinkingBudget": 512}),
    (0, {"thinkingBudget": 0}),
    ("low", {"thinkingLevel": "LOW"}),
    ("HIGH", {"thinkingLevel": "HIGH"}),
    (
        ThinkingConfig(thinking_budget=3, include_thoughts=True),
        {"thinkingBudget": 3, "includeThoughts": True},
    ),
]


@pytest.mark.parametrize(("thinking", "sent"), THINKING, ids=str)
async def test_thinking_may_be_a_switch_a_budget_or_a_level(thinking: Any, sent: Any) -> None:
    assert (await _sent("a", thinking=thinking))["generationConfig"] == {"thinkingConfig": sent}


async def test_a_model_without_budgets_is_asked_for_thoughts_alone() -> None:
    service = Service(said(finish("a")))
    client = client_of(service)
    await client.generate("Hi", model="gemini-4-argon", thinking=True)
    assert service.last.json["generationConfig"] == {"thinkingConfig": {"includeThoughts": True}}
    for refused in (False, 0, 512):
        with pytest.raises(InvalidRequest, match="takes no budget"):
            await client.generate("Hi", model="gemini-4-argon", thinking=refused)
    assert len(service.asked) == 1


_HARASSMENT = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}
SAFETY: list[Any] = [
    {"HARASSMENT": "BLOCK_NONE"},
    {"harassment": "block_none"},
    {"harm_category_harassment": "Block_None"},
    {"HARM_CATEGORY_HARASSMENT": "BLOCK_NONE"},
    [SafetySetting(category="HARM_CATEGORY_HARASSMENT", threshold="BLOCK_NONE")],
]


@pytest.mark.parametrize("safety", SAFETY, ids=str)
async def test_safety_may_be_a_mapping_or_settings(safety: Any) -> None:
    assert (await _sent("a", safety=safety))["safetySettings"] == [_HARASSMENT]


async def test_declared_functions_are_gathered_into_one_tool() -> None:
    search = Tool(google_search={})
    declared = [FunctionDeclaration(name="f"), FunctionDeclaration(name="g")]
    tools = (await _sent("a", tools=[declared[0], search, declared[1]]))["tools"]
    assert tools == [
        {"googleSearch": {}},
        {"functionDeclarations": [{"name": "f"}, {"name": "g"}]},
    ]


PLAIN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"system": "be brief"}, {"systemInstruction": {"parts": [{"text": "be brief"}]}}),
    (
        {"system": Content(parts=[Part(text="be brief")])},
        {"systemInstruction": {"parts": [{"text": "be brief"}]}},
    ),
    ({"cached_content": "cachedContents/x"}, {"cachedContent": "cachedContents/x"}),
    ({"tools": [Tool(google_search=GoogleSearch())]}, {"tools": [{"googleSearch": {}}]}),
    (
        {
            "media_resolution": MediaResolution.LOW,
            "translation_config": {"targetLanguageCode": "en"},
        },
        {
            "generationConfig": {
                "mediaResolution": "MEDIA_RESOLUTION_LOW",
                "translationConfig": {"targetLanguageCode": "en"},
            }
        },
    ),
    (
        {
            "speech_config": SpeechConfig(voice_config=VoiceConfig.of("Kore")),
            "audio_transcription_config": AudioTranscriptionConfig(diarization=True),
        },
        {
            "generationConfig": {
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}},
                "audioTranscriptionConfig": {"diarization": True},
            }
        },
    ),
    ({"labels": {"a_b": "c_d"}}, {"labels": {"a_b": "c_d"}}),
    ({"store": False}, {"store": False}),
    ({"service_tier": "flex"}, {"serviceTier": "flex"}),
    ({"extra_body": {"tomorrow": {"a_b": 1}}}, {"tomorrow": {"a_b": 1}}),
    ({"temperature": 0}, {"generationConfig": {"temperature": 0}}),
    ({"temperature": 0.0}, {"generationConfig": {"temperature": 0.0}}),
    ({"seed": 7, "top_k": 40}, {"generationConfig": {"seed": 7, "topK": 40}}),
    ({"stop_sequences": ["END"]}, {"generationConfig": {"stopSequences": ["END"]}}),
    (
        {"config": GenerationConfig(temperature=1, seed=1), "temperature": 0.5},
        {"generationConfig": {"temperature": 0.5, "seed": 1}},
    ),
    ({"response_modalities": ["IMAGE"]}, {"generationConfig": {"responseModalities": ["IMAGE"]}}),
]


@pytest.mark.parametrize(("options", "sent"), PLAIN, ids=lambda given: str(given)[:40])
async def test_an_option_has_its_place_in_the_body(options: Any, sent: Any) -> None:
    body = await _sent("a", **options)
    body.pop("contents")
    assert body == sent


async def test_options_left_out_are_left_out() -> None:
    assert set(await _sent("a")) == {"contents"}


async def test_extra_body_wins_over_what_was_built() -> None:
    body = await _sent("a", extra_body={"contents": [], "generationConfig": {"x": 1}}, seed=3)
    assert body == {"contents": [], "generationConfig": {"x": 1}}


_EVERY_NONE = dict.fromkeys(GenerateOptions.__annotations__)


async def test_an_option_of_none_is_one_that_was_not_given() -> None:
    assert await _sent("a", **_EVERY_NONE) == {"contents": _user(_A)}


async def test_a_schema_keeps_the_media_type_of_the_config() -> None:
    given = GenerationConfig(response_mime_type="text/x.enum")
    config = (await _sent("a", schema=_POINT, config=given))["generationConfig"]
    assert config["responseMimeType"] == "text/x.enum"


async def test_a_threshold_and_a_category_of_tomorrow_go_through() -> None:
    [setting] = (await _sent("a", safety={"IMAGE_DANGEROUS_CONTENT": "BLOCK_ALL"}))[
        "safetySettings"
    ]
    assert setting == {
        "category": "HARM_CATEGORY_IMAGE_DANGEROUS_CONTENT",
        "threshold": "BLOCK_ALL",
    }


async def test_null_that_the_caller_means_is_sent() -> None:
    assert (await _sent("a", extra_body={"x": None}))["x"] is None


async def test_a_stream_sends_what_stood_there_when_it_was_made(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    for file in ([], [tmp_path / "a.txt"]):
        service = Service(streamed(_OK))
        prompt, extra = [*file, "a"], {"x": [1]}
        stream = client_of(service).generate_stream(prompt, extra_body=extra)
        prompt.append("b")
        extra["x"].append(2)
        await stream.finish()
        assert service.last.json["contents"][0]["parts"][-1] == _A
        assert service.last.json["x"] == [1]


async def test_files_take_their_places_between_texts_and_turns(tmp_path: Path) -> None:
    for name in "xy":
        (tmp_path / f"{name}.txt").write_text(name)
    turn = Content(role="model", parts=[Part(text="b")])
    sent = await _sent(["a", tmp_path / "x.txt", turn, "a", tmp_path / "y.txt"])
    x, y = ({"inlineData": {"mimeType": "text/plain", "data": data}} for data in ("eA==", "eQ=="))
    assert sent["contents"] == [
        *_user(_A, x),
        {"role": "model", "parts": [{"text": "b"}]},
        *_user(_A, y),
    ]


async def test_contents_of_extra_body_take_the_place_of_files_too(tmp_path: Path) -> None:
    sent = await _sent(tmp_path / "missing.txt", extra_body={"contents": []})
    assert sent == {"contents": []}


# --- addresses and headers -------------------------------------------------------------------

MODELS = {
    "gemini-2.0-flash": "models/gemini-2.0-flash",
    "models/gemini-2.0-flash": "models/gemini-2.0-flash",
    "gemini-2.0-flash-lite": "models/gemini-2.0-flash-lite",
    "tunedModels/mine": "tunedModels/mine",
    "gemini-3@001": "models/gemini-3@001",
}


async def _urls(**options: Any) -> list[str]:
    service = Service(said(_OK), streamed(_OK), said(_OK))
    client = client_of(service, **options.pop("client", {}))
    await client.generate("a", **options)
    await client.generate_stream("a", **options).finish()
    await client.count_tokens("a", **options)
    return [asked.url for asked in service.asked]


@pytest.mark.parametrize("model", MODELS)
async def test_a_bare_model_gets_its_prefix_and_an_explicit_one_is_kept(model: str) -> None:
    at = f"/v1beta/{MODELS[model]}"
    expected = [f"{at}:generateContent", f"{at}:streamGenerateContent?alt=sse", f"{at}:countTokens"]
    assert await _urls(model=model) == expected
    assert await _urls(client={"model": model}) == expected


async def test_the_default_model_is_gemini_2_5_flash() -> None:
    assert (await _urls())[0] == "/v1beta/models/gemini-2.5-flash:generateContent"


async def test_the_model_of_a_call_wins_over_that_of_the_client() -> None:
    urls = await _urls(model="gemini-2.5-pro", client={"model": "gemini-2.0-flash"})
    assert all("models/gemini-2.5-pro:" in url for url in urls)


async def test_the_api_version_is_in_the_path() -> None:
    assert all(url.startswith("/v1/models/") for url in await _urls(client={"api_version": "v1"}))


async def test_names_of_own_headers_are_lower_cased_once_and_the_key_wins() -> None:
    headers = await _headers(client={"headers": {"X-Mine": "1", "X-Goog-Api-Key": "mine"}})
    assert (headers["x-mine"], headers["x-goog-api-key"]) == ("1", KEY)


async def _headers(**options: Any) -> dict[str, str]:
    service = Service(said(_OK))
    client = client_of(service, **options.pop("client", {}))
    await client.generate("a", **options)
    return service.last.headers


async def test_the_headers_say_who_is_asking() -> None:
    headers = await _headers()
    assert headers["x-goog-api-key"] == KEY
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("gemstream/")
    assert headers["x-goog-api-client"].startswith("gemstream/")
    assert "x-gemstream-attempt" not in headers


async def test_own_headers_go_along() -> None:
    headers = await _headers(client={"headers": {"x-mine": "1", "user-agent": "mine"}})
    assert (headers["x-mine"], headers["user-agent"]) == ("1", "mine")


SERVER_TIMEOUTS: list[tuple[Any, str | None]] = [
    (600, "600"),
    (10.5, "11"),
    (10.01, "11"),
    (10, "10"),
    (9.99, None),
    (1, None),
    (Timeouts(total=None), None),
]


@pytest.mark.parametrize(("timeouts", "sent"), SERVER_TIMEOUTS, ids=str)
def test_the_service_is_told_of_the_deadline(timeouts: Any, sent: str | None) -> None:
    for options in ({"timeouts": timeouts}, {"client": {"timeouts": timeouts}}):
        assert in_no_time(_headers(**options)).get("x-server-timeout") == sent


def test_a_number_leaves_the_other_timeouts_as_they_were() -> None:
    usual = Timeouts(connect=1, first_chunk=2, idle=3, total=4)
    assert timeouts_of(30, usual) == Timeouts(connect=1, first_chunk=2, idle=3, total=30)
    assert timeouts_of(None, usual) == usual
    assert AsyncClient(KEY, timeouts=30).options.timeouts == Timeouts(total=30)


async def test_a_call_keeps_the_timeouts_of_its_client() -> None:
    client = client_of(Service(held()), timeouts=Timeouts(first_chunk=0.01))
    with pytest.raises(FirstChunkTimeout):
        await client.generate_stream("a", timeouts=30).finish()


async def test_a_stream_asks_not_to_be_compressed() -> None:
    service = Service(streamed(finish("a")))
    await client_of(service).generate_stream("a").finish()
    assert service.last.headers["accept-encoding"] == "identity"
