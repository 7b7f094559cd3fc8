"""The official SDK, unmodified, meets its own typed errors: before a stream and inside one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.genai import errors, types

from emulator.driver import MODEL
from emulator.official_sdk import FACES, Face, open_face
from gemstream.emulator import (
    Cut,
    Emulator,
    ErrorInStream,
    Html,
    Limits,
    NakedError,
    Rule,
    Script,
    Stall,
    Status,
    WaitForAck,
    serving,
)

# The SDK's own doing: it subclasses a class of aiohttp that would rather not be.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")


@pytest.fixture
def emulator() -> Emulator:
    return Emulator()


@pytest.fixture
async def url(emulator: Emulator) -> AsyncIterator[str]:
    async with serving(emulator) as url:
        yield url


@pytest.fixture(params=FACES)
async def face(request: pytest.FixtureRequest, url: str) -> AsyncIterator[Face]:
    face = open_face(request.param, url)
    yield face
    await face.aclose()


# What the service answers with → what the SDK raises, and words of the message.
STATUSES: list[tuple[int, type[errors.APIError], str, str]] = [
    (400, errors.ClientError, "INVALID_ARGUMENT", "invalid argument"),
    (403, errors.ClientError, "PERMISSION_DENIED", "does not have permission"),
    (404, errors.ClientError, "NOT_FOUND", "was not found"),
    (429, errors.ClientError, "RESOURCE_EXHAUSTED", "exhausted"),
    (500, errors.ServerError, "INTERNAL", "internal error"),
    (503, errors.ServerError, "UNAVAILABLE", "overloaded"),
]


def assert_is(
    error: errors.APIError, code: int, kind: type[errors.APIError], status: str, words: str
) -> None:
    """The error is the SDK's class of its code and carries the whole envelope."""
    assert type(error) is kind
    assert (error.code, error.status) == (code, status)
    assert error.message and words in error.message
    told = error.details["error"]
    assert (told["code"], told["status"], told["message"]) == (code, status, error.message)


@pytest.mark.parametrize("way", ["generate", "stream"])
async def test_an_error_before_the_answer(face: Face, emulator: Emulator, way: str) -> None:
    for code, kind, status, words in STATUSES:
        emulator.script = Script([Rule(steps=[Status(code=code)])])
        with pytest.raises(errors.APIError) as caught:
            await getattr(face, way)("x")
        assert_is(caught.value, code, kind, status, words)
    asked = [entry.status for entry in emulator.journal]
    assert asked == [code for code, *_ in STATUSES]  # each once


FORMS = {
    "an event": lambda code: ErrorInStream(code=code),
    "a naked error": lambda code: NakedError(code=code),
    "a naked pretty error": lambda code: NakedError(code=code, pretty=True),
    "a status after the head": lambda code: Status(code=code),
}


@pytest.mark.parametrize("form", FORMS)
async def test_an_error_inside_a_stream(face: Face, emulator: Emulator, form: str) -> None:
    for code, kind, status, words in STATUSES:
        emulator.script = Script([Rule(steps=["begin ", FORMS[form](code)])])
        seen: list[Any] = []
        with pytest.raises(errors.APIError) as caught:
            await face.stream("x", seen=seen)
        assert [chunk.text for chunk in seen] == ["begin "]
        assert_is(caught.value, code, kind, status, words)


# Requests that the service refuses by itself: key, model, config → the error.
REFUSED: list[tuple[str, str, dict[str, Any], int, str, str]] = [
    ("bad-key", MODEL, {}, 400, "INVALID_ARGUMENT", "API key not valid"),
    ("k", "gemini-9", {}, 404, "NOT_FOUND", "is not found for API version"),
    ("k", "gemini-1.5-flash", {}, 404, "NOT_FOUND", "use models/gemini-2.5-flash"),
    ("k", "imagen-4.0-generate-001", {}, 404, "NOT_FOUND", "not supported for"),
    ("k", MODEL, {"stop_sequences": list("abcdef")}, 400, "INVALID_ARGUMENT", "stop sequences"),
]


@pytest.mark.parametrize("name", FACES)
@pytest.mark.parametrize("way", ["generate", "stream"])
async def test_a_request_that_is_refused(url: str, name: str, way: str) -> None:
    for key, model, config, code, status, words in REFUSED:
        face = open_face(name, url, key)
        with pytest.raises(errors.ClientError) as caught:
            await getattr(face, way)("x", config, model)
        await face.aclose()
        assert_is(caught.value, code, errors.ClientError, status, words)


async def test_a_used_up_quota_says_when_to_come_back(face: Face, emulator: Emulator) -> None:
    emulator.script = Script(limits=Limits(rpm=1, rpd=1))
    assert (await face.generate("x")).text
    with pytest.raises(errors.ClientError) as caught:
        await face.stream("x")
    assert_is(caught.value, 429, errors.ClientError, "RESOURCE_EXHAUSTED", "Please retry in")
    details = caught.value.details["error"]["details"]
    assert {one["@type"].rpartition(".")[2] for one in details} == {
        "Help",
        "QuotaFailure",
        "RetryInfo",
    }


async def test_it_asks_again_where_it_was_told_to(url: str, emulator: Emulator) -> None:
    """The SDK repeats 503 and 429 by its own options, before the first chunk."""
    again = types.HttpRetryOptions(attempts=3, initial_delay=0.01, max_delay=0.02, jitter=0.01)
    for name in FACES:
        emulator.script = Script(
            [
                Rule(request=1, steps=[Status(code=503)]),
                Rule(request=2, steps=[Status(code=429, retry_delay=0.01)]),
            ]
        )
        face = open_face(name, url, retry_options=again)
        assert (await face.generate("Count to 3")).text == "1, 2, 3"
        await face.aclose()
    assert [entry.status for entry in emulator.journal] == [503, 429, 200] * len(FACES)


async def test_a_page_of_html_is_a_server_error(face: Face, emulator: Emulator) -> None:
    emulator.script = Script([Rule(steps=[Html(code=502)])])
    with pytest.raises(errors.ServerError) as caught:
        await face.generate("x")
    assert caught.value.code == 502


async def test_a_deadline_is_its_504(url: str, emulator: Emulator) -> None:
    """The SDK sends its timeout as X-Server-Timeout; the emulator's clock runs out first."""
    emulator.script = Script([Rule(steps=["begin", Stall()])])
    face = open_face("aiohttp", url)
    config = types.GenerateContentConfig(http_options=types.HttpOptions(timeout=60_000))
    stream = await face.client.aio.models.generate_content_stream(
        model=MODEL, contents="x", config=config
    )
    with pytest.raises(errors.ServerError) as caught:
        async for _ in stream:
            emulator.advance(60)
    await face.aclose()
    assert caught.value.code == 504


async def test_a_cut_is_an_unclean_end(face: Face, emulator: Emulator) -> None:
    emulator.script = Script([Rule(steps=["begin ", WaitForAck(), Cut()])])
    emulator.ack()
    seen: list[Any] = []
    with pytest.raises(Exception) as caught:  # two libraries, two unrelated types
        await face.stream("x", seen=seen)
    assert type(caught.value).__name__ in ("ClientPayloadError", "RemoteProtocolError")
