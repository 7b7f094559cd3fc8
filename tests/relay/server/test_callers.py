"""Whose address counts: the socket's, and a proxy's word when the proxy is trusted."""

from __future__ import annotations

import pytest

from gemstream.relay.server.callers import Callers

TRUSTED = ("10.0.0.0/8", "fd00::/8")

# Socket's address, header, the caller's address.
CASES: list[tuple[str, list[bytes], str]] = [
    ("203.0.113.9", [b"198.51.100.1"], "203.0.113.9"),
    ("10.0.0.1", [], "10.0.0.1"),
    ("10.0.0.1", [b"198.51.100.1"], "198.51.100.1"),
    ("10.0.0.1", [b"6.6.6.6, 198.51.100.1"], "198.51.100.1"),
    ("10.0.0.1", [b"6.6.6.6, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
    ("10.0.0.1", [b"6.6.6.6, 198.51.100.1", b"10.0.0.2"], "198.51.100.1"),
    ("10.0.0.1", [b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
    ("10.0.0.1", [b"6.6.6.6, nonsense, 10.0.0.2"], "10.0.0.2"),
    ("10.0.0.1", [b""], "10.0.0.1"),
    ("10.0.0.1", [b"2001:db8::1"], "2001:db8::1"),
    ("10.0.0.1", [b"::ffff:198.51.100.1"], "198.51.100.1"),
    ("fd00::1", [b"198.51.100.1"], "198.51.100.1"),
    ("::ffff:10.0.0.1", [b"198.51.100.1"], "198.51.100.1"),
    ("10.0.0.1", [b", ".join([b"6.6.6.6"] + [b"10.0.0.2"] * 100)], "10.0.0.2"),
]


@pytest.mark.parametrize(("peer", "headers", "caller"), CASES)
def test_the_rightmost_address_that_is_no_proxy(
    peer: str, headers: list[bytes], caller: str
) -> None:
    lines = [(b"host", b"a"), *((b"x-forwarded-for", value) for value in headers)]
    found = Callers(TRUSTED).caller((peer, 1234), lines)
    assert found is not None
    assert found[0] == caller
    assert Callers().caller((peer, 1234), lines) == (peer, 1234)


def test_a_socket_without_an_address_has_none() -> None:
    assert Callers(TRUSTED).caller(None, []) is None
