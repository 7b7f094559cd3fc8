from __future__ import annotations

import random
from typing import Any

import pytest

from gemstream.config.relay.options import BudgetOptions, KeyOptions
from gemstream.errors import ConfigError
from gemstream.policy.key.format import RANDOM_BYTES, KeyText, mint
from gemstream.relay.keys.book import Credential, KeyBook
from gemstream.relay.keys.hasher import KeyHasher
from gemstream.relay.secrets.master import MasterSecret
from support.relay_keys import LITERAL, MASTER, OTHER_MASTER, a_book, a_key

A = KeyOptions(name="team-a", key=LITERAL)
HASHER = KeyHasher(MASTER)
seeded = random.Random(6)
MINTED = mint(seeded.randbytes(RANDOM_BYTES))


def stored(text: KeyText, hasher: KeyHasher = HASHER, **fields: Any) -> Credential:
    digest = hasher.digest(text.text)
    assert digest is not None
    key = a_key(text.id)
    return Credential(key=key, digest=digest, pepper=hasher.current, **fields)


def test_a_configured_key_is_found_by_its_text_and_known_by_its_name() -> None:
    found = a_book(A).find(LITERAL)
    assert found is not None
    assert (found.id, found.name, found.last4) == ("team-a", "team-a", "full")


def test_a_minted_key_may_be_configured() -> None:
    found = a_book(KeyOptions(name="team-a", key=MINTED.text)).find(MINTED.text)
    assert found is not None
    assert found.id == "team-a"


def test_a_stored_key_is_found_by_its_text_and_known_by_its_id() -> None:
    book = a_book(A)
    book.replace_stored([stored(MINTED)])
    found = book.find(MINTED.text)
    assert found is not None
    assert found.id == MINTED.id
    assert book.find(LITERAL) is not None


@pytest.mark.parametrize(
    "presented",
    [
        "",
        LITERAL[:-1],
        LITERAL + "x",
        LITERAL.upper(),
        LITERAL[:20],
        LITERAL[:20] + "another tail",
        "team-a",
        "' OR 1=1 --",
        "'; DROP TABLE keys; --",
        "%",
        "_" * 24,
        "\0" * 24,
        MINTED.id,
        MINTED.text[:-1],
        mint(seeded.randbytes(RANDOM_BYTES)).text,
        "schlüssel",
    ],
)
def test_nothing_else_is_a_key(presented: str) -> None:
    book = a_book(A)
    book.replace_stored([stored(MINTED)])
    assert book.find(presented) is None


def test_two_keys_with_one_id_are_told_apart_by_the_whole_text() -> None:
    one, other = (mint(b"\7" * 8 + seeded.randbytes(32)) for _ in range(2))
    book = a_book()
    book.replace_stored([stored(one)])
    assert one.id == other.id
    assert book.find(one.text) is not None
    assert book.find(other.text) is None


def test_two_keys_with_one_beginning_are_two_keys() -> None:
    beginning = "x" * 40
    book = a_book(*(KeyOptions(name=end, key=beginning + end) for end in ("a", "b")))
    found = [book.find(beginning + end) for end in ("a", "b", "")]
    assert [one and one.id for one in found] == ["a", "b", None]


def test_of_a_hundred_thousand_random_keys_none_opens_anything() -> None:
    book = a_book(A)
    book.replace_stored([stored(MINTED)])
    tried = random.Random(7)
    for _ in range(50_000):
        assert book.find(mint(tried.randbytes(RANDOM_BYTES)).text) is None
        assert book.find(tried.randbytes(24).hex()) is None


class CountingHasher(KeyHasher):
    """Counts the digests it makes."""

    made = 0

    def digest(self, text: str, version: int | None = None) -> bytes | None:
        self.made += 1
        return super().digest(text, version)


def test_a_key_that_does_not_exist_costs_what_one_costs_that_does() -> None:
    hasher = CountingHasher(MASTER)
    book = KeyBook([A], hasher)
    book.replace_stored([stored(MINTED)])
    unknown = mint(seeded.randbytes(RANDOM_BYTES)).text
    wrong = mint(seeded.randbytes(RANDOM_BYTES), MINTED.id).text
    costs = []
    for presented in (MINTED.text, unknown, wrong, LITERAL, LITERAL + "x"):
        before = hasher.made
        book.find(presented)
        costs.append(hasher.made - before)
    assert costs == [1, 1, 1, 2, 2]


