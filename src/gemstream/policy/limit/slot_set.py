"""What runs at this moment."""

from __future__ import annotations

import msgspec

from .claim import Limit, Moment

__all__ = ("SlotSet",)


class SlotSet(msgspec.Struct, tag=True):
    """The names of what runs."""

    running: set[str] = set()

    def until(self, limit: Limit, cost: int, moment: Moment) -> int | None:
        """Return now when ``cost`` fits, else None: nobody knows when an answer ends."""
        return moment.now if len(self.running) + cost <= limit.amount else None

    def take(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Let one in."""
        self.running.add(name)

    def stamp(self, name: str, moment: Moment) -> None:
        """The head of an answer frees nothing."""

    def adjust(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """What runs keeps its slot."""

    def settle(self, name: str, cost: int, limit: Limit, moment: Moment) -> None:
        """Free the slot; again is nothing."""
        self.running.discard(name)

    def used(self, limit: Limit, moment: Moment) -> int:
        """Return how many run."""
        return len(self.running)

    def frees_at(self, limit: Limit, moment: Moment) -> int | None:
        """Return None: nobody knows."""
        return None

    def is_idle(self, limit: Limit, moment: Moment) -> bool:
        """True when nothing runs."""
        return not self.running
