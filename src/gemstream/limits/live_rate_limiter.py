"""How many messages are said in Live sessions within any minute."""

from __future__ import annotations

import msgspec

from ..config.limits import Limits
from ..errors import ConfigError
from ..policy.limit.claim import Claim
from ..policy.limit.quota import messages_of
from ..policy.limit.tokens import Tokens
from ..telemetry.decision import Told
from .admission import Admission
from .ask import Ask
from .clock import Clock
from .lane import Lane
from .limit_use import LimitUse
from .memory_store import MemoryStore

__all__ = ("USUAL_MESSAGES", "LiveRateLimiter")

USUAL_MESSAGES = 10
_SCOPE = "Live"
_OWN = "messages_per_minute"
_NOTHING = Tokens()
_NO_LIMITS = Limits()


class LiveRateLimiter:
    """Lets ``messages_per_minute`` messages through in any 60 s, 10 unless told otherwise.

    Shared by whoever has it: sessions, clients, tasks, threads and event loops; who asked first
    goes first. It counts in this process alone, and a forked child begins anew. ``setting``: where
    the number comes from, told with each wait. ``clock``: another than the machine's, as one that
    runs as fast as an emulator's. Raises ConfigError for a number that lets nothing through.
    """

    __slots__ = ("_ask", "_claims", "_lane", "_store", "messages_per_minute")

    def __init__(
        self,
        messages_per_minute: int | None = None,
        *,
        setting: str = _OWN,
        clock: Clock | None = None,
    ) -> None:
        amount = USUAL_MESSAGES if messages_per_minute is None else messages_per_minute
        if type(amount) is not int or amount < 1:
            raise ConfigError(
                f"messages_per_minute is {amount!r:.80}; it must be a whole number from 1 on"
            )
        self.messages_per_minute = amount
        self._claims = (messages_of(_SCOPE, amount),)
        self._store = MemoryStore(clock)
        self._lane = _MessageLane(self._store, self._claims)
        self._ask = Ask(limits=_NO_LIMITS, is_own=setting == _OWN, setting=setting)

    async def acquire(self) -> None:
        """Wait until one more message may be sent, and count it.

        A wait is logged, once a minute. Cancelled, nothing is counted and the next may go.
        """
        (await self.admit()).ended(_NOTHING)

    def record(self) -> None:
        """Count a message that was sent without asking; what comes next waits for it too."""
        self._store.record(self._store.new_name(), self._claims)

    async def use(self) -> LimitUse:
        """Return how many messages count now, and how many wait; ``model`` is empty."""
        [level], waiting = await self._lane.levels(self._ask)
        amount = self.messages_per_minute
        return LimitUse(
            model="",
            quota=level.claim.quota,
            limit=amount,
            used=level.used,
            left=max(0, amount - level.used),
            resets_in=self._lane.seconds_until(level.frees_at),
            waiting=waiting,
            setting=self._ask.setting,
        )

    async def admit(self, told: Told | None = None) -> Admission:
        """Return once a message may be sent; it counts from now until a minute after it has ended.

        ``told``: is told of a wait, which is not logged then. Safe to cancel.
        """
        ask = msgspec.structs.replace(self._ask, told=told)
        reservation = await self._lane.reserve(ask)
        return Admission(self._lane, ask, reservation, _NOTHING, counts_output=False)

    def __repr__(self) -> str:
        return f"LiveRateLimiter({self.messages_per_minute})"


class _MessageLane(Lane):
    """The lane of messages: of one limit, which no answer of the service corrects."""

    __slots__ = ("_messages",)

    def __init__(self, store: MemoryStore, messages: tuple[Claim, ...]) -> None:
        super().__init__(_SCOPE, store)
        self._messages = messages

    def claims(self, ask: Ask) -> tuple[Claim, ...]:
        return self._messages
