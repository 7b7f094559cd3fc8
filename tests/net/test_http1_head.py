"""A request as HTTP/1.1 has it."""

from __future__ import annotations

import pytest

from gemstream.errors import InvalidRequest
from gemstream.net.http1_head import request_head
from gemstream.net.transport import HTTPRequest


def _head(method: str, url: str, body: bytes = b"", **headers: str) -> bytes:
    return request_head(HTTPRequest(method, url, headers, body))


HEADS: list[tuple[bytes, bytes]] = [
    (_head("GET", "http://a"), b"GET / HTTP/1.1\r\nhost: a\r\naccept-encoding: identity\r\n\r\n"),
    (
        _head("POST", "https://a:443/b?c=d#e", b"{}"),
        b"POST /b?c=d HTTP/1.1\r\nhost: a\r\naccept-encoding: identity\r\n"
        b"content-length: 2\r\n\r\n",
    ),
    (
        _head("POST", "http://[::1]:8080/b c"),
        b"POST /b%20c HTTP/1.1\r\nhost: [::1]:8080\r\naccept-encoding: identity\r\n"
        b"content-length: 0\r\n\r\n",
    ),
    (
        _head("GET", "http://bücher.example/", **{"Accept-Encoding": "gzip", "X-A": "1"}),
        b"GET / HTTP/1.1\r\nhost: xn--bcher-kva.example\r\naccept-encoding: gzip\r\nx-a: 1\r\n\r\n",
    ),
    (
        _head("GET", "http://us%40er:pw@a/"),
        b"GET / HTTP/1.1\r\nhost: a\r\naccept-encoding: identity\r\n"
        b"authorization: Basic dXNAZXI6cHc=\r\n\r\n",
    ),
]


@pytest.mark.parametrize(("head", "expected"), HEADS)
def test_a_request_has_this_head(head: bytes, expected: bytes) -> None:
    assert head == expected


def test_of_names_that_differ_in_case_the_last_counts() -> None:
    assert b"x-a: last\r\n" in _head("GET", "http://a", **{"X-A": "first", "x-a": "last"})


def test_the_callers_host_counts_and_the_callers_length_does_not() -> None:
    head = _head("POST", "http://a", b"{}", **{"Host": "b", "Content-Length": "99"})
    assert b"host: b\r\n" in head and b"content-length: 2\r\n" in head
    assert head.count(b"host:") == head.count(b"content-length:") == 1


@pytest.mark.parametrize("name", ["Transfer-Encoding", "Upgrade"])
def test_a_header_that_would_frame_it_anew_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match=name.lower()):
        _head("POST", "http://a", **{name: "chunked"})


@pytest.mark.parametrize("method", ["", "GET /evil HTTP/1.1\r\nx:", "GE T", "GET\r\n"])
def test_a_method_that_is_none_is_refused(method: str) -> None:
    with pytest.raises(InvalidRequest, match="method"):
        _head(method, "http://a")


@pytest.mark.parametrize("path", ["/a\r\nx: y", "/a b", "/a\tb", "/\x00", "/é"])
def test_a_path_cannot_end_its_line(path: str) -> None:
    line, _, rest = _head("GET", f"http://a{path}").partition(b"\r\n")
    assert line.isascii() and line.count(b" ") == 2
    assert rest.startswith(b"host: a\r\naccept-encoding: identity\r\n\r\n")
