"""How much an account may ask of one model: plain numbers, checked when they are made."""

from __future__ import annotations

import msgspec

from ..errors import ConfigError

__all__ = ("Limits",)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What one account may ask of one model; None is no limit.

    ``rpm``: requests in any 60 s. ``tpm``: tokens in any 60 s. ``rpd``: requests in a day of
    US/Pacific. ``concurrency``: answers that run at once. Raises ConfigError for a number that
    lets nothing in, or is none.
    """

    rpm: int | None = None
    tpm: int | None = None
    rpd: int | None = None
    concurrency: int | None = None

    def __post_init__(self) -> None:
        for name in Limits.__struct_fields__:
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 1):
                raise ConfigError(
                    f"{name} is {value!r:.80}; it must be a whole number from 1 on, or left out "
                    "for no limit"
                )
