"""The machine's books: shared, kept over restarts, freed of the dead, and never in the way."""

from __future__ import annotations

import asyncio
import gc
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gemstream.config.limits import Limits
from gemstream.config.state_folder import state_folder
from gemstream.errors import ConfigError, InvalidState, RateLimited
from gemstream.limits.ask import Ask
from gemstream.limits.clock import Clock
from gemstream.limits.lane import Lane
from gemstream.limits.sqlite_store import SQLiteStore, limits_file
from gemstream.policy.limit.claim import (
    MICROSECONDS,
    MINUTE,
    Claim,
    Kind,
    Limit,
    Spent,
    Unit,
    Wait,
)
from support.limit_clock import SetClock

SLOT = (Claim("slot", "concurrency", Limit(Kind.SLOTS, 1), Unit.RUNNING),)
RPM = (Claim("rpm", "rpm", Limit(Kind.WINDOW, 3)),)
TPM = (Claim("tpm", "tpm", Limit(Kind.WINDOW, 100), Unit.TOKENS, 40),)
RPD = (Claim("rpd", "rpd", Limit(Kind.DAILY, 250)),)
ALL = (*SLOT, *RPM, *TPM, *RPD)

Open = Callable[..., SQLiteStore]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gemstream" / "limits.sqlite3"


@pytest.fixture
async def open_store(path: Path) -> AsyncIterator[Open]:
    """Open one more process's view of the same file; all are closed in the end."""
    stores = list[SQLiteStore]()

    def open_one(clock: Clock | None = None, **options: Any) -> SQLiteStore:
        stores.append(SQLiteStore(path, clock=clock or SetClock(), **options))
        return stores[-1]

    yield open_one
    for store in stores:
        await store.aclose()


async def take(store: SQLiteStore, claims: tuple[Claim, ...]) -> str:
    name = store.new_name()
    assert await store.reserve(name, claims) is None
    return name


async def used(store: SQLiteStore, claims: tuple[Claim, ...]) -> list[int]:
    return [level.used for level in await store.levels(claims)]


async def test_processes_share_one_allowance(open_store: Open) -> None:
    one, other = open_store(), open_store()
    for store in (one, other, one):
        name = await take(store, RPM)
        store.stamp(name, RPM)
        store.settle(name, RPM, Spent(1))
    for store in (one, other):
        verdict = await store.reserve(store.new_name(), RPM)
        assert isinstance(verdict, Wait)
        assert verdict.until == store.moment().now + MINUTE


async def test_what_is_settled_is_settled_before_the_next_is_asked(open_store: Open) -> None:
    store = open_store()
    for _ in range(100):
        store.settle(await take(store, SLOT), SLOT, Spent(1))


async def test_what_is_settled_here_frees_a_slot_there(open_store: Open) -> None:
    one, other = open_store(), open_store()
    name = await take(one, SLOT)
    assert isinstance(await other.reserve(other.new_name(), SLOT), Wait)
    one.settle(name, SLOT, Spent(1))
    assert await used(one, SLOT) == [0]
    await take(other, SLOT)


async def test_a_days_count_survives_a_restart(open_store: Open) -> None:
    first = open_store()
    for _ in range(3):
        first.settle(await take(first, ALL), ALL, Spent(1, 5))
    await first.aclose()
    second = open_store()
    assert await used(second, ALL) == [0, 3, 15, 3]


async def test_a_machine_that_starts_anew_knows_the_day_and_no_slots(open_store: Open) -> None:
    clock = SetClock()
    before = open_store(clock)
    name = await take(before, ALL)
    before.stamp(name, ALL)
    await used(before, ALL)
    # The clock that never steps begins anew; the process that held a slot is no more.
    after = open_store(SetClock(wall=clock.wall + 90 * MICROSECONDS, now=7 * MICROSECONDS))
    assert await used(after, ALL) == [0, 0, 0, 1]


@pytest.mark.parametrize(("passed", "is_free"), [(29, False), (31, True)])
async def test_what_a_dead_process_held_is_free_once_its_lease_is_over(
    open_store: Open, passed: float, is_free: bool
) -> None:
    clock = SetClock()
    await take(open_store(clock), ALL)
    clock.go(passed)
    living = open_store(clock)
    # One request, with the tokens that were estimated: it may well have been sent.
    assert await used(living, ALL) == [0 if is_free else 1, 1, 40, 1]
    assert isinstance(await living.reserve(living.new_name(), SLOT), Wait) is not is_free


async def test_what_was_used_by_then_is_what_a_dead_process_is_charged(open_store: Open) -> None:
    clock = SetClock()
    dead = open_store(clock)
    dead.adjust(await take(dead, TPM), TPM, 77)
    await used(dead, TPM)
    clock.go(31)
    living = open_store(clock)
    assert await used(living, TPM) == [77]
    clock.go(60)
    assert await used(living, TPM) == [0], "from then on its window runs"


