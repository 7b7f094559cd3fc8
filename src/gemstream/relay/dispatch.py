"""One request from its admission to its settlement: which account is asked, and which next.

Another account is asked as long as the caller has seen nothing; what each said of itself is told
to the pool. Whatever happens, the admission is settled with what all attempts used together.
"""

from __future__ import annotations

import asyncio
import functools
import random
import re
import time

import msgspec

from ..errors import APIError, GemstreamError, Unavailable
from ..limits.reservation import Reservation
from ..policy.account.fact import Change
from ..policy.account.pool import Choice
from ..policy.account.signal import Signal, read_signal
from ..policy.account.wish import NoneLeft, Wish
from ..policy.limit.claim import Spent
from ..wire.dialect.dialect import Dialect
from ..wire.dialect.refusal import Fault, Refusal, refusal_of
from ..wire.status import NO_ENVELOPE
from .accounts.account import Account
from .accounts.change_log import log_change
from .accounts.kinds import kinds_of
from .accounts.own_limits import Full
from .attempt import Attempt, Ending
from .downstream import Downstream
from .exchange import Header
from .job import Job
from .rate_headers import RateHeaders, model_header
from .refused import Refused, shortage_refusal

__all__ = ("Dispatch",)


# What was read as JSON is called so: a type that the upstream made up does not go down.
_JSON = b"application/json; charset=UTF-8"
_RESOURCE = re.compile(rb'"(?:file_?[dD]ata|cached_?[cC]ontent)"')


