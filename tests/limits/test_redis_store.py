"""Limits in Redis: many processes, leases, outages, and servers that cannot be used."""

from __future__ import annotations

import asyncio
import gc
import queue
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gemstream.config.limits import Limits
from gemstream.errors import ConfigError, StoreUnavailable
from gemstream.limits.ask import Ask
from gemstream.limits.away import Away
from gemstream.limits.lane import Lane
from gemstream.limits.redis_store import RedisStore
from gemstream.policy.limit.claim import Claim, Spent, Wait
from gemstream.policy.limit.quota import ScopeClaims, gate_of
from gemstream.telemetry.decision import Decision, Verdict
from support.limit_clock import NOON, TIME_FROM_A_KEY, TIME_KEY
from support.redis_server import RedisAt, RedisProcess, redis_process

SCOPE = "account|model"
SECOND = 1_000_000
HOLDER = Path(__file__).with_name("holder.py")
# A machine with other things to do may let an answer wait for longer than a user would like.
PATIENT = 20.0


def _claims(tokens: int = 1, scope: str = SCOPE, **limits: int) -> tuple[Claim, ...]:
    return ScopeClaims(scope, Limits(**limits)).of(tokens)


class _Told:
    """What the store's thread tells, to be waited for."""

    def __init__(self) -> None:
        self._decisions: queue.Queue[Decision] = queue.Queue()

    def __call__(self, decision: Decision) -> None:
        self._decisions.put(decision)

    def next(self) -> Decision:
        return self._decisions.get(timeout=PATIENT)

    @property
    def is_silent(self) -> bool:
        return self._decisions.empty()


@pytest.fixture
def own_server() -> Iterator[RedisProcess]:
    with redis_process() as process:
        yield process


async def _used(store: RedisStore, claims: tuple[Claim, ...]) -> list[int]:
    return [level.used for level in await store.levels(claims)]


# --- one round trip, in order, from everywhere -----------------------------------------------


async def test_a_reservation_is_one_round_trip_and_takes_what_was_corrected_along(
    redis_server: RedisAt,
) -> None:
    store, claims = RedisStore(redis_server.url, timeout=PATIENT), _claims(10, rpm=500, tpm=9000)
    await store.levels(claims)  # connected, the script is known
    redis_server.command("CONFIG", "RESETSTAT")
    names = [store.new_name() for _ in range(50)]
    for name in names:
        assert await store.reserve(name, claims) is None
    assert redis_server.commands()["evalsha"] == 50
    for name in names:
        store.settle(name, claims, Spent())
    await store.levels(claims)
    redis_server.command("CONFIG", "RESETSTAT")
    for _ in range(50):
        name = store.new_name()
        assert await store.reserve(name, claims) is None
        store.stamp(name, claims)
        store.settle(name, claims, Spent(requests=1, tokens=3))
    ran = redis_server.commands()
    assert await _used(store, claims) == [0, 50, 150]
    # A correction goes along with the next reservation, or alone when that is late by 2 ms.
    assert 50 <= ran.pop("evalsha") <= 101
    assert not {"script|load", "info", "eval"} & ran.keys()
    await store.aclose()


async def test_a_correction_counts_before_the_next_reservation(redis_server: RedisAt) -> None:
    store, claims = RedisStore(redis_server.url, timeout=PATIENT), _claims(concurrency=1)
    for _ in range(200):
        name = store.new_name()
        assert await store.reserve(name, claims) is None
        store.settle(name, claims, Spent())
    await store.aclose()


def test_one_store_serves_loops_in_turn_and_at_once(redis_server: RedisAt) -> None:
    store, claims = RedisStore(redis_server.url, timeout=PATIENT), _claims(rpm=1000)

    async def scene() -> None:
        names = [store.new_name() for _ in range(10)]
        await asyncio.gather(*(store.reserve(name, claims) for name in names))

    def work() -> None:
        for _ in range(3):
            asyncio.run(scene())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asyncio.run(_used(store, claims)) == [0, 120]
    asyncio.run(store.aclose())


async def test_a_destructor_may_settle(redis_server: RedisAt) -> None:
    store = RedisStore(redis_server.url, timeout=PATIENT)
    claims = _claims(concurrency=1)

    class Answer:
        def __init__(self, name: str) -> None:
            self.name, self.cycle = name, self

        def __del__(self) -> None:
            store.settle(self.name, claims, Spent())

    for _ in range(20):
        name = store.new_name()
        assert await store.reserve(name, claims) is None
        Answer(name)
        gc.collect()
    await store.aclose()


