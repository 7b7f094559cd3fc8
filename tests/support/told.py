"""An observer that keeps what it is told."""

from __future__ import annotations

import asyncio

from gemstream.relay.observer import AttemptEnded, RequestBegan, RequestEnded

__all__ = ("Kept",)


class Kept:
    """What was told, in its order; ``over``: a request has ended."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.facts: list[RequestBegan | AttemptEnded | RequestEnded] = []

    def request_began(self, fact: RequestBegan) -> None:
        """Keep it."""
        self.facts.append(fact)

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """Keep it."""
        self.facts.append(fact)

    def request_ended(self, fact: RequestEnded) -> None:
        """Keep it."""
        self.facts.append(fact)
        self.over.set()

    @property
    def began(self) -> list[RequestBegan]:
        """The requests that began."""
        return [fact for fact in self.facts if isinstance(fact, RequestBegan)]

    @property
    def attempts(self) -> list[AttemptEnded]:
        """The attempts."""
        return [fact for fact in self.facts if isinstance(fact, AttemptEnded)]

    @property
    def ended(self) -> list[RequestEnded]:
        """The requests that ended."""
        return [fact for fact in self.facts if isinstance(fact, RequestEnded)]
