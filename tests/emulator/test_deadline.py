"""X-Server-Timeout: an answer that takes longer ends as the service ends it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from emulator.driver import Interrupted, Talk, answer, ask, events, method_url, prompt, stream_url
from gemstream import Timeouts
from gemstream.emulator import Clock, Cut, Emulator, JournalEnd, Pause, Rule, Script, Stall, Step
from gemstream.errors import DeadlineExceeded
from support.emulated import async_client

HEADERS = {"x-server-timeout": "10"}
ERROR = {
    "code": 504,
    "message": "Deadline expired before operation could complete.",
    "status": "DEADLINE_EXCEEDED",
}
URLS = {
    "whole": method_url("generateContent"),
    "events": stream_url(),
    "array": method_url("streamGenerateContent"),
    "count": method_url("countTokens"),
}


def playing(*steps: Step) -> Emulator:
    return Emulator(Script([Rule(steps=steps, method="*")]), clock=Clock(scale=0))


async def until_late(emulator: Emulator, talk: Talk, seconds: float = 10) -> None:
    """Set the clock forward once nothing is left to do but wait."""
    for _ in range(20):
        await asyncio.sleep(0)
    assert not talk.done
    emulator.advance(seconds)


@pytest.mark.parametrize("form", URLS)
@pytest.mark.parametrize("steps", [[Stall()], [Pause(20)]])
async def test_before_the_head_it_is_a_status(form: str, steps: list[Step]) -> None:
    emulator = playing(*steps)
    talk = ask(emulator, URLS[form], prompt("x"), headers=HEADERS)
    await until_late(emulator, talk)
    assert (await talk.head())[0] == 504
    said = json.loads(b"".join(await talk.read_all()))
    assert said == ([{"error": ERROR}] if form == "array" else {"error": ERROR})
    assert [(entry.status, entry.end) for entry in emulator.journal] == [(504, JournalEnd.ERROR)]


async def test_in_a_stream_it_is_a_naked_error() -> None:
    emulator = playing("a", Stall())
    talk = ask(emulator, stream_url(), prompt("x"), headers=HEADERS)
    assert (await talk.head())[0] == 200
    events([await talk.read()])
    await until_late(emulator, talk)
    (error,) = await talk.read_all()
    assert error.startswith(b'{\n  "error": {\n') and json.loads(error) == {"error": ERROR}


async def test_in_the_array_it_is_the_last_element() -> None:
    emulator = playing("a", Stall())
    talk = ask(emulator, URLS["array"], prompt("x"), headers=HEADERS)
    await talk.head()
    first = await talk.read()
    await until_late(emulator, talk)
    chunk, error = json.loads(first + b"".join(await talk.read_all()))
    assert "candidates" in chunk and error == {"error": ERROR}


async def test_an_answer_in_time_is_left_alone() -> None:
    emulator = playing(Pause(9), "in time")
    talk = ask(emulator, stream_url(), prompt("x"), headers=HEADERS)
    await until_late(emulator, talk, 9)
    assert (await talk.head())[0] == 200
    assert len(events(await talk.read_all())) == 1
    emulator.advance(9)


async def test_without_the_header_there_is_no_deadline() -> None:
    emulator = playing(Stall())
    talk = ask(emulator, stream_url(), prompt("x"))
    await until_late(emulator, talk, 1e6)
    await until_late(emulator, talk, 1e6)
    await talk.leave()


async def test_a_cut_answer_stays_cut() -> None:
    talk = ask(playing("a", Cut()), stream_url(), prompt("x"), headers=HEADERS)
    await talk.head()
    with pytest.raises(Interrupted):
        await talk.read_all()


async def test_an_answer_in_the_books_is_sent_to_its_end(tmp_path: Path) -> None:
    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            emulator.advance(100)
        for _ in range(5):
            await asyncio.sleep(0)
        sent.append(message)

    async def receive() -> dict[str, object]:
        return await incoming.get()

    emulator = Emulator(clock=Clock(scale=0))
    sent: list[dict[str, object]] = []
    incoming: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    incoming.put_nowait({"type": "http.request", "body": json.dumps(prompt("hi")).encode()})
    headers = [(b"x-goog-api-key", b"k"), (b"x-server-timeout", b"10")]
    scope = {"type": "http", "method": "POST", "path": URLS["whole"], "headers": headers}
    await emulator(scope, receive, send)
    assert [message.get("status") for message in sent] == [200, None, None]
    assert [entry.end for entry in emulator.journal] == [JournalEnd.FINISHED]


@pytest.mark.parametrize("given", ["9", "0"])
async def test_too_short_a_deadline_is_refused(given: str) -> None:
    status, said = await answer(
        Emulator(), stream_url(), prompt("x"), headers={"x-server-timeout": given}
    )
    assert status == 400 and f"deadline {given}s is too short" in said["error"]["message"]


async def test_our_client_gets_its_typed_error() -> None:
    emulator = playing("a", Stall())
    async with (
        async_client(emulator, timeouts=Timeouts(total=30)) as client,
        client.generate_stream("x") as stream,
    ):
        with pytest.raises(DeadlineExceeded) as caught:
            async for _ in stream:
                emulator.advance(30)
    assert caught.value.message == ERROR["message"]
