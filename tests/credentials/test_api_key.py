"""An API key goes into one header, and into nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.credentials.api_key import APIKey, Credentials
from gemstream.errors import InvalidRequest

KEY = "AIzaSyD-1234_secret"


async def test_the_key_is_sent_as_the_one_header() -> None:
    assert await APIKey(KEY).headers() == {"x-goog-api-key": KEY}


def test_an_api_key_is_a_credential() -> None:
    assert isinstance(APIKey(KEY), Credentials)


def test_the_account_is_the_same_for_the_same_key_and_shows_nothing_of_it() -> None:
    assert APIKey(KEY).account == APIKey(KEY).account != APIKey("other").account
    for said in (repr(APIKey(KEY)), str(APIKey(KEY)), APIKey(KEY).account):
        assert not any(KEY[start : start + 4] in said for start in range(len(KEY) - 3))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "the API key is empty; pass api_key=… or set GEMINI_API_KEY"),
        (None, "the API key is empty"),
        ("secret key", "white space at position 6 of 10"),
        (" secret", "white space at position 0 of 7"),
        ("secret\n", "white space at position 6 of 7"),
        ("secret\r\nx-evil: 1", "white space at position 6"),
        ("secret\u00a0", "white space at position 6"),
        ("secret\0", "a control character at position 6"),
        ("secret\x7f", "a control character at position 6"),
        ("secreté", "a character that is not ASCII at position 6"),
        ("secret\u200b", "a character that is not ASCII at position 6"),
        (b"secret", "the API key is a bytes; pass it as a str"),
        (5, "the API key is a int; pass it as a str"),
    ],
)
def test_a_key_that_no_header_can_carry_is_refused_unseen(key: Any, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        APIKey(key)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "redacted"),
    [
        (b"", b""),
        (b"nothing", b"nothing"),
        (f"a {KEY} b {KEY}".encode(), b"a [redacted] b [redacted]"),
        (f'{{"error":"{KEY}"}}'.encode(), b'{"error":"[redacted]"}'),
    ],
)
def test_the_key_is_taken_out_of_what_the_service_repeats(data: bytes, redacted: bytes) -> None:
    assert APIKey(KEY).redact(data) == redacted
