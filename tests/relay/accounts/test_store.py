"""Accounts in the database: sealed, compare-and-set, audited, and taken over by running relays."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from gemstream.config.relay.options import AccountOptions
from gemstream.errors import InvalidRequest, InvalidState
from gemstream.relay.accounts.store import AccountStore
from gemstream.relay.secrets.master import MasterSecret
from gemstream.stores.database import Database
from support.relay_keys import MASTER, OTHER_MASTER
from support.relayed import MODEL, prompt, relayed

SECRET = "AIzaSyTheKeyOfAnAccountThatNobodySees00"
ONE = AccountOptions(name="one", api_key=SECRET, rpm=7)
BY = "a test"
WHOLE = f"/v1beta/models/{MODEL}:generateContent"


async def test_an_account_comes_back_with_its_key_and_its_row_does_not_hold_it(
    books: Database,
) -> None:
    store = AccountStore(books, MASTER)
    made = await store.create(ONE, actor=BY)
    assert await store.accounts() == [ONE]
    assert made.options.api_key == ""
    for row in await books.fetch("SELECT * FROM accounts"):
        assert SECRET.encode() not in b"|".join(
            one if isinstance(one, bytes) else str(one).encode() for one in row
        )


async def test_every_change_counts_the_version_up_and_is_signed(books: Database) -> None:
    store = AccountStore(books, MASTER)
    await store.create(ONE, actor=BY)
    await store.edit(msgspec.structs.replace(ONE, api_key="", rpm=8), actor=BY)
    await store.reset("one", actor=BY)
    await store.delete("one", actor=BY)
    assert await store.version() == 4
    entries = await store.audit()
    told = {(one.action, one.key_id, one.fields, one.is_genuine) for one in entries}
    assert told == {
        ("create", "account one", (), True),
        ("edit", "account one", ("rpm",), True),
        ("reset", "account one", (), True),
        ("delete", "account one", (), True),
    }
    assert await store.stored() == []


async def test_a_row_that_somebody_wrote_into_the_audit_is_not_genuine(books: Database) -> None:
    store = AccountStore(books, MASTER)
    await store.note("reload", "options", actor=BY)
    (entry,) = await AccountStore(books, OTHER_MASTER).audit()
    assert entry.is_genuine is False


async def test_an_edit_keeps_the_key_unless_another_is_given(books: Database) -> None:
    store = AccountStore(books, MASTER)
    await store.create(ONE, actor=BY)
    await store.edit(msgspec.structs.replace(ONE, api_key="", priority=1), actor=BY)
    assert [one.api_key for one in await store.accounts()] == [SECRET]
    await store.edit(msgspec.structs.replace(ONE, api_key="another-key"), actor=BY)
    assert [one.api_key for one in await store.accounts()] == ["another-key"]


async def test_an_edit_of_what_was_changed_meanwhile_is_refused(books: Database) -> None:
    store = AccountStore(books, MASTER)
    made = await store.create(ONE, actor=BY)
    changed = msgspec.structs.replace(ONE, api_key="", rpm=9)
    await store.edit(changed, actor=BY, revision=made.revision)
    with pytest.raises(InvalidState, match="meanwhile"):
        await store.edit(ONE, actor=BY, revision=made.revision)


async def test_a_name_twice_and_one_that_is_not_there_are_refused(books: Database) -> None:
    store = AccountStore(books, MASTER)
    await store.create(ONE, actor=BY)
    with pytest.raises(InvalidRequest, match="already"):
        await store.create(ONE, actor=BY)
    with pytest.raises(InvalidRequest, match="did you mean one"):
        await store.delete("onne", actor=BY)
    with pytest.raises(InvalidRequest, match="one line"):
        await store.delete("one", actor="two\nlines")


async def test_keys_are_sealed_anew_and_open_without_the_old_secret(books: Database) -> None:
    old = "an-old-master-secret-of-32-characters-or-more"
    new = "a-new-master-secret-of-32-characters-or-more"
    await AccountStore(books, MasterSecret({1: old})).create(ONE, actor=BY)
    both = AccountStore(books, MasterSecret({1: old, 2: new}))
    assert await both.rewrap(actor=BY) == 1
    assert await both.rewrap(actor=BY) == 0
    assert await AccountStore(books, MasterSecret({2: new})).accounts() == [ONE]


async def test_an_account_that_cannot_be_opened_is_left_out_and_told(
    books: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await AccountStore(books, OTHER_MASTER).create(ONE, actor=BY)
    store = AccountStore(books, MASTER)
    two = msgspec.structs.replace(ONE, name="two")
    await store.create(two, actor=BY)
    assert await store.accounts() == [two]
    assert "'one' is not used" in caplog.text and SECRET not in caplog.text


async def test_a_running_relay_serves_from_a_stored_account_and_stops_when_it_is_gone(
    tmp_path: Path,
) -> None:
    async with relayed(tmp_path, accounts={"one": {"is_enabled": False}}) as house:
        assert (await house.ask(WHOLE, prompt())).status == 503
        store = house.relay.parts.account_store
        extra = AccountOptions(name="extra", api_key=SECRET, base_url="http://one")
        await store.create(extra, actor=BY)
        await house.relay.parts.refresh()
        assert (await house.ask(WHOLE, prompt())).status == 200
        assert [row["account"] for row in await house.rows()] == ["extra"]
        house.relay.parts.reconfigure(house.relay.parts.configured)
        assert (await house.ask(WHOLE, prompt())).status == 200
        await store.delete("extra", actor=BY)
        await house.relay.parts.refresh()
        assert (await house.ask(WHOLE, prompt())).status == 503


async def test_of_two_with_one_name_the_files_is_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with relayed(tmp_path) as house:
        await house.relay.parts.account_store.create(ONE, actor=BY)
        await house.relay.parts.refresh()
        assert house.relay.parts.accounts["one"].options.rpm is None
    assert "'one' is not used: the file has one too" in caplog.text


async def test_a_reset_reaches_the_pool_of_every_relay(tmp_path: Path) -> None:
    async with relayed(tmp_path) as house:
        parts = house.relay.parts
        heard: list[str] = []
        watch = type(parts.account_watch)(parts.account_store, len, heard.append)
        await watch.read()
        await parts.account_store.reset("one", actor=BY)
        await watch.read()
        await watch.read()
    assert heard == ["one"]
