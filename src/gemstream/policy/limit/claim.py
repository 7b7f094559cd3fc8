"""What is asked of the limits, and what they answer: claims and verdicts."""

from __future__ import annotations

import enum

import msgspec

from ...errors import ConfigError

__all__ = (
    "DAY",
    "MICROSECONDS",
    "MINUTE",
    "Claim",
    "Kind",
    "Limit",
    "Moment",
    "Refused",
    "Spent",
    "Unit",
    "Wait",
)

MICROSECONDS = 1_000_000
MINUTE = 60 * MICROSECONDS
DAY = 24 * 60 * MINUTE


class Unit(enum.Enum):
    """What a limit counts."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    RUNNING = "running answers"


class Moment(msgspec.Struct, frozen=True, gc=False):
    """Now, by two clocks in microseconds: one that never steps, and the wall's, since 1970."""

    now: int
    wall: int


class Kind(enum.Enum):
    """How a limit counts."""

    WINDOW = "window"
    """At most ``amount`` in any ``period``, counted one by one."""
    DAILY = "daily"
    """At most ``amount`` in each day of US/Pacific."""
    SLOTS = "slots"
    """At most ``amount`` at once."""
    RATE = "rate"
    """``amount`` in each ``period``, evenly, and up to ``burst`` of it at once."""
    GATE = "gate"
    """Closed for as long as the service asked to hold back; ``amount`` is not used."""


class Limit(msgspec.Struct, frozen=True, gc=False):
    """How much is allowed; ``period`` in microseconds. Raises ConfigError for no such limit."""

    kind: Kind
    amount: int = 1
    period: int = MINUTE
    burst: int = 1

    def __post_init__(self) -> None:
        for name in ("amount", "period", "burst"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ConfigError(
                    f"a {self.kind.value} limit has {name} {value!r:.80}; it must be a whole "
                    "number from 1 on"
                )

    @property
    def most(self) -> int:
        """The most that one request may ever cost."""
        return self.burst if self.kind is Kind.RATE else self.amount


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What one request wants of one limit.

    ``key`` names what is counted, the same for all who share it. ``quota`` is its short name, as
    ``rpm``. ``cost`` is in ``unit``.
    """

    key: str
    quota: str
    limit: Limit
    unit: Unit = Unit.REQUESTS
    cost: int = 1


class Wait(msgspec.Struct, frozen=True, gc=False):
    """It does not fit now.

    ``until``: the moment (microseconds, the clock that never steps) at which it would if nobody
    else came; None when that is up to what is still running.
    """

    claim: Claim
    until: int | None


class Refused(msgspec.Struct, frozen=True, gc=False):
    """It never fits: it costs more than the whole limit."""

    claim: Claim


class Spent(msgspec.Struct, frozen=True, gc=False):
    """What a request used in the end; nothing when it was not counted by the service."""

    requests: int = 0
    tokens: int = 0

    def in_unit(self, unit: Unit) -> int:
        """Return what was used of what ``unit`` counts; of what runs nothing is left."""
        if unit is _REQUESTS:
            return self.requests
        return self.tokens if unit is _TOKENS else 0


# An attribute of an enum costs 50 ns each time, and these are asked for by every settlement.
_REQUESTS, _TOKENS = Unit.REQUESTS, Unit.TOKENS
