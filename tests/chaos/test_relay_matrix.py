"""Every fault of an upstream, in every dialect, streamed and whole: told, counted, nothing left.

What each fault comes to is what it comes to in the client (``support.fault_table``); where a relay
differs by right, the table here says in what and why.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gemstream.config.relay.options import ServerOptions
from gemstream.config.timeouts import Timeouts
from gemstream.emulator import Cut, Emulator, End, Rule, Script, serving
from gemstream.errors import (
    DecodeError,
    FirstChunkTimeout,
    GemstreamError,
    IdleTimeout,
    Internal,
    ProtocolError,
    ResourceExhausted,
    StreamInterrupted,
    StreamTruncated,
    TotalTimeout,
    Unavailable,
)
from gemstream.net.aiohttp_transport import AiohttpTransport
from gemstream.testing.leaks import LeakCheck
from support.fault_table import FAULT_ROWS, Row
from support.relay_callers import CALLERS, Caller, Met
from support.relayed import Answered, Relayed, relayed
from support.ways import LARGEST, Answer, Fails, brief

WAYS = ("in process", "aiohttp")
CALLS = ("stream", "generate")
# What callers of the three dialects are told of each error.
TOLD: Mapping[type[GemstreamError], set[str]] = {
    Unavailable: {"UNAVAILABLE", "overloaded", "overloaded_error"},
    ResourceExhausted: {"RESOURCE_EXHAUSTED", "rate_limit_exceeded", "rate_limit_error"},
    Internal: {"INTERNAL", "internal_error", "api_error"},
    StreamInterrupted: {"UNAVAILABLE", "upstream_lost", "api_error"},
    StreamTruncated: {"UNAVAILABLE", "upstream_lost", "api_error"},
    DecodeError: {"UNAVAILABLE", "upstream_malformed", "api_error"},
    ProtocolError: {"UNAVAILABLE", "upstream_malformed", "api_error"},
    IdleTimeout: {"DEADLINE_EXCEEDED", "timeout", "timeout_error"},
    FirstChunkTimeout: {"DEADLINE_EXCEEDED", "timeout", "timeout_error"},
    TotalTimeout: {"DEADLINE_EXCEEDED", "timeout", "timeout_error"},
}


class Differs(NamedTuple):
    """What callers whose name begins with ``callers`` meet instead, on ``ways``."""

    why: str
    met: Answer | Fails
    callers: tuple[str, ...] = ("",)
    ways: tuple[str, ...] = WAYS


_LARGE = "an event may have 64 MiB here, for a relay hands pictures on"
DIFFERS: Mapping[str, Differs] = {
    "huge": Differs(_LARGE, Answer(brief("A" * (LARGEST + 4)))),
    "gzip_bomb": Differs(_LARGE, Answer(brief("A" * 16 * LARGEST)), ways=("aiohttp",)),
    "content_type": Differs("it goes by the bytes, as the caller will", Answer("a")),
    "end at once": Differs(
        "an answer of nothing may succeed when it is asked again, and those dialects have none",
        Fails(StreamTruncated),
        callers=("openai", "anthropic"),
    ),
    "end in the JSON": Differs(
        "of what is handed on untouched only the counts are read",
        Fails(DecodeError),
        callers=("gemini whole",),
    ),
    "huge inline, that fits": Differs(
        "this dialect has no picture in an answer but as Markdown",
        Answer(brief(f"![image](data:image/png;base64,{'A' * 204800})")),
        callers=("anthropic",),
    ),
}


class Cell(NamedTuple):
    """One fault, on one way, in all dialects."""

    name: str
    row: Row
    way: str
    call: str

    def expected(self, caller: str) -> Answer | Fails:
        """Return what a caller comes to."""
        differs = DIFFERS.get(self.name)
        if differs is not None and self.way in differs.ways and caller.startswith(differs.callers):
            return differs.met
        met = self.row.met(self.call, self.way)
        assert isinstance(met, Answer | Fails)
        return met


def _cells() -> Iterator[object]:
    for kind, rows in FAULT_ROWS.items():
        for (look, row), way, call in itertools.product(rows.items(), WAYS, CALLS):
            name = f"{kind} {look}".strip()
            if way in row.only_on:
                yield pytest.param(Cell(name, row, way, call), id=f"{name}-{way}-{call}")


def test_each_difference_is_of_a_row() -> None:
    assert DIFFERS.keys() <= {
        f"{kind} {look}".strip() for kind, rows in FAULT_ROWS.items() for look in rows
    }


@asynccontextmanager
async def house_of(
    folder: Path, emulator: Emulator, way: str, timeouts: Timeouts | None = None
) -> AsyncIterator[Relayed]:
    options: dict[str, Any] = {}
    if timeouts is not None:
        options["server"] = ServerOptions(timeouts=timeouts)
    if way == "in process":
        async with relayed(folder, emulator, **options) as house:
            yield house
        return
    async with serving(emulator) as url:
        accounts = {"one": {"base_url": url}}
        transport = AiohttpTransport()
        async with relayed(
            folder, emulator, accounts=accounts, transport=transport, **options
        ) as house:
            yield house


@pytest.fixture(autouse=True, scope="module")
def _settled_heap() -> Iterator[None]:
    gc.collect()
    gc.freeze()  # a leak check looks at every object; what is here already is not the cells'
    yield
    gc.unfreeze()


@pytest.mark.parametrize("cell", list(_cells()))
async def test_a_fault_is_told_and_counted_and_leaves_nothing(tmp_path: Path, cell: Cell) -> None:
    leaks = LeakCheck()
    emulator = Emulator()
    timeouts = cell.row.timeouts_of(cell.call)
    async with house_of(tmp_path, emulator, cell.way, timeouts) as house:
        for name, caller in CALLERS.items():
            if caller.is_stream != (cell.call == "stream"):
                continue
            emulator.script = Script([Rule(steps=cell.row.steps_of(cell.call), method="*")])
            house.relay.parts.pool.reset("one")
            answer = await house.ask(caller.path, caller.body)
            expected = cell.expected(name)
            _check_told(caller.met(answer), expected)
            row = await _row(house, answer)
            _check_account(house, expected, row)
            await emulator.idle()
            _check_books(row, emulator, expected)
            assert house.relay.running == 0
        await emulator.idle()
    assert leaks.leaks() == []


def _check_told(met: Met, expected: Answer | Fails) -> None:
    if isinstance(expected, Answer):
        assert Met(brief(met.text), met.error) == Met(expected.text)
    else:
        assert met.text == expected.partial
        assert met.error in TOLD[expected.kind]


async def _row(house: Relayed, answer: Answered) -> Mapping[str, Any]:
    request_id = answer.headers["x-request-id"]
    (row,) = (row for row in await house.rows() if row["request_id"] == request_id)
    return row


def _check_account(house: Relayed, expected: Answer | Fails, row: Mapping[str, Any]) -> None:
    """An error speaks against its account; an overload is the model's, for every account."""
    facts = house.relay.parts.pool.facts(time.monotonic())
    spoken_against = [fact for fact in facts.accounts if fact.model]
    is_its_own = isinstance(expected, Fails) and row["error"] != "503 UNAVAILABLE"
    assert facts.in_flight == 0
    assert bool(spoken_against) == is_its_own, spoken_against