async def test_a_process_that_was_only_stopped_counts_again(open_store: Open) -> None:
    clock = SetClock()
    stopped, other = open_store(clock), open_store(clock)
    name = await take(stopped, SLOT)
    clock.go(31)
    theirs = await take(other, SLOT)
    await take(stopped, RPM)  # it goes on, and renews its lease
    assert await used(other, SLOT) == [2]
    other.settle(theirs, SLOT, Spent(1))
    assert isinstance(await other.reserve(other.new_name(), SLOT), Wait)
    stopped.settle(name, SLOT, Spent(1))
    assert await used(stopped, SLOT) == [0]


async def test_a_process_that_closes_frees_what_it_held_at_once(open_store: Open) -> None:
    leaving, staying = open_store(), open_store()
    await take(leaving, ALL)
    await leaving.aclose()
    assert await used(staying, ALL) == [0, 1, 40, 1]
    await take(staying, SLOT)


async def test_closed_it_says_so_and_settling_is_nothing(open_store: Open) -> None:
    store = open_store()
    name = await take(store, SLOT)
    await store.aclose()
    store.settle(name, SLOT, Spent(1))
    store.stamp(name, SLOT)
    with pytest.raises(InvalidState, match="was closed"):
        await store.reserve(store.new_name(), SLOT)
    await store.aclose()


async def test_a_store_that_is_dropped_lets_go(open_store: Open, path: Path) -> None:
    dropped, staying = SQLiteStore(path, clock=SetClock()), open_store()
    await take(dropped, SLOT)
    last = dropped._file
    del dropped
    gc.collect()
    await asyncio.wrap_future(last.close())
    await take(staying, SLOT)


async def test_the_file_follows_use_and_not_the_number_of_names(
    open_store: Open, path: Path
) -> None:
    clock = SetClock()
    store = open_store(clock)
    sizes = list[int]()
    for number in range(400):
        claims = (
            Claim(f"account|{number}|rpm", "rpm", Limit(Kind.WINDOW, 10)),
            Claim(f"account|{number}|slots", "concurrency", Limit(Kind.SLOTS, 2), Unit.RUNNING),
        )
        store.settle(await take(store, claims), claims, Spent(1))
        clock.go(2)
        if number % 100 == 99:
            await store.levels(SLOT)
            rows = sqlite3.connect(path)
            sizes.append(rows.execute("SELECT count(*) FROM books").fetchone()[0])
            held = rows.execute("SELECT count(*) FROM held").fetchone()[0]
            rows.close()
            assert held == 0
    assert max(sizes) < 150, sizes


def spoil_as_garbage(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 500)


def spoil_as_folder(path: Path) -> None:
    path.mkdir(parents=True)


def spoil_home(path: Path) -> None:
    path.parent.touch()  # where the folder should be made


def spoil_version(path: Path) -> None:
    path.parent.mkdir()
    rows = sqlite3.connect(path)
    rows.execute("PRAGMA user_version = 99")
    rows.close()


def spoil_row(path: Path) -> None:
    path.parent.mkdir()
    rows = sqlite3.connect(path, isolation_level=None)
    rows.execute("CREATE TABLE books (key TEXT PRIMARY KEY, state BLOB, claim BLOB)")
    rows.execute("CREATE TABLE holders (holder TEXT PRIMARY KEY, renewed INTEGER, until INTEGER)")
    rows.execute(
        "CREATE TABLE held (name TEXT PRIMARY KEY, holder TEXT, claims BLOB, tokens INTEGER)"
    )
    rows.execute("INSERT INTO books VALUES ('slot', x'00ff', x'00')")
    rows.execute("PRAGMA user_version = 1")
    rows.close()


