from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest

from gemstream.config.relay.options import KeyOptions
from gemstream.errors import StoreUnavailable
from gemstream.policy.key.format import mint
from gemstream.relay.keys.book import Credential
from gemstream.relay.keys.hasher import KeyHasher
from gemstream.relay.keys.watch import KeyWatch
from support.clock import in_no_time
from support.relay_keys import LITERAL, MASTER, a_book, a_key

HASHER = KeyHasher(MASTER)
ONE, TWO = mint(bytes(40)), mint(b"\1" * 40)


class Keys:
    """A store whose keys a test sets."""

    def __init__(self, *texts: str) -> None:
        self.at = 0
        self.readings = 0
        self.is_away = False
        self.set(*texts)

    def set(self, *texts: str) -> None:
        self.at += 1
        self.texts = texts

    async def version(self) -> int:
        await asyncio.sleep(0)
        if self.is_away:
            raise StoreUnavailable("the database is out of reach")
        return self.at

    async def credentials(self) -> Sequence[Credential]:
        self.readings += 1
        found = []
        for key in (one for one in (ONE, TWO) if one.text in self.texts):
            digest = HASHER.digest(key.text)
            assert digest is not None
            found.append(Credential(key=a_key(key.id), digest=digest, pepper=HASHER.current))
        return found


def test_a_revoked_key_opens_nothing_after_five_seconds() -> None:
    async def watch() -> None:
        keys, gone = Keys(ONE.text, TWO.text), list[str]()
        book = a_book(KeyOptions(name="team-a", key=LITERAL))
        watching = KeyWatch(book, keys, gone.append)
        await watching.read()
        assert book.find(ONE.text) is not None
        following = asyncio.create_task(watching.follow())
        await asyncio.sleep(60)
        assert keys.readings == 1  # nothing changed, nothing is read
        keys.set(TWO.text)
        await asyncio.sleep(5)
        assert book.find(ONE.text) is None
        assert book.find(TWO.text) is not None
        assert book.find(LITERAL) is not None
        assert (keys.readings, gone) == (2, [ONE.id])
        following.cancel()

    in_no_time(watch())


def test_a_store_that_is_away_changes_nothing_and_is_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def watch() -> None:
        keys, book = Keys(ONE.text), a_book()
        watching = KeyWatch(book, keys)
        await watching.read()
        following = asyncio.create_task(watching.follow())
        keys.is_away = True
        keys.set(TWO.text)
        await asyncio.sleep(60)
        assert watching.is_away
        assert book.find(ONE.text) is not None
        keys.is_away = False
        await asyncio.sleep(5)
        assert not watching.is_away
        assert book.find(ONE.text) is None
        assert book.find(TWO.text) is not None
        following.cancel()

    with caplog.at_level(logging.WARNING, "gemstream.relay"):
        in_no_time(watch())
    assert [record.message for record in caplog.records] == [
        "keys stay as they were read last, changes wait: the database is out of reach",
        "keys are read again",
    ]


async def test_the_first_reading_tells_that_the_store_is_away() -> None:
    keys = Keys(ONE.text)
    keys.is_away = True
    with pytest.raises(StoreUnavailable):
        await KeyWatch(a_book(), keys).read()


async def test_a_stored_key_that_a_configured_one_hides_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    book = a_book(KeyOptions(name=ONE.id, key=LITERAL))
    assert await KeyWatch(book, Keys(ONE.text)).read()
    assert f"the stored key {ONE.id} opens nothing" in caplog.text
