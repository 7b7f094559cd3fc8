"""A URL and headers as the fields of HTTP/2."""

from __future__ import annotations

import pytest

from gemstream.errors import InvalidRequest
from gemstream.net.http2_head import request_head
from gemstream.net.transport import HTTPRequest

# A URL, and what becomes of it: ``:authority`` and ``:path``.
TARGETS = [
    ("http://a", "a", "/"),
    ("https://a/", "a", "/"),
    ("https://a:443/b", "a", "/b"),
    ("http://a:80/b", "a", "/b"),
    ("http://a:443/b", "a:443", "/b"),
    ("https://[::1]:8443/b", "[::1]:8443", "/b"),
    ("https://a/v1/models/m:stream?alt=sse&x=%20y", "a", "/v1/models/m:stream?alt=sse&x=%20y"),
    ("https://a?b=c", "a", "/?b=c"),
    ("https://a/b c?d=é#e", "a", "/b%20c?d=%C3%A9"),
    ("https://bücher.example/", "xn--bcher-kva.example", "/"),
]


@pytest.mark.parametrize(("url", "authority", "path"), TARGETS)
def test_a_url_becomes_authority_and_path(url: str, authority: str, path: str) -> None:
    assert request_head(HTTPRequest("GET", url)) == [
        (":method", "GET"),
        (":scheme", url.partition(":")[0]),
        (":authority", authority),
        (":path", path),
    ]


def test_names_are_in_lower_case_and_the_last_of_a_name_counts() -> None:
    headers = {"X-A": "1", "Host": "b", "x-a": "2", "Content-Length": "7"}
    head = request_head(HTTPRequest("POST", "https://a/", headers, b"body"))
    assert head[2:] == [
        (":authority", "b"),
        (":path", "/"),
        ("x-a", "2"),
        ("content-length", "4"),
    ]


def test_user_and_password_of_a_url_are_a_header() -> None:
    url = "https://user:pass%20word@a/"
    expected = ("authorization", "Basic dXNlcjpwYXNzIHdvcmQ=")
    assert request_head(HTTPRequest("GET", url))[2:] == [
        (":authority", "a"),
        (":path", "/"),
        expected,
    ]
    given = HTTPRequest("GET", url, {"Authorization": "Bearer b"})
    assert request_head(given)[-1] == ("authorization", "Bearer b")


@pytest.mark.parametrize(
    "name", ["Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade"]
)
def test_a_header_of_the_connection_is_refused_by_name(name: str) -> None:
    with pytest.raises(InvalidRequest, match=name.lower()):
        request_head(HTTPRequest("GET", "https://a/", {name: "SECRET"}))
