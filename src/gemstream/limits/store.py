"""Where the books of limits are kept: one interface for memory, a file, and Redis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..policy.limit.claim import Claim, Moment, Refused, Spent, Wait
from ..policy.limit.log import Level

__all__ = ("LimitStore",)


class LimitStore(Protocol):
    """Books that several lanes write to.

    Only ``reserve``, ``levels`` and ``scopes`` may wait for somebody else; the other methods return
    at once, may be called from any thread and from a destructor, and take effect before any later
    ``reserve`` of this process. Moments are those of ``moment()``, whatever clock the books go by.
    """

    @property
    def is_shared(self) -> bool:
        """True when others than this process write to the books, so a change may go unheard."""
        ...

    def moment(self) -> Moment:
        """Return now."""
        ...

    def seconds(self, microseconds: int) -> float:
        """Return how many real seconds so much of the books' time takes."""
        ...

    def new_name(self) -> str:
        """Return a name that no other request in these books has."""
        ...

    async def reserve(self, name: str, claims: Sequence[Claim]) -> Wait | Refused | None:
        """Take all of ``claims`` and return None, or take nothing and say why.

        Cancelled, it may have taken them: the caller settles ``name`` then.
        """
        ...

    def stamp(self, name: str, claims: Sequence[Claim]) -> None:
        """Note that the head of the answer is here."""
        ...

    def adjust(self, name: str, claims: Sequence[Claim], tokens: int) -> None:
        """Correct what a running request has used of tokens so far."""
        ...

    def settle(self, name: str, claims: Sequence[Claim], spent: Spent) -> None:
        """Correct what a request used to what it was; it runs no more. Again is nothing."""
        ...

    def hold(self, gate: Claim, delay: int) -> None:
        """Let nothing through ``gate`` for ``delay`` microseconds."""
        ...

    async def levels(self, claims: Sequence[Claim]) -> list[Level]:
        """Return how full the limits are."""
        ...

    async def scopes(self, prefix: str) -> list[str]:
        """Return the scopes that begin with ``prefix`` and of which something is written.

        A key is a scope, ``|`` and a quota: ``policy.limit.quota`` makes them.
        """
        ...

    def sweep(self, claims: Sequence[Claim]) -> bool:
        """Forget what changes nothing by it; True when this process remembers nothing of it."""
        ...

    async def aclose(self) -> None:
        """Write what is unwritten and let go; the store cannot be used again."""
        ...
