"""The limits hold and nothing fails: judged by an emulator with a plain log of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from gemstream import AsyncClient, Client, Limits
from gemstream.emulator import Emulator, JournalEnd, Pause, serving
from support.beside import beside
from support.clock import in_no_time
from support.emulated import blocking_client
from support.limited import MODEL, SCALE, Books, enforcing, limited_client, refusals, scaled_books
from support.service import KEY

# What Google allows a new account of this model; the emulator enforces exactly that.
FREE = {"rpm": 10, "tpm": 250_000, "rpd": 250, "concurrency": 2}
_CALLS = 100


async def _streams(client: AsyncClient, count: int = _CALLS) -> list[str]:
    async def one(number: int) -> str:
        async with client.generate_stream(f"Say: {number}.") as stream:
            return (await stream.finish()).text

    return list(await asyncio.gather(*map(one, range(count))))


def _is_whole(emulator: Emulator, count: int = _CALLS) -> None:
    assert refusals(emulator) == 0
    assert [entry.end for entry in emulator.journal] == [JournalEnd.FINISHED] * count


def test_a_hundred_streams_of_the_free_tier_all_complete() -> None:
    async def scene() -> tuple[Emulator, list[str], float]:
        emulator = enforcing(**FREE)
        async with limited_client(emulator, tier="free") as client:
            answers = await _streams(client)
        return emulator, answers, asyncio.get_running_loop().time()

    emulator, answers, seconds = in_no_time(scene())
    _is_whole(emulator)
    assert all(f"{number}." in answer for number, answer in enumerate(answers))
    assert 540 <= seconds < 541  # ten at once, then ten each minute: no allowance is wasted


async def test_a_hundred_streams_over_sockets_all_complete() -> None:
    emulator = enforcing(scale=SCALE, **FREE)
    async with (
        serving(emulator) as url,
        AsyncClient(KEY, base_url=url, tier="free", limit_store=scaled_books()) as client,
    ):
        await _streams(client)
    _is_whole(emulator)


async def test_two_clients_of_one_account_share_one_budget() -> None:
    emulator, books = enforcing(scale=SCALE, **FREE), scaled_books()
    async with (
        serving(emulator) as url,
        AsyncClient(KEY, base_url=url, tier="free", limit_store=books) as one,
        AsyncClient(KEY, base_url=url, tier="free", limit_store=books) as other,
    ):
        await asyncio.gather(_streams(one, 50), _streams(other, 50))
    _is_whole(emulator)


def test_a_blocking_client_in_eight_threads_keeps_the_limits() -> None:
    emulator = enforcing(scale=SCALE, **FREE)
    with (
        beside(serving(emulator)) as url,
        Client(KEY, base_url=url, tier="free", limit_store=scaled_books()) as client,
        ThreadPoolExecutor(8) as threads,
    ):

        def one(number: int) -> str:
            with client.generate_stream(f"Say: {number}.") as stream:
                return stream.finish().text

        assert len(list(threads.map(one, range(_CALLS)))) == _CALLS
    _is_whole(emulator)


def test_event_loops_in_threads_share_one_budget() -> None:
    emulator, books = enforcing(scale=SCALE, **FREE), scaled_books()
    failures: list[BaseException] = []
    with beside(serving(emulator)) as url:

        async def scene() -> None:
            options: Any = {"base_url": url, "tier": "free", "limit_store": books}
            async with AsyncClient(KEY, **options) as client:
                await _streams(client, 50)

        def run() -> None:
            try:
                asyncio.run(scene())
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    _is_whole(emulator)


def test_a_blocking_and_an_async_client_share_one_budget() -> None:
    emulator, books = enforcing(scale=SCALE, **FREE), scaled_books()

    async def scene(url: str) -> None:
        async with AsyncClient(KEY, base_url=url, tier="free", limit_store=books) as client:
            await _streams(client, 50)

    with (
        beside(serving(emulator)) as url,
        Client(KEY, base_url=url, tier="free", limit_store=books) as client,
        ThreadPoolExecutor(4) as threads,
    ):
        answers = threads.map(lambda number: client.generate(f"Say: {number}."), range(50))
        asyncio.run(scene(url))
        assert len(list(answers)) == 50
    _is_whole(emulator)


# How long each answer takes; in the last minute 20 of them go through two slots.
@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.9])
def test_five_hundred_queued_calls_take_no_longer_than_the_limit_does(seconds: float) -> None:
    async def scene() -> tuple[Emulator, float]:
        emulator = enforcing(steps=["a", Pause(seconds), "b"], rpm=60, concurrency=2)
        async with limited_client(emulator, limits=Limits(rpm=60, concurrency=2)) as client:
            await _streams(client, 500)
        return emulator, asyncio.get_running_loop().time()

    emulator, total = in_no_time(scene())
    _is_whole(emulator, 500)
    assert 480 <= total <= 480 + 10 * seconds + 1


def test_a_prompt_too_many_waits_for_tokens_and_not_for_requests() -> None:
    """Ten prompts of 25 tokens fill the minute; the emulator counts the same 25."""

    async def scene() -> tuple[Emulator, float, dict[str, int]]:
        emulator, books = enforcing(tpm=250), Books()
        async with limited_client(emulator, books, limits=Limits(tpm=250)) as client:
            await asyncio.gather(*(client.generate("abcd" * 25) for _ in range(30)))
            used = await books.used()
        return emulator, asyncio.get_running_loop().time(), used

    emulator, seconds, used = in_no_time(scene())
    assert refusals(emulator) == 0
    assert 120 <= seconds < 121
    assert used == {"tpm": 250}


def test_each_model_has_limits_of_its_own() -> None:
    async def scene() -> tuple[Emulator, float]:
        emulator = enforcing(rpm=1)
        async with limited_client(emulator, limits=Limits(rpm=1)) as client:
            models = [MODEL, "gemini-2.5-pro", "gemini-2.0-flash"]
            await asyncio.gather(*(client.generate("Hi", model=model) for model in models))
        return emulator, asyncio.get_running_loop().time()

    emulator, seconds = in_no_time(scene())
    assert (refusals(emulator), seconds) == (0, 0)


def test_a_blocking_client_waits_in_one_row_with_its_threads() -> None:
    emulator = enforcing(scale=SCALE, rpm=10, concurrency=2)
    options: Any = {"limits": Limits(rpm=10, concurrency=2), "limit_store": scaled_books()}
    with blocking_client(emulator, **options) as client, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: client.generate(f"Say: {number}."), range(30)))
    _is_whole(emulator, 30)