async def test_a_cancelled_reservation_leaves_nothing(redis_server: RedisAt) -> None:
    store = RedisStore(redis_server.url, timeout=PATIENT)
    lane, limits = Lane(SCOPE, store), Limits(rpm=50, concurrency=50)
    for turns in range(12):
        task = asyncio.create_task(lane.reserve(Ask(limits=limits)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled():
            task.result().settle(Spent())
    assert await _used(store, _claims(rpm=50, concurrency=50)) == [0, 0, 0]
    await store.aclose()


async def test_what_is_settled_at_the_end_is_written(redis_server: RedisAt) -> None:
    claims, other = _claims(concurrency=1), RedisStore(redis_server.url, timeout=PATIENT)
    for _ in range(5):
        store = RedisStore(redis_server.url, timeout=PATIENT)
        name = store.new_name()
        assert await store.reserve(name, claims) is None
        store.settle(name, claims, Spent())
        await store.aclose()
    assert await _used(other, claims) == [0, 0]
    await other.aclose()


def test_a_program_that_just_ends_has_settled(redis_server: RedisAt) -> None:
    program = """
        import asyncio, sys
        from gemstream.config.limits import Limits
        from gemstream.limits.redis_store import RedisStore
        from gemstream.policy.limit.claim import Spent
        from gemstream.policy.limit.quota import ScopeClaims

        store = RedisStore(sys.argv[1], timeout=20)
        claims = ScopeClaims("account|model", Limits(concurrency=1)).of(1)

        async def main():
            name = store.new_name()
            assert await store.reserve(name, claims) is None
            store.settle(name, claims, Spent())

        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(program), redis_server.url]
    subprocess.run(command, check=True, timeout=60)
    store = RedisStore(redis_server.url, timeout=PATIENT)
    assert asyncio.run(_used(store, _claims(concurrency=1))) == [0, 0]
    asyncio.run(store.aclose())


def test_a_forked_child_has_books_of_its_own_and_leaves_its_parents(redis_server: RedisAt) -> None:
    program = """
        import asyncio, os, sys
        from gemstream.config.limits import Limits
        from gemstream.limits.redis_store import RedisStore
        from gemstream.policy.limit.claim import Spent, Wait
        from gemstream.policy.limit.quota import ScopeClaims

        store = RedisStore(sys.argv[1], timeout=20)
        one = ScopeClaims("account|model", Limits(concurrency=1)).of(1)
        two = ScopeClaims("account|model", Limits(concurrency=2)).of(1)
        name = store.new_name()
        assert asyncio.run(store.reserve(name, one)) is None
        if os.fork():
            assert os.wait()[1] == 0
        else:
            store.settle(name, one, Spent())  # as a destructor in the child would
            assert isinstance(asyncio.run(store.reserve(store.new_name(), one)), Wait)
            assert asyncio.run(store.reserve(store.new_name(), two)) is None
            asyncio.run(store.aclose())
            os._exit(0)
        assert isinstance(asyncio.run(store.reserve(store.new_name(), two)), Wait)
        store.settle(name, one, Spent())
        assert asyncio.run(store.reserve(store.new_name(), two)) is None
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program), redis_server.url]
    subprocess.run(command, check=True, timeout=60)


async def test_a_scope_in_which_something_runs_is_remembered(redis_server: RedisAt) -> None:
    store, claims = RedisStore(redis_server.url, timeout=PATIENT), _claims(rpm=5)
    name = store.new_name()
    assert await store.reserve(name, claims) is None
    assert not store.sweep(claims)
    store.settle(name, claims, Spent())
    await store.levels(claims)
    assert store.sweep(claims)
    await store.aclose()


async def test_claims_of_several_scopes_are_refused(redis_server: RedisAt) -> None:
    store = RedisStore(redis_server.url)
    with pytest.raises(ConfigError, match="several scopes"):
        await store.reserve("n", (*_claims(rpm=1), *_claims(scope="b|m", rpm=1)))


# --- keys ------------------------------------------------------------------------------------


async def test_every_key_ends_by_itself(redis_server: RedisAt) -> None:
    store = RedisStore(redis_server.url, timeout=PATIENT)
    for index in range(100):
        scope = f"account|model-{index}"
        claims = _claims(10, scope, rpm=5, tpm=99, concurrency=2)
        name = store.new_name()
        assert await store.reserve(name, claims) is None
        store.stamp(name, claims)
        store.hold(gate_of(scope), 5 * SECOND)
    day = _claims(scope="a|day", rpd=5)
    await store.reserve(store.new_name(), day)
    await store.aclose()
    keys = redis_server.command("KEYS", "*")
    assert len(keys) > 300
    minutes = [redis_server.command("PTTL", key) / 1000 for key in keys if b"a|day" not in key]
    assert all(0 < left <= 95 for left in minutes), max(minutes)
    days = [redis_server.command("PTTL", key) / 1000 for key in keys if b"a|day" in key]
    assert all(0 < left <= 27 * 3600 for left in days), max(days)


