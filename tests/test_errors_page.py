"""The table of other clients' errors on the errors page: every row is provoked, none is missing.

A provocation stands here under the first cell of its row. It does what the row says and nothing
else, and the error that comes must be of exactly the class the page names.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gemstream import AsyncClient, Blob, Limits, Part, RetryPolicy, Timeouts, errors
from gemstream.emulator import Cut, Emulator, End, ErrorInStream, NakedError, Stall, Status
from gemstream.emulator.scripts.steps import Step
from support.clock import in_no_time
from support.emulated import async_client, scripted
from support.live_errors import LIVE_PROVOCATIONS
from support.peers import full_listener
from support.servers import free_port
from support.service import KEY, client_of, said
from support.sources import REPOSITORY
from support.tables import read_table

PAGE = "docs/reference/errors.md"
ROWS = {row[0].replace("`", ""): row[1].strip("`") for row in read_table(PAGE, "errors")}
TO_COME = " ".join(row[0] for row in read_table(PAGE, "errors to come"))

# Every kind that the documents of the systems we build after name.
NAMED = re.findall(
    r"\S+",
    """
    MissingApiKey ClientCreation InvalidModelName ApiRequest HttpError MultimodalNotSupported
    UrlMediaNotSupported Base64Decode StreamingNotSupported StreamInterrupted StreamTimeout
    WebSocketConnection WebSocketHandshake InvalidServerMessage ServerDisconnect
    api_error auth_error config_error http_error invalid_response network_error rate_limited
    serialization_error validation_error stream_error UpstreamError AppError
    GenericStreamChunk::Error FileRead TomlParse EmptyToc MissingAct EmptyPrompt MissingTemplate
    PromptAssembly BotCommandNotConfigured BotCommandFailed TableQueryNotConfigured
    TableQueryFailed SerializationError CarouselBudgetExhausted ConfigurationError TemplateError
    NestedNarrativeLoadFailed NestedNarrativeExecutionFailed StateError
    """,
)

Call = Callable[[AsyncClient], Awaitable[object]]
_ONCE = RetryPolicy(attempts=1)
_UNWAITING = Timeouts(limit_wait=0)


async def _generate(client: AsyncClient) -> object:
    return await client.generate("Hi")


async def _stream(client: AsyncClient) -> object:
    return await client.generate_stream("Hi").finish()


def _ask(call: Call, *steps: Step, **options: Any) -> None:
    """Ask an emulator that answers each attempt with ``steps``, on a clock that never waits."""
    emulator = scripted(*[steps] * 3)

    async def scene() -> None:
        await call(async_client(emulator, **options))

    in_no_time(scene())


def _answered(*steps: Step) -> Callable[[], None]:
    return lambda: _ask(_generate, *steps)


def _streamed(*steps: Step, **options: Any) -> Callable[[], None]:
    return lambda: _ask(_stream, *steps, **options)


def _asked(call: Call, **options: Any) -> Callable[[], None]:
    return lambda: _ask(call, **options)


def _said(body: bytes, kind: str, *, status: int = 200, **options: Any) -> Callable[[], None]:
    """Ask a service that answers with these bytes."""
    answer = said(body, kind=kind, status=status)

    async def scene() -> None:
        await _generate(client_of(answer, **options))

    return lambda: in_no_time(scene())


def _connect(url: str, **options: Any) -> None:
    async def scene() -> None:
        async with AsyncClient(KEY, base_url=url, retry=_ONCE, **options) as client:
            await _stream(client)

    asyncio.run(scene())


def _connect_to_nobody() -> None:
    _connect(f"http://127.0.0.1:{free_port()}")


def _connect_to_a_full_listener() -> None:
    with full_listener() as url:
        _connect(url, timeouts=Timeouts(connect=0.05))


def _send_an_archive() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "notes.zip")
        path.write_bytes(b"PK")
        _ask(lambda client: client.generate("Read this", files=[path]))


def _send_a_part_by_uri() -> None:
    picture = Part.of_uri("https://example.org/picture.png", "image/png")
    refusal = Status(code=400, message="Cannot fetch content from the provided URL.")
    _ask(lambda client: client.generate([picture, "What is this?"]), refusal)


async def _stream_an_embedding(client: AsyncClient) -> object:
    return await client.generate_stream("Hi", model="gemini-embedding-001").finish()


def _streamed_within_a_budget() -> None:
    _ask(lambda client: client.generate("Hi", max_cost=0.00001), "a long answer", " and on")


async def _ask_twice(client: AsyncClient) -> None:
    await client.generate("Hi")
    await client.generate("Hi")


_LIMIT = Status(code=429, retry_delay=90, quota="GenerateRequestsPerMinutePerProjectPerModel")
_DAY = Status(code=429, retry_delay=7, quota="GenerateRequestsPerDayPerProjectPerModel")

PROVOCATIONS: dict[str, Callable[[], object]] = {
    "MissingApiKey": AsyncClient,
    "ClientCreation": lambda: AsyncClient(KEY, base_url="http://"),
    "ClientCreation, the key": lambda: AsyncClient("key\nof two lines"),
    "InvalidModelName": _asked(lambda client: client.generate("Hi", model="../gemini")),
    "ApiRequest, not connected": _connect_to_nobody,
    "ApiRequest, no answer": _answered(Cut()),
    "ApiRequest, refused": _asked(lambda client: client.generate("Hi", temperature=99)),
    "HttpError, 400": _answered(Status(code=400)),
    "HttpError, 401": _answered(Status(code=401)),
    "HttpError, 403": _answered(Status(code=403)),
    "HttpError, 404": _asked(lambda client: client.generate("Hi", model="gemini-0.1-nano")),
    "HttpError, 408": _answered(Status(code=408)),
    "HttpError, 429": _answered(Status(code=429)),
    "HttpError, 499": _answered(Status(code=499)),
    "HttpError, 500": _answered(Status(code=500)),
    "HttpError, 502": _said(b"<html>Bad gateway</html>", "text/html", status=502),
    "HttpError, 503": _answered(Status(code=503)),
    "HttpError, 504": _answered(Status(code=504)),
    "HttpError, another": _answered(Status(code=418)),
    "MultimodalNotSupported": _send_an_archive,
    "UrlMediaNotSupported": _send_a_part_by_uri,
    "Base64Decode": lambda: Blob(mime_type="image/png", data="not base64!").content,
    "StreamingNotSupported": _asked(_stream_an_embedding),
    "StreamInterrupted": _streamed("half an ans", Cut()),
    "StreamInterrupted, unfinished": _streamed("half an ans", End()),
    "StreamInterrupted, by an error": _streamed("half an ans", ErrorInStream(code=503)),
    "StreamInterrupted, in many lines": _streamed("half an ans", NakedError(code=429, pretty=True)),
    "StreamTimeout, to connect": _connect_to_a_full_listener,
    "StreamTimeout, no chunk": _streamed(Stall(), retry=_ONCE),
    "StreamTimeout, between chunks": _streamed("half an ans", Stall()),
    "StreamTimeout, altogether": _streamed("half an ans", Stall(), timeouts=60),
    "api_error": _answered(Status(code=400)),
    "auth_error, no credentials": lambda: AsyncClient(base_url="http://emulator"),
    "auth_error, a bad key": _asked(_generate, api_key="bad-key"),
    "auth_error, not allowed": _answered(Status(code=403)),
    "config_error": lambda: Timeouts(idle=-1),
    "http_error": _said(b"", "text/plain", status=500),
    "invalid_response": _said(b"<html>Sign in</html>", "text/html"),
    "invalid_response, too large": _said(
        b'{"x":"' + b"x" * 99 + b'"}', "text/json", max_event_size=50
    ),
    "network_error": _connect_to_nobody,
    "network_error, in a stream": _streamed("half an ans", Cut()),
    "rate_limited": _answered(_LIMIT),
    "rate_limited, by a budget": _streamed_within_a_budget,
    "rate_limited, for today": _answered(_DAY),
    "rate_limited, by ourselves": _asked(_ask_twice, limits=Limits(rpm=1), timeouts=_UNWAITING),
    "rate_limited, for ever": _asked(
        lambda client: client.generate("More than one token"), limits=Limits(tpm=1)
    ),
    "serialization_error": _asked(
        lambda client: client.generate("Hi", extra_body={"a": float("nan")})
    ),
    "validation_error": _asked(lambda client: client.generate("Hi", temprature=1)),
    **LIVE_PROVOCATIONS,
}


@pytest.fixture(autouse=True)
def _no_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_true(row: str) -> None:
    with pytest.raises(errors.GemstreamError) as caught:
        PROVOCATIONS[row]()
    assert type(caught.value).__name__ == ROWS[row], caught.value


def test_every_row_is_provoked_and_nothing_else() -> None:
    assert list(ROWS) == list(PROVOCATIONS)


@pytest.mark.parametrize("kind", NAMED)
def test_a_kind_that_a_document_names_is_in_one_table(kind: str) -> None:
    claimed = [row for row in ROWS if row.split(",")[0] == kind]
    to_come = re.findall(rf"`{kind}`", TO_COME)
    assert bool(claimed) is not bool(to_come)


def test_every_error_of_ours_is_on_the_page() -> None:
    text = (REPOSITORY / PAGE).read_text(encoding="utf-8")
    roots = {"GemstreamError", "TransportError", "StreamTimeout"}
    assert [name for name in errors.__all__ if f"`{name}`" not in text and name not in roots] == []


# What the "when" of a row says beyond the class.


def test_a_long_wait_is_told_and_a_day_is_not_tried_again() -> None:
    with pytest.raises(errors.ResourceExhausted) as caught:
        _answered(_LIMIT)()
    assert caught.value.retry_delay == 90
    assert caught.value.retry_at is not None
    with pytest.raises(errors.ResourceExhausted) as caught:
        _answered(_DAY)()
    assert (caught.value.daily, caught.value.retryable) == (True, False)


def test_our_own_refusal_tells_when_to_come_back() -> None:
    with pytest.raises(errors.RateLimited) as caught:
        PROVOCATIONS["rate_limited, by ourselves"]()
    error = caught.value
    assert (error.quota, error.limit, error.retryable) == ("rpm", 1, True)
    assert error.retry_delay is not None and 50 < error.retry_delay <= 60
    with pytest.raises(errors.RateLimited) as caught:
        PROVOCATIONS["rate_limited, for ever"]()
    assert (caught.value.quota, caught.value.retryable) == ("tpm", False)


def test_a_broken_stream_holds_what_had_come() -> None:
    for steps in (["half", Cut()], ["half", End()], ["half", Stall()]):
        with pytest.raises(errors.GemstreamError) as caught:
            _streamed(*steps)()
        assert caught.value.delivered > 0
        assert (caught.value.partial, caught.value.usage is None) == ("half", False)  # type: ignore[attr-defined]


def test_a_retired_model_names_its_replacement() -> None:
    message = "models/gemini-1 is no longer available. Please use models/gemini-2.5-flash instead."
    with pytest.raises(errors.NotFound) as caught:
        _answered(Status(code=404, message=message))()
    assert caught.value.replacement == "models/gemini-2.5-flash"


def test_a_stream_that_cannot_be_is_refused_before_anything_is_sent() -> None:
    emulator = Emulator()
    with pytest.raises(errors.StreamingNotSupported):
        in_no_time(_stream_an_embedding(async_client(emulator)))
    assert emulator.journal == []
