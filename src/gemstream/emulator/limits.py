"""The limits and keys that a script sets: plain values, checked when they are made."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

import msgspec

from ..errors import ConfigError
from ..policy.pacific import pacific_day

__all__ = ("BAD_KEY", "Keys", "Limits", "ModelLimits")

BAD_KEY = "bad-key"  # refused by every emulator


class _Limited(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One number for each thing that is counted; None is no limit, 0 lets nothing in."""

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None
    concurrency: int | None = None

    def __post_init__(self) -> None:
        for name in _Limited.__struct_fields__:
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 0):
                raise ConfigError(f"{name} is {value!r}; it must be a whole number, 0 or more")
        if self.rpd is not None:
            pacific_day(0)  # where that cannot be known, now is the time to say so


class ModelLimits(_Limited, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of the models whose bare name fits the glob ``match``."""

    match: str


class Limits(_Limited, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one key may ask of one model; more is answered 429.

    ``rpm``: generate requests in any 60 s. ``tpm``: their prompt tokens. ``rpd``: requests in a
    day of US/Pacific. ``concurrency``: answers that are running. ``models``: the first entry that
    fits a model stands for it instead of all these. Raises ConfigError for a negative number.
    """

    models: Sequence[ModelLimits] = ()

    def for_model(self, model: str) -> Limits | ModelLimits:
        """Return the limits of ``model``."""
        fitting = (one for one in self.models if fnmatch.fnmatchcase(model, one.match))
        return next(fitting, self)

    @property
    def counts_days(self) -> bool:
        """True when a request matters for longer than a minute."""
        return any(one.rpd is not None for one in (self, *self.models))


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Which keys are accepted: ``only`` these, None for any; never ``bad-key``."""

    only: Sequence[str] | None = None

    def __post_init__(self) -> None:
        listed = self.only if isinstance(self.only, list | tuple) else None
        if self.only is not None and not (listed and all(isinstance(key, str) for key in listed)):
            # Without the value: it may hold a key.
            raise ConfigError("keys.only must be a list of keys, each a text, and at least one")

    def accept(self, key: str) -> bool:
        """True when a request with ``key`` is served."""
        return key != BAD_KEY and (self.only is None or key in self.only)

    def __repr__(self) -> str:
        return "Keys()" if self.only is None else f"Keys(only=<{len(self.only)} keys>)"
