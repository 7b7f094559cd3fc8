"""Of each request its begin and its end are told once, however it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gemstream.config.relay.options import KeyOptions, ServerOptions
from gemstream.emulator import Emulator, Rule, Script
from gemstream.emulator.scripts.faults import Cut, NoFinish, Status
from gemstream.emulator.scripts.steps import WaitForAck
from gemstream.relay.observer import End
from support.relayed import MODEL, RELAY_KEY, Relayed, Watched, prompt, relayed
from support.told import Kept

STREAM = f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
WHOLE = f"/v1beta/models/{MODEL}:generateContent"
LIMITED = KeyOptions(name="team-a", key=RELAY_KEY, rpm=1, models=("gemini-2.5-*",))
SMALL = ServerOptions(max_body=2048)


def failing(*steps: Any) -> Emulator:
    return Emulator(Script([Rule(steps=list(steps))]))


class Ending:
    """A deed, and what is to be told of it."""

    def __init__(
        self,
        deed: Callable[[Relayed, Kept], Awaitable[Any]],
        end: End,
        status: int,
        fault: str = "",
        *,
        emulators: Callable[[], tuple[Any, ...]] = lambda: (Emulator(),),
        attempts: int = 0,
    ) -> None:
        self.deed = deed
        self.end = end
        self.status = status
        self.fault = fault
        self.emulators = emulators
        self.attempts = attempts


def asking(path: str, body: Any = None, **options: Any) -> Callable[[Relayed, Kept], Any]:
    async def deed(house: Relayed, kept: Kept) -> None:
        await house.ask(path, body, **options)

    return deed


async def twice(house: Relayed, kept: Kept) -> None:
    await house.ask(WHOLE, prompt())
    kept.facts.clear()
    await house.ask(WHOLE, prompt())


async def leave_in_the_middle(house: Relayed, kept: Kept) -> None:
    exchange = await house.open(STREAM, prompt())
    assert await exchange.receive()
    exchange.abort()
    await kept.over.wait()


async def leave_before_the_head(house: Relayed, kept: Kept) -> None:
    watched = house.emulators["one"]
    asked = asyncio.create_task(house.open(STREAM, prompt()))
    await watched.arrived.wait()
    asked.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asked
    await kept.over.wait()


async def cut_in_the_middle(house: Relayed, kept: Kept) -> None:
    exchange = await house.open(STREAM, prompt())
    assert await exchange.receive()
    cutting = asyncio.create_task(house.relay.cut())
    while await exchange.receive():
        pass
    await cutting


async def cut_before_the_head(house: Relayed, kept: Kept) -> None:
    asked = asyncio.create_task(house.ask(STREAM, prompt()))
    await house.emulators["one"].arrived.wait()
    await house.relay.cut()
    assert (await asked).status == 503


async def break_the_relay(house: Relayed, kept: Kept) -> None:
    house.relay.parts.accounts = {}
    await house.ask(WHOLE, prompt())


def slow() -> tuple[Any, ...]:
    return (failing("one ", WaitForAck(), "two"),)


def silent() -> tuple[Any, ...]:
    return (Watched(failing(WaitForAck(), "late")),)


STOP, REFUSED, UPSTREAM = End.STOP, End.REFUSED, End.UPSTREAM_ERROR
ENDINGS = {
    "a stream": Ending(asking(STREAM, prompt()), STOP, 200, attempts=1),
    "a whole answer": Ending(asking(WHOLE, prompt()), STOP, 200, attempts=1),
    "a key's own facts": Ending(asking("/key-info"), STOP, 200),
    "another account": Ending(
        asking(WHOLE, prompt()),
        STOP,
        200,
        emulators=lambda: (failing(Status(code=429)), failing("fine")),
        attempts=2,
    ),
    "no key": Ending(asking(WHOLE, prompt(), key=None), REFUSED, 401, "client_auth"),
    "a wrong key": Ending(asking(WHOLE, prompt(), key="x" * 30), REFUSED, 401, "client_auth"),
    "a path of tricks": Ending(asking("/v1beta/..%2fmodels", prompt()), REFUSED, 400, "invalid"),
    "no such path": Ending(asking("/nowhere", prompt()), REFUSED, 404, "not_found"),
    "a large body": Ending(asking(WHOLE, prompt("x" * 4096)), REFUSED, 413, "too_large"),
    "no JSON": Ending(asking(WHOLE, b"{"), REFUSED, 400, "invalid"),
    "a model of others": Ending(
        asking("/v1beta/models/gemini-9-other:generateContent", prompt()),
        REFUSED,
        403,
        "forbidden",
    ),
    "over the rate": Ending(twice, REFUSED, 429, "rate"),
    "an error of the service": Ending(
        asking(WHOLE, prompt()),
        UPSTREAM,
        503,
        "overloaded",
        emulators=lambda: (failing(Status(code=503)),),
        attempts=1,
    ),
    "a fault of the caller": Ending(
        asking(WHOLE, {"contents": []}), UPSTREAM, 400, "invalid", attempts=1
    ),
    "a cut": Ending(
        asking(STREAM, prompt()),
        UPSTREAM,
        200,
        emulators=lambda: (failing("one ", Cut()),),
        attempts=1,
    ),
    "no finish": Ending(
        asking(STREAM, prompt()),
        End.TRUNCATED,
        200,
        emulators=lambda: (failing("one ", NoFinish()),),
        attempts=1,
    ),
    "a caller who leaves": Ending(
        leave_in_the_middle, End.CLIENT_ABORT, 200, emulators=slow, attempts=1
    ),
    "a caller who does not wait": Ending(
        leave_before_the_head, End.CLIENT_ABORT, 499, emulators=silent, attempts=1
    ),
    "a drain": Ending(cut_in_the_middle, End.DRAIN, 200, emulators=slow, attempts=1),
    "a drain before the first word": Ending(
        cut_before_the_head, End.DRAIN, 503, "overloaded", emulators=silent, attempts=1
    ),
    "an error of ours": Ending(break_the_relay, End.INTERNAL, 500, "internal"),
}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
async def test_each_request_begins_and_ends_once(tmp_path: Path, ending: Ending) -> None:
    kept = Kept()
    async with relayed(
        tmp_path,
        *ending.emulators(),
        keys=(LIMITED,),
        server=SMALL,
        accounts={"one": {"priority": 1}},
    ) as house:
        house.relay.parts.observer = kept
        await ending.deed(house, kept)
    (began,), (fact,) = kept.began, kept.ended
    assert kept.facts[0] is began and kept.facts[-1] is fact
    assert fact.request_id == began.request_id
    assert (fact.end, fact.status, fact.fault) == (ending.end, ending.status, ending.fault)
    assert fact.attempts == len(kept.attempts) == ending.attempts
    assert fact.duration >= 0
    assert [one.settlement.number for one in kept.attempts] == list(range(1, ending.attempts + 1))


async def test_an_answer_is_told_with_its_counts_and_times(tmp_path: Path) -> None:
    kept = Kept()
    async with relayed(tmp_path) as house:
        house.relay.parts.observer = kept
        answer = await house.ask(STREAM, prompt())
        (row,) = await house.rows()
    (fact,), (attempt,) = kept.ended, kept.attempts
    assert fact.request_id == answer.headers["x-request-id"] == row["request_id"]
    assert (fact.surface, fact.operation, fact.model) == ("gemini", "streamGenerateContent", MODEL)
    assert (fact.key_id, fact.account) == ("team-a", "one")
    assert fact.is_stream and fact.is_admitted
    assert fact.cost == row["cost"] == attempt.settlement.cost
    assert fact.usage == attempt.settlement.usage and fact.usage is not None
    assert fact.sent == len(answer.body)
    assert fact.first_chunk is not None and fact.overhead is not None
    assert 0 <= fact.overhead <= fact.first_chunk <= fact.duration
    assert attempt.first_chunk is not None and 0 < attempt.commit <= attempt.duration


async def test_a_limit_that_refuses_is_named(tmp_path: Path) -> None:
    kept = Kept()
    async with relayed(tmp_path, keys=(LIMITED,)) as house:
        house.relay.parts.observer = kept
        await twice(house, kept)
    (fact,) = kept.ended
    assert (fact.limit, fact.is_admitted, fact.key_id) == ("rpm", False, "team-a")


async def test_a_retry_tells_what_it_follows(tmp_path: Path) -> None:
    kept = Kept()
    emulators = (failing(Status(code=429)), failing("fine"))
    async with relayed(tmp_path, *emulators, accounts={"one": {"priority": 1}}) as house:
        house.relay.parts.observer = kept
        await house.ask(WHOLE, prompt())
    first, second = kept.attempts
    assert first.after is None and first.signal is not None
    assert second.after is first.signal.kind


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz"])
async def test_probes_are_answered_without_a_key_and_told_to_nobody(
    tmp_path: Path, path: str
) -> None:
    kept = Kept()
    async with relayed(tmp_path) as house:
        house.relay.parts.observer = kept
        answer = await house.ask(path, key=None)
    assert (answer.status, answer.body) == (200, b"ok\n")
    assert not kept.facts
