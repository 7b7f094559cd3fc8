from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.errors import ConfigError
from gemstream.policy.key.format import RANDOM_BYTES, check_literal, mint, parse_key

randoms = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)
KEY = mint(bytes(range(RANDOM_BYTES)))


def test_a_key_has_the_shape_that_scanners_look_for() -> None:
    prefix, text = KEY.text[:8], KEY.text[8:]
    assert prefix == "gk_live_"
    assert (text[:10], text[10]) == (KEY.id, "_")
    assert len(text) == 10 + 1 + 43 + 6


@given(randoms)
def test_what_is_minted_is_parsed(random: bytes) -> None:
    key = mint(random)
    assert parse_key(key.text) == key
    check_literal(key.text)


@given(randoms, st.integers(8, 67), st.sampled_from(string.ascii_letters + string.digits + "-_ é"))
def test_a_typo_is_no_key(random: bytes, at: int, typed: str) -> None:
    text = mint(random).text
    wrong = text[:at] + typed + text[at + 1 :]
    assert (parse_key(wrong) is None) == (wrong != text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gk_live_",
        KEY.text[:-1],
        KEY.text + "x",
        KEY.text + "\n",
        KEY.text.lower(),
        KEY.text.upper(),
        " " + KEY.text,
        "' OR 1=1 --",
        "gk_live_' OR 1=1 --",
        "gk_live_%_%_%_%_%",
        "\N{FULLWIDTH DIGIT ONE}" * 68,
        "gk_test_" + KEY.text[8:],
    ],
)
def test_what_is_no_key_is_none(text: str) -> None:
    assert parse_key(text) is None


def test_many_keys_share_no_id_and_no_secret() -> None:
    seeded = random.Random(6)
    keys = [mint(seeded.randbytes(RANDOM_BYTES)) for _ in range(20_000)]
    assert len({key.id for key in keys}) == len({key.text for key in keys}) == len(keys)


def test_a_key_does_not_show_its_secret() -> None:
    assert KEY.text not in repr(KEY)
    assert KEY.id in repr(KEY)


def test_a_key_of_too_little_chance_is_not_made() -> None:
    with pytest.raises(ValueError, match="40 random bytes, not of 39"):
        mint(bytes(39))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("short", "it has 5 characters"),
        ("x" * 23, "it has 23 characters"),
        ("x" * 513, "it has 513 characters"),
        ("with a space in it, twice over", "no spaces"),
        ("ünïcödé-ünïcödé-ünïcödé-ünïcödé", "visible ASCII"),
        (KEY.text[:-1] + "!", "its checksum is wrong"),
    ],
)
def test_what_cannot_be_a_configured_key_is_said_without_quoting_it(text: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as raised:
        check_literal(text)
    assert text not in str(raised.value)


def test_a_configured_key_of_24_characters_will_do() -> None:
    check_literal("x" * 24)
