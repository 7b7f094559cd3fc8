"""Streams under limits: the check every few chunks, and the end of a client that has some queued"""

from __future__ import annotations

import asyncio
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gemstream import AsyncClient, Completeness, GenerateStream, Limits, RetryPolicy
from gemstream.emulator import Stall, WaitForAck
from gemstream.errors import ConfigError, InvalidState
from gemstream.telemetry.decision import Verdict
from gemstream.telemetry.events import LimitDecided
from support.clock import in_no_time
from support.emulated import blocking_client, scripted
from support.limited import Books, limited_client, scaled_books
from support.peers import App, Receive, Send, left_behind, respond
from support.service import SSE, Service, chunk, client_of, failed, finish, sse

TPM = Limits(tpm=100)


def _growing(written: list[int]) -> App:
    """A stream whose prompt turns out larger with each chunk; notes each that was taken."""

    async def answer(scope: Any, receive: Receive, send: Send) -> None:
        await respond(send, headers={"content-type": SSE})
        for number in range(1, 7):
            payload = chunk(f"{number} ")
            payload["usageMetadata"] = {"promptTokenCount": 40 * number}
            body = sse(payload)
            await send({"type": "http.response.body", "body": body, "more_body": True})
            written.append(number)
        await send({"type": "http.response.body", "body": sse(finish())})

    return answer


def _growing_client(written: list[int], **options: Any) -> AsyncClient:
    options |= {"limits": TPM, "limit_store": Books(), "limit_check_every": 2}
    return client_of(Service(_growing(written)), **options)


async def _everything_stands_still() -> None:
    for _ in range(100):
        await asyncio.sleep(0)


def test_a_stream_that_used_more_than_allowed_reads_on_later_and_loses_nothing() -> None:
    async def scene() -> None:
        written: list[int] = []
        events: list[Any] = []
        loop = asyncio.get_running_loop()
        stream = _growing_client(written, on_event=events.append).generate_stream("Hi")
        texts = [(await anext(stream)).text for _ in range(4)]  # 160 tokens: more than allowed
        assert loop.time() == 0
        reading = asyncio.ensure_future(anext(stream))
        await _everything_stands_still()
        assert written == [1, 2, 3, 4, 5]  # the fifth is not taken, so the sixth cannot be sent
        texts.append((await reading).text)
        assert 60 <= loop.time() < 61  # the request has left the window
        texts += [one.text async for one in stream]
        assert "".join(texts) == "1 2 3 4 5 6 "
        assert stream.response.complete is Completeness.CONFIRMED
        verdicts = [one.decision.verdict for one in events if isinstance(one, LimitDecided)]
        assert verdicts == [Verdict.GRANTED, Verdict.PAUSED]

    in_no_time(scene())


@pytest.mark.parametrize("way", ["cancel", "aclose", "reader cancelled"])
def test_a_stream_that_pauses_can_be_ended_at_once(way: str) -> None:
    async def scene() -> None:
        before = asyncio.all_tasks()
        loop = asyncio.get_running_loop()
        stream = _growing_client([]).generate_stream("Hi")
        for _ in range(4):
            await anext(stream)
        reading = asyncio.ensure_future(_rest(stream))
        await _everything_stands_still()
        if way == "cancel":
            stream.cancel()
        elif way == "aclose":
            await stream.aclose()
        else:
            reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            assert await reading == []
        assert reading.cancelled() is (way == "reader cancelled")
        while left := left_behind(before):
            await asyncio.wait(left, timeout=0.5)
        assert loop.time() < 2  # the farewell of an exchange, and not the minute

    in_no_time(scene())


async def _rest(stream: GenerateStream) -> list[str]:
    return [one.text async for one in stream]


def test_without_the_check_a_stream_is_read_as_it_comes() -> None:
    async def scene() -> float:
        client = client_of(Service(_growing([])), limits=TPM, limit_store=Books())
        assert len(await _rest(client.generate_stream("Hi"))) == 7
        return asyncio.get_running_loop().time()

    assert in_no_time(scene()) == 0


# --- a client that closes while calls wait ---------------------------------------------------


async def _generates(client: AsyncClient) -> object:
    return await client.generate("Hi")


async def _streams(client: AsyncClient) -> object:
    return await client.generate_stream("Hi").finish()


@pytest.mark.parametrize("call", [_generates, _streams])
async def test_a_closed_client_turns_away_who_waits_for_its_turn(call: Any) -> None:
    emulator, books = scripted(["a", WaitForAck()]), Books()
    client = limited_client(emulator, books, limits=Limits(concurrency=1))
    stream = client.generate_stream("Hi")
    await anext(stream)
    waiting = [asyncio.ensure_future(call(client)) for _ in range(3)]
    await _everything_stands_still()
    assert books.lane().waiting == 3
    await client.aclose()
    for one in waiting:
        with pytest.raises(InvalidState, match="the client is closed"):
            await one
    assert books.lane().waiting == 0
    emulator.ack()
    await stream.finish()  # a transport of the caller's lets it end
    assert await books.used() == {}
    assert len(emulator.journal) == 1


async def test_a_closed_client_leaves_another_of_its_account_alone() -> None:
    emulator, books = scripted(["a", WaitForAck()]), Books()
    one, other = (limited_client(emulator, books, limits=Limits(concurrency=1)) for _ in range(2))
    stream = one.generate_stream("Hi")
    await anext(stream)
    turned_away = asyncio.ensure_future(one.generate("Hi"))
    waiting = asyncio.ensure_future(other.generate("Say: it."))
    await _everything_stands_still()
    await one.aclose()
    with pytest.raises(InvalidState):
        await turned_away
    await stream.aclose()
    assert "it." in (await waiting).text


async def test_a_closed_client_does_not_wait_for_its_next_try() -> None:
    books = Books()
    service = Service(failed(503, "UNAVAILABLE", retry_after="50"))
    client = client_of(service, retry=RetryPolicy(), limits=TPM, limit_store=books)
    waiting = asyncio.ensure_future(client.generate("Hi"))
    await _everything_stands_still()
    await client.aclose()
    with pytest.raises(InvalidState):
        await waiting
    assert len(service.asked) == 1


def test_a_closed_blocking_client_turns_away_threads_that_wait() -> None:
    emulator, books = scripted(["a", Stall()]), scaled_books(1.0)
    client = blocking_client(emulator, limits=Limits(concurrency=1), limit_store=books)
    stream = client.generate_stream("Hi")
    next(stream)
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(client.generate, "Hi") for _ in range(2)]
        while books.lane().waiting < 2:
            time.sleep(0.001)
        client.close()
        for one in waiting:
            with pytest.raises(InvalidState):
                one.result()
    stream.close()


@pytest.mark.parametrize("every", [0, -1, 1.5, "100", True])
def test_a_check_is_made_every_whole_number_of_chunks(every: Any) -> None:
    with pytest.raises(ConfigError, match=r"limit_check_every is .* number of chunks"):
        client_of(Service(), limit_check_every=every)
