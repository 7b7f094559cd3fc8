"""Whether the relay says that it is well, and asks no more than it must to know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gemstream.config.relay.options import AccountOptions
from gemstream.errors import StoreUnavailable
from gemstream.policy.account.pool import AccountPool
from gemstream.relay.telemetry.health import Health
from gemstream.relay.telemetry.loop_lag import LoopLag
from gemstream.telemetry.decision import Decision, Verdict
from support.relayed import Relayed, relayed

ACCOUNT = AccountOptions(name="one", api_key="any")


class Books:
    """A database that answers, fails, or does not answer; ``asked``: how often it was."""

    def __init__(self, error: Exception | None = None, *, is_silent: bool = False) -> None:
        self._error = error
        self._is_silent = is_silent
        self.asked = 0

    async def fetch(self, sql: str, *args: object) -> list[Any]:
        """Answer as it is made."""
        self.asked += 1
        if self._is_silent:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        if self._error is not None:
            raise self._error
        return []


async def verdict(health: Health, *accounts: AccountOptions, is_draining: bool = False) -> bool:
    return await health.is_ready(AccountPool(accounts), is_draining=is_draining)


async def test_it_is_ready_when_nothing_is_missing() -> None:
    assert await verdict(Health(Books()), ACCOUNT)  # type: ignore[arg-type]


async def test_without_an_account_or_on_its_way_out_it_is_not() -> None:
    books = Books()
    health = Health(books)  # type: ignore[arg-type]
    assert not await verdict(health)
    disabled = AccountOptions(name="one", api_key="any", is_enabled=False)
    assert not await verdict(health, disabled)
    assert not await verdict(health, ACCOUNT, is_draining=True)
    assert not books.asked


async def test_without_its_database_it_is_not_and_operators_learn_why() -> None:
    health = Health(Books(StoreUnavailable("host 10.0.0.1 refuses")))  # type: ignore[arg-type]
    assert not await verdict(health, ACCOUNT)
    checks = await health.checks(AccountPool([ACCOUNT]), is_draining=False)
    assert [one.name for one in checks if not one.is_well] == ["database"]
    assert [one.detail for one in checks if not one.is_well] == ["StoreUnavailable"]


async def test_however_many_ask_the_database_is_asked_once() -> None:
    books = Books()
    health = Health(books)  # type: ignore[arg-type]
    assert all(await asyncio.gather(*(verdict(health, ACCOUNT) for _ in range(100))))
    assert all([await verdict(health, ACCOUNT) for _ in range(100)])
    assert books.asked == 1


async def test_a_database_that_does_not_answer_is_waited_for_a_moment_only() -> None:
    async with asyncio.timeout(20):
        assert not await verdict(Health(Books(is_silent=True)), ACCOUNT)  # type: ignore[arg-type]


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[Relayed]:
    async with relayed(folder) as one:
        yield one


async def test_who_drains_is_not_ready_and_lives(tmp_path: Path) -> None:
    async with house(tmp_path) as one:
        one.relay.begin_drain()
        ready = await one.ask("/readyz", key=None)
        live = await one.ask("/livez", key=None)
        failed = [check.name for check in await one.relay.checks() if not check.is_well]
    assert (ready.status, ready.body) == (503, b"not ready\n")
    assert live.status == 200
    assert failed == ["draining"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz"])
async def test_a_probe_is_told_no_detail(tmp_path: Path, path: str) -> None:
    async with house(tmp_path) as one:
        answer = await one.ask(path, key=None)
    assert answer.body == b"ok\n"
    assert answer.headers["x-request-id"].startswith("req_")


async def test_limits_that_are_away_are_told_and_make_nothing_unready(tmp_path: Path) -> None:
    async with house(tmp_path) as one:
        telemetry = one.relay.telemetry
        assert telemetry is not None
        telemetry.decided(Decision(verdict=Verdict.AWAY, scope=""))
        assert (await one.ask("/readyz", key=None)).status == 200
        assert telemetry.snapshot().value("limiter_degraded") == 1
        telemetry.decided(Decision(verdict=Verdict.BACK, scope=""))
        assert telemetry.snapshot().value("limiter_degraded") == 0


async def test_the_lag_of_a_loop_that_is_held_up_is_seen() -> None:
    """A callback that keeps the loop for longer than it looks away makes it late."""
    lag = LoopLag()
    lag.start()
    held = asyncio.Event()
    loop = asyncio.get_running_loop()
    until = loop.time() + 0.4

    def hold() -> None:
        while loop.time() < until:
            pass
        held.set()

    loop.call_soon(hold)
    await held.wait()
    assert lag.seconds > 0
    lag.stop()
    assert lag.seconds == lag.now == 0.0
