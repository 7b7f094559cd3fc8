"""How an account stands with one model in one respect: a table over states and what happens.

::

    OPEN       requests go there
    COOLING    the service said so: until a moment, then OPEN
    EJECTED    it failed several times in a row: until a moment, then HALF_OPEN
    HALF_OPEN  one request at a time finds out whether it is back
    DISABLED   its key or project is refused: until an operator resets it

What is not in the table changes nothing: failures of requests that were sent before an ejection
are no news. All moments are seconds of one clock that never steps.
"""

from __future__ import annotations

import enum

import msgspec

__all__ = ("OPEN", "Dimension", "Happening", "Standing", "State")


class State(enum.Enum):
    """How it stands."""

    OPEN = "open"
    COOLING = "cooling"
    EJECTED = "ejected"
    HALF_OPEN = "half_open"
    DISABLED = "disabled"


class Dimension(enum.Enum):
    """In what respect; ACCOUNT is that of the account with every model, the others of one."""

    ACCOUNT = "account"
    MODEL = "model"
    """Whether the account has the model at all."""
    MINUTE = "minute"
    DAY = "day"
    RATE = "rate"
    """Refused with 429, for no reason given."""
    HEALTH = "health"


class Happening(enum.Enum):
    """What changes a state."""

    COOLED = "cooled"
    EJECTED = "ejected"
    DISABLED = "disabled"
    ELAPSED = "elapsed"
    ANSWERED = "answered"


_NEXT: dict[tuple[State, Happening], State] = {
    (State.OPEN, Happening.COOLED): State.COOLING,
    (State.OPEN, Happening.EJECTED): State.EJECTED,
    (State.OPEN, Happening.DISABLED): State.DISABLED,
    (State.COOLING, Happening.COOLED): State.COOLING,
    (State.COOLING, Happening.ELAPSED): State.OPEN,
    (State.EJECTED, Happening.ELAPSED): State.HALF_OPEN,
    (State.HALF_OPEN, Happening.EJECTED): State.EJECTED,
    (State.HALF_OPEN, Happening.ANSWERED): State.OPEN,
}


class Standing(msgspec.Struct, frozen=True, gc=False):
    """A state with its facts.

    ``until``: when COOLING or EJECTED ends. ``times``: how often it came to that; of RATE and
    HEALTH, how often at short intervals.
    ``cause``: the word of the signal that led here, ``since``: when.
    """

    state: State = State.OPEN
    until: float = 0.0
    times: int = 0
    cause: str = ""
    since: float = 0.0

    def at(self, now: float) -> Standing:
        """Return how it stands now that time has passed."""
        following = _NEXT.get((self.state, Happening.ELAPSED))
        if following is None or now < self.until:
            return self
        return msgspec.structs.replace(self, state=following)

    def after(self, happening: Happening) -> State | None:
        """Return the state that follows; None when it is no news."""
        return _NEXT.get((self.state, happening))


OPEN = Standing()
