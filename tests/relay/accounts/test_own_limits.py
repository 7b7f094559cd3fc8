"""An account's own limits: a place at once, or what is full."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gemstream.config.relay.options import AccountOptions
from gemstream.limits.memory_store import MemoryStore
from gemstream.limits.reservation import Reservation
from gemstream.policy.limit.claim import Spent
from gemstream.relay.accounts.account import Account
from gemstream.relay.accounts.own_limits import Full, OwnLimits
from support.limit_clock import SetClock


def account(name: str = "one", **limits: Any) -> Account:
    return Account(AccountOptions(name=name, api_key="key", **limits))


class Books:
    """Own limits over books whose time stands still until it is moved."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.store = MemoryStore(self.clock)
        self.limits = OwnLimits(self.store)

    def reserve(self, account: Account, model: str = "m", tokens: int = 1) -> Any:
        return asyncio.run(self.limits.reserve(account, model, tokens))

    def taken(self, account: Account, model: str = "m", tokens: int = 1) -> Reservation:
        reservation = self.reserve(account, model, tokens)
        assert isinstance(reservation, Reservation), reservation
        return reservation

    def full(self, account: Account, model: str = "m", tokens: int = 1) -> tuple[str, Any]:
        full = self.reserve(account, model, tokens)
        assert isinstance(full, Full), full
        return full.quota, full.retry_delay


def test_an_account_without_limits_keeps_no_books() -> None:
    books = Books()
    assert books.reserve(account()) is None
    assert books.store.size == 0


@pytest.mark.parametrize("quota", ["rpm", "rpd", "concurrency"])
def test_the_third_of_two_finds_it_full_for_that_model_alone(quota: str) -> None:
    limits = {quota: 2}
    books, one = Books(), account(**limits)
    books.taken(one)
    books.taken(one)
    assert books.full(one)[0] == quota
    books.taken(one, "other model")
    books.taken(account("two", **limits))


def test_a_minute_frees_requests_and_says_when() -> None:
    books, one = Books(), account(rpm=1)
    reservation = books.taken(one)
    reservation.stamp()
    reservation.settle(Spent(1))
    books.clock.go(20)
    assert books.full(one) == ("rpm", pytest.approx(40.0, abs=0.01))
    assert books.reserve(one).fits_at(100.0) == pytest.approx(140.0, abs=0.01)
    books.clock.go(40)
    books.taken(one)


def test_tokens_are_reserved_and_corrected() -> None:
    books, one = Books(), account(tpm=1000)
    reservation = books.taken(one, tokens=800)
    assert books.full(one, tokens=300)[0] == "tpm"
    reservation.settle(Spent(1, 100))
    books.taken(one, tokens=300)
    assert books.full(one, tokens=1001) == ("tpm", None)  # never fits


def test_what_was_not_sent_costs_nothing() -> None:
    books, one = Books(), account(rpm=1, concurrency=1)
    books.taken(one).settle(Spent())
    books.taken(one)


def test_new_limits_of_a_reload_hold_at_once() -> None:
    books = Books()
    books.taken(account(rpm=1))
    assert books.full(account(rpm=1))[0] == "rpm"
    books.taken(account(rpm=2))


def test_names_of_models_do_not_pile_up() -> None:
    books, one = Books(), account(rpm=5)
    for number in range(2000):
        books.taken(one, f"m{number}").settle(Spent(1))
        books.clock.go(1)
    assert books.store.size < 400


def test_a_cancelled_reservation_takes_nothing() -> None:
    books, one = Books(), account(concurrency=1)

    async def main() -> None:
        task = asyncio.create_task(books.limits.reserve(one, "m", 1))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    books.taken(one)
