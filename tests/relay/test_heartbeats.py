"""Silences are filled as each dialect bears it: between events, before the first one too."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from gemstream.config.relay.options import KeyOptions
from gemstream.emulator import Emulator, Rule, Script, Status
from gemstream.emulator.scripts.steps import WaitForAck
from gemstream.relay.downstream import Downstream
from gemstream.relay.exchange import Exchange
from support.clock import in_no_time
from support.relay_callers import CALLERS, Caller, Met
from support.relayed import RELAY_KEY, Answered, relayed

STREAMS = {name: caller for name, caller in CALLERS.items() if caller.is_stream}
BEATS = {
    "gemini events": b'data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},'
    b'"index":0}]}\r\n\r\n',
    "gemini array": b"\n",
    "openai events": b": keep-alive\n\n",
    "anthropic events": b'event: ping\ndata: {"type":"ping"}\n\n',
}
KEYS = (KeyOptions(name="team-a", key=RELAY_KEY, heartbeat=0.01),)


def held(*steps: Any) -> Emulator:
    return Emulator(Script([Rule(steps=[WaitForAck(), *steps])]))


async def rest_of(exchange: Any, begun: bytes) -> Answered:
    while data := await exchange.receive():
        begun += data
    return Answered(exchange.status, {}, begun)


@pytest.mark.parametrize(("name", "caller"), STREAMS.items(), ids=STREAMS)
async def test_it_is_sent_before_the_upstream_has_said_a_word(
    tmp_path: Path, name: str, caller: Caller
) -> None:
    emulator = held("one ", WaitForAck(), "two")
    async with relayed(tmp_path, emulator, keys=KEYS) as house:
        exchange = await house.open(caller.path, caller.body)
        first = await exchange.receive()
        emulator.ack()
        while b"one " not in first:
            first += await exchange.receive()
        between = await exchange.receive()
        emulator.ack()
        answer = await rest_of(exchange, first + between)
        (row,) = await house.rows()
    assert first.startswith(BEATS[name]) and between.startswith(BEATS[name])
    assert caller.met(answer) == Met("one two")
    assert row["status"] == "ok"


@pytest.mark.parametrize("caller", STREAMS.values(), ids=STREAMS)
async def test_another_account_may_still_be_asked_behind_it(tmp_path: Path, caller: Caller) -> None:
    first, second = held(Status(code=503)), held("of the second")
    accounts = {"one": {"priority": 1}}
    async with relayed(tmp_path, first, second, keys=KEYS, accounts=accounts) as house:
        exchange = await house.open(caller.path, caller.body)
        begun = await exchange.receive()
        first.ack()
        second.ack()
        answer = await rest_of(exchange, begun)
        rows = await house.rows()
    assert caller.met(answer) == Met("of the second")
    assert [row["status"] for row in rows] == ["upstream_error", "ok"]


@pytest.mark.parametrize("caller", STREAMS.values(), ids=STREAMS)
async def test_behind_it_an_error_is_told_within_the_stream(tmp_path: Path, caller: Caller) -> None:
    emulator = held(Status(code=503, message="too much"))
    async with relayed(tmp_path, emulator, keys=KEYS) as house:
        exchange = await house.open(caller.path, caller.body)
        begun = await exchange.receive()
        emulator.ack()
        answer = await rest_of(exchange, begun)
        (row,) = await house.rows()
    met = caller.met(answer)
    assert answer.status == 200 and met.error is not None and met.text == ""
    assert (row["status"], row["http_status"]) == ("upstream_error", 503)


class Socket:
    """A caller's socket that takes nothing while ``is_full``."""

    def __init__(self) -> None:
        self.took: list[bytes] = []
        self.room = asyncio.Event()
        self.room.set()

    async def send(self, message: MutableMapping[str, Any]) -> None:
        await self.room.wait()
        if message["type"] == "http.response.body":
            self.took.append(message["body"])

    async def receive(self) -> MutableMapping[str, Any]:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    def downstream(self, heartbeat: float | None) -> Downstream:
        scope = {"method": "POST", "path": "/", "headers": []}
        return Downstream(Exchange(scope, self.receive, self.send, "req_1"), (), heartbeat)


def test_it_is_due_so_long_after_the_last_word() -> None:
    async def main() -> Any:
        socket, loop = Socket(), asyncio.get_running_loop()
        beats: list[float] = []

        def beat() -> bytes:
            beats.append(loop.time())
            return b"."

        downstream = socket.downstream(15.0)
        downstream.attach(b"text/event-stream", beat)
        await asyncio.sleep(10)
        await downstream.send(b"one")
        await asyncio.sleep(40)
        await downstream.end(b"two")
        await asyncio.sleep(60)
        return beats, socket.took

    beats, took = in_no_time(main())
    assert beats == pytest.approx([25.0, 40.0])
    assert took == [b"one", b".", b".", b"two"]


def test_there_is_none_where_nobody_wants_any() -> None:
    async def main() -> Any:
        socket = Socket()
        downstream = socket.downstream(None)
        downstream.attach(b"text/event-stream", lambda: b".")
        await asyncio.sleep(3600)
        await downstream.end(b"at last")
        return socket.took

    assert in_no_time(main()) == [b"at last"]


def test_what_is_made_first_goes_down_first() -> None:
    """The beat is made, and content comes before its turn, and again while the socket is full."""

    async def main() -> Any:
        socket = Socket()
        downstream = socket.downstream(15.0)
        made = iter((b"beat 1", b"beat 2"))
        downstream.attach(b"text/event-stream", lambda: next(made))
        asyncio.get_running_loop().call_at(15.0, loop_turn, downstream)
        await asyncio.sleep(16)
        socket.room.clear()
        await asyncio.sleep(15)  # the second waits for room
        sending = asyncio.create_task(downstream.send(b"two"))
        await asyncio.sleep(60)  # and what waits is no silence: no third is made
        socket.room.set()
        await sending
        await downstream.end()
        return socket.took

    sent: list[asyncio.Task[None]] = []

    def loop_turn(downstream: Downstream) -> None:
        sent.append(asyncio.get_running_loop().create_task(downstream.send(b"one")))

    assert in_no_time(main()) == [b"beat 1", b"one", b"beat 2", b"two", b""]


def test_what_ends_waits_for_the_one_under_way() -> None:
    async def main() -> Any:
        socket = Socket()
        downstream = socket.downstream(15.0)
        downstream.attach(b"application/json", lambda: b"\n")
        socket.room.clear()
        await asyncio.sleep(15.5)
        ending = asyncio.create_task(downstream.break_off(b"[the error]"))
        await asyncio.sleep(1)
        socket.room.set()
        await ending
        return socket.took

    assert in_no_time(main()) == [b"\n", b"[the error]"]
