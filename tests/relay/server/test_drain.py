"""The sequence of leaving, on a clock that never really waits."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream.config.relay.options import ServerOptions
from gemstream.errors import StoreUnavailable
from gemstream.relay.server.drain import FAREWELL, drain
from support.clock import in_no_time

OPTIONS = ServerOptions(drain_delay=5, grace=120)


class House:
    """Application and listener at once: it notes what is asked of it, and when.

    ``ends``: when the last answer ends by itself; ``is_stubborn``: also cutting does not end it.
    """

    def __init__(self, ends: float = 0.0, *, is_stubborn: bool = False) -> None:
        self.told: list[tuple[str, float]] = []
        self._ended = asyncio.Event()
        self._is_stubborn = is_stubborn
        asyncio.get_running_loop().call_at(ends, self._ended.set)

    def begin_drain(self) -> None:
        self._note("drain")

    def stop_accepting(self) -> None:
        self._note("deaf")

    async def idle(self) -> None:
        await self._ended.wait()

    async def cut(self) -> None:
        self._note("cut")
        if not self._is_stubborn:
            self._ended.set()
        await self._ended.wait()

    async def close(self) -> None:
        self._note("closed")

    async def flush(self) -> None:
        self._note("flush")

    def _note(self, what: str) -> None:
        self.told.append((what, round(asyncio.get_running_loop().time(), 3)))


def left(
    house: Any, *, hurries: float | None = None, delay: float = OPTIONS.drain_delay, **given: Any
) -> tuple[bool, list[tuple[str, float]]]:
    async def main() -> Any:
        hurry = asyncio.Event()
        if hurries is not None:
            asyncio.get_running_loop().call_at(hurries, hurry.set)
        here = house(**given)
        return await drain(here, here, OPTIONS, hurry, delay=delay), here.told

    return in_no_time(main())


BEGUN = [("drain", 0.0), ("drain", 0.0)]


@pytest.mark.parametrize("ends", [7.0, 60.0, 114.0])
def test_answers_that_end_in_time_are_not_cut(ends: float) -> None:
    is_clean, told = left(House, ends=ends)
    assert is_clean
    assert told == [*BEGUN, ("deaf", 5.0), ("closed", ends), ("flush", ends)]


def test_it_accepts_for_the_delay_even_when_nothing_runs() -> None:
    assert left(House)[1] == [*BEGUN, ("deaf", 5.0), ("closed", 5.0), ("flush", 5.0)]


def test_answers_that_run_on_are_ended_before_the_grace_is_over() -> None:
    is_clean, told = left(House, ends=500.0)
    cut = OPTIONS.grace - FAREWELL
    assert not is_clean
    assert told == [*BEGUN, ("deaf", 5.0), ("cut", cut), ("closed", cut), ("flush", cut)]


def test_an_answer_that_cannot_be_ended_is_broken_off(caplog: pytest.LogCaptureFixture) -> None:
    is_clean, told = left(House, ends=500.0, is_stubborn=True)
    assert not is_clean
    assert told[-2:] == [("closed", 125.0), ("flush", 125.0)]
    assert "connections are broken off" in caplog.text


@pytest.mark.parametrize("at", [1.0, 50.0])
def test_a_second_signal_settles_at_once(at: float) -> None:
    is_clean, told = left(House, hurries=at, ends=500.0)
    assert not is_clean
    assert [entry for entry in told if entry[0] in ("cut", "flush")] == [("cut", at), ("flush", at)]


def test_a_terminal_does_not_wait_for_a_balancer() -> None:
    assert left(House, delay=0.0)[1][2] == ("deaf", 0.0)


def test_books_that_fail_do_not_keep_it(caplog: pytest.LogCaptureFixture) -> None:
    class Bankrupt(House):
        async def flush(self) -> None:
            raise StoreUnavailable("the disk is full")

    assert left(Bankrupt)[0]
    assert "the disk is full" in caplog.text


def test_books_that_hang_do_not_keep_it(caplog: pytest.LogCaptureFixture) -> None:
    class Slow(House):
        async def flush(self) -> None:
            await asyncio.Event().wait()

    assert left(Slow)[0]
    assert "could not be flushed" in caplog.text