def _check_books(row: Mapping[str, Any], emulator: Emulator, expected: Answer | Fails) -> None:
    if isinstance(expected, Fails):
        is_short = issubclass(expected.kind, StreamTruncated)
        assert row["status"] == ("truncated" if is_short else "upstream_error")
        assert row["error"]
        return
    assert row["status"] == "ok"
    billed = emulator.journal[-1].usage
    if billed is not None and not row["is_estimated"]:
        # Of counts that fall the largest stand: nobody takes back what was used.
        assert row["total_tokens"] >= billed.total_token_count
        assert row["prompt_tokens"] == billed.prompt_token_count


STREAMS = {name: caller for name, caller in CALLERS.items() if caller.is_stream}


@pytest.mark.parametrize("fault", [Cut, End])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("caller", STREAMS.values(), ids=STREAMS)
async def test_broken_off_at_any_byte_what_went_down_is_whole_events(
    tmp_path: Path, caller: Caller, way: str, fault: type[Cut] | type[End]
) -> None:
    emulator = Emulator(Script([Rule(steps=["one ", "two ", "three"])]))
    texts = ("", "one ", "one two ", "one two three")
    async with house_of(tmp_path, emulator, way) as house:
        whole = caller.met(await house.ask(caller.path, caller.body))
        size = emulator.journal[-1].bytes
        assert whole == Met(texts[-1])
        step = 1 if way == "in process" else 13
        for byte in range(1, size, step):
            steps = ["one ", "two ", "three", fault(at_byte=byte)]
            emulator.script = Script([Rule(steps=steps)])
            house.relay.parts.pool.reset("one")
            answer = await house.ask(caller.path, caller.body)
            met = caller.met(answer)
            assert met.text in texts
            assert met.error is not None or met.text == texts[-1]
        rows = await house.rows()
    assert len(rows) == len({row["request_id"] for row in rows})
    assert {row["status"] for row in rows} <= {"ok", "truncated", "upstream_error"}
