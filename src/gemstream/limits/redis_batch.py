"""One call of the script that keeps the books in Redis: what one scope is asked, and its answers.

The form is told in ``limits.lua``; here is the other end of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import resources

import msgspec

from ..policy.limit.claim import MICROSECONDS, MINUTE, Claim, Kind, Limit
from .midnights import Midnights

__all__ = ("SERVER_TIME", "Batch", "Operation", "scope_of", "script_text")

SERVER_TIME = """
local function time()
  local now = redis.call('TIME')
  return tonumber(now[1]) * 1000000 + tonumber(now[2])
end
"""

# The endings of a scope's keys, as the script counts on them; more periods may follow.
_KEYS = ("numbers", "requests", "running", "processes", f"stamps:{MINUTE}")
_ANSWERS = {"reserve": 3, "renew": 1, "enter": 1, "count": 1}
# The limits to which an operation does nothing; windows are stamped by the request's own record.
_LEFT_OUT = {
    "stamp": (Kind.GATE, Kind.WINDOW, Kind.SLOTS, Kind.RATE),
    "settle": (Kind.GATE,),
    "renew": (Kind.GATE,),
    "enter": (Kind.GATE,),
}

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[int]).decode


class Operation(msgspec.Struct):
    """``what`` to do for the request called ``name``; ``costs``: in each claim's unit.

    ``answered`` takes the numbers that the script answers, or the error there was instead.
    """

    what: str
    name: str = ""
    claims: Sequence[Claim] = ()
    costs: Sequence[int] | None = None
    answered: Callable[[list[int] | Exception], None] | None = None

    @property
    def answers(self) -> int:
        """How many numbers the script answers."""
        if self.what == "levels":
            return 2 * len(self.claims)
        return _ANSWERS.get(self.what, 0)


class Batch:
    """What is asked of ``scope`` at one moment, in order."""

    __slots__ = ("_counts_days", "_limits", "_places", "keys", "operations", "scope")

    def __init__(self, scope: str) -> None:
        self.scope = scope
        self.operations: list[Operation] = []
        self._counts_days = False
        tag = _tag(scope)
        self.keys = [f"gemstream:{tag}:{ending}" for ending in _KEYS]
        self._limits: list[tuple[str, str, int]] = []
        self._places: dict[str, int] = {}

    def argument(self, lease: float, replica: str, midnights: Midnights) -> bytes:
        """Return the argument that says all this to the script; ``lease`` in seconds."""
        operations = [
            (operation.what, operation.name, self._claims(operation))
            for operation in self.operations
        ]
        around = midnights.around() if self._counts_days else ()
        return _encode((int(lease * MICROSECONDS), replica, around, self._limits, operations))

    def receive(self, answer: bytes) -> int | None:
        """Hand every operation its answers; returns the server's time if nothing was done.

        That is so when the midnights were not those around the server's time.
        """
        is_done, wall, *numbers = _decode(answer)
        if not is_done:
            return wall
        at = 0
        for operation in self.operations:
            if operation.answered is not None:
                operation.answered(numbers[at : at + operation.answers])
            at += operation.answers
        return None

    def fail(self, error: Exception) -> None:
        """Tell every operation that waits for an answer that there is none."""
        for operation in self.operations:
            if operation.answered is not None:
                operation.answered(error)

    def _claims(self, operation: Operation) -> list[int]:
        left_out = _LEFT_OUT.get(operation.what, ())
        flat: list[int] = []
        costs = operation.costs
        for index, claim in enumerate(operation.claims):
            limit = claim.limit
            cost = claim.cost if costs is None else costs[index]
            amount = limit.most
            if limit.kind is Kind.RATE:
                amount, cost = _even_time(limit, amount), _even_time(limit, cost)
            if limit.kind not in left_out:
                flat += (self._place(claim), amount, cost)
        return flat

    def _place(self, claim: Claim) -> int:
        """Return the index of the claim's limit, counted from 1 as Lua does."""
        place = self._places.get(claim.key)
        if place is None:
            kind, period = claim.limit.kind, claim.limit.period
            self._counts_days |= kind is Kind.DAILY
            if kind is Kind.WINDOW:
                self._add_stamps(period)
            self._limits.append((claim.key[len(self.scope) + 1 :], kind.value, period))
            place = self._places[claim.key] = len(self._limits)
        return place

    def _add_stamps(self, period: int) -> None:
        key = f"gemstream:{_tag(self.scope)}:stamps:{period}"
        if key not in self.keys:
            self.keys.append(key)


def script_text(time_source: str = SERVER_TIME) -> str:
    """Return the script; ``time_source`` defines its function ``time``."""
    lua = resources.files(__package__).joinpath("limits.lua").read_text("utf-8")
    return time_source + lua


def scope_of(claims: Sequence[Claim]) -> str:
    """Return the scope that ``claims`` are about: an account and a model."""
    return claims[0].key.rpartition("|")[0] if claims else ""


def _even_time(limit: Limit, cost: int) -> int:
    """Return how long an even rate takes for ``cost``, in microseconds rounded up."""
    return -(-cost * limit.period // limit.amount)


def _tag(scope: str) -> str:
    """Return the part of a key that decides on its slot in a Cluster: the same for all of a scope.

    Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags
    """
    quoted = scope.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")
    return "{" + (quoted or "-") + "}"
