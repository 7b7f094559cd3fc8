"""Every way in which Google ends connections, by script: the life, the door, the frames."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from emulator.live.live_client import MODEL, PATH, TEXT, live, said
from gemstream.emulator import (
    Chunk,
    Clock,
    Close,
    Cut,
    Emulator,
    ErrorInStream,
    Garbage,
    GoAway,
    HalfFrame,
    Html,
    Huge,
    Lifetime,
    Pause,
    Rule,
    Script,
    Stall,
    Status,
    Step,
    WaitForAck,
    serving,
)
from gemstream.errors import ConfigError

TURN = "bidiGenerateContent"
HANDSHAKE, RESUME = f"{TURN}/handshake", f"{TURN}/resume"
SETUP, CONNECTION = f"{TURN}/setup", f"{TURN}/connection"
DEADLINE = "Deadline expired before operation could complete."
UNAVAILABLE = "The service is currently unavailable."
VERTEX = "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"
VERTEX_MODEL = "projects/p/locations/l/publishers/google/models/gemini-3.8-live"
CALL = Chunk(
    {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "args": {}}}]}}]}
)


def scripted(*rules: Rule, scale: float = 0) -> Emulator:
    return Emulator(Script(rules), clock=Clock(scale=scale, start=0))


# The life of a connection.


@pytest.mark.parametrize(
    ("lifetime", "code", "reason"),
    [
        (Lifetime(), 1011, DEADLINE),
        (Lifetime(seconds=58 * 60), 1011, DEADLINE),
        (
            Lifetime(
                seconds=1800,
                farewell=60,
                code=1008,
                reason="client failed to close the connection after receiving a GoAway",
            ),
            1008,
            "client failed to close the connection after receiving a GoAway",
        ),
    ],
)
async def test_every_connection_of_a_rule_has_its_life(
    lifetime: Lifetime, code: int, reason: str
) -> None:
    emulator = scripted(Rule(method=CONNECTION, steps=[lifetime]))
    async with serving(emulator) as url:
        for _ in range(2):
            async with live(url) as client:
                await client.setup(**TEXT)
                emulator.advance(lifetime.seconds - lifetime.farewell)
                assert await client.next() == {"goAway": {"timeLeft": f"{lifetime.farewell:g}s"}}
                emulator.advance(lifetime.farewell - 1)
                await client.ask("Still there?")
                assert said(await client.turn()) == "You said: Still there?"
                emulator.advance(1)
                assert await client.closed() == (code, reason)


@pytest.mark.parametrize(("minutes", "code"), [(58, 1011), (2.5, 1008)])
async def test_a_life_ends_to_the_second_without_a_word(minutes: float, code: int) -> None:
    lifetime = Lifetime(seconds=minutes * 60, farewell=0, code=code, reason="")
    emulator = scripted(Rule(method=CONNECTION, steps=[lifetime]))
    async with serving(emulator) as url, live(url) as client:
        await client.setup(**TEXT)
        emulator.advance(minutes * 60 - 1)
        await client.ask("Still there?")
        assert (await client.turn())[-1]["serverContent"]["turnComplete"]
        emulator.advance(1)
        assert await client.closed() == (code, "")
    await emulator.idle()
    assert emulator.journal[-1].at == minutes * 60


async def test_a_life_is_counted_from_the_opening_however_long_the_setup_took() -> None:
    emulator = scripted(
        Rule(method=SETUP, steps=[WaitForAck()]),
        Rule(method=CONNECTION, steps=[Lifetime(seconds=100, farewell=40)]),
    )
    async with serving(emulator) as url, live(url) as client:
        emulator.advance(30)
        emulator.ack()
        assert await client.setup() == {"setupComplete": {}}
        emulator.advance(30)
        assert await client.next() == {"goAway": {"timeLeft": "40s"}}


async def test_the_clock_jumps_over_a_whole_life() -> None:
    emulator = scripted(Rule(method=CONNECTION, steps=[Lifetime()]))
    async with serving(emulator) as url, live(url) as client:
        await client.setup(**TEXT)
        emulator.advance(10_000)
        assert await client.next() == {"goAway": {"timeLeft": "50s"}}
        assert await client.closed() == (1011, DEADLINE)


async def test_a_farewell_long_before_the_end() -> None:
    emulator = scripted(Rule(method=CONNECTION, steps=[Pause(1), GoAway(time_left=300)]))
    async with serving(emulator) as url, live(url) as client:
        await client.setup(**TEXT)
        emulator.advance(1)
        assert await client.next() == {"goAway": {"timeLeft": "300s"}}


@pytest.mark.parametrize(
    "fields",
    [
        {"seconds": -1},
        {"seconds": 10, "farewell": 11},
        {"code": 1006},
        {"reason": "x" * 124},
    ],
)
def test_a_life_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Lifetime(**fields)


def test_a_frame_of_nothing_has_no_half() -> None:
    with pytest.raises(ConfigError, match="bytes should be 2 or more"):
        HalfFrame(bytes=1)


# Resuming.


async def resumable(client: Any, **setup: Any) -> str:
    """Set a session up and return the handle that it gives."""
    await client.setup(**TEXT, sessionResumption={}, **setup)
    handle: str = (await client.next())["sessionResumptionUpdate"]["newHandle"]
    return handle


async def test_a_session_is_not_resumed_while_its_connection_is_open() -> None:
    emulator = Emulator()
    async with serving(emulator) as url, live(url) as first:
        handle = await resumable(first)
        resuming = {**TEXT, "sessionResumption": {"handle": handle}}
        async with live(url) as second:
            await second.send(setup={"model": MODEL, **resuming})
            code, reason = await second.closed()
            assert (code, reason) == (1011, "The session is still open on another connection.")
        await first.socket.close()
        # Nothing has to be waited for once the close is answered.
        async with live(url) as second:
            assert await second.setup(**resuming) == {"setupComplete": {}}
            async with live(url) as third:  # nor while it goes on elsewhere
                await third.send(setup={"model": MODEL, **resuming})
                assert (await third.closed())[0] == 1011


async def test_the_close_that_ends_a_connection_frees_its_session() -> None:
    emulator = scripted(Rule(method=CONNECTION, steps=[Lifetime()]))
    async with serving(emulator) as url:
        handle = ""
        for _ in range(20):
            async with live(url) as client:
                resumption = {"handle": handle} if handle else {}
                await client.setup(**TEXT, sessionResumption=resumption)
                handle = (await client.next())["sessionResumptionUpdate"]["newHandle"]
                emulator.advance(600)
                assert (await client.closed())[0] == 1011


async def test_one_resumption_is_refused_and_the_next_is_not() -> None:
    refusal = Close(code=1007, reason="Request contains an invalid argument.")
    emulator = scripted(
        Rule(method=RESUME, request=1, steps=[refusal]),
        Rule(method=RESUME, request=2, steps=[Cut()]),
    )
    async with serving(emulator) as url:
        async with live(url) as client:
            handle = await resumable(client)
        resuming = {**TEXT, "sessionResumption": {"handle": handle}}
        for end in ((1007, "Request contains an invalid argument."), (1006, "")):
            async with live(url) as client:
                await client.send(setup={"model": MODEL, **resuming})
                assert await client.closed() == end
        async with live(url) as client:
            assert await client.setup(**resuming) == {"setupComplete": {}}


async def test_rules_count_connections() -> None:
    emulator = scripted(
        Rule(method=CONNECTION, request=1, steps=[Close(code=1001, reason="first")]),
        Rule(method=CONNECTION, request=2, steps=[Lifetime(seconds=60, farewell=0)]),
    )
    async with serving(emulator) as url:
        async with live(url) as client:
            await client.setup(**TEXT)
            assert await client.closed() == (1001, "first")
        async with live(url) as client:
            await client.setup(**TEXT)
            emulator.advance(60)
            assert await client.closed() == (1011, DEADLINE)
        async with live(url) as client:
            await client.setup(**TEXT)
            emulator.advance(100_000)
            await client.ask("Hi")
            assert said(await client.turn()) == "You said: Hi"


@pytest.mark.parametrize("transparent", [True, False])
async def test_vertex_tells_what_a_handle_covers(transparent: bool) -> None:
    emulator = Emulator(Script([Rule(request=2, steps=["One", WaitForAck(), "two"])]))
    resumption = {"sessionResumption": {"transparent": transparent}}
    updates: list[Any] = []
    headers = {"authorization": "Bearer t"}
    async with (
        serving(emulator) as url,
        live(url, VERTEX, key=None, headers=headers) as client,
    ):
        await client.setup(VERTEX_MODEL, **TEXT, **resumption)
        updates.append(await client.next())
        await client.ask("There is more", turn_complete=False)
        await client.ask("Hi")
        await client.turn()
        updates.append(await client.next())
        await client.ask("Go on")
        await client.next()  # the empty one
        assert said([await client.next()]) == "One"
        # What interrupts is not of the state that is left behind.
        await client.ask("Stop")
        await client.turn()
        updates.append(await client.next())
        await client.turn()
        updates.append(await client.next())
    told = [one["sessionResumptionUpdate"] for one in updates]
    assert all(one["resumable"] for one in told)
    covered = [one.get("lastConsumedClientMessageIndex") for one in told]
    assert covered == ([None, 2, 3, 4] if transparent else [None] * 4)


async def test_the_gemini_api_does_not_know_transparent_resumption() -> None:
    async with serving(Emulator()) as url, live(url) as client:
        await client.send(setup={"model": MODEL, "sessionResumption": {"transparent": True}})
        code, reason = await client.closed()
    assert (code, reason) == (
        1007,
        'Invalid JSON payload received. Unknown name "transparent" at '
        "'setup.session_resumption': Cannot find field.",
    )


async def test_no_handle_while_a_call_is_open() -> None:
    emulator = scripted(Rule(method=TURN, request=1, steps=[CALL]))
    async with serving(emulator) as url, live(url) as client:
        await resumable(client)
        await client.ask("Go")
        first, call = await client.until("toolCall")
        assert first == {"sessionResumptionUpdate": {}}
        (function_call,) = call["toolCall"]["functionCalls"]
        response = {"id": function_call["id"], "name": "f", "response": {"result": 1}}
        await client.send(toolResponse={"functionResponses": [response]})
        assert not any("sessionResumptionUpdate" in one for one in await client.turn())
        assert (await client.next())["sessionResumptionUpdate"]["resumable"]


# The door.

QUOTA = Status(code=429, quota="GenerateRequestsPerMinutePerProjectPerModel", retry_delay=7)
DOORS: dict[str, tuple[Step, int, str]] = {
    "quota": (QUOTA, 429, "RESOURCE_EXHAUSTED"),
    "key": (Status(code=401), 401, "UNAUTHENTICATED"),
    "forbidden": (Status(code=403), 403, "PERMISSION_DENIED"),
    "unavailable": (Status(code=503), 503, "UNAVAILABLE"),
    "a proxy": (Html(), 502, "<h1>502 Bad Gateway</h1>"),
    "own words": (Status(code=418, body="no"), 418, "no"),
    "own table": (Status(code=400, body={"a": 1}), 400, '{"a":1}'),
    "a step of others": (ErrorInStream(), 500, "ErrorInStream cannot be played in a handshake"),
}


UPGRADE = {
    "Host": "h",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@asynccontextmanager
async def knocking(
    url: str,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Ask for an upgrade, once, and give what the server writes."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        lines = [f"GET {PATH} HTTP/1.1", *(f"{name}: {one}" for name, one in UPGRADE.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        yield reader, writer
    finally:
        writer.close()


@pytest.mark.parametrize("case", DOORS)
async def test_the_upgrade_is_refused_the_first_time(case: str) -> None:
    step, status, words = DOORS[case]
    emulator = Emulator(Script([Rule(method=HANDSHAKE, request=1, steps=[step])]))
    async with serving(emulator) as url:
        async with knocking(url) as (reader, _):
            head, _, body = (await reader.read()).decode().partition("\r\n\r\n")
        assert (int(head.split()[1]), words in body) == (status, True)
        if words.isupper():
            error = json.loads(body)["error"]
            assert (error["code"], error["status"]) == (status, words)
            assert "content-type: application/json" in head.lower()
        await emulator.idle()
        (entry,) = emulator.journal
        assert (entry.method, entry.status) == (CONNECTION, status)
        async with live(url) as client:
            assert await client.setup() == {"setupComplete": {}}


async def test_the_upgrade_breaks_off(caplog: pytest.LogCaptureFixture) -> None:
    emulator = Emulator(Script([Rule(method=HANDSHAKE, request=1, steps=[Cut()])]))
    async with serving(emulator) as url:
        async with knocking(url) as (reader, _):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        async with live(url) as client:
            assert await client.setup() == {"setupComplete": {}}
        await emulator.idle()
    assert [entry.status for entry in emulator.journal] == [1006, 1000]
    assert caplog.records == []


async def test_the_upgrade_is_never_answered() -> None:
    emulator = Emulator(Script([Rule(method=HANDSHAKE, steps=[Stall()])]))
    async with serving(emulator) as url:
        async with knocking(url) as (reader, writer):
            writer.write_eof()
            assert await reader.read() == b""  # the end came back, and nothing before it
        await emulator.idle()
    (entry,) = emulator.journal
    assert (entry.method, entry.status) == (CONNECTION, 1006)


async def test_the_service_goes_down_before_it_answers_the_upgrade() -> None:
    emulator = Emulator(Script([Rule(method=HANDSHAKE, steps=[Stall()])]))
    async with serving(emulator) as url, knocking(url):
        while not emulator.journal:  # the request may not have come yet
            emulator.interrupt()
            await asyncio.sleep(0)
    (entry,) = emulator.journal
    assert (entry.method, entry.status) == (CONNECTION, 1006)


async def test_the_upgrade_is_answered_late() -> None:
    steps = [WaitForAck(), Pause(60)]
    emulator = scripted(Rule(method=HANDSHAKE, steps=steps), scale=1000)
    async with serving(emulator) as url:
        emulator.ack()
        async with live(url) as client:
            assert await client.setup() == {"setupComplete": {}}
        assert emulator.clock.now() >= 60


# The wire and the frames.


@pytest.mark.parametrize(
    ("method", "steps", "before"),
    [
        (SETUP, [Cut()], []),
        (SETUP, [HalfFrame()], []),
        (TURN, ["Half a", Cut()], ["modelTurn"]),
        (TURN, ["Half a", HalfFrame()], ["modelTurn"]),
        (TURN, [HalfFrame(bytes=10)], []),
        (TURN, [HalfFrame(bytes=100_000)], []),
        (TURN, [CALL, Cut()], ["toolCall"]),
    ],
)
async def test_the_connection_breaks(
    method: str, steps: list[Step], before: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    emulator = scripted(Rule(method=method, request=1, steps=steps))
    async with serving(emulator) as url:
        async with live(url) as client:
            await client.send(setup={"model": MODEL})
            if method == TURN:
                await client.next()
                await client.ask("Go")
            for name in before:
                assert name in json.dumps(await client.next())
            assert (await client.closed())[0] == 1006
        async with live(url) as client:
            assert await client.setup() == {"setupComplete": {}}
        await emulator.idle()
    assert caplog.records == []


@pytest.mark.parametrize("place", [SETUP, TURN])
async def test_the_service_is_unavailable(place: str) -> None:
    step = Close(code=1011, reason=UNAVAILABLE)
    emulator = scripted(Rule(method=place, request=1, steps=[step]))
    async with serving(emulator) as url, live(url) as client:
        await client.send(setup={"model": MODEL})
        if place == TURN:
            await client.next()
            await client.ask("Go")
        assert await client.closed() == (1011, UNAVAILABLE)


@pytest.mark.parametrize(
    ("step", "kind", "data"),
    [
        (Garbage(text="<html>"), aiohttp.WSMsgType.TEXT, "<html>"),
        (Garbage(text='{"news": {}}'), aiohttp.WSMsgType.TEXT, '{"news": {}}'),
        (Garbage(base64="/wA="), aiohttp.WSMsgType.BINARY, b"\xff\0"),
    ],
)
async def test_garbage_stands_among_the_frames(
    step: Garbage, kind: aiohttp.WSMsgType, data: str | bytes
) -> None:
    emulator = scripted(Rule(method=TURN, steps=["Before", step, "after"]))
    async with serving(emulator) as url, live(url) as client:
        await client.setup(**TEXT)
        await client.ask("Go")
        assert said([await client.next()]) == "Before"
        frame = await client.socket.receive()
        assert (frame.type, frame.data) == (kind, data)
        assert said(await client.turn()) == "after"


async def test_random_garbage_is_of_the_seed() -> None:
    seen = []
    for seed in (1, 1, 2):
        emulator = Emulator(Script([Rule(method=TURN, steps=[Garbage(bytes=9)])]), seed=seed)
        async with serving(emulator) as url, live(url) as client:
            await client.setup(**TEXT)
            await client.ask("Go")
            seen.append((await client.socket.receive()).data)
            assert said(await client.turn()) == "You said: Go"
    assert seen[0] == seen[1] != seen[2]
    assert len(seen[0]) == 9


@pytest.mark.parametrize("data", ["text", "inline"])
async def test_a_message_of_ten_megabytes(data: str) -> None:
    huge = Huge(bytes=10_000_000, data=data)  # type: ignore[arg-type]
    emulator = scripted(Rule(method=TURN, request=1, steps=[huge]))
    async with serving(emulator) as url, live(url, max_msg_size=0) as client:
        await client.setup(**TEXT)
        await client.ask("Go")
        message = await client.next()
        (part,) = message["serverContent"]["modelTurn"]["parts"]
        bulk = part["text"] if data == "text" else part["inlineData"]["data"]
        assert bulk == "A" * 10_000_000
        assert said(await client.turn()) == ""
        await client.ask("And now?")
        assert said(await client.turn()) == "You said: And now?"
