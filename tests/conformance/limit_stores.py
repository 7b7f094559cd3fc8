"""What every set of books does, whatever it is kept in: scenes for a store and a clock that is set.

A scene gets ``Books``: the store, and ``advance`` to let time pass in it. To hold another store to
them, add a factory to ``test_limit_stores.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gemstream.config.limits import Limits
from gemstream.limits.store import LimitStore
from gemstream.policy.limit.claim import DAY, MINUTE, Claim, Kind, Limit, Refused, Spent, Wait
from gemstream.policy.limit.quota import ScopeClaims, gate_of

SECOND = 1_000_000
SCOPE = "account|model"


class Books:
    """A store under test; ``advance`` lets microseconds pass, after all that was asked before."""

    def __init__(self, store: LimitStore, advance: Callable[[int], Awaitable[None]]) -> None:
        self.store = store
        self.advance = advance

    async def take(self, claims: tuple[Claim, ...]) -> str:
        """Reserve what must fit; return the name."""
        name = self.store.new_name()
        assert await self.store.reserve(name, claims) is None
        return name

    async def wait(self, claims: tuple[Claim, ...]) -> tuple[str, float | None]:
        """Reserve what must not fit; return which limit is full, and for how many seconds."""
        verdict = await self.store.reserve(self.store.new_name(), claims)
        assert isinstance(verdict, Wait), verdict
        if verdict.until is None:
            return verdict.claim.quota, None
        return verdict.claim.quota, (verdict.until - self.store.moment().now) / SECOND

    async def used(self, claims: tuple[Claim, ...]) -> list[int]:
        """Return what is used of each."""
        return [level.used for level in await self.store.levels(claims)]


Scene = Callable[[Books], Awaitable[None]]
SCENES: dict[str, Scene] = {}


def _scene(function: Scene) -> Scene:
    SCENES[function.__name__] = function
    return function


def _claims(tokens: int = 1, scope: str = SCOPE, **limits: int) -> tuple[Claim, ...]:
    return ScopeClaims(scope, Limits(**limits)).of(tokens)


@_scene
async def a_window_opens_when_the_oldest_stamp_leaves_it(books: Books) -> None:
    claims = _claims(rpm=2)
    for _ in range(2):
        books.store.stamp(await books.take(claims), claims)
        await books.advance(10 * SECOND)
    assert await books.wait(claims) == ("rpm", 40.0)
    await books.advance(40 * SECOND)
    await books.take(claims)
    assert await books.wait(claims) == ("rpm", 10.0)


@_scene
async def what_is_in_flight_counts_and_nobody_knows_for_how_long(books: Books) -> None:
    claims = _claims(rpm=1)
    name = await books.take(claims)
    await books.advance(5 * SECOND)
    assert await books.wait(claims) == ("rpm", None)
    books.store.stamp(name, claims)
    books.store.stamp(name, claims)
    assert await books.wait(claims) == ("rpm", 60.0)


@_scene
async def tokens_are_settled_by_what_they_were(books: Books) -> None:
    claims = _claims(80, tpm=100)
    name = await books.take(claims)
    assert await books.wait(claims) == ("tpm", None)
    books.store.adjust(name, claims, 60)
    assert (await books.used(claims))[1] == 60
    books.store.settle(name, claims, Spent(requests=1, tokens=10))
    await books.take(claims)
    assert (await books.used(claims))[1] == 90


@_scene
async def what_was_not_sent_is_given_back(books: Books) -> None:
    claims = _claims(50, rpm=1, tpm=50, rpd=1, concurrency=1)
    for _ in range(3):
        name = await books.take(claims)
        books.store.settle(name, claims, Spent())
    assert await books.used(claims) == [0, 0, 0, 0, 0]


@_scene
async def one_full_limit_takes_nothing_of_the_others(books: Books) -> None:
    claims = _claims(10, rpm=5, tpm=100, concurrency=1)
    await books.take(claims)
    assert await books.wait(claims) == ("concurrency", None)
    assert await books.used(claims) == [0, 1, 1, 10]


@_scene
async def of_two_full_limits_the_one_that_is_full_longest_is_named(books: Books) -> None:
    minute, both = _claims(rpm=1), _claims(rpm=1, rpd=1)
    books.store.stamp(await books.take(both), both)
    assert await books.wait(minute) == ("rpm", 60.0)
    quota, seconds = await books.wait(both)
    assert quota == "rpd"
    assert seconds is not None and seconds > 60


@_scene
async def a_request_larger_than_a_limit_never_fits(books: Books) -> None:
    claims = _claims(101, tpm=100)
    verdict = await books.store.reserve(books.store.new_name(), claims)
    assert verdict == Refused(claims[1])


@_scene
async def a_slot_is_free_once_it_is_settled(books: Books) -> None:
    claims = _claims(concurrency=1)
    name = await books.take(claims)
    books.store.stamp(name, claims)
    assert await books.wait(claims) == ("concurrency", None)
    books.store.settle(name, claims, Spent(requests=1))
    await books.take(claims)


@_scene
async def a_day_ends_at_midnight_in_the_west(books: Books) -> None:
    claims = _claims(rpd=1)
    name = await books.take(claims)
    books.store.settle(name, claims, Spent(requests=1))
    assert await books.wait(claims) == ("rpd", 12 * 3600.0)
    await books.advance(12 * 3600 * SECOND - 1)
    assert await books.wait(claims) == ("rpd", 0.000001)
    await books.advance(1)
    await books.take(claims)


@_scene
async def an_answer_that_begins_after_midnight_counts_for_both_days(books: Books) -> None:
    claims = _claims(rpd=2)
    name = await books.take(claims)
    await books.advance(12 * 3600 * SECOND)
    books.store.stamp(name, claims)
    assert await books.used(claims) == [0, 1]


@_scene
async def an_even_rate_has_its_burst_and_no_more(books: Books) -> None:
    limit = Limit(Kind.RATE, amount=60, period=MINUTE, burst=3)
    claims = (Claim(f"{SCOPE}|key", "key", limit),)
    for _ in range(3):
        await books.take(claims)
    assert await books.wait(claims) == ("key", 1.0)
    assert await books.used(claims) == [3]
    await books.advance(SECOND)
    name = await books.take(claims)
    books.store.settle(name, claims, Spent())
    await books.take(claims)


@_scene
async def a_hold_closes_the_gate_for_everybody(books: Books) -> None:
    claims = _claims(rpm=5)
    books.store.hold(gate_of(SCOPE), 30 * SECOND)
    books.store.hold(gate_of(SCOPE), 10 * SECOND)
    assert await books.wait(claims) == ("hold", 30.0)
    await books.advance(30 * SECOND)
    await books.take(claims)


@_scene
async def scopes_know_nothing_of_each_other(books: Books) -> None:
    for scope in ("a|m", "a|m{1}", "a|m}", "b%|m"):
        await books.take(_claims(scope=scope, rpm=1))


@_scene
async def scopes_are_found_by_how_they_begin(books: Books) -> None:
    for scope in ("a*|m", "a*|m{1}", "ab|m"):
        await books.take(_claims(scope=scope, rpm=1))
    assert sorted(await books.store.scopes("a*|")) == ["a*|m", "a*|m{1}"]
    assert await books.store.scopes("c") == []


@_scene
async def a_lower_limit_holds_at_once_and_a_higher_one_too(books: Books) -> None:
    for _ in range(3):
        books.store.stamp(await books.take(_claims(rpm=3)), _claims(rpm=3))
        await books.advance(SECOND)
    assert await books.wait(_claims(rpm=1)) == ("rpm", 59.0)
    await books.take(_claims(rpm=4))


@_scene
async def levels_say_when_all_is_free_again(books: Books) -> None:
    claims = _claims(rpm=3)
    assert [level.frees_at for level in await books.store.levels(claims)] == [None, None]
    books.store.stamp(await books.take(claims), claims)
    await books.advance(20 * SECOND)
    level = (await books.store.levels(claims))[1]
    assert (level.claim, level.used) == (claims[1], 1)
    assert level.frees_at == books.store.moment().now + 40 * SECOND


@_scene
async def settling_again_changes_nothing(books: Books) -> None:
    claims = _claims(10, rpm=5, tpm=50, rpd=5, concurrency=2)
    name = await books.take(claims)
    for _ in range(2):
        books.store.settle(name, claims, Spent(requests=1, tokens=7))
    assert await books.used(claims) == [0, 1, 1, 0, 7]


@_scene
async def after_two_idle_days_nothing_is_left(books: Books) -> None:
    claims = _claims(10, rpm=5, tpm=50, rpd=5, concurrency=2)
    name = await books.take(claims)
    books.store.settle(name, claims, Spent(requests=1, tokens=7))
    await books.advance(2 * DAY)
    assert await books.used(claims) == [0, 0, 0, 0, 0]
    assert books.store.sweep(claims)
