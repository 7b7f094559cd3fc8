"""What a request wants of the accounts, and what it got."""

from __future__ import annotations

import enum

import msgspec

from .signal import Move, Signal

__all__ = ("NoneLeft", "Shortage", "Wish")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """One request.

    ``model``: bare name; ``kinds``: the kinds of account that can serve it, none for all.
    ``accounts`` and ``groups``: those of the caller's key, none for all that are not dedicated.
    ``session``: the sticky key, ``""`` for none. ``pinned``: the one account that may serve it.
    ``tokens``: the estimate. The other fields are filled by ``after`` and ``without``: the accounts
    that were ``tried``, whether the next one ``is_paid`` of the retry budget, whether the model was
    ``overloaded``; and of accounts that were full, that ``is_full`` and from when on one fits.
    """

    model: str
    kinds: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    session: str = ""
    pinned: str | None = None
    tokens: int = 0
    tried: tuple[str, ...] = ()
    is_paid: bool = False
    overloaded: bool = False
    is_full: bool = False
    fits_at: float | None = None

    def after(self, account: str, signal: Signal) -> Wish | None:
        """Return the wish for another account; None when what came is the caller's.

        Only for a request of which the caller has seen nothing.
        """
        move = signal.kind.move
        if move is Move.NONE or (move is Move.ONCE and self.overloaded):
            return None
        return msgspec.structs.replace(
            self,
            tried=(*self.tried, account),
            is_paid=self.is_paid or move is not Move.FREE,
            overloaded=self.overloaded or move is Move.ONCE,
        )

    def without(self, account: str, fits_at: float | None = None) -> Wish:
        """Return the wish for another account than one that is full and was not asked.

        ``fits_at``: when the request would fit there, on the pool's clock, if that is known.
        """
        known = [moment for moment in (self.fits_at, fits_at) if moment is not None]
        return msgspec.structs.replace(
            self,
            tried=(*self.tried, account),
            is_full=True,
            fits_at=min(known, default=None),
        )


class Shortage(enum.Enum):
    """Why no account is left."""

    NO_ACCOUNT = "no_account"
    """None serves this model to this key."""
    NO_MODEL = "no_model"
    """Each that could serve it lately had no such model."""
    TRIED = "tried"
    """All that could be asked were."""
    DISABLED = "disabled"
    COOLING = "cooling"
    FULL = "full"
    """They run, or have used, as much as they may."""
    RETRY_BUDGET = "retry_budget"
    OVERLOADED = "overloaded"
    """The model refuses so much that this request was not even sent."""


class NoneLeft(msgspec.Struct, frozen=True):
    """No account can be asked; ``until``: when one could, on the pool's clock, if that is known."""

    reason: Shortage
    until: float | None = None
