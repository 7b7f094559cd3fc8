from __future__ import annotations

import itertools
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import ConfigError
from gemstream.relay.secrets.master import MasterSecret, Purpose, parse_master
from gemstream.relay.secrets.master_file import MASTER_VARIABLE, master_file, read_master
from gemstream.relay.secrets.sealed import Place, Sealer
from support.relay_keys import MASTER, OTHER_MASTER

OLD, NEW = "the-first-master-secret-in-32-chars", "the-second-master-secret-in-32-chars"
PLACE = Place("accounts", "one", "api_key")
SEALER = Sealer(MASTER)


# --- one key for each purpose ----------------------------------------------------------------


def test_no_two_purposes_and_no_two_versions_have_one_key() -> None:
    master = MasterSecret({1: OLD, 2: NEW})
    keys = {master.sub_key(purpose, version) for purpose in Purpose for version in (1, 2)}
    assert len(keys) == 2 * len(Purpose)
    assert {len(key) for key in keys} == {32}
    assert master.sub_key(Purpose.SESSION) == master.sub_key(Purpose.SESSION, 2)


def test_a_derived_key_never_changes() -> None:
    # Written down: another label or another function would lock everybody out of their books.
    assert MasterSecret({1: OLD}).sub_key(Purpose.KEY_HASH).hex() == WRITTEN_DOWN


WRITTEN_DOWN = "c77ab54a75f52d92ee731c367f206f1f90f72a203ab0b00c651c9a322cbdee93"


@pytest.mark.parametrize(
    ("one", "other"), [pair for pair in itertools.permutations(Purpose, 2)], ids=str
)
def test_what_is_sealed_for_one_purpose_never_opens_for_another(
    one: Purpose, other: Purpose
) -> None:
    sealed = Sealer(MASTER, one).seal(b"secret", PLACE)
    with pytest.raises(ConfigError, match="cannot be opened"):
        Sealer(MASTER, other).open(sealed, PLACE)


# --- sealing ---------------------------------------------------------------------------------


@given(st.binary(max_size=4096), st.text(), st.text(), st.text())
def test_what_is_sealed_opens_in_its_place(
    secret: bytes, table: str, row: str, column: str
) -> None:
    place = Place(table, row, column)
    assert SEALER.open(SEALER.seal(secret, place), place) == secret


@pytest.mark.parametrize(
    "place",
    [
        Place("accounts", "two", "api_key"),
        Place("keys", "one", "api_key"),
        Place("accounts", "one", "note"),
        Place("accounts|one", "", "api_key"),
        Place("accounts", "one\x00", "api_key"),
    ],
)
def test_what_is_moved_elsewhere_does_not_open(place: Place) -> None:
    sealed = SEALER.seal(b"secret", PLACE)
    with pytest.raises(ConfigError, match="it was changed or moved"):
        SEALER.open(sealed, place)


def test_what_is_changed_does_not_open() -> None:
    sealed = SEALER.seal(b"secret", PLACE)
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(ConfigError):
            SEALER.open(bytes(changed), PLACE)
        with pytest.raises(ConfigError):
            SEALER.open(sealed[:at], PLACE)


def test_no_two_sealed_secrets_look_alike_or_show_anything() -> None:
    sealed = {SEALER.seal(b"the very secret", PLACE) for _ in range(100)}
    assert len(sealed) == 100
    assert not any(b"very" in one for one in sealed)


def test_another_master_secret_opens_nothing_and_says_what_to_do() -> None:
    sealed = SEALER.seal(b"secret", PLACE)
    with pytest.raises(ConfigError) as raised:
        Sealer(OTHER_MASTER).open(sealed, PLACE)
    assert str(raised.value) == (
        "api_key of 'one' in accounts cannot be opened: another master secret sealed it, or it was "
        "changed or moved; start the relay with the GEMSTREAM_RELAY_SECRET or the file "
        "relay.secret that it was stored under, or store it anew"
    )


def test_what_is_rotated_opens_with_the_new_version_alone() -> None:
    old = Sealer(MasterSecret({1: OLD})).seal(b"secret", PLACE)
    both = Sealer(MasterSecret({1: OLD, 2: NEW}))
    assert not both.is_current(old, PLACE)
    new = both.rotate(old, PLACE)
    assert both.is_current(new, PLACE)
    assert both.rotate(new, PLACE) == new
    assert Sealer(MasterSecret({2: NEW})).open(new, PLACE) == b"secret"
    with pytest.raises(ConfigError, match="version 1 of the relay's master secret is needed and"):
        Sealer(MasterSecret({2: NEW})).open(old, PLACE)


# --- where the master secret comes from ------------------------------------------------------


def test_the_environment_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "relay.secret"
    given_one = read_master({MASTER_VARIABLE: f"2:{NEW},1:{OLD}"}, path)
    assert given_one.versions == (2, 1)
    assert not path.exists()


def test_a_file_is_made_at_the_first_use_and_read_at_the_next(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path / "state")}
    path = master_file(environ)
    first, second = read_master(environ), read_master(environ)
    assert first.sub_key(Purpose.SESSION) == second.sub_key(Purpose.SESSION)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["relay.secret"]
    other = read_master({}, tmp_path / "other.secret")
    assert other.sub_key(Purpose.SESSION) != first.sub_key(Purpose.SESSION)


def test_many_that_make_it_at_once_read_the_same(tmp_path: Path) -> None:
    path, found = tmp_path / "relay.secret", set()
    start = threading.Barrier(8)

    def read() -> None:
        start.wait()
        found.add(read_master({}, path).sub_key(Purpose.SESSION))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "relay.secret"
    read_master({}, path)
    path.chmod(0o640)
    with pytest.raises(ConfigError, match=r"may be read by others \(mode 640\); run: chmod 600"):
        read_master({}, path)


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_text("")
    with pytest.raises(ConfigError, match="cannot be read or made"):
        read_master({}, tmp_path / "no-folder" / "relay.secret")


def test_a_file_that_is_damaged_is_told(tmp_path: Path) -> None:
    path = tmp_path / "relay.secret"
    path.write_bytes(b"\xff" * 40)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="is not ASCII text"):
        read_master({}, path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("short", "version 1 of the relay's master secret has 5 characters"),
        (f"x:{OLD}", "an entry whose version is no number"),
        (f"0:{OLD}", "has version 0"),
        (f"65536:{OLD}", "has version 65536"),
        (f"1:{OLD},1:{NEW}", "has version 1 twice"),
        (f"{'9' * 5000}:{OLD}", "has version 999999999"),
    ],
)
def test_a_master_secret_that_cannot_be_used_is_refused_and_not_quoted(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as raised:
        parse_master(text)
    assert OLD not in str(raised.value)


def test_a_master_secret_shows_itself_to_nobody() -> None:
    assert OLD not in repr(parse_master(OLD))
    assert parse_master(OLD).versions == (1,)
