"""Every limit's books, and the one decision over several of them: all or nothing."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from .arrival_time import ArrivalTime
from .claim import Claim, Kind, Moment, Refused, Spent, Unit, Wait
from .day_count import DayCount
from .gate_state import GateState
from .slot_set import SlotSet
from .window_log import WindowLog

__all__ = ("Level", "LimitLog", "State")

State = WindowLog | DayCount | SlotSet | ArrivalTime | GateState

_STATES: dict[Kind, type[State]] = {
    Kind.WINDOW: WindowLog,
    Kind.DAILY: DayCount,
    Kind.SLOTS: SlotSet,
    Kind.RATE: ArrivalTime,
    Kind.GATE: GateState,
}


class Level(msgspec.Struct, frozen=True):
    """How full a limit is. ``frees_at``: when it is empty again, None when it is or nobody knows"""

    claim: Claim
    used: int
    frees_at: int | None


class LimitLog:
    """The books of all keys; one that has nothing to remember can be swept out."""

    __slots__ = ("states",)

    def __init__(self) -> None:
        self.states: dict[str, State] = {}

    def reserve(self, name: str, claims: Sequence[Claim], moment: Moment) -> Wait | Refused | None:
        """Take all of ``claims`` for the request called ``name`` and return None, or take nothing.

        Of several limits that are full, the one that is full longest is named.
        """
        states = self.states
        found = []
        wait: Wait | None = None
        for claim in claims:
            state = states.get(claim.key)
            if state is None:
                if claim.limit.kind is Kind.GATE:  # never closed
                    continue
                state = _STATES[claim.limit.kind]()
            found.append((claim, state))
            until = state.until(claim.limit, claim.cost, moment)
            if until is None or until > moment.now:
                if claim.cost > claim.limit.most:
                    return Refused(claim)
                wait = _longer(wait, Wait(claim, until))
        if wait is not None:
            return wait
        for claim, state in found:
            state.take(name, claim.cost, claim.limit, moment)
            states[claim.key] = state
        return None

    def stamp(self, name: str, claims: Sequence[Claim], moment: Moment) -> None:
        """Note that the head of the answer is here."""
        states = self.states
        for claim in claims:
            state = states.get(claim.key)
            if state is not None:
                state.stamp(name, moment)

    def adjust(self, name: str, claims: Sequence[Claim], tokens: int, moment: Moment) -> None:
        """Correct what a running request has used of tokens so far."""
        for claim in claims:
            state = self.states.get(claim.key)
            if state is not None and claim.unit is Unit.TOKENS:
                state.adjust(name, tokens, claim.limit, moment)

    def settle(self, name: str, claims: Sequence[Claim], spent: Spent, moment: Moment) -> None:
        """Correct what a request used to what it was; it runs no more."""
        states = self.states
        for claim in claims:
            state = states.get(claim.key)
            if state is not None:
                state.settle(name, spent.in_unit(claim.unit), claim.limit, moment)

    def record(self, name: str, claims: Sequence[Claim], moment: Moment) -> None:
        """Count what was sent without asking, over the limit if need be."""
        for claim in claims:
            state = self.states.setdefault(claim.key, _STATES[claim.limit.kind]())
            state.take(name, claim.cost, claim.limit, moment)
            state.settle(name, claim.cost, claim.limit, moment)

    def resume(self, name: str, claims: Sequence[Claim], moment: Moment) -> None:
        """Let what runs count as running again, over the limit if need be: it was thought dead."""
        for claim in claims:
            if claim.limit.kind is Kind.SLOTS:
                state = self.states.setdefault(claim.key, SlotSet())
                state.take(name, claim.cost, claim.limit, moment)

    def hold(self, claim: Claim, delay: int, moment: Moment) -> None:
        """Close the gate that ``claim`` names for ``delay`` microseconds."""
        state = self.states.get(claim.key)
        if not isinstance(state, GateState):
            state = self.states[claim.key] = GateState()
        state.close(delay, moment)

    def levels(self, claims: Sequence[Claim], moment: Moment) -> list[Level]:
        """Return how full the limits are."""
        levels = []
        for claim in claims:
            state = self.states.get(claim.key) or _STATES[claim.limit.kind]()
            used = state.used(claim.limit, moment)
            levels.append(Level(claim, used, state.frees_at(claim.limit, moment)))
        return levels

    def sweep(self, claims: Sequence[Claim], moment: Moment) -> bool:
        """Forget what changes nothing by it; True when nothing of ``claims`` is left."""
        for claim in claims:
            state = self.states.get(claim.key)
            if state is not None and state.is_idle(claim.limit, moment):
                del self.states[claim.key]
        return not any(claim.key in self.states for claim in claims)


def _longer(one: Wait | None, other: Wait) -> Wait:
    """Return the wait that says more: a moment that is known before one that is not."""
    if one is None or one.until is None:
        return one if one is not None and other.until is None else other
    return other if other.until is not None and other.until > one.until else one
