"""One request that was let in: what its attempts share, and what they came to."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from typing import Protocol

from ..config.prices import Price
from ..config.relay.options import DisconnectPolicy
from ..errors import BudgetExceeded
from ..net.transport import Deadlines
from ..policy.cost import Pricing, cost_of
from ..policy.limit.tokens import Tokens, tokens_of
from ..wire.usage import UsageMetadata
from .answers.answer import StreamAnswer, Tally
from .budget_watch import BudgetWatch
from .call import Call
from .exchange import Exchange
from .keys.admission import KeyAdmission
from .keys.key import Key
from .ledger.attempt import AttemptStatus, Settlement
from .parts import Parts
from .trail import Trail

__all__ = ("Job", "Running")


class Running(Protocol):
    """An attempt that runs."""

    def note(self) -> None:
        """Note what it has come to so far."""
        ...


class Job:
    """What one request asks, who asks it, and what it has used so far.

    ``cancelled_as``: how the books call an attempt whose task is cancelled. ``answer``: the one
    that is going down, ``attempt`` the one that runs; ``is_asking``: an account is at work.
    ``tokens`` and ``micros``: of all attempts together. ``trail``: what is told of it.
    """

    __slots__ = (
        "_draining",
        "_price",
        "_task",
        "admission",
        "answer",
        "attempt",
        "call",
        "cancelled_as",
        "deadlines",
        "exchange",
        "is_asking",
        "is_cut",
        "key",
        "micros",
        "parts",
        "reserved_micros",
        "tokens",
        "trail",
        "was_sent",
    )

    def __init__(
        self, parts: Parts, exchange: Exchange, key: Key, call: Call, trail: Trail
    ) -> None:
        self.parts = parts
        self.exchange = exchange
        self.key = key
        self.call = call
        self.trail = trail
        trail.job = self
        self.answer: StreamAnswer | None = None
        self.attempt: Running | None = None
        self.admission: KeyAdmission | None = None
        self.cancelled_as = AttemptStatus.CLIENT_CANCEL
        self.is_asking = False
        self.is_cut = False
        self.was_sent = False
        self.tokens = 0
        self.micros = 0
        timeouts = parts.options.server.timeouts
        now = asyncio.get_running_loop().time()
        self.deadlines = Deadlines(
            connect=timeouts.connect,
            first_chunk=timeouts.first_chunk,
            idle=timeouts.idle,
            total=None if timeouts.total is None else now + timeouts.total,
            total_seconds=timeouts.total,
        )
        self._price: Price | None = parts.prices.find(call.model, _today())
        self.reserved_micros = self._reserved(call.estimate)
        self._task = asyncio.current_task()
        self._draining: asyncio.Handle | None = None

    def note_progress(self) -> None:
        """Tell the books what the attempt that runs has come to, should this process die."""
        if self.attempt is not None:
            self.attempt.note()

    def caller_left(self) -> None:
        """Stop, or read on for the counts, as the key says."""
        key = self.key
        if self._task is None:
            return
        if key.on_disconnect is DisconnectPolicy.DRAIN and self.is_asking:
            loop = asyncio.get_running_loop()
            self._draining = loop.call_later(key.drain_seconds, self._task.cancel)
        else:
            self._task.cancel()

    def cut(self) -> None:
        """End now, telling the caller, for the relay goes down."""
        if self._task is not None and not self.is_cut:
            self.is_cut = True
            self.cancelled_as = AttemptStatus.DRAINED
            self._task.cancel()

    def close(self) -> None:
        """Nothing will be stopped any more."""
        self._task = None
        if self._draining is not None:
            self._draining.cancel()

    def cost_of(self, usage: UsageMetadata | None, model_version: str) -> int | None:
        """Return what ``usage`` costs in micro-dollars; None when that is not known."""
        pricing = Pricing(table=self.parts.prices, model=self.call.model, on=_today())
        cost = pricing.tariff(model_version).cost(usage)
        return None if cost is None else cost.micros

    def noted(self, number: int, usage: UsageMetadata | None, cost: int | None) -> None:
        """Note what attempt ``number`` has come to, should this process die."""
        sent = self.exchange.sent
        self.parts.ledger.note(self.exchange.request_id, number, usage, sent, cost)
        if self.admission is None:
            return
        # The budget must know of whatever the books do, or it takes that for spent elsewhere. One
        # that is used up is said so to whoever watches the stream.
        with contextlib.suppress(BudgetExceeded):
            tokens = self.tokens + tokens_of(usage).total
            self.admission.adjust(tokens, self.micros + (cost or 0))

    def settled(self, settlement: Settlement) -> None:
        """Put the end of an attempt into the books."""
        self.tokens += tokens_of(settlement.usage).total
        self.micros += settlement.cost or 0
        self.parts.ledger.settle(settlement)

    def watch_for(self, tally: Tally) -> BudgetWatch | None:
        """Return who holds a stream to the key's budget and tokens a minute; None without any."""
        is_held = self._has_budget or self.key.quotas.tpm is not None
        if self.admission is None or not is_held:
            return None
        return BudgetWatch(self.admission, tally, self._price, self.tokens, self.micros)

    @property
    def _has_budget(self) -> bool:
        budget = self.key.budget
        return (budget.day, budget.month, budget.total) != (None, None, None)

    def _reserved(self, estimate: Tokens) -> int:
        """Return what the request may cost; 0 without a budget, and for an unknown price."""
        if self._price is None or not self._has_budget:
            return 0
        usage = UsageMetadata(
            prompt_token_count=estimate.input, candidates_token_count=estimate.output
        )
        cost = cost_of(usage, self._price)
        return 0 if cost is None else cost.micros


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
