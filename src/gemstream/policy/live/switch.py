"""When to leave a connection before it is closed: after the service's farewell, or from old age.

Between turns nothing is lost by a switch, so it waits for the end of a turn as long as it may.
Sources: the service closes after about 10 minutes, for some models at exactly 58:00; a farewell of
300 s was seen one second into a session (livekit agents-js #2507).
"""

from __future__ import annotations

import msgspec

__all__ = ("SwitchPolicy",)


class SwitchPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When to switch; all in seconds.

    ``oldest``: the age at which a connection is left unasked. ``soon``: a farewell that leaves more
    time than this is no reason yet. ``margin``: how long before the end a turn is not waited for,
    for the switch takes some round trips.
    """

    oldest: float = 50 * 60.0
    soon: float = 60.0
    margin: float = 2.0

    def is_due(
        self, *, now: float, opened_at: float, leaves_at: float | None, is_in_turn: bool
    ) -> bool:
        """Return whether to switch now; ``leaves_at``: when the service will close, if it said."""
        if leaves_at is None:
            return not is_in_turn and now - opened_at >= self.oldest
        left = leaves_at - now
        return left <= (self.margin if is_in_turn else self.soon)

    def next_look(
        self, *, now: float, opened_at: float, leaves_at: float | None, is_in_turn: bool
    ) -> float | None:
        """Return the moment from which ``is_due`` may become true by time alone; None: it cannot.

        The end of a turn and a farewell are moments to look as well.
        """
        if leaves_at is not None:
            return max(now, leaves_at - (self.margin if is_in_turn else self.soon))
        return None if is_in_turn else max(now, opened_at + self.oldest)
