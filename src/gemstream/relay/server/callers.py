"""Who calls: the socket's address, or what a trusted proxy says of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

__all__ = ("Callers",)

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# More hops than any chain of proxies; who sends more is making them up.
_MOST_HOPS = 32


class Callers:
    """Reads ``X-Forwarded-For``, from the right, as far as trusted proxies wrote it.

    ``trusted``: networks, as ``10.0.0.0/8``. Without any the header is ignored.
    """

    __slots__ = ("_trusted",)

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self.trust(trusted)

    def trust(self, networks: Sequence[str]) -> None:
        """Trust proxies in ``networks`` from now on, and no others."""
        self._trusted = [ipaddress.ip_network(network) for network in networks]

    def caller(
        self, peer: tuple[str, int] | None, headers: Iterable[tuple[bytes, bytes]]
    ) -> tuple[str, int] | None:
        """Return the caller's address and port; the port is 0 when a proxy told the address."""
        if not self._trusted or peer is None:
            return peer
        found = _address(peer[0])
        if found is None or not self._is_trusted(found):
            return peer
        hops = b",".join(value for name, value in headers if name == b"x-forwarded-for")
        for written in reversed(hops.decode("latin-1").split(",")[-_MOST_HOPS:]):
            hop = _address(written)
            if hop is None:
                break  # what stands before it may be anybody's
            found = hop
            if not self._is_trusted(hop):
                break
        return peer if str(found) == peer[0] else (str(found), 0)

    def _is_trusted(self, address: _Address) -> bool:
        return any(address in network for network in self._trusted)


def _address(written: str) -> _Address | None:
    try:
        found = ipaddress.ip_address(written.strip())
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return found if mapped is None else mapped
