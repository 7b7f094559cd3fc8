"""The one timer of an exchange, on a clock that the test sets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream.errors import FirstChunkTimeout, IdleTimeout, StreamTimeout, TotalTimeout
from gemstream.net.timer import StreamTimer, head_timeout
from gemstream.net.transport import Deadlines
from support.clock import in_no_time


class _Watched:
    """A timer, and what it reported when."""

    def __init__(self, **limits: float) -> None:
        self._now = asyncio.get_running_loop().time
        self.reports: list[tuple[float, StreamTimeout]] = []
        self.timer = StreamTimer(Deadlines(**limits), self._now(), self._note)

    def asks(self) -> None:
        self.timer.waiting_since = self._now()

    def gets(self) -> None:
        self.timer.waiting_since = None

    def _note(self, error: StreamTimeout) -> None:
        self.reports.append((self._now(), error))

    @property
    def report(self) -> tuple[float, type[StreamTimeout], float | None]:
        [(at, error)] = self.reports
        return round(at, 6), type(error), error.timeout


async def _never_a_chunk() -> _Watched:
    watched = _Watched(first_chunk=3, idle=1, total=100, total_seconds=100)
    watched.asks()
    await asyncio.sleep(50)
    return watched


async def _silent_after_chunks() -> _Watched:
    watched = _Watched(first_chunk=3, idle=4, total=100, total_seconds=100)
    for _ in range(5):  # a chunk every two seconds
        watched.asks()
        await asyncio.sleep(2)
        watched.gets()
        watched.timer.began()
    watched.asks()
    await asyncio.sleep(50)
    return watched


async def _slow_reader() -> _Watched:
    watched = _Watched(idle=4, total=100, total_seconds=100)
    watched.timer.began()
    for _ in range(3):
        watched.asks()
        watched.gets()
        await asyncio.sleep(30)  # nobody asks
    watched.asks()
    await asyncio.sleep(3.9)
    watched.gets()
    await asyncio.sleep(50)  # now only total is left to pass
    return watched


async def _total_before_first_chunk() -> _Watched:
    watched = _Watched(first_chunk=9, total=5, total_seconds=7)
    await asyncio.sleep(50)
    return watched


async def _total_and_phase_at_once() -> _Watched:
    watched = _Watched(first_chunk=5, total=5, total_seconds=5)
    await asyncio.sleep(50)
    return watched


PASSED: dict[str, tuple[Any, tuple[float, type[StreamTimeout], float]]] = {
    "no chunk ever came": (_never_a_chunk, (3.0, FirstChunkTimeout, 3)),
    "silence after chunks": (_silent_after_chunks, (14.0, IdleTimeout, 4)),
    "a reader that did not ask": (_slow_reader, (100.0, TotalTimeout, 100)),
    "the total comes first": (_total_before_first_chunk, (5.0, TotalTimeout, 7)),
    "the total wins a draw": (_total_and_phase_at_once, (5.0, TotalTimeout, 5)),
}


@pytest.mark.parametrize("case", PASSED)
def test_a_timeout_is_reported_once_and_at_its_moment(case: str) -> None:
    scene, expected = PASSED[case]
    assert in_no_time(scene()).report == expected


async def _unlimited() -> _Watched:
    watched = _Watched()
    watched.timer.began()
    watched.asks()
    await asyncio.sleep(1e6)
    return watched


async def _no_idle() -> _Watched:
    watched = _Watched(first_chunk=1)
    watched.timer.began()
    watched.asks()
    await asyncio.sleep(1e6)
    return watched


async def _cancelled() -> _Watched:
    watched = _Watched(first_chunk=1, idle=1, total=1, total_seconds=1)
    watched.timer.cancel()
    watched.timer.cancel()
    await asyncio.sleep(50)
    return watched


async def _reader_moves_on_within_the_grace() -> _Watched:
    watched = _Watched(first_chunk=2, idle=1)
    watched.asks()
    asyncio.get_running_loop().call_later(2, _late_wakeup, watched, 2)
    await asyncio.sleep(50)
    return watched


def _late_wakeup(watched: _Watched, turns: int) -> None:
    """Read and leave, as a reader does whose bytes came while its timer was due already."""
    if turns:
        asyncio.get_running_loop().call_soon(_late_wakeup, watched, turns - 1)
    else:
        watched.gets()
        watched.timer.began()


async def _nobody_asked_for_the_first_chunk() -> _Watched:
    watched = _Watched(first_chunk=2)
    await asyncio.sleep(50)
    return watched


@pytest.mark.parametrize(
    "scene",
    [
        _unlimited,
        _no_idle,
        _cancelled,
        _reader_moves_on_within_the_grace,
        _nobody_asked_for_the_first_chunk,
    ],
)
def test_nothing_is_reported_when(scene: Any) -> None:
    assert in_no_time(scene()).reports == []


HEADS: list[tuple[dict[str, float], tuple[float | None, type[StreamTimeout]]]] = [
    ({}, (None, TotalTimeout)),
    ({"first_chunk": 5}, (15, FirstChunkTimeout)),
    ({"total": 12, "total_seconds": 9}, (12, TotalTimeout)),
    ({"first_chunk": 5, "total": 14}, (14, TotalTimeout)),
    ({"first_chunk": 5, "total": 16}, (15, FirstChunkTimeout)),
    ({"first_chunk": 5, "total": 15}, (15, TotalTimeout)),
]


@pytest.mark.parametrize(("limits", "expected"), HEADS)
def test_the_head_may_take_until_the_nearer_limit(limits: Any, expected: Any) -> None:
    until, late = head_timeout(Deadlines(**limits), 10.0)
    assert (until, type(late)) == expected


def test_a_total_without_known_seconds_still_speaks() -> None:
    _, late = head_timeout(Deadlines(total=1.0), 0.0)
    assert "longer than its limit in all" in str(late)


def test_a_timer_that_began_twice_counts_from_the_last_wait() -> None:
    async def scene() -> _Watched:
        watched = _Watched(idle=2)
        watched.timer.began()
        await asyncio.sleep(1)
        watched.timer.began()
        watched.asks()
        await asyncio.sleep(50)
        return watched

    assert in_no_time(scene()).report == (3.0, IdleTimeout, 2)
