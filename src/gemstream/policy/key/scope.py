"""What a key may do: which models, on which surfaces, from which addresses, until when."""

from __future__ import annotations

import difflib
import enum
import fnmatch
import ipaddress
from collections.abc import Iterable

import msgspec

from ...errors import ConfigError
from ...wire.dialect.dialect import Dialect

__all__ = ("KeyScope", "ScopeFault", "networks_of", "surfaces_of")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ScopeFault(enum.Enum):
    """Why a key that is known may not do what it asks, by the words of an answer to it."""

    DISABLED = "this key is disabled"
    EXPIRED = "this key has expired"
    ADDRESS_NOT_ALLOWED = "this key may not be used from this address"
    SURFACE_NOT_ALLOWED = "this key may not be used on this surface"
    MODEL_NOT_ALLOWED = "this key may not use this model"

    @property
    def http_status(self) -> int:
        """401 for a key that is none any more, 403 for what a good one may not do."""
        return 401 if self in (ScopeFault.DISABLED, ScopeFault.EXPIRED) else 403


class KeyScope(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of a key; an empty tuple is no bound.

    ``models``: patterns, as ``gemini-2.5-*``. ``expires``: seconds since 1970, None for never.
    """

    models: tuple[str, ...] = ()
    surfaces: tuple[Dialect, ...] = ()
    networks: tuple[Network, ...] = ()
    expires: float | None = None
    is_enabled: bool = True

    def fault(self, surface: Dialect | None, address: str | None, now: float) -> ScopeFault | None:
        """Return what forbids a request whose model is not known yet.

        ``surface``: None for what is of none, as what a key may read of itself.
        ``address``: the caller's IP address, None when there is none, which no network contains.
        ``now``: seconds since 1970.
        """
        if not self.is_enabled:
            return ScopeFault.DISABLED
        if self.expires is not None and now >= self.expires:
            return ScopeFault.EXPIRED
        if self.networks and not _is_within(address, self.networks):
            return ScopeFault.ADDRESS_NOT_ALLOWED
        if self.surfaces and surface is not None and surface not in self.surfaces:
            return ScopeFault.SURFACE_NOT_ALLOWED
        return None

    def model_fault(self, model: str) -> ScopeFault | None:
        """Return what forbids ``model``, a bare name as ``gemini-2.5-flash``."""
        if not self.models or any(fnmatch.fnmatchcase(model, one) for one in self.models):
            return None
        return ScopeFault.MODEL_NOT_ALLOWED


def networks_of(cidrs: Iterable[str]) -> tuple[Network, ...]:
    """Return networks as ``10.0.0.0/8`` or ``2001:db8::/32``. Raises ConfigError."""
    networks = []
    for cidr in cidrs:
        try:
            networks.append(ipaddress.ip_network(cidr))
        except ValueError as error:
            raise ConfigError(
                f"{cidr!r:.80} is no network ({error}); write one as 10.0.0.0/8, and a single "
                "address as 192.0.2.7"
            ) from None
    return tuple(networks)


def surfaces_of(names: Iterable[str]) -> tuple[Dialect, ...]:
    """Return surfaces by name. Raises ConfigError for one that there is not."""
    known = [dialect.value for dialect in Dialect]
    surfaces = []
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; {near[0]} is meant, perhaps" if near else ""
            raise ConfigError(f"there is no surface {name!r:.80}, only {', '.join(known)}{hint}")
        surfaces.append(Dialect(name))
    return tuple(surfaces)


def _is_within(address: str | None, networks: tuple[Network, ...]) -> bool:
    if address is None:
        return False
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # no address at all, as a socket's path
        return False
    # A caller over IPv4 shows so on a listener of both kinds (RFC 4291 §2.5.5.2).
    mapped = parsed.ipv4_mapped if parsed.version == 6 else None
    return any((mapped or parsed) in network for network in networks)
