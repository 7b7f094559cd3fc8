"""Pins in a database, SQLite and Postgres: whose a name is, in what order, and for how long."""

from __future__ import annotations

import pytest

from gemstream.relay.files.page import page_token, pin_of_token
from gemstream.relay.files.pins import LIFETIME, Pin, Pins
from gemstream.relay.refused import Refused
from gemstream.stores.database import Database
from support.databases import books, database_url
from support.postgres_server import postgres_url

__all__ = ("books", "database_url", "postgres_url")


class Clock:
    """Seconds that go by when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


async def test_a_pin_is_its_keys_alone(books: Database) -> None:
    pins = Pins(books)
    await pins.add("a", "files/x", "one")
    found = await pins.find("a", "files/x")
    assert found is not None and (found.name, found.account) == ("files/x", "one")
    assert await pins.find("b", "files/x") is None
    assert await pins.page("b", 10) == []
    await pins.remove("b", found)
    assert await pins.find("a", "files/x") == found
    await pins.remove("a", found)
    assert await pins.find("a", "files/x") is None


async def test_a_name_of_one_account_has_one_owner(books: Database) -> None:
    pins = Pins(books)
    await pins.add("a", "files/x", "one")
    await pins.add("b", "files/x", "two")
    await pins.add("b", "files/x", "one")
    assert await pins.find("a", "files/x") is None


async def test_the_newest_of_two_accounts_counts(books: Database) -> None:
    clock = Clock()
    pins = Pins(books, clock)
    await pins.add("a", "files/x", "two")
    clock.now += 1
    await pins.add("a", "files/x", "one")
    found = await pins.find("a", "files/x")
    assert found is not None and found.account == "one"


async def test_a_pin_ends_with_its_file(books: Database) -> None:
    clock = Clock()
    pins = Pins(books, clock)
    await pins.add("a", "files/x", "one")
    clock.now += LIFETIME - 1
    assert await pins.find("a", "files/x") is not None
    clock.now += 1
    assert await pins.find("a", "files/x") is None
    assert await pins.page("a", 10) == []
    await pins.add("a", "files/y", "one")
    assert await books.fetch("SELECT name FROM pins") == [("files/y",)]


async def test_pages_have_each_once_the_newest_first(books: Database) -> None:
    clock = Clock()
    pins = Pins(books, clock)
    for number in range(7):
        clock.now += number % 2  # some of the same moment
        await pins.add("a", f"files/{number}", "one")
    seen: list[str] = []
    after: Pin | None = None
    while page := await pins.page("a", 3, after):
        seen += [pin.name for pin in page]
        after = pin_of_token(page_token(page[-1]))
    assert seen == [f"files/{number}" for number in (6, 5, 4, 3, 2, 1, 0)]


@pytest.mark.parametrize("token", ["!", "abc", "e30", "WzEsMl0", "ä", "WzEsICJcdTAwMDAiXQ"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(Refused):
        pin_of_token(token)
