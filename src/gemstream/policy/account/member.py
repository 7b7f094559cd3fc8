"""One account of the pool: what it may serve, what it runs, whether its service takes its key."""

from __future__ import annotations

import fnmatch

from ...config.relay.options import AccountOptions
from .line import Barred
from .state import OPEN, Happening, Standing
from .wish import Shortage, Wish

__all__ = ("Member",)


class Member:
    """An account as its options describe it."""

    __slots__ = ("in_flight", "options", "standing")

    def __init__(self, options: AccountOptions) -> None:
        self.options = options
        self.standing = OPEN
        self.in_flight = 0  # with all models

    @classmethod
    def following(cls, before: Member | None, options: AccountOptions) -> Member:
        """Return the account with new options: the one from before, unless it is another now."""
        if before is None or _identity(before.options) != _identity(options):
            return cls(options)
        before.options = options
        return before

    @property
    def name(self) -> str:
        """Its name."""
        return self.options.name

    @property
    def is_enabled(self) -> bool:
        """False when an operator switched it off, or its service refused its key."""
        return self.options.is_enabled and self.barred() is None

    def serves(self, wish: Wish) -> bool:
        """Return True when it may serve this request at all, however it stands."""
        return self.options.is_enabled and self.suits(wish)

    def suits(self, wish: Wish) -> bool:
        """Return True when it would serve this request if it were switched on."""
        options = self.options
        if wish.kinds and options.kind not in wish.kinds:
            return False
        if wish.pinned is not None and wish.pinned != options.name:
            return False
        return self._is_open_to(wish) and self.has_model(wish.model)

    def has_model(self, model: str) -> bool:
        """Return True when its options name the model, or none; no model, as a list's, it has."""
        patterns = self.options.models
        return (
            not patterns
            or not model
            or any(fnmatch.fnmatchcase(model, pattern) for pattern in patterns)
        )

    def barred(self) -> Barred | None:
        """Return what speaks against it with every model."""
        return None if self.standing is OPEN else Barred(Shortage.DISABLED)

    def disable(self, cause: str, now: float) -> Standing | None:
        """Ask it no more; None when that is so already."""
        state = self.standing.after(Happening.DISABLED)
        if state is None:
            return None
        self.standing = Standing(state, cause=cause, since=now)
        return self.standing

    def reset(self) -> None:
        """Ask it again."""
        self.standing = OPEN

    def _is_open_to(self, wish: Wish) -> bool:
        """A key that names accounts or groups has those; who is dedicated must be named itself."""
        options = self.options
        if options.name in wish.accounts:
            return True
        if options.is_dedicated:
            return False
        is_free = not wish.accounts and not wish.groups
        return is_free or any(group in wish.groups for group in options.groups)


def _identity(options: AccountOptions) -> tuple[str, str, str | None]:
    """Return what an account's states hang on: other credentials are another account."""
    return options.kind, options.api_key, options.base_url