class Dispatch:
    """Serves one job; ``run`` it once."""

    __slots__ = ("_attempts", "_downstream", "_job", "_last", "_model", "_rates")

    def __init__(self, job: Job) -> None:
        self._job = job
        self._attempts = 0
        self._last: Attempt | None = None
        self._model = model_header(job.call.model)
        self._rates = RateHeaders(job.call.surface, self._tell_head)
        heartbeat = job.key.heartbeat
        self._downstream = Downstream(
            job.exchange,
            ((b"x-request-id", job.exchange.request_id.encode()), *job.call.headers),
            job.call.heartbeat if heartbeat is None else heartbeat,
        )

    @property
    def last(self) -> Attempt | None:
        """The attempt that answered, or the last that did not."""
        return self._last

    @property
    def attempts(self) -> int:
        """How many accounts were asked."""
        return self._attempts

    async def run(self) -> None:
        """Answer the caller. Raises Refused when nothing has gone down and the answer is no.

        Raises GemstreamError for limits, budgets and books that say no before anything was sent.
        """
        job = self._job
        admission = await job.parts.limits.admit(
            job.key, job.call.estimate.total, job.reserved_micros
        )
        job.admission = admission
        try:
            await self._rates.read(admission)
            await self._try_accounts()
        except GemstreamError as error:
            if not self._downstream.is_begun:
                raise
            await self._break_off(error)
        except asyncio.CancelledError:
            if job.is_cut:
                await self._tell_cut()
            raise
        finally:
            self._rates.close()
            self._downstream.close()
            if job.was_sent:
                admission.settle(job.tokens, job.micros)
            else:
                admission.cancel()

    async def _try_accounts(self) -> None:
        wish: Wish | None = self._wish()
        while wish is not None and not self._job.exchange.is_gone:
            choice = self._choose(wish)
            if isinstance(choice, NoneLeft):
                await self._give_up(choice)
                return
            wish = await self._try(choice, wish)

    def _wish(self) -> Wish:
        job = self._job
        return Wish(
            model=job.call.model,
            kinds=kinds_of(Dialect.GEMINI),
            accounts=job.key.accounts,
            groups=job.key.groups,
            session=job.call.session or "",
            pinned=job.call.pinned,
            tokens=job.call.estimate.total,
        )

    def _choose(self, wish: Wish) -> Choice | NoneLeft:
        return self._job.parts.pool.choose(wish, time.monotonic(), jitter=random.random())

    async def _try(self, choice: Choice, wish: Wish) -> Wish | None:
        """Ask one account; return the wish for the next, None when the caller has been answered."""
        parts = self._job.parts
        account = parts.accounts[choice.account]
        try:
            place = await parts.own_limits.reserve(
                account, choice.model, self._job.call.estimate.total
            )
            if isinstance(place, Full):
                return wish.without(choice.account, place.fits_at(time.monotonic()))
            before = self._job.tokens
            attempt = Attempt(self._job, account, self._attempts + 1, self._downstream)
            self._downstream.on_commit = functools.partial(self._committed, choice, place)
            try:
                signal, ending = await self._ask(choice, account, attempt)
            finally:
                if place is not None:
                    used = self._job.tokens - before
                    place.settle(Spent(1, used) if attempt.was_sent else Spent())
        finally:
            parts.pool.finished(choice)
        return await self._concluded(attempt, ending, wish.after(choice.account, signal))

    def _committed(self, choice: Choice, place: Reservation | None) -> None:
        """Tell that the answer has begun: its account is well, and its time in the windows runs."""
        self._job.parts.pool.began(choice, time.monotonic())
        if place is not None:
            place.stamp()

    async def _ask(
        self, choice: Choice, account: Account, attempt: Attempt
    ) -> tuple[Signal, Ending]:
        self._attempts += 1
        self._last = attempt
        self._tell_head()
        signal: Signal | None = None
        change: Change | None = None
        try:
            ending = await attempt.run()
            signal = read_signal(
                attempt.error,
                wall=time.time(),
                headers=attempt.headers,
                names_resource=_RESOURCE.search(self._job.call.body) is not None,
            )
            pool = self._job.parts.pool
            change = pool.receive(choice, signal, time.monotonic(), jitter=random.random())
        finally:
            self._job.trail.attempted(attempt, signal, change)
        if change is not None:
            log_change(change, account, time.monotonic())
        return signal, ending

    def _tell_head(self) -> None:
        """Say in the head what is known by now: it is sent with the first content."""
        attempts = (b"x-gemstream-attempts", b"%d" % self._attempts)
        self._downstream.more_headers = (attempts, *self._model, *self._rates.headers)

    async def _concluded(
        self, attempt: Attempt, ending: Ending, following: Wish | None
    ) -> Wish | None:
        if self._job.exchange.is_gone:
            return None  # nobody is there to be answered, by this account or the next
        if ending is Ending.DELIVERED:
            if attempt.whole is not None:
                await self._send_whole(attempt, attempt.whole)
            return None
        if ending is Ending.BROKEN or (following is None and self._downstream.is_begun):
            assert attempt.error is not None, "what failed says why"
            await self._break_off(attempt.error)
            return None
        if following is None:
            await self._refuse(attempt)
        return following

    async def _send_whole(self, attempt: Attempt, body: bytes) -> None:
        headers: list[Header] = [
            (b"content-type", _JSON),
            (b"x-request-id", self._job.exchange.request_id.encode()),
            *self._job.call.headers,
            *self._downstream.more_headers,
        ]
        if attempt.cost is not None:
            headers.append((b"x-gemstream-cost", b"%.6f" % (attempt.cost / 1_000_000)))
        self._job.trail.first_sent = time.monotonic()
        await self._job.exchange.answer(200, headers, body)

    async def _give_up(self, none: NoneLeft) -> None:
        """No account is left: the last one's words are what the caller gets, else why."""
        if self._last is not None:
            if self._downstream.is_begun and self._last.error is not None:
                await self._break_off(self._last.error)
            else:
                await self._refuse(self._last)
            return
        refusal = shortage_refusal(none, time.monotonic())
        raise Refused(refusal)

    async def _refuse(self, attempt: Attempt) -> None:
        """Tell the caller what the upstream said: untouched where the dialect is the same."""
        self._downstream.close()
        assert attempt.error is not None, "what failed says why"
        refusal = refusal_of(attempt.error)
        self._job.trail.refused(refusal)
        said = attempt.refusal
        is_sayable = refusal.fault not in (
            Fault.UPSTREAM_AUTH,
            Fault.NO_ACCOUNT,
        ) and not refusal.message.startswith(NO_ENVELOPE)
        if (
            said is not None
            and is_sayable
            and self._job.call.surface is Dialect.GEMINI
            and said.status >= 400
        ):
            headers = (
                (b"content-type", _JSON),
                (b"x-request-id", self._job.exchange.request_id.encode()),
                *self._downstream.more_headers,
            )
            body = attempt.account.redact(said.body)
            await self._job.exchange.answer(said.status, headers, body)
            return
        raise Refused(self._redacted(attempt, refusal))

    def _redacted(self, attempt: Attempt, refusal: Refusal) -> Refusal:
        message = attempt.account.redact(refusal.message.encode("utf-8", "replace"))
        return msgspec.structs.replace(refusal, message=message.decode("utf-8", "replace"))

    async def _break_off(self, error: GemstreamError) -> None:
        answer = self._job.answer
        assert answer is not None, "a head was sent for an answer"
        if isinstance(error, APIError) and self._last is not None:
            error.message = self._last.account.redact(error.message.encode()).decode()
        await self._downstream.break_off(answer.break_off(error))

    async def _tell_cut(self) -> None:
        """Tell the caller that the relay goes down; nothing else may be sent behind it."""
        if self._downstream.is_begun and self._job.answer is not None:
            await self._break_off(
                Unavailable("the relay is shutting down", code=503, status="UNAVAILABLE")
            )
