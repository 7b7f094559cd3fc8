"""One turn of a Live session under ``generate``: cut at every message, cancelled at every await.

Decided as for every stream: before the first chunk the call is tried again; after it, what arrived
is on the error; behind the end of the turn nothing can be lost any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gemstream import AsyncClient
from gemstream.emulator import Emulator, JournalEnd
from gemstream.errors import StreamInterrupted, StreamTruncated
from gemstream.policy.answer import Completeness
from support.emulated import async_client
from support.live import SET_UP, by_server, output
from support.live_service import MODEL, LiveService, Stage, client_of
from support.one_turn import COUNTED_DONE, answers
from support.peers import asgi_server, left_behind
from support.service import KEY
from support.turns import is_cancelled_after, let_run

TEXTS = ["Once", " upon", " a", " time"]
SAID = [
    SET_UP,
    by_server(sessionResumptionUpdate={"newHandle": "h", "resumable": True}),
    *(output({"text": text}) for text in TEXTS),
    by_server(serverContent={"generationComplete": True}),
    COUNTED_DONE,
]


def breaking(after: int, code: int) -> LiveService:
    """Return a service that ends its first connection after so many messages, and no other."""

    async def part(stage: Stage) -> None:
        most = after if stage is service.stages[0] else len(SAID)
        await stage.hear()
        for number, message in enumerate(SAID[:most]):
            await stage.say(message)
            if number == 0:
                await stage.hear()
        if most < len(SAID):
            await stage.close(code)

    service = LiveService(part, sets_up=False)
    return service


async def settled(before: set[asyncio.Task[Any]]) -> None:
    while left := left_behind(before):
        await asyncio.wait(left)


@pytest.mark.parametrize(("code", "kind"), [(1006, StreamInterrupted), (1000, StreamTruncated)])
@pytest.mark.parametrize("after", range(len(SAID) + 1))
async def test_a_turn_cut_at_every_message_ends_as_every_stream_does(
    after: int, code: int, kind: type[Exception]
) -> None:
    before = asyncio.all_tasks()
    service = breaking(after, code)
    stream = client_of(service, model=MODEL).generate_stream("Tell")
    texts: list[str] = []
    error: Any = None
    try:
        async for chunk in stream:
            texts.append(chunk.text)
    except (StreamInterrupted, StreamTruncated) as raised:
        error = raised
    told = max(0, min(after - 2, len(TEXTS)))
    if told == 0 or after >= len(SAID) - 1:  # before the first chunk, or all is generated
        assert (error, "".join(texts)) == (None, "".join(TEXTS))
        is_lost = after == len(SAID) - 1 and code == 1006
        complete = Completeness.UNCONFIRMED if is_lost else Completeness.CONFIRMED
        assert stream.response.complete is complete
        assert len(service.stages) == (1 if told else 2)
    else:
        assert type(error) is kind
        assert texts == TEXTS[:told]
        assert (error.partial, error.delivered) == ("".join(TEXTS[:told]), told)
        assert len(service.stages) == 1
    await settled(before)


async def streams(client: AsyncClient) -> object:
    return [chunk.text async for chunk in client.generate_stream("Hi")]


async def generates(client: AsyncClient) -> object:
    return (await client.generate("Hi")).text


CALLS: dict[str, Callable[[AsyncClient], Coroutine[Any, Any, object]]] = {
    "generate": generates,
    "generate_stream": streams,
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_turn_can_be_cancelled_at_every_step(name: str) -> None:
    before = asyncio.all_tasks()
    turns, was_cancelled = 0, True
    while was_cancelled:
        service = LiveService(answers)
        client = client_of(service, model=MODEL)
        was_cancelled = await is_cancelled_after(turns, CALLS[name](client))
        await settled(before)
        assert len(service.left) == len(service.stages), turns
        assert await CALLS[name](client)  # as good as new
        await settled(before)
        turns += 1
    assert turns > 5  # it was cancelled on its way, not before


@pytest.mark.parametrize("name", CALLS)
async def test_a_turn_can_be_cancelled_over_sockets(name: str) -> None:
    service = LiveService(answers)
    async with (
        asgi_server(service) as url,
        AsyncClient(KEY, base_url=url, model=MODEL) as client,
    ):
        assert await CALLS[name](client)
        before = asyncio.all_tasks()
        for turns in range(60):
            await is_cancelled_after(turns, CALLS[name](client))
        await settled(before | {task for task in asyncio.all_tasks() if "ping" in task.get_name()})
        assert await CALLS[name](client)


@pytest.mark.parametrize("act", [lambda stream: stream.cancel(), lambda stream: stream.aclose()])
async def test_a_turn_ended_from_another_task_is_a_plain_end(act: Any) -> None:
    before = asyncio.all_tasks()
    readings: list[list[str]] = []
    while not readings or len(readings[-1]) < 3:
        service = LiveService(answers)
        stream = client_of(service, model=MODEL).generate_stream("Hi")

        async def read(stream: Any = stream) -> list[str]:
            return [chunk.text async for chunk in stream]

        reading = asyncio.create_task(read())
        await let_run(len(readings))
        if (awaitable := act(stream)) is not None:
            await awaitable
        readings.append(await reading)
        await settled(before)
        assert len(service.left) == len(service.stages)
    assert readings[0] == []
    assert all(texts == ["Hel", "lo", ""][: len(texts)] for texts in readings)


async def test_the_books_of_a_cancelled_turn_are_closed() -> None:
    emulator = Emulator()
    turns = 0
    async with async_client(emulator, model=MODEL) as client:
        while await is_cancelled_after(turns, generates(client)):
            await emulator.idle()
            turns += 1
    ends = {entry.end for entry in emulator.journal if entry.method == "bidiGenerateContent"}
    assert ends <= {JournalEnd.ABORTED, JournalEnd.FINISHED}
    assert emulator.journal[-1].end is JournalEnd.FINISHED