@pytest.mark.parametrize(
    ("spoil", "advice"),
    [
        (spoil_as_garbage, "delete the file"),
        (spoil_as_folder, "is its folder there and writable"),
        (spoil_home, "is its folder there and writable"),
        (spoil_version, "newer gemstream"),
        (spoil_row, "a row that is none of ours"),
    ],
)
async def test_without_its_file_a_process_counts_alone_and_says_so_once(
    open_store: Open,
    path: Path,
    spoil: Callable[[Path], None],
    advice: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spoil(path)
    told = list[Any]()
    store = open_store(told=told.append)
    with caplog.at_level(logging.WARNING, "gemstream.limits"):
        name = await take(store, SLOT)
        assert isinstance(await store.reserve(store.new_name(), SLOT), Wait)
        store.settle(name, SLOT, Spent(1))
        await take(store, SLOT)
        assert await used(store, SLOT) == [1]
        assert not store.sweep(SLOT)
    (decision,) = told
    assert decision.verdict.name == "AWAY"
    assert advice in decision.setting
    assert decision.setting.startswith("limits are counted in this process alone: ")
    assert [record.getMessage() for record in caplog.records] == [decision.setting]


async def test_a_file_that_another_keeps_is_given_up_in_time(open_store: Open, path: Path) -> None:
    told = list[Any]()
    store = open_store(told=told.append, patience=0.05)
    await used(store, SLOT)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.hold(Claim("gate", "hold", Limit(Kind.GATE)), MINUTE)
    verdict = await store.reserve(store.new_name(), (Claim("gate", "hold", Limit(Kind.GATE)),))
    assert isinstance(verdict, Wait), "a hold that could not be written holds all the same"
    assert [decision.verdict.name for decision in told] == ["AWAY"]
    other.execute("ROLLBACK")
    other.close()


async def test_what_was_held_in_a_file_that_was_given_up_lapses(
    open_store: Open, path: Path
) -> None:
    clock = SetClock()
    store = open_store(clock, lease=0.003, patience=0.05)
    name = await take(store, SLOT)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await used(store, SLOT) == [0], "it counts alone, and anew"
    other.execute("ROLLBACK")
    store.settle(name, SLOT, Spent(1))
    # A renewal that had begun by then is over once this is.
    await asyncio.wrap_future(store._file.submit(lambda rows: None))
    clock.go(1)
    until = "SELECT until FROM holders"
    seen = {other.execute(until).fetchone() for _ in range(200)}
    assert len(seen) == 1, "nobody renews what nobody will settle"
    other.close()
    assert await used(open_store(clock), SLOT) == [0]


@pytest.mark.parametrize("name", ["lease", "patience"])
@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf")])
def test_a_number_that_cannot_be_used_is_refused(path: Path, name: str, seconds: float) -> None:
    with pytest.raises(ConfigError, match=f"{name} is .* above 0"):
        SQLiteStore(path, **{name: seconds})


async def test_lanes_wait_in_order_for_what_another_process_frees(open_store: Open) -> None:
    order, waiting = list[int](), asyncio.Semaphore(0)

    def tell(decision: Any) -> None:
        if decision.verdict.name == "WAITING":
            waiting.release()

    ask = Ask(limits=Limits(concurrency=1), told=tell)
    row = Lane("scope", open_store(Clock()))
    theirs = await Lane("scope", open_store(Clock())).reserve(ask)

    async def wait(number: int) -> None:
        taken = await row.reserve(ask)
        order.append(number)
        taken.settle(Spent(1))

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(wait(number))
            await waiting.acquire()
        theirs.settle(Spent(1))
    assert order == list(range(10))


@pytest.mark.parametrize("cancelled_at", range(8))
async def test_a_cancel_at_any_step_loses_no_slot(open_store: Open, cancelled_at: int) -> None:
    row, ask = Lane("scope", open_store(Clock())), Ask(limits=Limits(concurrency=1))
    tasks = [asyncio.create_task(row.reserve(ask)) for _ in range(3)]
    for _ in range(cancelled_at):
        await asyncio.sleep(0)
    for task in tasks[:2]:
        task.cancel()
    async with asyncio.timeout(60):
        for task in tasks:
            try:
                (await task).settle(Spent(1))
            except asyncio.CancelledError:
                assert task.cancelled()
        (await row.reserve(ask)).settle(Spent(1))


async def test_no_patience_says_when_to_come_back(open_store: Open) -> None:
    row = Lane("scope", open_store())
    ask = Ask(limits=Limits(rpm=1), patience=0)
    taken = await row.reserve(ask)
    taken.stamp()
    with pytest.raises(RateLimited) as caught:
        await row.reserve(ask)
    assert caught.value.retry_delay == 60


@pytest.mark.parametrize(
    ("environ", "platform", "folder"),
    [
        ({"XDG_STATE_HOME": "/s", "HOME": "/h"}, "linux", "/s/gemstream"),
        ({"XDG_STATE_HOME": "s", "HOME": "/h"}, "linux", "/h/.local/state/gemstream"),
        ({"HOME": "/h"}, "linux", "/h/.local/state/gemstream"),
        ({"HOME": "/h"}, "darwin", "/h/Library/Application Support/gemstream"),
        ({"HOME": "/h", "LOCALAPPDATA": "/l"}, "win32", "/l/gemstream"),
        ({"HOME": "/h", "LOCALAPPDATA": "/l"}, "linux", "/h/.local/state/gemstream"),
    ],
)
def test_state_is_kept_where_the_system_keeps_it(
    environ: dict[str, str], platform: str, folder: str
) -> None:
    assert state_folder(environ, platform) == Path(folder)


def test_limits_have_a_file_there() -> None:
    assert limits_file({"XDG_STATE_HOME": "/s"}) == Path("/s/gemstream/limits.sqlite3")


def test_a_user_without_a_home_is_told_what_to_set() -> None:
    with pytest.raises(ConfigError, match="set XDG_STATE_HOME"):
        state_folder({"HOME": "nowhere"}, "linux")