async def test_a_cluster_decides_in_one_slot() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1] % 40000 + 10000
    with redis_process("--cluster-enabled", "yes", "--port", str(port)) as process:
        process.command("CLUSTER", "ADDSLOTS", *range(16384))
        process.wait_until(b"cluster_state:ok", "CLUSTER", "INFO")
        store = RedisStore(process.url, timeout=PATIENT)
        claims = _claims(10, "a{b}|m}", rpm=5, tpm=99, rpd=3, concurrency=2)
        assert await store.reserve(store.new_name(), claims) is None
        assert await _used(store, claims) == [0, 1, 1, 1, 10]
        await store.aclose()


# --- leases ----------------------------------------------------------------------------------


@contextmanager
def _holder(url: str, lease: float) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(HOLDER), url, str(lease)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield holder
        finally:
            holder.kill()


async def test_a_killed_holder_frees_its_slot_with_its_lease(redis_server: RedisAt) -> None:
    lease = 1.0
    with _holder(redis_server.url, lease) as holder:
        store, claims = RedisStore(redis_server.url, timeout=PATIENT), _claims(concurrency=1)
        # It is held for longer than one lease, by being renewed.
        for _ in range(8):
            assert isinstance(await store.reserve(store.new_name(), claims), Wait)
            await asyncio.sleep(lease / 4)
        holder.kill()
        killed = time.monotonic()
        await Lane(SCOPE, store).reserve(Ask(limits=Limits(concurrency=1)))
        assert time.monotonic() - killed <= lease + 1
        await store.aclose()


async def test_what_a_killed_process_had_in_flight_stays_in_the_window(
    redis_server: RedisAt,
) -> None:
    """The service may have counted it at any moment until the process was killed."""
    redis_server.command("SET", TIME_KEY, NOON)
    claims = _claims(rpm=1)
    gone = RedisStore(redis_server.url, timeout=PATIENT, time_source=TIME_FROM_A_KEY)
    assert await gone.reserve(gone.new_name(), claims) is None
    await gone.aclose()
    other = RedisStore(redis_server.url, timeout=PATIENT, time_source=TIME_FROM_A_KEY)
    redis_server.command("SET", TIME_KEY, NOON + 30 * SECOND)
    wait = await other.reserve(other.new_name(), claims)
    assert isinstance(wait, Wait) and wait.until is not None
    assert wait.until - other.moment().now == pytest.approx(60 * SECOND, abs=SECOND)
    redis_server.command("SET", TIME_KEY, NOON + 90 * SECOND)
    assert await other.reserve(other.new_name(), claims) is None
    await other.aclose()


@pytest.mark.parametrize("loss", ["FLUSHALL", "the lease ran out"])
async def test_what_still_runs_is_counted_again_when_the_books_forgot_it(
    redis_server: RedisAt, loss: str
) -> None:
    redis_server.command("SET", TIME_KEY, NOON)
    told, claims = _Told(), _claims(7, rpm=2, tpm=10, concurrency=1)
    # It beats every tenth of a second, in a time that stands still.
    store = RedisStore(
        redis_server.url, timeout=PATIENT, lease=0.3, told=told, time_source=TIME_FROM_A_KEY
    )
    name = store.new_name()
    assert await store.reserve(name, claims) is None
    if loss == "FLUSHALL":
        redis_server.command(
            "EVAL", f"redis.call('FLUSHALL') redis.call('SET', '{TIME_KEY}', {NOON})", 0
        )
    else:
        redis_server.command("SET", TIME_KEY, NOON + SECOND)
    decision = await asyncio.to_thread(told.next)
    assert (decision.verdict, decision.scope) == (Verdict.LOST, SCOPE)
    assert await _used(store, claims) == [0, 1, 1, 7]
    store.settle(name, claims, Spent(requests=1, tokens=3))
    assert await _used(store, claims) == [0, 1, 0, 3]
    await store.aclose()


async def test_a_server_that_forgot_the_script_is_taught_it(redis_server: RedisAt) -> None:
    store, claims = RedisStore(redis_server.url, timeout=PATIENT), _claims(rpm=9)
    for used in range(1, 4):
        assert await store.reserve(store.new_name(), claims) is None
        redis_server.command("SCRIPT", "FLUSH")
        assert await _used(store, claims) == [0, used]
    await store.aclose()


