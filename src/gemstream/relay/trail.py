"""What becomes of one request, gathered on its way and told to the observer at its end.

A trail is made when the head of a request is here and ended in a ``finally``, so both facts are
told whatever happens in between. All its moments are of ``time.monotonic``: an event loop's own
clock may be as coarse as a millisecond, which is more than the relay adds to a request.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..errors import BudgetExceeded, GemstreamError, RateLimited
from ..policy.account.fact import Change
from ..policy.account.signal import Signal, SignalKind
from ..wire.dialect.dialect import Dialect
from ..wire.dialect.refusal import Fault, Refusal
from .exchange import Exchange
from .ledger.attempt import AttemptStatus
from .observer import AttemptEnded, End, Observer, RequestBegan, RequestEnded

if TYPE_CHECKING:
    from .attempt import Attempt
    from .job import Job
    from .keys.key import Key

__all__ = ("Trail",)

# What nginx notes of a caller who left before there was a status.
_CLIENT_CLOSED = 499

_ENDS = {
    AttemptStatus.OK: End.STOP,
    AttemptStatus.CLIENT_CANCEL: End.CLIENT_ABORT,
    AttemptStatus.UPSTREAM_ERROR: End.UPSTREAM_ERROR,
    AttemptStatus.TRUNCATED: End.TRUNCATED,
    AttemptStatus.LIMITED: End.LIMIT,
    AttemptStatus.DRAINED: End.DRAIN,
}


class Trail:
    """One request seen by its observer: ``end`` it exactly once.

    ``key``: whose it is, once known. ``job``: what it asks, once it was let in. ``first_sent``:
    when the first content went down.
    """

    __slots__ = (
        "_cost",
        "_exchange",
        "_fault",
        "_last",
        "_limit",
        "_observer",
        "_signal",
        "_waited",
        "attempts",
        "first_sent",
        "is_cancelled",
        "job",
        "key",
        "surface",
    )

    def __init__(
        self, exchange: Exchange, headers: Mapping[str, str], surface: Dialect, observer: Observer
    ) -> None:
        self._exchange = exchange
        self._observer = observer
        self.surface = surface
        self.key: Key | None = None
        self.job: Job | None = None
        self.first_sent: float | None = None
        self.is_cancelled = False
        self.attempts = 0
        self._last: Attempt | None = None
        self._signal: SignalKind | None = None
        self._waited = 0.0
        self._cost: int | None = None
        self._fault: Fault | None = None
        self._limit = ""
        observer.request_began(RequestBegan(exchange.request_id, surface.value, headers))

    def failed(self, error: GemstreamError) -> None:
        """Note which limit of the key said no, if one did."""
        if isinstance(error, RateLimited):
            self._limit = error.quota or "rate"
        elif isinstance(error, BudgetExceeded):
            self._limit = "budget"

    def refused(self, refusal: Refusal) -> None:
        """Note what the caller is told instead of an answer."""
        self._fault = refusal.fault

    def attempted(self, attempt: Attempt, signal: Signal | None, change: Change | None) -> None:
        """Note and tell that an account was asked; nothing for one that never was in the books."""
        settlement, job = attempt.settlement, self.job
        if settlement is None or job is None:
            return
        self.attempts += 1
        self._last = attempt
        self._waited += attempt.waited
        self.first_sent = attempt.downstream.first_sent
        if settlement.cost is not None:
            self._cost = settlement.cost + (self._cost or 0)
        after, self._signal = self._signal, None if signal is None else signal.kind
        call = job.call
        tally = attempt.tally
        account = attempt.account
        first = settlement.first_chunk
        fact = AttemptEnded(
            request_id=settlement.request_id,
            account=account.name,
            account_hash=account.hash,
            operation=call.operation.value,
            model=call.model,
            model_version="" if tally is None else tally.model_version,
            base_url=account.base_url,
            is_stream=call.is_stream,
            settlement=settlement,
            signal=signal,
            change=change,
            after=after,
            began=attempt.began,
            duration=settlement.duration / 1e6,
            commit=attempt.commit,
            first_chunk=None if first is None else first / 1e6,
        )
        self._observer.attempt_ended(fact)

    def end(self) -> None:
        """Tell that the request is over, and what became of it."""
        exchange, job, last, first = self._exchange, self.job, self._last, self.first_sent
        now = time.monotonic()
        call = None if job is None else job.call
        settled = None if last is None else last.settlement
        end = self._end()
        fact = RequestEnded(
            request_id=exchange.request_id,
            surface=self.surface.value,
            operation="" if call is None else call.operation.value,
            asked="" if call is None else call.asked,
            model="" if call is None else call.model,
            key_id="" if self.key is None else self.key.id,
            account="" if last is None else last.account.name,
            account_hash="" if last is None else last.account.hash,
            status=exchange.status or _CLIENT_CLOSED,
            end=end,
            fault="" if self._fault is None else self._fault.value,
            limit=self._limit,
            is_admitted=job is not None and job.admission is not None,
            attempts=self.attempts,
            first_chunk=None if first is None else first - exchange.started,
            overhead=None if first is None else max(0.0, first - exchange.read_at - self._waited),
            passing=0.0 if first is None else now - first,
            duration=now - exchange.started,
            usage=None if settled is None else settled.usage,
            cost=self._cost,
            is_stream=call is not None and call.is_stream,
            sent=exchange.sent,
            chunks=0 if settled is None else settled.chunks,
        )
        self._observer.request_ended(fact)

    def _end(self) -> End:
        exchange, job = self._exchange, self.job
        if self._fault is Fault.INTERNAL:
            return End.INTERNAL
        if exchange.is_gone and not exchange.is_ended:
            return End.CLIENT_ABORT
        if self.is_cancelled or (job is not None and job.is_cut):
            return End.DRAIN
        if self._last is not None and self._last.settlement is not None:
            return _ENDS.get(self._last.settlement.status, End.INTERNAL)
        # What the relay itself answers, as a key's own facts, asks no account.
        return End.STOP if self._fault is None and exchange.is_ended else End.REFUSED
