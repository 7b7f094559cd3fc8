"""Who waits for the emulator to be idle: is told once it is, on whatever loop."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from emulator.driver import method_url, prompt
from gemstream.emulator import Emulator, JournalEnd
from gemstream.emulator.exchange import Exchange
from gemstream.emulator.exchanges import Exchanges


async def _never(*_: Any) -> Any:
    raise AssertionError("nothing is read, sent or settled here")


def an_exchange() -> Exchange:
    return Exchange({"method": "GET", "path": "/", "headers": []}, _never, _never, _never)


async def test_idle_waits_for_the_last() -> None:
    exchanges = Exchanges()
    await exchanges.idle()
    with exchanges.running(an_exchange()):
        with exchanges.running(an_exchange()):
            waiting = asyncio.create_task(exchanges.idle())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting


async def test_one_who_gave_up_waiting_does_no_harm() -> None:
    exchanges = Exchanges()
    with exchanges.running(an_exchange()):
        leaver, stayer = (asyncio.create_task(exchanges.idle()) for _ in range(2))
        await asyncio.sleep(0)
        leaver.cancel()
    await stayer


async def test_one_whose_loop_has_closed_does_no_harm() -> None:
    exchanges = Exchanges()

    def leave_one_waiting() -> asyncio.Task[None]:
        loop = asyncio.new_event_loop()
        left = loop.create_task(exchanges.idle())
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
        return left

    with exchanges.running(an_exchange()):
        left = await asyncio.to_thread(leave_one_waiting)
        here = asyncio.create_task(exchanges.idle())
        await asyncio.sleep(0)
    await here
    assert not left.done()


async def test_those_of_another_thread_are_told() -> None:
    exchanges = Exchanges()
    with exchanges.running(an_exchange()):
        loop = asyncio.get_running_loop()
        waits = asyncio.Event()

        async def wait_there() -> None:
            waiting = asyncio.create_task(exchanges.idle())
            await asyncio.sleep(0)
            loop.call_soon_threadsafe(waits.set)
            await waiting

        there = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(wait_there())))
        await waits.wait()
    await there


async def test_a_server_that_says_by_an_error_that_the_client_left_is_understood(
    caplog: pytest.LogCaptureFixture,
) -> None:
    emulator = Emulator()
    scope = {
        "type": "http",
        "method": "POST",
        "path": method_url("streamGenerateContent"),
        "headers": [(b"x-goog-api-key", b"k")],
    }
    messages = [{"type": "http.request", "body": json.dumps(prompt("hi")).encode()}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        return await asyncio.Event().wait()  # it never says so here

    async def send(_: Any) -> None:
        raise ConnectionResetError("the client left")

    await emulator(scope, receive, send)
    assert [entry.end for entry in emulator.journal] == [JournalEnd.ABORTED]
    assert [record for record in caplog.records if record.name.startswith("gemstream")] == []