async def test_a_connection_that_the_server_closed_is_no_outage(redis_server: RedisAt) -> None:
    told = _Told()
    store = RedisStore(redis_server.url, timeout=PATIENT, told=told)
    claims = _claims(rpm=9)
    for used in range(1, 5):
        assert await store.reserve(store.new_name(), claims) is None
        redis_server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert await _used(store, claims) == [0, used]
    assert told.is_silent
    await store.aclose()


@pytest.mark.parametrize("step", [-3600, 3600])
async def test_a_clock_that_steps_gives_one_allowance_at_most(
    redis_server: RedisAt, step: int
) -> None:
    redis_server.command("SET", TIME_KEY, NOON)
    store = RedisStore(redis_server.url, timeout=PATIENT, time_source=TIME_FROM_A_KEY)
    claims = _claims(rpm=2, rpd=5)

    async def admitted() -> int:
        count = 0
        for _ in range(9):
            name = store.new_name()
            if await store.reserve(name, claims) is None:
                store.settle(name, claims, Spent(requests=1))
                count += 1
        return count

    assert await admitted() == 2
    redis_server.command("SET", TIME_KEY, NOON + step * SECOND)
    assert await admitted() == (2 if step > 0 else 0)
    # And no stall: a minute later there is room again, whatever the clock shows.
    redis_server.command("SET", TIME_KEY, NOON + (step + 60) * SECOND)
    assert await admitted() == (1 if step > 0 else 2)
    await store.aclose()


# --- the server is away ----------------------------------------------------------------------


async def test_without_a_server_each_limit_does_what_it_was_told(tmp_path: Path) -> None:
    told = _Told()
    url = f"unix://{tmp_path}/none.sock"
    away = {"rpm": Away.OPEN, "tpm": Away.CLOSED}
    store = RedisStore(url, told=told, away=away)
    for _ in range(3):
        assert await store.reserve(store.new_name(), _claims(rpm=1)) is None
    with pytest.raises(StoreUnavailable, match="tpm is closed"):
        await store.reserve(store.new_name(), _claims(tpm=1))
    held = store.new_name()
    assert await store.reserve(held, _claims(concurrency=1)) is None
    assert isinstance(await store.reserve(store.new_name(), _claims(concurrency=1)), Wait)
    store.settle(held, _claims(concurrency=1), Spent())
    assert await store.reserve(store.new_name(), _claims(concurrency=1)) is None
    with pytest.raises(StoreUnavailable, match="out of reach"):
        await store.levels(_claims(rpm=1))
    decision = told.next()
    assert (decision.verdict, decision.scope) == (Verdict.AWAY, url)
    assert decision.setting == (
        "until it is back this process keeps to its share of rpd, concurrency; "
        "nothing holds of rpm; nothing is sent that counts to tpm"
    )
    assert told.is_silent
    await store.aclose()


async def test_a_limit_without_a_rule_is_closed(tmp_path: Path) -> None:
    store = RedisStore(f"unix://{tmp_path}/none.sock")
    budget = Claim(f"{SCOPE}|budget", "budget", _claims(tpm=100)[1].limit)
    with pytest.raises(StoreUnavailable, match="budget is closed"):
        await store.reserve(store.new_name(), (budget,))
    await store.aclose()


async def test_a_share_is_the_limit_divided_by_the_processes_that_were_seen(
    own_server: RedisAt,
) -> None:
    stores = [RedisStore(own_server.url, timeout=PATIENT, connect_timeout=PATIENT) for _ in "abc"]
    claims = _claims(rpm=8, concurrency=2)
    for store in stores:
        name = store.new_name()
        assert await store.reserve(name, claims) is None
        store.settle(name, claims, Spent())
        assert await _used(store, claims) == [0, 0, 0]  # written: another's comes next
    own_server.stop()
    last, alone = stores[2], _claims(rpm=8)
    admitted = [await last.reserve(last.new_name(), alone) for _ in range(4)]
    assert [verdict is None for verdict in admitted] == [True, True, False, False]  # 8 // 3
    slots = [await last.reserve(last.new_name(), _claims(concurrency=2)) for _ in range(2)]
    assert [verdict is None for verdict in slots] == [True, False]  # at least one
    large = _claims(90, tpm=100)  # larger than a share: it takes all of it
    assert await last.reserve(last.new_name(), large) is None
    assert isinstance(await last.reserve(last.new_name(), large), Wait)
    for store in stores:
        await store.aclose()


