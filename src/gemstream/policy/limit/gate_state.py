"""Until when the service asked to hold back."""

from __future__ import annotations

import msgspec

from .claim import Limit, Moment

__all__ = ("GateState",)


class GateState(msgspec.Struct, tag=True):
    """Closed until either clock has reached its time.

    The one that never steps starts anew with the machine, the wall's may step: the earlier one is
    the one to believe, for a hold that ends too late stops everybody.
    """

    now: int = 0
    wall: int = 0

    def close(self, delay: int, moment: Moment) -> None:
        """Stay closed for ``delay`` microseconds, or for what was asked before if that is more."""
        if moment.now + delay > self._opens(moment):
            self.now, self.wall = moment.now + delay, moment.wall + delay

    def until(self, limit: Limit, cost: int, moment: Moment) -> int | None:
        """Return when the gate opens; not later than now when it is open."""
        return self._opens(moment)

    def take(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Let one through."""

    def stamp(self, name: str, moment: Moment) -> None:
        """An answer opens nothing."""

    def adjust(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """A gate counts nothing."""

    def settle(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """A gate counts nothing."""

    def used(self, limit: Limit, moment: Moment) -> int:
        """Return 1 while the gate is closed, else 0."""
        return int(self._opens(moment) > moment.now)

    def frees_at(self, limit: Limit, moment: Moment) -> int | None:
        """Return when the gate opens; None when it is open."""
        opens = self._opens(moment)
        return opens if opens > moment.now else None

    def is_idle(self, limit: Limit, moment: Moment) -> bool:
        """True when the gate is open."""
        return self._opens(moment) <= moment.now

    def _opens(self, moment: Moment) -> int:
        return moment.now + min(self.now - moment.now, self.wall - moment.wall)
