from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gemstream.policy.key.presented import PresentationFault, presented_key

MISSING, AMBIGUOUS, UNKNOWN_SCHEME, MALFORMED = PresentationFault

KEY, OTHER = "a-key-of-a-caller-in-full", "another-key-of-a-caller-1"
Headers = list[tuple[bytes, bytes]]


def headers(**values: str) -> Headers:
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in values.items()]


@pytest.mark.parametrize(
    ("given", "query", "found"),
    [
        (headers(authorization=f"Bearer {KEY}"), b"", KEY),
        (headers(authorization=f"bearer {KEY}"), b"", KEY),
        (headers(authorization=f"BEARER   {KEY}"), b"", KEY),
        (headers(x_goog_api_key=KEY), b"", KEY),
        (headers(x_api_key=KEY), b"", KEY),
        ([], f"key={KEY}".encode(), KEY),
        ([], f"alt=sse&key={KEY}&x".encode(), KEY),
        ([], f"alt=sse&%6bey={KEY}".encode(), KEY),
        ([], b"key=a%2Fb", "a/b"),
        ([], b"monkey=1&alt=sse", MISSING),
        (headers(x_goog_api_key=KEY, x_api_key=KEY), f"key={KEY}".encode(), KEY),
        ([], b"", MISSING),
        (headers(cookie=KEY, api_key=KEY), b"apikey=1", MISSING),
        (headers(x_goog_api_key=KEY, x_api_key=OTHER), b"", AMBIGUOUS),
        (headers(authorization=f"Bearer {KEY}", x_api_key=OTHER), b"", AMBIGUOUS),
        (headers(x_api_key=KEY), f"key={OTHER}".encode(), AMBIGUOUS),
        ([], f"key={KEY}&key={OTHER}".encode(), AMBIGUOUS),
        (headers(x_api_key=KEY) + headers(x_api_key=OTHER), b"", AMBIGUOUS),
        (headers(authorization="Basic dXNlcjpwYXNz"), b"", UNKNOWN_SCHEME),
        (headers(authorization=KEY), b"", UNKNOWN_SCHEME),
        (headers(authorization="Basic x", x_api_key=KEY), b"", UNKNOWN_SCHEME),
        (headers(x_api_key=KEY, authorization="Digest x"), b"", UNKNOWN_SCHEME),
        (headers(authorization="Bearer "), b"", MALFORMED),
        (headers(x_api_key=""), b"", MALFORMED),
        (headers(x_api_key="x" * 513), b"", MALFORMED),
        (headers(authorization="Bearer " + "x" * 513), b"", MALFORMED),
        (headers(authorization="Bearer" + " " * 9_000 + KEY), b"", MALFORMED),
        (headers(x_api_key="schlüssel-schlüssel-schlüssel"), b"", MALFORMED),
        (headers(x_api_key="two words"), b"", MALFORMED),
        (headers(x_api_key="a\x00b"), b"", MALFORMED),
        ([], b"key=" + b"%41" * 600, MALFORMED),
        ([], b"key=%C3%BC", MALFORMED),
        ([], b"&".join([b"a=%41"] * 100), MALFORMED),
        ([], b"key=", MALFORMED),
    ],
)
def test_a_key_is_read_in_every_way_that_there_is(
    given: Headers, query: bytes, found: str | PresentationFault
) -> None:
    assert presented_key(given, query) == found


def test_what_contradicts_itself_is_a_400_and_all_else_a_401() -> None:
    assert {fault: fault.http_status for fault in PresentationFault} == {
        MISSING: 401,
        AMBIGUOUS: 400,
        UNKNOWN_SCHEME: 401,
        MALFORMED: 401,
    }


@given(
    st.lists(
        st.tuples(st.sampled_from([b"authorization", b"x-api-key", b"x-goog-api-key"]), st.binary())
    ),
    st.binary(),
)
def test_whatever_comes_is_a_key_or_a_fault(given: Headers, query: bytes) -> None:
    found = presented_key(given, query)
    if isinstance(found, str):
        assert found.isascii() and found.isprintable() and 0 < len(found) <= 512
