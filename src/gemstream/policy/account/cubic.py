"""How many requests an account may run after it was refused without a reason: CUBIC's curve.

Source: RFC 9438, with its β of 0.7 and C of 0.4; a request takes the place of a segment.
"""

from __future__ import annotations

import msgspec

__all__ = ("CUT", "CubicCeiling")

CUT = 0.7
_GROWTH = 0.4
_LEAST = 1


class CubicCeiling(msgspec.Struct, frozen=True, gc=False):
    """Cut at ``since`` from ``before`` running requests; grows back, and beyond, by the clock."""

    before: int
    since: float

    def at(self, now: float) -> int:
        """Return how many may run now; below ``before`` until the curve's plateau is over."""
        plateau = (self.before * (1 - CUT) / _GROWTH) ** (1 / 3)
        passed = max(0.0, now - self.since)
        return max(_LEAST, int(_GROWTH * (passed - plateau) ** 3 + self.before))

    def is_over(self, now: float) -> bool:
        """Return True when it allows twice what ran before the cut: it bounds nothing more."""
        return self.at(now) >= 2 * max(_LEAST, self.before)