async def test_a_server_that_comes_back_is_told_what_runs(own_server: RedisAt) -> None:
    told = _Told()
    store = RedisStore(own_server.url, timeout=PATIENT, connect_timeout=PATIENT, told=told)
    claims = _claims(5, rpm=20, tpm=100, rpd=9, concurrency=8)
    before = store.new_name()
    assert await store.reserve(before, claims) is None
    own_server.stop()
    meanwhile = store.new_name()
    assert await store.reserve(meanwhile, claims) is None
    assert (await asyncio.to_thread(told.next)).verdict is Verdict.AWAY
    own_server.start()
    assert {(await asyncio.to_thread(told.next)).verdict for _ in range(2)} == {
        Verdict.BACK,
        Verdict.LOST,  # what ran before: this server forgets by being stopped
    }
    # Of the day only what came meanwhile is counted: the other's had been, in the lost books.
    assert await _used(store, claims) == [0, 2, 1, 2, 10]
    for name in (before, meanwhile):
        store.settle(name, claims, Spent(requests=1, tokens=2))
    assert await _used(store, claims) == [0, 2, 1, 0, 4]
    assert told.is_silent
    await store.aclose()


async def test_a_server_that_answers_nothing_holds_nobody_up(own_server: RedisAt) -> None:
    told = _Told()
    store, claims = RedisStore(own_server.url, told=told, connect_timeout=PATIENT), _claims(rpm=9)
    while told.is_silent:
        assert await store.reserve(store.new_name(), claims) is None
        own_server.freeze()
    assert told.next().verdict is Verdict.AWAY
    own_server.thaw()
    assert (await asyncio.to_thread(told.next)).verdict is Verdict.BACK
    await store.aclose()


# --- servers and settings that cannot be used ------------------------------------------------


@pytest.mark.parametrize("password", ["wrong", None])
async def test_a_wrong_password_is_a_config_error(password: str | None) -> None:
    with redis_process("--requirepass", "right") as process:
        url = process.url if password is None else process.url_with(password)
        store = RedisStore(url, connect_timeout=PATIENT, timeout=PATIENT)
        for _ in range(2):
            with pytest.raises(ConfigError, match="does not let us in") as caught:
                await store.reserve(store.new_name(), _claims(rpm=1))
            assert "wrong" not in str(caught.value).replace("WRONGPASS", "")
        await store.aclose()
        right = RedisStore(process.url_with("right"), connect_timeout=PATIENT, timeout=PATIENT)
        assert await right.reserve(right.new_name(), _claims(rpm=1)) is None
        await right.aclose()


async def test_a_database_that_is_not_there_is_a_config_error() -> None:
    with redis_process() as process:
        store = RedisStore(f"{process.url}?db=99", connect_timeout=PATIENT, timeout=PATIENT)
        with pytest.raises(ConfigError, match="has no such database: DB index is out of range"):
            await store.reserve(store.new_name(), _claims(rpm=1))
        await store.aclose()


@contextmanager
def _old_server() -> Iterator[str]:
    """Answer as a server of version 5 would, to as many commands as a connection begins with."""

    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        info = b"# Server\r\nredis_version:5.0.14\r\n"
        with connection:
            while data := connection.recv(65536):
                if b"INFO\r\n" in data:
                    connection.sendall(b"$%d\r\n%s\r\n" % (len(info), info))
                else:
                    connection.sendall(b"+OK\r\n" * data.count(b"*"))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,))
        thread.start()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


async def test_a_server_that_is_too_old_is_a_config_error() -> None:
    with _old_server() as url:
        store = RedisStore(url, timeout=PATIENT, connect_timeout=PATIENT)
        with pytest.raises(ConfigError, match=r"version 5\.0\.14; 6\.2 is the oldest"):
            await store.reserve(store.new_name(), _claims(rpm=1))
        await store.aclose()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:6379", "'localhost' is no scheme"),
        ("", "'nothing' is no scheme"),
        ("http://:secret@host", "'http' is no scheme"),
        ("redis://:secret@host:port", "cannot be used"),
        ("redis://:secret@host/0?colour=1", "an option that is not known: colour"),
    ],
)
def test_a_url_that_leads_nowhere_is_a_config_error(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        RedisStore(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("option", ["timeout", "connect_timeout", "lease"])
@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_number_of_seconds_that_is_none_is_a_config_error(option: str, seconds: float) -> None:
    with pytest.raises(ConfigError, match=option):
        RedisStore("redis://host", **{option: seconds})  # type: ignore[arg-type]
