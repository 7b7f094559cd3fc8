"""How often an address may present what is no key, before it is told to wait instead.

Nothing but memory is asked: a flood of wrong keys reaches no database. Each address has an even
rate of failures with a burst (the generic cell rate algorithm); of IPv6 a /64 counts as one
address, for a single customer has all of it. What is remembered is bounded: when too many addresses
fail at once, those are forgotten that have failed longest ago.

Many callers may share one address, behind a proxy or a company's gateway. So who finds a key first
and asks here only for those that are none locks nobody out; guessing is hopeless either way.
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

from ...errors import ConfigError

__all__ = ("FailedAuth",)

_MINUTE = 60.0
_NETWORK = 64


class FailedAuth:
    """``limit`` failures a minute for each address, of at most ``most`` addresses.

    ``clock``: seconds that never step. Raises ConfigError for numbers below 1.
    """

    __slots__ = ("_arrivals", "_clock", "_interval", "_most")

    def __init__(
        self,
        limit: int = 30,
        *,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if limit < 1 or most < 1:
            raise ConfigError(
                f"failed keys a minute are limited to {limit} for each of {most} addresses; both "
                "must be 1 or more"
            )
        self._interval = _MINUTE / limit
        self._most = most
        self._clock = clock
        # By address, when all its failures are paid off; the last to fail at the end.
        self._arrivals: OrderedDict[str, float] = OrderedDict()

    def delay(self, address: str | None) -> float | None:
        """Return after how many seconds ``address`` may try again; None when it may now.

        A caller without an address, None or "", is never refused: it is on this machine.
        """
        if not self._arrivals or not address:
            return None
        arrival = self._arrivals.get(_counted(address))
        if arrival is None:
            return None
        # It may when one more failure would fit into the burst, which is a minute long.
        excess = arrival + self._interval - _MINUTE - self._clock()
        return excess if excess > 0 else None

    def fail(self, address: str | None) -> None:
        """Note that ``address`` presented what is no key."""
        if not address:
            return
        now = self._clock()
        counted = _counted(address)
        arrival = max(now, self._arrivals.get(counted, now)) + self._interval
        self._arrivals[counted] = min(arrival, now + _MINUTE)
        self._arrivals.move_to_end(counted)
        while len(self._arrivals) > self._most or self._is_over(now):
            self._arrivals.popitem(last=False)

    def __len__(self) -> int:
        """Return how many addresses are remembered."""
        return len(self._arrivals)

    def _is_over(self, now: float) -> bool:
        """True when the oldest is paid off."""
        return next(iter(self._arrivals.values())) <= now


def _counted(address: str) -> str:
    """Return what an address is counted by: itself, or its network of IPv6."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), _NETWORK), strict=False))
