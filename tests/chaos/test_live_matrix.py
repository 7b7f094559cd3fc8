"""Every way in which a Live session is disturbed, over sockets and in process: as told, no leak.

A row of ``support.live_faults`` says what befalls the session, what the user does meanwhile
and what is to be seen of it. Behind each the session, or another of the same client, holds a turn
as if nothing had been; then no task, socket or timer is left.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, NamedTuple

import pytest

from gemstream import AsyncClient
from gemstream.client.live.session import LiveSession
from gemstream.emulator import Clock, Emulator, JournalEntry, Script, chaos, serving
from gemstream.errors import GemstreamError
from gemstream.net.asgi import ASGITransport
from gemstream.policy.live.reconnection import ReconnectPolicy
from gemstream.testing.leaks import LeakCheck
from support.beside import beside
from support.clock import in_no_time
from support.disconnects import BESIDES, DISCONNECTS
from support.live_faults.row import CONNECTION, PLACES, Row
from support.live_faults.table import ROWS
from support.live_talk import Failed, Over, Seen, Talk
from support.service import AT_ONCE, KEY
from support.timers import timers_left

MODEL = "gemini-3.8-live"
# Seconds until a cell that hangs has failed; in process one waits for 50 minutes.
_PATIENCE, _PATIENCE_IN_NO_TIME = 20.0, 7_200.0
# Who has nothing to say of a fault: it is what the script asked for.
SERVERS = ("gemstream.emulator", "uvicorn")


class Place(NamedTuple):
    """An emulator, and where it is reached; without a URL it runs in the client's process."""

    emulator: Emulator
    url: str = ""


@pytest.fixture(scope="module")
def served() -> Iterator[Place]:
    """Serve an emulator for all cells: a server is not what they are about."""
    gc.collect()
    gc.freeze()  # a leak check looks at every object; what is here already is not the cells'
    emulator = Emulator(clock=Clock(scale=0, start=0))
    with beside(serving(emulator)) as url:
        yield Place(emulator, url)
    gc.unfreeze()


def test_every_line_of_the_table_of_disconnects_has_rows_and_every_row_its_line() -> None:
    assert {row.line for row in ROWS.values()} == {*DISCONNECTS, *BESIDES}
    assert not set(DISCONNECTS) & set(BESIDES)


def test_the_matrix_is_as_large_as_was_promised() -> None:
    assert len(ROWS) >= 25
    assert all(row.only_in and set(row.only_in) <= set(PLACES) for row in ROWS.values())
    assert all(row.sees and row.ends[-1] == 1000 for row in ROWS.values())


@asynccontextmanager
async def client_of(row: Row, place: Place) -> AsyncIterator[AsyncClient]:
    """A client that tries again without waiting, on sockets or in the emulator's process."""
    if not place.url:
        transport = ASGITransport(place.emulator)
        async with AsyncClient(KEY, base_url="http://in", transport=transport, retry=AT_ONCE) as it:
            yield it
        return
    async with (
        chaos(place.url, *row.toxics) if row.toxics else nullcontext(place.url) as near,
        AsyncClient(KEY, base_url=near, retry=AT_ONCE) as it,
    ):
        yield it


async def held(client: AsyncClient, emulator: Emulator, row: Row) -> list[Seen]:
    """Return what the user sees of a session that the row befalls, and show that it is over."""
    seen: list[Seen] = []
    options: dict[str, Any] = {
        "response_modalities": ["TEXT"],
        "reconnect": ReconnectPolicy(base=0.01),
        **row.options,
    }
    if row.tools is not None:
        options["tools"] = row.tools(emulator)
    try:
        async with client.live(MODEL, **options) as session:
            await row.does(Talk(session, emulator, seen))
            emulator.script = Script()
            if seen[-1] != Over():
                await as_good_as_new(session)
    except GemstreamError as error:
        seen.append(Failed.of(error))
    if isinstance(seen[-1], Failed | Over):
        emulator.script = Script()
        async with client.live(MODEL, response_modalities=["TEXT"]) as session:
            await as_good_as_new(session)
    return seen


async def as_good_as_new(session: LiveSession) -> None:
    """Another turn is held, all of it."""
    answer = await session.send_text("And now?")
    assert answer.is_complete
    assert answer.text == "You said: And now?" or len(answer.audio) == 4 * 9_600  # a word: 0.2 s


async def lived_through(row: Row, place: Place) -> tuple[list[Seen], list[int], list[str]]:
    """Return what was seen, how the connections ended, and what is left of it."""
    leaks, emulator = LeakCheck(), place.emulator
    booked = len(emulator.journal)
    emulator.script = Script(row.rules)
    patience = _PATIENCE if place.url else _PATIENCE_IN_NO_TIME
    async with asyncio.timeout(patience), client_of(row, place) as client:
        seen = await held(client, emulator, row)
        await emulator.idle()
    entries = [entry for entry in emulator.journal[booked:] if entry.method == CONNECTION]
    return seen, [_end(entry) for entry in entries], await left(leaks, place)


async def left(leaks: LeakCheck, place: Place) -> list[str]:
    """Return the tasks, sockets and timers that are still there after a moment."""
    if place.url:  # in a thread, so that this loop goes on and what ends by itself can end
        return [*await asyncio.to_thread(leaks.leaks), *timers_left()]
    await asyncio.sleep(1)
    return [*leaks.leaks(), *timers_left()]


async def test_the_timers_of_an_open_session_are_found() -> None:
    place = Place(Emulator())
    async with client_of(ROWS["a cut between turns"], place) as client, client.live(MODEL):
        assert timers_left()
    assert timers_left() == []


def _end(entry: JournalEntry) -> int:
    """Return how a connection ended; what we broke off, a server tells by any of these."""
    return 1006 if entry.status in (1005, 1009) else entry.status


def cells(place: str) -> Any:
    return pytest.mark.parametrize(
        "name", [name for name, row in ROWS.items() if place in row.only_in]
    )


@cells("sockets")
async def test_over_sockets(name: str, served: Place, caplog: pytest.LogCaptureFixture) -> None:
    row = ROWS[name]
    assert await lived_through(row, served) == (list(row.sees), list(row.ends), [])
    assert [record for record in caplog.records if record.name.startswith(SERVERS)] == []


@cells("in process")
def test_in_process(name: str, caplog: pytest.LogCaptureFixture) -> None:
    row, place = ROWS[name], Place(Emulator(clock=Clock(scale=0, start=0)))
    assert in_no_time(lived_through(row, place)) == (list(row.sees), list(row.ends), [])
    assert [record for record in caplog.records if record.name.startswith(SERVERS)] == []
