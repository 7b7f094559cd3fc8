"""The accounts of a relay follow the database: in order, without loss, told when it is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from gemstream.config.relay.options import AccountOptions
from gemstream.errors import StoreUnavailable
from gemstream.relay.accounts.watch import AccountWatch
from support.clock import in_no_time


class Accounts:
    """A store whose accounts a test sets; ``gate`` holds readers back."""

    def __init__(self) -> None:
        self.at = 1
        self.names: tuple[str, ...] = ()
        self.counts: dict[str, int] = {}
        self.is_away = False
        self.gate = asyncio.Event()
        self.gate.set()

    def set(self, *names: str) -> None:
        self.at += 1
        self.names = names

    async def version(self) -> int:
        if self.is_away:
            raise StoreUnavailable("the database is out of reach")
        return self.at

    async def accounts(self) -> Sequence[AccountOptions]:
        found = [AccountOptions(name=name) for name in self.names]
        await self.gate.wait()
        return found

    async def resets(self) -> dict[str, int]:
        return dict(self.counts)


class Heard:
    """What a relay was told."""

    def __init__(self) -> None:
        self.taken: list[list[str]] = []
        self.reset: list[str] = []

    def take(self, accounts: Sequence[AccountOptions]) -> None:
        self.taken.append([one.name for one in accounts])


async def test_only_a_change_is_read() -> None:
    store, heard = Accounts(), Heard()
    watch = AccountWatch(store, heard.take, heard.reset.append)
    assert [await watch.read(), await watch.read()] == [True, False]
    store.set("one")
    assert await watch.read()
    assert heard.taken == [[], ["one"]]


async def test_what_was_read_first_never_follows_what_was_read_after_it() -> None:
    store, heard = Accounts(), Heard()
    watch = AccountWatch(store, heard.take, heard.reset.append)
    store.set("old")
    store.gate.clear()
    slow = asyncio.create_task(watch.read())
    await asyncio.sleep(0)
    store.set("new")
    fast = asyncio.create_task(watch.read())
    store.gate.set()
    await asyncio.gather(slow, fast)
    assert heard.taken[-1] == ["new"]


async def test_resets_of_before_are_no_news_and_later_ones_are_told_once() -> None:
    store, heard = Accounts(), Heard()
    store.counts = {"one": 3}
    watch = AccountWatch(store, heard.take, heard.reset.append)
    await watch.read()
    assert heard.reset == []
    store.counts = {"one": 4, "two": 1}
    store.set()
    await watch.read()
    store.set()
    await watch.read()
    assert heard.reset == ["one", "two"]


def test_a_database_that_is_away_changes_nothing_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store, heard = Accounts(), Heard()
    store.names = ("one",)
    watch = AccountWatch(store, heard.take, heard.reset.append)

    async def away_and_back() -> None:
        await watch.read()
        store.is_away = True
        following = asyncio.create_task(watch.follow())
        await asyncio.sleep(10)
        assert watch.is_away
        store.is_away = False
        await asyncio.sleep(10)
        assert not watch.is_away
        following.cancel()

    in_no_time(away_and_back())
    assert heard.taken == [["one"]]
    assert caplog.text.count("stay as they were read last") == 1
