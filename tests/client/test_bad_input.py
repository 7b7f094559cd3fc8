"""What cannot be sent is refused before anything is sent, naming the value and the way out."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gemstream import (
    APIKey,
    AsyncClient,
    Blob,
    Client,
    Content,
    FileData,
    FunctionResponse,
    GenerationConfig,
    Part,
    ThinkingConfig,
    Timeouts,
    Tool,
)
from gemstream.emulator import Emulator
from gemstream.errors import (
    ConfigError,
    GemstreamError,
    InvalidRequest,
    MissingCredentials,
    UnsupportedMedia,
)
from support.emulated import async_client

_VARIABLES = ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)


async def _refusal(prompt: Any, client: dict[str, Any] | None = None, **options: Any) -> Any:
    """Return the error that all three calls raise alike, nothing having been sent."""
    emulator = Emulator()
    asking = async_client(emulator, **(client or {}))
    errors = []
    for call in (asking.generate, _streaming(asking), asking.count_tokens):
        with pytest.raises(GemstreamError) as caught:
            await call(prompt, **options)
        errors.append((type(caught.value), str(caught.value)))
    assert emulator.journal == []
    assert errors == [errors[0]] * 3
    return caught.value


def _streaming(client: AsyncClient) -> Callable[..., Any]:
    async def call(prompt: Any, **options: Any) -> Any:
        return await client.generate_stream(prompt, **options).finish()

    return call


# --- prompts ---------------------------------------------------------------------------------

PROMPTS: dict[str, tuple[Any, type[GemstreamError], str]] = {
    "empty text": ("", InvalidRequest, "the prompt is empty"),
    "an empty list": ([], InvalidRequest, "the prompt is empty"),
    "a list with an empty text": (["a", ""], InvalidRequest, "the prompt is empty"),
    "nothing": (None, InvalidRequest, "NoneType"),
    "a number": (42, InvalidRequest, "int"),
    "a number in a list": (["a", 42], InvalidRequest, "42"),
    "bytes": (b"abc", InvalidRequest, "Part.of_bytes"),
    "a content without parts": (Content(role="user"), InvalidRequest, "no parts"),
    "a blob without a type": (Blob(data="QQ=="), UnsupportedMedia, "image/png"),
    "a blob of a bad type": (Blob(mime_type="png", data="QQ=="), UnsupportedMedia, "'png'"),
    "a type that is a header": (
        Blob(mime_type="image/png\r\nX: y", data="QQ=="),
        UnsupportedMedia,
        "media type",
    ),
    "a path with NUL": (Path("a\0.txt"), InvalidRequest, "is no path"),
    "a path that cannot be encoded": (Path("a\ud800.txt"), InvalidRequest, "is no path"),
    "a number that JSON lacks": (
        Part(function_response=FunctionResponse(name="f", response={"x": [math.nan]})),
        InvalidRequest,
        "response.x[0] is nan",
    ),
}


@pytest.mark.parametrize("case", PROMPTS)
async def test_a_prompt_that_cannot_be_sent_is_refused(case: str) -> None:
    prompt, kind, said = PROMPTS[case]
    error = await _refusal(prompt)
    assert type(error) is kind
    assert said in str(error)


def _a_missing_file(folder: Path) -> Path:
    return folder / "missing.txt"


def _a_folder(folder: Path) -> Path:
    (folder / "notes.txt").mkdir()
    return folder / "notes.txt"


def _a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.txt")
    return folder / "pipe.txt"


def _an_empty_file(folder: Path) -> Path:
    (folder / "empty.txt").touch()
    return folder / "empty.txt"


def _a_program(folder: Path) -> Path:
    (folder / "tool.zip").write_bytes(b"PK")
    return folder / "tool.zip"


def _a_file_of_no_type(folder: Path) -> Path:
    (folder / "README").write_bytes(b"hello")
    return folder / "README"


def _a_large_file(folder: Path) -> Path:
    (folder / "large.png").write_bytes(bytes(5000))
    return folder / "large.png"


FILES: list[tuple[Callable[[Path], Path], type[GemstreamError], str]] = [
    (_a_missing_file, InvalidRequest, "No such file"),
    (_a_folder, InvalidRequest, "it is a directory"),
    (_a_pipe, InvalidRequest, "no regular file"),
    (_an_empty_file, InvalidRequest, "is empty"),
    (_a_program, UnsupportedMedia, "application/zip"),
    (_a_file_of_no_type, UnsupportedMedia, "Part.of_bytes"),
    (_a_large_file, InvalidRequest, "5000 bytes, more than the 4000"),
]


@pytest.mark.parametrize(("made", "kind", "said"), FILES)
@pytest.mark.parametrize("as_option", [True, False])
async def test_a_file_that_cannot_be_sent_is_refused(
    tmp_path: Path, made: Any, kind: Any, said: str, as_option: bool
) -> None:
    path, small = made(tmp_path), {"max_request_size": 4000}
    if as_option:
        error = await _refusal("look", small, files=[path])
    else:
        error = await _refusal(["look", path], small)
    assert type(error) is kind
    assert said in str(error)
    assert str(path) in str(error)


@pytest.mark.parametrize(
    "prompt", ["x" * 5000, Part.of_bytes(bytes(5000), "image/png")], ids=["text", "inline data"]
)
async def test_a_request_above_the_cap_names_size_cap_and_way_out(prompt: Any) -> None:
    emulator = Emulator()
    client = async_client(emulator, max_request_size=4000)
    calls = (client.generate, _streaming(client), client.count_tokens, client.embed)
    for call in (*calls, lambda prompt: client.request("POST", "corpora", {"x": "x" * 5000})):
        with pytest.raises(InvalidRequest, match=r"\d+ bytes, more than the 4000.*Files API"):
            await call(prompt)
    assert emulator.journal == []


@pytest.mark.parametrize(
    ("prompt", "options"),
    [("", {}), ("a", {"top_p": math.nan}), (Path("a.zip"), {}), ("x" * 5000, {})],
    ids=["empty", "no number", "an unreadable type", "too large"],
)
@pytest.mark.parametrize("face", [AsyncClient, Client])
def test_a_stream_that_cannot_be_sent_is_not_made(face: Any, prompt: Any, options: Any) -> None:
    client = face("key", max_request_size=4000)
    with pytest.raises(InvalidRequest):
        client.generate_stream(prompt, **options)


async def test_a_file_elsewhere_is_not_read() -> None:
    answer = await async_client(Emulator()).generate(
        FileData(mime_type="application/zip", file_uri="gs://elsewhere/a.zip")
    )
    assert answer.text


# --- options ---------------------------------------------------------------------------------

OPTIONS: list[tuple[dict[str, Any], type[GemstreamError], str]] = [
    ({"temprature": 1}, InvalidRequest, "'temprature'; did you mean 'temperature'?"),
    ({"max_tokens": 1}, InvalidRequest, "'max_tokens'; did you mean 'max_output_tokens'?"),
    ({"qqqq": 1}, InvalidRequest, "unknown option 'qqqq'"),
    ({"temperature": math.nan}, InvalidRequest, "temperature is nan"),
    ({"top_p": math.inf}, InvalidRequest, "top_p is inf"),
    ({"top_k": -math.inf}, InvalidRequest, "top_k is -inf"),
    ({"max_output_tokens": 0}, InvalidRequest, "max_output_tokens is 0"),
    ({"max_output_tokens": 1.5}, InvalidRequest, "max_output_tokens is 1.5"),
    ({"max_output_tokens": True}, InvalidRequest, "max_output_tokens is True"),
    ({"candidate_count": -1}, InvalidRequest, "candidate_count is -1"),
    ({"thinking": "very hard"}, InvalidRequest, "use one of minimal, low"),
    ({"system": ""}, InvalidRequest, "system instruction"),
    ({"system": 42}, InvalidRequest, "system instruction"),
    ({"tools": [print]}, InvalidRequest, "a tool is a Tool or a FunctionDeclaration"),
    ({"schema": 42}, InvalidRequest, "schema is 42"),
    ({"schema": object()}, InvalidRequest, "pass a JSON Schema"),
    ({"schema": "Point"}, InvalidRequest, "schema is 'Point'"),
    ({"model": 5}, InvalidRequest, "model is 5; it takes the name of a model"),
    ({"model": ""}, InvalidRequest, "model name ''"),
    ({"config": {"seed": 1}}, InvalidRequest, "it takes a GenerationConfig"),
    ({"config": GenerationConfig(top_p=math.nan)}, InvalidRequest, "top_p is nan"),
    ({"config": GenerationConfig(max_output_tokens=0)}, InvalidRequest, "max_output_tokens is 0"),
    ({"config": GenerationConfig(seed="1")}, InvalidRequest, "seed is '1'; it takes a whole"),
    ({"tools": Tool()}, InvalidRequest, "it takes a list of Tools and FunctionDeclarations"),
    ({"tool_config": {}}, InvalidRequest, "it takes a ToolConfig"),
    ({"extra_body": [1]}, InvalidRequest, "extra_body is [1]; it takes a dict"),
    ({"extra_body": {"x": [math.inf]}}, InvalidRequest, "x[0] is inf; JSON has finite"),
    ({"extra_body": {"x": object()}}, InvalidRequest, "cannot be written as JSON"),
    ({"files": "a.txt"}, InvalidRequest, "files is 'a.txt'; it takes a list of paths"),
    ({"files": [b"a.txt"]}, InvalidRequest, "it takes a list of paths"),
    ({"stop_sequences": "END"}, InvalidRequest, "it takes a list of texts"),
    ({"stop_sequences": [1]}, InvalidRequest, "it takes a list of texts"),
    ({"temperature": "1"}, InvalidRequest, "temperature is '1'; it takes a number"),
    ({"temperature": True}, InvalidRequest, "temperature is True; it takes a number"),
    ({"store": 1}, InvalidRequest, "store is 1; it takes True or False"),
    ({"labels": [("a", "b")]}, InvalidRequest, "it takes a dict"),
    ({"thinking": 1.5}, InvalidRequest, "thinking is 1.5; it takes a level"),
    (
        {"thinking": 1, "thinking_config": ThinkingConfig()},
        InvalidRequest,
        "thinking and thinking_config say the same",
    ),
    ({"schema": {}, "response_json_schema": {}}, InvalidRequest, "schema and response_json_schema"),
    ({"schema": {}, "response_schema": {}}, InvalidRequest, "schema and response_schema say"),
    (
        {"schema": {}, "config": GenerationConfig(response_schema={})},
        InvalidRequest,
        "response_schema (perhaps of config)",
    ),
    ({"safety": {"HARRASSMENT": "OFF"}}, InvalidRequest, "did you mean 'HARASSMENT'?"),
    ({"safety": {"harassment": "block_non"}}, InvalidRequest, "did you mean 'BLOCK_NONE'?"),
    ({"safety": {"harassment": 1}}, InvalidRequest, "safety holds 1"),
    ({"safety": "OFF"}, InvalidRequest, "it takes a dict of category to threshold"),
    ({"timeouts": 0}, ConfigError, "timeout total is 0"),
    ({"timeouts": -1.0}, ConfigError, "timeout total is -1.0"),
    ({"timeouts": math.nan}, ConfigError, "timeout total is nan"),
    ({"timeouts": math.inf}, ConfigError, "timeout total is inf"),
]


def _shown(given: object) -> str:
    """Return an id that is the same in every process: without addresses."""
    return re.sub(r"0x\w+", "0x", str(given))[:40]


@pytest.mark.parametrize(("options", "kind", "said"), OPTIONS, ids=_shown)
async def test_an_option_that_cannot_be_used_is_refused(options: Any, kind: Any, said: str) -> None:
    error = await _refusal("Hi", **options)
    assert type(error) is kind
    assert said in str(error)


@pytest.mark.parametrize("name", ["connect", "first_chunk", "idle", "total"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "5", True])
def test_a_timeout_that_cannot_be_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"timeout {name} is .*None for no limit"):
        Timeouts(**{name: value})


# --- models ----------------------------------------------------------------------------------

BAD_MODELS = [
    "..",
    "models/..",
    "a/../b",
    "gemini?key=x",
    "gemini#x",
    "gemini 2.5",
    "gemini\n",
    "gemini\x00",
    "gemini%2e%2e",
    "gemini:generateContent",
    "models/",
    "models/a/b",
    "/etc/passwd",
    "models/models/a",
    "ünïcode",
    "a" * 129,
    ".hidden",
]


@pytest.mark.parametrize("model", BAD_MODELS)
async def test_a_model_name_that_could_leave_its_path_is_refused(model: str) -> None:
    error = await _refusal("Hi", model=model)
    assert type(error) is InvalidRequest
    assert repr(model) in str(error)


@pytest.mark.parametrize("model", BAD_MODELS)
async def test_no_call_lets_such_a_model_through(model: str) -> None:
    emulator = Emulator()
    client = async_client(emulator)
    for call in (client.models.get, lambda model: client.embed("Hi", model=model)):
        with pytest.raises(InvalidRequest):
            await call(model)
    with pytest.raises(InvalidRequest):
        client.supports_streaming(model)
    with pytest.raises(InvalidRequest):
        async_client(emulator, model=model)
    assert emulator.journal == []


@pytest.mark.parametrize("path", ["", "../x", "models/../x", "/models", "models?key=1", "a b"])
async def test_a_raw_path_that_could_leave_the_version_is_refused(path: str) -> None:
    emulator = Emulator()
    with pytest.raises(InvalidRequest, match="path"):
        await async_client(emulator).request("GET", path)
    assert emulator.journal == []


EMBEDS: list[tuple[Any, dict[str, Any], str]] = [
    ([], {}, "nothing to embed"),
    ("", {}, "empty"),
    (["a", ""], {}, "empty"),
    (b"abc", {}, "Part.of_bytes"),
    (["a", ["b"]], {}, "cannot hold a list"),
    ("a", {"model": ""}, "model name ''"),
    ("a", {"model": 5}, "model name 5"),
    ("a", {"task_type": 5}, "task_type is 5"),
    ("a", {"title": "T"}, "RETRIEVAL_DOCUMENT only"),
    ("a", {"title": "T", "task_type": "CLASSIFICATION"}, "RETRIEVAL_DOCUMENT only"),
]


@pytest.mark.parametrize(("contents", "options", "said"), EMBEDS, ids=str)
async def test_what_cannot_be_embedded_is_refused(contents: Any, options: Any, said: str) -> None:
    emulator = Emulator()
    with pytest.raises(InvalidRequest, match=said):
        await async_client(emulator).embed(contents, **options)
    assert emulator.journal == []


# --- clients ---------------------------------------------------------------------------------

CLIENTS: list[tuple[dict[str, Any], type[GemstreamError], str]] = [
    ({}, MissingCredentials, "GOOGLE_API_KEY or GEMINI_API_KEY.*emulate"),
    ({"api_key": ""}, InvalidRequest, "API key is empty"),
    ({"api_key": "a b"}, InvalidRequest, "white space at position 1 of 3"),
    ({"api_key": "key\n"}, InvalidRequest, "white space at position 3 of 4"),
    ({"api_key": "kéy"}, InvalidRequest, "not ASCII at position 1"),
    ({"api_key": "k\x00"}, InvalidRequest, "position 1 of 2"),
    ({"api_key": "k", "base_url": "ftp://x"}, ConfigError, "http or https"),
    ({"api_key": "k", "base_url": "localhost:8089"}, ConfigError, "http or https"),
    ({"api_key": "k", "base_url": "http://"}, ConfigError, "http or https"),
    ({"api_key": "k", "base_url": "http://u:p@x"}, ConfigError, "a user"),
    ({"api_key": "k", "base_url": "http://x?key=1"}, ConfigError, "a query"),
    ({"api_key": "k", "timeouts": -1}, ConfigError, "timeout total is -1"),
    ({"api_key": "k", "timeouts": "5"}, ConfigError, "timeout total is '5'"),
    ({"api_key": "k", "limits": 3}, ConfigError, "limits is 3"),
    ({"api_key": "k", "credentials": APIKey("c")}, ConfigError, "exclude each other"),
    ({"api_key": "k", "api_version": "v2"}, ConfigError, "'v2' does not exist; use one of v1beta"),
    ({"api_key": "k", "model": 5}, InvalidRequest, "model name 5"),
    ({"api_key": "k", "model": ""}, InvalidRequest, "model name ''"),
    ({"api_key": "k", "retry": 3}, ConfigError, "retry is 3; pass a RetryPolicy"),
    ({"api_key": "k", "max_event_size": 0}, ConfigError, "max_event_size is 0"),
    ({"api_key": "k", "max_request_size": 1.5}, ConfigError, "max_request_size is 1.5"),
    ({"api_key": "k", "max_request_size": True}, ConfigError, "max_request_size is True"),
    ({"api_key": "k", "headers": ["a"]}, ConfigError, "headers is a list"),
    ({"api_key": "k", "headers": {"a b": "1"}}, ConfigError, "the name 'a b'"),
    ({"api_key": "k", "headers": {"": "1"}}, ConfigError, "the name ''"),
    ({"api_key": "k", "headers": {"a": 1}}, ConfigError, "value of header 'a'"),
    ({"api_key": "k", "headers": {"a": "1\r\nb: 2"}}, ConfigError, "value of header 'a'"),
    ({"api_key": "k", "headers": {"a": "1\0"}}, ConfigError, "value of header 'a'"),
]


@pytest.mark.parametrize("face", [AsyncClient, Client])
@pytest.mark.parametrize(("options", "kind", "said"), CLIENTS, ids=lambda given: str(given)[:50])
def test_a_client_that_could_not_work_is_not_made(
    face: Any, options: Any, kind: Any, said: str
) -> None:
    with pytest.raises(kind, match=said) as caught:
        face(**options)
    assert type(caught.value) is kind


def test_a_bad_key_of_the_environment_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "a b")
    with pytest.raises(InvalidRequest, match=r"position 1 of 3.*variable GEMINI_API_KEY"):
        AsyncClient()
