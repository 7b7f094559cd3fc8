"""A thousand streams at once in one process: all complete, none crossed."""

from __future__ import annotations

import asyncio
from typing import Any

from gemstream import AsyncClient
from gemstream.emulator import Emulator, JournalEnd, serving
from support.clock import in_no_time
from support.emulated import async_client, blocking_client
from support.peers import Receive, Send, left_behind, respond
from support.service import KEY, SSE, Service, chunk, client_of, finish, sse

_CHUNKS = 20


async def _tells_its_number(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer ``n`` with chunks ``n-0``, ``n-1``, …, giving way to the others after each."""
    number = dict(scope["headers"])[b"x-number"].decode()
    await respond(send, headers={"content-type": SSE})
    for count in range(_CHUNKS):
        await asyncio.sleep(0.002)
        body = sse(chunk(f"{number}-{count} "))
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": sse(finish())})


async def _numbered(number: int) -> str:
    client = client_of(Service(_tells_its_number), headers={"x-number": str(number)})
    return "".join([one.text async for one in client.generate_stream("Hi")])


def test_a_thousand_interleaved_streams_do_not_cross() -> None:
    async def scene() -> list[str]:
        return await asyncio.gather(*map(_numbered, range(1000)))

    expected = ["".join(f"{n}-{c} " for c in range(_CHUNKS)) for n in range(1000)]
    assert in_no_time(scene()) == expected


async def _echo(client: AsyncClient, number: int) -> str:
    stream = client.generate_stream(f"Say: stream-{number}.")
    return (await stream.finish()).text


async def _all_echo(client: AsyncClient, count: int) -> None:
    before = asyncio.all_tasks()
    answers = await asyncio.gather(*(_echo(client, number) for number in range(count)))
    for number, answer in enumerate(answers):
        assert f"stream-{number}." in answer
    while left := left_behind(before):
        await asyncio.wait(left)


async def test_a_thousand_streams_of_one_client_all_complete() -> None:
    emulator = Emulator()
    async with async_client(emulator) as client:
        await _all_echo(client, 1000)
    assert [entry.end for entry in emulator.journal] == [JournalEnd.FINISHED] * 1000


async def test_hundreds_of_streams_over_sockets_all_complete() -> None:
    emulator = Emulator()
    async with serving(emulator) as url, AsyncClient(KEY, base_url=url) as client:
        await _all_echo(client, 300)
    assert [entry.end for entry in emulator.journal] == [JournalEnd.FINISHED] * 300


async def test_many_streams_left_in_the_middle_are_all_aborted() -> None:
    emulator = Emulator(rate=100.0)
    async with async_client(emulator) as client:
        streams = [client.generate_stream("Count to 100") for _ in range(200)]
        await asyncio.gather(*map(anext, streams))
        for stream in streams:
            stream.cancel()
        await emulator.idle()
    assert [entry.end for entry in emulator.journal] == [JournalEnd.ABORTED] * 200


def test_streams_of_both_faces_run_side_by_side() -> None:
    emulator = Emulator()
    with blocking_client(emulator) as blocking:
        streams = [blocking.generate_stream(f"Say: stream-{number}.") for number in range(50)]
        asyncio.run(_all_echo(async_client(emulator), 50))
        for number, stream in enumerate(streams):
            assert f"stream-{number}." in stream.finish().text