def test_a_rotated_key_has_two_secrets_for_a_while() -> None:
    now = [100.0]
    old, new = (mint(b"\7" * 8 + seeded.randbytes(32)) for _ in range(2))
    book = a_book(clock=lambda: now[0])
    book.replace_stored([stored(old, until=160.0), stored(new)])
    assert book.find(old.text) is not None
    now[0] = 160.0
    assert book.find(old.text) is None
    assert book.find(new.text) is not None


def test_what_is_no_more_stored_opens_nothing() -> None:
    book = a_book()
    book.replace_stored([stored(MINTED)])
    book.replace_stored([])
    assert book.find(MINTED.text) is None
    assert book.of(MINTED.id) is None


def test_another_master_secret_opens_nothing() -> None:
    book = a_book()
    book.replace_stored([stored(MINTED, KeyHasher(OTHER_MASTER))])
    assert book.find(MINTED.text) is None


def test_a_key_of_an_old_version_opens_while_that_version_is_given() -> None:
    old = {1: "the-first-master-secret-in-32-characters"}
    new = {2: "the-second-master-secret-in-32-characters"}
    credential = stored(MINTED, KeyHasher(MasterSecret(old)))
    for versions, opens in ((old | new, True), (new, False)):
        book = KeyBook((), KeyHasher(MasterSecret(versions)))
        book.replace_stored([credential])
        assert (book.find(MINTED.text) is not None) == opens


def test_a_stored_key_with_the_name_of_a_configured_one_is_left_out_and_told() -> None:
    book = a_book(KeyOptions(name=MINTED.id, key=LITERAL))
    assert book.replace_stored([stored(MINTED)]) == (MINTED.id,)
    assert book.find(MINTED.text) is None
    found = book.find(LITERAL)
    assert found is not None and found.id == MINTED.id
    book.configure([A])  # its name is another's no more
    assert book.find(MINTED.text) is not None


def test_other_configured_keys_leave_the_stored_ones_alone() -> None:
    book = a_book(A)
    book.replace_stored([stored(MINTED)])
    book.configure([KeyOptions(name="team-b", key="x" * 24)])
    assert book.find(LITERAL) is None
    assert [key.id for key in book.keys] == ["team-b", MINTED.id]


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ([KeyOptions(name="a", key="short")], "key 'a' cannot be used: it has 5 characters"),
        ([KeyOptions(name="a")], "key 'a' cannot be used: it has 0 characters"),
        ([A, KeyOptions(name="team-a", key="x" * 24)], "two keys are named 'team-a'"),
        ([A, KeyOptions(name="b", key=LITERAL)], "'team-a' and 'b' are one and the same"),
        ([KeyOptions(name="", key=LITERAL)], "a key is named ''"),
        ([KeyOptions(name="a|b", key=LITERAL)], "a name of letters, digits and"),
        ([KeyOptions(name="a", key=LITERAL, models=("..",))], "it is for model '..'; it must be"),
        ([KeyOptions(name="a", key=LITERAL, surfaces=("x",))], "key 'a': there is no surface"),
        ([KeyOptions(name="a", key=LITERAL, cidrs=("x",))], "key 'a': 'x' is no network"),
        ([KeyOptions(name="a", key=LITERAL, rpm=0)], "key 'a': its rpm is 0"),
        ([KeyOptions(name="a", key=LITERAL, rpm_burst=1)], "rpm_burst without rpm"),
        ([KeyOptions(name="a", key=LITERAL, queue=1)], "a queue and no concurrency"),
        ([KeyOptions(name="a", key=LITERAL, queue_timeout=0)], "queue_timeout 0 s"),
        (
            [KeyOptions(name="a", key=LITERAL, budget=BudgetOptions(day=-1))],
            "its day budget is -1 micro-dollars",
        ),
    ],
)
def test_configured_keys_that_cannot_be_used_are_refused(keys: list[KeyOptions], why: str) -> None:
    book = a_book(A)
    with pytest.raises(ConfigError, match=why) as raised:
        book.configure(keys)
    assert LITERAL not in str(raised.value)
    assert book.find(LITERAL) is not None  # the old keys stay


def test_a_digest_is_of_the_whole_text_and_of_the_secret_it_is_made_with() -> None:
    digests = [KeyHasher(master).digest(text) for master in (MASTER, OTHER_MASTER) for text in "ab"]
    assert len(set(digests)) == 4
    assert KeyHasher(MASTER).digest("a") == digests[0]
    assert KeyHasher(MASTER).digest("a", version=9) is None
