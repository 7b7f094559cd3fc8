"""What is tried again, what is not, and how long that takes: on a clock that never waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gemstream import AsyncClient, RetryPolicy, Timeouts
from gemstream.emulator import Cut, ErrorInStream, Stall, Status
from gemstream.errors import (
    APIError,
    ConnectFailed,
    FirstChunkTimeout,
    GemstreamError,
    IdleTimeout,
    ResourceExhausted,
    StreamInterrupted,
    TotalTimeout,
    Unavailable,
)
from support.clock import in_no_time
from support.emulated import async_client, scripted
from support.servers import free_port
from support.service import Service, client_of, failed, finish, said

Call = Callable[[AsyncClient], Coroutine[Any, Any, Any]]


async def _generate(client: AsyncClient) -> Any:
    return await client.generate("Hi")


async def _stream(client: AsyncClient) -> Any:
    return await client.generate_stream("Hi").finish()


BOTH = pytest.mark.parametrize("call", [_generate, _stream])
_OVERLOADED = [Status(code=503)]
_SLOW_DOWN = [Status(code=429, retry_delay=7, quota="RequestsPerMinute")]
_DAY_IS_OVER = [Status(code=429, retry_delay=7, quota="GenerateRequestsPerDayPerProject")]


class Told:
    """What became of one call: its answer or error, its requests, its seconds."""

    def __init__(self, call: Call, *answers: Any, **options: Any) -> None:
        options = {"retry": RetryPolicy(), **options}
        emulator = scripted(*answers)
        self.answer: Any = None
        self.error: Any = None

        async def scene() -> None:
            loop = asyncio.get_running_loop()
            try:
                self.answer = await call(async_client(emulator, **options))
            except GemstreamError as error:
                self.error = error
            self.seconds = loop.time()

        in_no_time(scene())
        self.attempts = [entry.attempt for entry in emulator.journal]
        self.requests = len(self.attempts)


PASSES: dict[str, list[Any]] = {
    "overloaded": [_OVERLOADED, ["a"]],
    "overloaded twice": [_OVERLOADED, _OVERLOADED, ["a"]],
    "an internal error": [[Status(code=500)], ["a"]],
    "a bad gateway": [[Status(code=502, body="<html>")], ["a"]],
    "too fast": [_SLOW_DOWN, ["a"]],
    "a cut before the first chunk": [[Cut()], ["a"]],
}


@BOTH
@pytest.mark.parametrize("case", PASSES)
def test_a_failure_that_passes_is_tried_again(call: Call, case: str) -> None:
    told = Told(call, *PASSES[case])
    assert told.answer.text == "a"
    assert told.answer.attempts == told.requests == len(PASSES[case])


@BOTH
def test_each_further_attempt_says_its_number(call: Call) -> None:
    assert Told(call, _OVERLOADED, _OVERLOADED, ["a"]).attempts == [None, 2, 3]


STAYS: dict[str, tuple[list[Any], type[GemstreamError]]] = {
    "a bad request": ([Status(code=400)], APIError),
    "a refused key": ([Status(code=403)], APIError),
    "an unknown model": ([Status(code=404)], APIError),
    "a day's quota": (_DAY_IS_OVER, ResourceExhausted),
    "a delay above what is waited for": ([Status(code=429, retry_delay=61)], ResourceExhausted),
}


@BOTH
@pytest.mark.parametrize("case", STAYS)
def test_a_failure_that_stays_is_not_tried_again(call: Call, case: str) -> None:
    steps, kind = STAYS[case]
    told = Told(call, steps, ["a"])
    assert isinstance(told.error, kind)
    assert (told.requests, told.seconds) == (1, 0)


@BOTH
def test_attempts_are_counted(call: Call) -> None:
    told = Told(call, *[_OVERLOADED] * 5)
    assert isinstance(told.error, Unavailable)
    assert told.requests == 3


@BOTH
def test_one_attempt_is_no_retry(call: Call) -> None:
    assert Told(call, _OVERLOADED, ["a"], retry=RetryPolicy(attempts=1)).requests == 1


@BOTH
def test_the_delay_the_service_asks_for_is_waited(call: Call) -> None:
    told = Told(call, _SLOW_DOWN, ["a"])
    assert told.seconds >= 7
    assert told.answer.text == "a"


@BOTH
def test_a_delay_that_is_not_waited_is_on_the_error(call: Call) -> None:
    told = Told(call, [Status(code=429, retry_delay=90)])
    assert (told.error.retry_delay, told.error.retry_at) == (90, 90)
    assert told.error.retryable


@BOTH
def test_a_wait_beyond_total_is_not_begun(call: Call) -> None:
    told = Told(call, _SLOW_DOWN, ["a"], timeouts=5.0)
    assert isinstance(told.error, ResourceExhausted)
    assert (told.requests, told.seconds) == (1, 0)


@BOTH
def test_total_spans_all_attempts(call: Call) -> None:
    told = Told(call, _SLOW_DOWN, _SLOW_DOWN, [Stall()], timeouts=Timeouts(total=16))
    assert isinstance(told.error, TotalTimeout)
    assert (told.requests, told.seconds, told.error.timeout) == (3, 16, 16)


@BOTH
def test_silence_is_tried_again_until_the_attempts_are_used_up(call: Call) -> None:
    told = Told(call, *[[Stall()]] * 3, timeouts=Timeouts(first_chunk=2), retry=_INSTANT)
    assert isinstance(told.error, FirstChunkTimeout)
    assert (told.requests, told.seconds) == (3, 6)


_INSTANT = RetryPolicy(base=0, throttled_base=0)


def test_a_silence_inside_a_stream_is_an_idle_timeout_with_what_arrived() -> None:
    told = Told(_stream, ["a", Stall()], timeouts=Timeouts(idle=2))
    assert isinstance(told.error, IdleTimeout)
    assert (told.error.timeout, told.error.partial, told.seconds) == (2, "a", 2)
    assert told.requests == 1


@pytest.mark.parametrize("fault", [Cut(), ErrorInStream(code=503)], ids=["cut", "error"])
def test_nothing_is_tried_again_once_a_chunk_was_delivered(fault: Any) -> None:
    told = Told(_stream, ["a", fault], ["b"])
    assert isinstance(told.error, StreamInterrupted | Unavailable)
    assert told.requests == 1


@BOTH
async def test_a_retry_after_header_is_a_delay_too(call: Call) -> None:
    service = Service(failed(503, "UNAVAILABLE", retry_after="90"))
    with pytest.raises(Unavailable) as caught:
        await call(client_of(service))
    assert (caught.value.retry_delay, len(service.asked)) == (90, 1)


async def test_the_retry_budget_of_a_client_bounds_a_storm() -> None:
    service = Service(failed(503, "UNAVAILABLE"))
    client = client_of(service, retry=RetryPolicy(base=0, attempts=10, cost=100))
    for _ in range(10):
        with pytest.raises(Unavailable):
            await client.generate("Hi")
    assert len(service.asked) == 10 + 5  # a budget of 500 pays five retries


@BOTH
async def test_a_refused_connection_is_tried_again_and_then_told(call: Call, caplog: Any) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with AsyncClient("key", base_url=url, retry=_INSTANT) as client:
        with pytest.raises(ConnectFailed, match="check base_url"):
            await call(client)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert "attempt 1 failed" in caplog.text


async def test_every_call_is_tried_again() -> None:
    ok = {"totalTokens": 1, "models": [], "embeddings": [{"values": [1.0]}], **finish("a")}
    for call in (
        lambda client: client.count_tokens("Hi"),
        lambda client: client.embed("Hi"),
        lambda client: client.models.list(),
        lambda client: client.models.get("gemini-2.5-flash"),
        lambda client: client.request("GET", "models"),
    ):
        service = Service(failed(503, "UNAVAILABLE"), said(ok))
        await call(client_of(service))
        assert len(service.asked) == 2
