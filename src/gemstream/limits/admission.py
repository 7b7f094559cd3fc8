"""One request that was let through: it tells its lane how the request went, and settles."""

from __future__ import annotations

from ..errors import (
    APIError,
    ConnectFailed,
    ConnectTimeout,
    InvalidRequest,
    InvalidState,
    ResourceExhausted,
)
from ..policy.limit.claim import Spent
from ..policy.limit.tokens import Tokens
from .ask import Ask
from .lane import Lane
from .reservation import Reservation

__all__ = ("FREE", "Admission", "Free")

NOTHING = Tokens()

# Nothing of these reached a model; the last two are credentials that failed and a closed transport.
_UNSENT = (ConnectFailed, ConnectTimeout, InvalidRequest, InvalidState)


class Admission:
    """Ends once, by ``ended`` or ``failed``; what comes after that is nothing."""

    __slots__ = ("_ask", "_counts_output", "_estimate", "_lane", "_refusals", "_reservation")

    def __init__(
        self,
        lane: Lane,
        ask: Ask,
        reservation: Reservation,
        estimate: Tokens,
        *,
        counts_output: bool,
    ) -> None:
        self._lane = lane
        self._refusals = lane.refusals
        self._ask = ask
        self._reservation = reservation
        self._estimate = estimate
        self._counts_output = counts_output

    def began(self) -> None:
        """Note that the head of the answer is here, and that it is one."""
        self._reservation.stamp()
        self._lane.receive_success(self._ask)

    async def keep_up(self, used: Tokens) -> None:
        """Correct what was used so far, and wait until the limits bear it; safe to cancel."""
        self._reservation.adjust(self._counted(used))
        await self._lane.keep_up(self._ask)

    def ended(self, used: Tokens) -> None:
        """Settle with what was used; an answer that told nothing costs what was estimated."""
        counted = self._counted(used) or self._counted(self._estimate)
        self._reservation.settle(Spent(1, counted))

    def failed(self, error: BaseException, used: Tokens = NOTHING) -> None:
        """Settle a request that failed, and learn from what the service said.

        What the service refused with a 4xx, or never got, was not counted. What broke later, or
        was cancelled, was: with what it is known to have used, at least the prompt.
        """
        if not self._reservation.is_open:
            return
        if isinstance(error, ResourceExhausted):  # first, or who is woken runs into it as well
            self._lane.receive_refusal(error, self._ask, self._refusals)
        self._reservation.settle(self._spent(error, used))

    def _spent(self, error: BaseException, used: Tokens) -> Spent:
        if isinstance(error, _UNSENT):
            return Spent()
        if isinstance(error, APIError) and not used.total:
            return Spent() if error.code < 500 else Spent(1, 0)
        return Spent(1, self._counted(used) or self._estimate.input)

    def _counted(self, tokens: Tokens) -> int:
        return tokens.total if self._counts_output else tokens.input


class Free:
    """The admission of a request that no limit is kept for."""

    __slots__ = ()

    def began(self) -> None:
        """Nothing is counted."""

    async def keep_up(self, used: Tokens) -> None:
        """Nothing is counted."""

    def ended(self, used: Tokens) -> None:
        """Nothing is counted."""

    def failed(self, error: BaseException, used: Tokens = NOTHING) -> None:
        """Nothing is counted."""


FREE = Free()
