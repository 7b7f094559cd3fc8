"""How long a call may take, and wait before it is sent."""

from __future__ import annotations

import sys

import msgspec

from ..errors import ConfigError

__all__ = ("Timeouts",)


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, each with its own error when it passes; None switches one off.

    ``connect``: until a connection stands. ``first_chunk``: from sending the request to the first
    chunk, thinking included. ``idle``: between chunks after that. ``total``: the whole call with
    all its attempts and waits; the service is told of it as its own deadline.
    ``limit_wait``: how long the call may wait for its turn under our own limits, which ``total``
    does not count; 0 for not at all, None for as long as it takes.
    Raises ConfigError for a value that is negative, zero or not finite.
    """

    connect: float | None = 5.0
    first_chunk: float | None = 300.0
    idle: float | None = 120.0
    total: float | None = 600.0
    limit_wait: float | None = None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            _check(name, getattr(self, name))


def _check(name: str, value: object) -> None:
    if value is None:
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if name == "limit_wait" and is_number and value == 0:
        return
    if not is_number or not 0 < value <= sys.float_info.max:  # type: ignore[operator]
        least = "finite number, from 0 on," if name == "limit_wait" else "positive, finite number"
        raise ConfigError(
            f"timeout {name} is {value!r}; it must be a {least} of seconds, or None for no limit"
        )
