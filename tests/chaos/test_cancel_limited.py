"""A limited call cancelled at every step it takes: the books are right and the row moves on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gemstream import AsyncClient, Limits
from support.limited import Books
from support.peers import App, left_behind
from support.service import Service, chunk, client_of, failed, finish, said, streamed
from support.turns import is_cancelled_after, let_run

Call = Callable[[AsyncClient], Coroutine[Any, Any, object]]
SERVICE = "http://service"
# One at a time, so a slot that is lost stops everything; requests enough for all turns.
LIMITS = Limits(rpm=100_000, tpm=100_000, concurrency=1)


async def _generate(client: AsyncClient) -> object:
    return await client.generate("Hi")


async def _stream(client: AsyncClient) -> object:
    return await client.generate_stream("Hi").finish()


async def _two_at_once(client: AsyncClient) -> object:
    """The second waits for the first, and both are cancelled."""
    return await asyncio.gather(client.generate("Hi"), client.generate_stream("Hi").finish())


async def _checked_stream(client: AsyncClient) -> object:
    return [one.text async for one in client.generate_stream("Hi")]


_STREAM = streamed(chunk("a", tokens=1), chunk("b", tokens=2), chunk("c", tokens=3), finish("d"))


async def _either(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer as it was asked."""
    answer = _STREAM if scope["path"].endswith(":streamGenerateContent") else said(finish("a"))
    await answer(scope, receive, send)


CALLS: dict[str, tuple[Call, list[App]]] = {
    "generate": (_generate, [_either]),
    "generate_stream": (_stream, [_either]),
    "tried again": (_generate, [failed(503, "UNAVAILABLE"), _either]),
    "a stream that checks its limits": (_checked_stream, [_either]),
    "one that waits for the other": (_two_at_once, [_either]),
}


@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after another"])
@pytest.mark.parametrize("name", CALLS)
async def test_a_limited_call_can_be_cancelled_at_every_step(name: str, waits: bool) -> None:
    call, answers = CALLS[name]
    before = asyncio.all_tasks()
    number, was_cancelled = 0, True
    while was_cancelled:
        service, books = Service(*answers), Books()
        options: Any = {"limits": LIMITS, "limit_store": books, "limit_check_every": 1}
        async with client_of(service, **options) as client:
            first = asyncio.ensure_future(client.generate("Hi")) if waits else None
            was_cancelled = await is_cancelled_after(number, call(client))
            if first is not None:
                await first
            while left := left_behind(before):
                await asyncio.wait(left)
            used = await books.used(url=SERVICE)
            # Nothing runs, and no more was counted than was asked, nor less than was sent.
            assert "concurrency" not in used, number
            assert used.get("rpm", 0) >= len(service.asked), number
            assert used.get("rpm", 0) <= len(service.asked) + 1, number
            assert used.get("tpm", 0) <= 9 * used.get("rpm", 0), number
            assert books.lane(url=SERVICE).waiting == 0, number
            await client.generate("Hi", limit_wait=0)  # as good as new
        number += 1
    assert number > 2  # it was cancelled on its way, not before


async def test_the_row_moves_on_whichever_waiter_is_cancelled_and_whenever() -> None:
    """Five wait in a row; each is cancelled at each turn of the way, and the others all go."""
    for victim in range(5):
        for number in range(0, 60, 3):
            books = Books()
            options: Any = {"limits": LIMITS, "limit_store": books}
            async with client_of(Service(_either), **options) as client:
                waiting = [asyncio.ensure_future(_either_call(client, one)) for one in range(5)]
                await let_run(number)
                waiting[victim].cancel()
                results = await asyncio.gather(*waiting, return_exceptions=True)
                failures = [one for one in results if isinstance(one, BaseException)]
                assert len(failures) <= 1, (victim, number)
                assert books.lane(url=SERVICE).waiting == 0
                await client.generate("Hi", limit_wait=0)


async def _either_call(client: AsyncClient, number: int) -> object:
    return await (_stream if number % 2 else _generate)(client)
