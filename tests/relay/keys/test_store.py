from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec
import pytest

from gemstream.config.relay.options import BudgetOptions, DisconnectPolicy, KeyOptions
from gemstream.errors import ConfigError, InvalidRequest, InvalidState
from gemstream.policy.key.format import parse_key
from gemstream.relay.keys.book import KeyBook
from gemstream.relay.keys.hasher import KeyHasher
from gemstream.relay.keys.store import KeyStore
from gemstream.relay.secrets.master import MasterSecret
from gemstream.stores.database import Database
from gemstream.stores.statement import Statement
from support.limit_clock import NOON, SetClock
from support.relay_keys import MASTER, OTHER_MASTER

FULL = KeyOptions(
    name="team-a",
    models=("gemini-*",),
    surfaces=("openai",),
    cidrs=("10.0.0.0/8",),
    expires=2e9,
    rpm=5,
    concurrency=2,
    queue=3,
    budget=BudgetOptions(day=100),
    accounts=("one",),
    on_disconnect=DisconnectPolicy.DRAIN,
    heartbeat=15.0,
)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def store(books: Database, clock: SetClock) -> KeyStore:
    return KeyStore(books, MASTER, lambda: clock.wall)


async def opened_by(store: KeyStore, text: str, clock: SetClock) -> str | None:
    """Return the id of the key that ``text`` opens in a relay that has just read the store."""
    book = KeyBook((), KeyHasher(MASTER), lambda: clock.wall / 1e6)
    book.replace_stored(await store.credentials())
    found = book.find(text)
    return None if found is None else found.id


async def test_a_key_is_minted_and_opens_what_its_options_say(
    store: KeyStore, clock: SetClock
) -> None:
    minted = await store.mint(FULL, actor="ops")
    assert parse_key(minted.text) is not None
    assert minted.text not in repr(minted)
    book = KeyBook((), KeyHasher(MASTER))
    book.replace_stored(await store.credentials())
    found = book.find(minted.text)
    assert found is not None
    assert (found.id, found.name, found.last4) == (minted.id, "team-a", minted.text[-4:])
    assert (found.quotas.rpm, found.budget, found.accounts) == (5, FULL.budget, ("one",))
    assert found.on_disconnect is DisconnectPolicy.DRAIN
    (stored,) = await store.keys()
    assert (stored.id, stored.options, stored.last4) == (minted.id, FULL, minted.text[-4:])
    assert (stored.created, stored.changed, stored.old_until) == (NOON, NOON, None)


async def test_the_text_of_a_key_is_nowhere_in_the_file(
    store: KeyStore, books: Database, database_url: str, tmp_path: Path
) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("the files of a server are its own")
    minted = await store.mint(FULL, actor="ops")
    rotated = await store.rotate(minted.id, actor="ops")
    await books.aclose()
    held = _bytes_in(tmp_path)
    assert minted.id.encode() in held
    for text in (minted.text, rotated.text):
        assert text.encode() not in held
        assert text[19:62].encode() not in held  # its secret


