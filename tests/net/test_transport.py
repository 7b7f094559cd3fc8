"""What is sent, before any transport has it."""

from __future__ import annotations

from typing import Any

import pytest

from gemstream.errors import InvalidRequest
from gemstream.net.transport import HTTPRequest

REFUSED: list[tuple[Any, Any]] = [
    ("x-a", "SECRET\r\nb: c"),
    ("x-a", "SECRET\n"),
    ("x-a", "SECRET\x00"),
    ("x-a", "SECRET\x7f"),
    ("x-a", "SECRET\ud800"),
    ("x-a", b"SECRET"),
    ("x-a", None),
    ("x-a", 7),
    ("", "SECRET"),
    ("x a", "SECRET"),
    ("x:a", "SECRET"),
    ("x-a\r\n", "SECRET"),
    ("x-\xe4", "SECRET"),
    (b"x-a", "SECRET"),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_a_header_that_http_cannot_carry_is_refused_unseen(name: Any, value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        HTTPRequest("GET", "http://host/", {name: value})
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("value", ["", "a b\tc", "\xe4", "\u4e16"])
def test_any_other_header_is_taken(value: str) -> None:
    assert HTTPRequest("GET", "http://host/", {"X-A!": value}).headers == {"X-A!": value}


def test_a_request_shows_no_values_of_its_headers() -> None:
    shown = repr(HTTPRequest("POST", "http://host/", {"x-goog-api-key": "SECRET"}, b"SECRET"))
    assert "x-goog-api-key" in shown and "SECRET" not in shown