def _bytes_in(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_a_rotated_key_opens_by_both_for_a_while(store: KeyStore, clock: SetClock) -> None:
    old = await store.mint(FULL, actor="ops")
    new = await store.rotate(old.id, actor="ops", grace=60.0)
    assert (new.id, new.name) == (old.id, "team-a")
    assert new.text != old.text
    assert await opened_by(store, old.text, clock) == await opened_by(store, new.text, clock)
    (stored,) = await store.keys()
    assert (stored.last4, stored.old_until) == (new.text[-4:], NOON + 60_000_000)
    clock.go(60.0)
    assert await opened_by(store, old.text, clock) is None
    assert await opened_by(store, new.text, clock) == old.id
    assert (await store.keys())[0].old_until is None


async def test_a_key_rotated_without_grace_opens_by_the_new_one_alone(
    store: KeyStore, clock: SetClock
) -> None:
    first = await store.mint(FULL, actor="ops")
    second = await store.rotate(first.id, actor="ops", grace=3600.0)
    third = await store.rotate(first.id, actor="ops", grace=0)
    opened = [await opened_by(store, one.text, clock) for one in (first, second, third)]
    assert opened == [None, None, first.id]


async def test_a_revoked_key_opens_nothing_and_its_name_is_free(
    store: KeyStore, clock: SetClock
) -> None:
    old = await store.mint(FULL, actor="ops")
    await store.revoke(old.id, actor="ops")
    assert await opened_by(store, old.text, clock) is None
    assert await store.keys() == []
    (revoked,) = await store.keys(revoked=True)
    assert (revoked.id, revoked.revoked) == (old.id, NOON)
    new = await store.mint(FULL, actor="ops")
    assert await opened_by(store, new.text, clock) == new.id
    for change in (store.revoke, store.rotate, store.disable):
        with pytest.raises(InvalidRequest, match="there is no key"):
            await change(old.id, actor="ops")  # type: ignore[operator]


async def test_a_disabled_key_is_known_and_its_fault_is_told(store: KeyStore) -> None:
    minted = await store.mint(FULL, actor="ops")
    book = KeyBook((), KeyHasher(MASTER))
    for switch, is_enabled in ((store.disable, False), (store.enable, True)):
        await switch(minted.id, actor="ops")
        book.replace_stored(await store.credentials())
        found = book.find(minted.text)
        assert found is not None and found.scope.is_enabled == is_enabled


async def test_a_key_is_edited_by_who_saw_it_last(store: KeyStore) -> None:
    minted = await store.mint(FULL, actor="ops")
    (seen,) = await store.keys()
    wider = msgspec.structs.replace(FULL, rpm=50)
    edited = await store.edit(minted.id, wider, actor="ops", revision=seen.revision)
    assert edited.options == wider
    with pytest.raises(InvalidState, match="was changed by somebody else meanwhile"):
        await store.edit(minted.id, FULL, actor="ops", revision=seen.revision)
    assert (await store.of(minted.id)).options == wider


async def test_of_many_edits_at_once_the_audit_knows_those_that_were_made(
    store: KeyStore,
) -> None:
    minted = await store.mint(FULL, actor="ops")

    async def edit(rpm: int) -> bool:
        try:
            await store.edit(minted.id, msgspec.structs.replace(FULL, rpm=rpm), actor="ops")
        except InvalidState:
            return False
        return True

    made = sum(await asyncio.gather(*(edit(rpm) for rpm in range(10, 30))))
    assert made >= 1
    audit = await store.audit(key_id=minted.id)
    assert len([entry for entry in audit if entry.action == "edit"]) == made


async def test_two_keys_never_have_one_name(store: KeyStore) -> None:
    answers = await asyncio.gather(
        *(store.mint(FULL, actor="ops") for _ in range(5)), return_exceptions=True
    )
    refused = [one for one in answers if isinstance(one, InvalidRequest)]
    assert len(refused) == 4
    assert "a key is named 'team-a' already" in str(refused[0])
    other = await store.mint(KeyOptions(name="team-b"), actor="ops")
    with pytest.raises(InvalidRequest, match="a key is named 'team-a' already"):
        await store.edit(other.id, FULL, actor="ops")


async def test_a_change_counts_the_version_up_and_nothing_else_does(store: KeyStore) -> None:
    versions = [await store.version()]
    minted = await store.mint(FULL, actor="ops")
    versions.append(await store.version())
    await store.keys()
    await store.edit(minted.id, FULL, actor="ops")  # changes nothing
    assert await store.version() == versions[-1]
    for change in (store.rotate, store.disable, store.revoke):
        await change(minted.id, actor="ops")  # type: ignore[operator]
        versions.append(await store.version())
    assert versions == sorted(set(versions))


async def test_every_change_is_in_the_audit_and_no_secret_is(
    store: KeyStore, clock: SetClock
) -> None:
    minted = await store.mint(FULL, actor="anna")
    clock.go(1)
    await store.edit(minted.id, msgspec.structs.replace(FULL, rpm=9, queue=0), actor="bert")
    clock.go(1)
    rotated = await store.rotate(minted.id, actor="anna")
    clock.go(1)
    await store.revoke(minted.id, actor="bert")
    other = await store.mint(FULL, actor="anna")
    audit = await store.audit(key_id=minted.id)
    assert [(one.action, one.actor, one.fields) for one in audit] == [
        ("revoke", "bert", ()),
        ("rotate", "anna", ("key",)),
        ("edit", "bert", ("rpm", "queue")),
        ("mint", "anna", ()),
    ]
    assert all(one.is_genuine for one in audit)
    assert len(await store.audit()) == 5
    assert len(await store.audit(2)) == 2
    shown = msgspec.json.encode(await store.audit()).decode()
    assert not any(text in shown for text in (minted.text, rotated.text, other.text))


async def test_a_row_of_the_audit_that_was_changed_is_seen(
    store: KeyStore, books: Database
) -> None:
    await store.mint(FULL, actor="anna")
    await books.run(Statement("UPDATE key_audit SET actor = ?", ("bert",)))
    assert [one.is_genuine for one in await store.audit()] == [False]
    assert [one.is_genuine for one in await KeyStore(books, OTHER_MASTER).audit()] == [False]
    newer = MasterSecret({2: "a-newer-master-secret-of-which-1-is-gone"})
    assert [one.is_genuine for one in await KeyStore(books, newer).audit()] == [None]


async def test_a_database_of_another_master_secret_is_told_before_callers_are(
    store: KeyStore, books: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await KeyStore(books, OTHER_MASTER).check()  # of no keys
    minted = await store.mint(FULL, actor="ops")
    await store.check()
    newer = MasterSecret({2: "a-newer-master-secret-of-which-1-is-gone"})
    for master in (OTHER_MASTER, newer):
        with pytest.raises(ConfigError, match="were made under another master secret"):
            await KeyStore(books, master).check()
    await KeyStore(books, newer).credentials()
    assert f"key {minted.id} opens nothing: version 1 of the master secret" in caplog.text


async def test_a_row_that_cannot_be_read_locks_out_no_other(
    store: KeyStore, books: Database, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    broken = await store.mint(FULL, actor="ops")
    whole = await store.mint(KeyOptions(name="team-b"), actor="ops")
    change = Statement("UPDATE keys SET options = ? WHERE id = ?", ('{"name": 7}', broken.id))
    await books.run(change)
    with caplog.at_level(logging.ERROR, "gemstream.relay"):
        assert await opened_by(store, whole.text, clock) == whole.id
        assert await opened_by(store, broken.text, clock) is None
    assert f"key {broken.id} opens nothing: the stored options of key" in caplog.text


@pytest.mark.parametrize("text", ["' OR 1=1 --", "'; DROP TABLE keys; --", "%", "?", "$1", "<now>"])
async def test_text_of_operators_is_text(store: KeyStore, text: str) -> None:
    minted = await store.mint(FULL, actor=text)
    with pytest.raises(InvalidRequest, match="there is no key"):
        await store.of(text)
    assert await store.audit(key_id=text) == []
    assert [one.actor for one in await store.audit()] == [text]
    assert [one.id for one in await store.keys()] == [minted.id]


@pytest.mark.parametrize("actor", ["", "two\nlines", "\0", "x" * 201])
async def test_a_change_is_made_by_somebody(store: KeyStore, actor: str) -> None:
    with pytest.raises(InvalidRequest, match="who changes a key is named in one line"):
        await store.mint(FULL, actor=actor)
    assert await store.keys() == []


async def test_an_id_with_a_typo_is_answered_with_the_nearest(store: KeyStore) -> None:
    minted = await store.mint(FULL, actor="ops")
    with pytest.raises(InvalidRequest, match=f"; {minted.id} is meant, perhaps"):
        await store.of(minted.id[:-1])


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (KeyOptions(name=""), "a key is named ''"),
        (KeyOptions(name="a", key="x" * 24), "its text cannot be chosen"),
        (KeyOptions(name="a", rpm=0), "its rpm is 0"),
    ],
)
async def test_options_that_cannot_be_used_are_not_stored(
    store: KeyStore, options: KeyOptions, why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        await store.mint(options, actor="ops")
    minted = await store.mint(FULL, actor="ops")
    with pytest.raises(ConfigError, match=why):
        await store.edit(minted.id, options, actor="ops")


@pytest.mark.parametrize("grace", [-1.0, float("nan"), float("inf")])
async def test_a_grace_that_is_none_is_refused(store: KeyStore, grace: float) -> None:
    minted = await store.mint(FULL, actor="ops")
    with pytest.raises(InvalidRequest, match="must be a number of seconds"):
        await store.rotate(minted.id, actor="ops", grace=grace)
