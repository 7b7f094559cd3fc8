"""Which account is asked about a file, and what its answer means for the pool."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping

import msgspec

from ...errors import NotFound
from ...net.transport import HTTPRequest
from ...policy.account.fact import Change
from ...policy.account.pool import Choice
from ...policy.account.signal import Signal, SignalKind, read_signal
from ...policy.account.wish import NoneLeft, Shortage, Wish
from ...wire.dialect.dialect import Dialect
from ...wire.dialect.refusal import Fault, Refusal, refusal_of
from ...wire.status import NO_ENVELOPE
from ..accounts.account import Account
from ..accounts.change_log import log_change
from ..accounts.kinds import kinds_of
from ..attempt import Ending
from ..downstream import Downstream
from ..job import Job
from ..refused import Refused, shortage_refusal
from .attempt import DownloadAttempt, FileAttempt
from .incoming import Incoming

__all__ = ("Asking", "RequestOf", "SaidNo", "is_sayable", "refusal_of_answer")

RequestOf = Callable[[Account], HTTPRequest]
"""Makes a request for whichever account it goes to."""

_NOT_HERE = Refusal(Fault.NOT_FOUND, "no account that has this is here for this key any more")
_UNSAYABLE = (Fault.UPSTREAM_AUTH, Fault.NO_ACCOUNT)


class SaidNo(Exception):
    """The last account that could be asked did not do it; ``attempt`` says why."""

    def __init__(self, attempt: FileAttempt) -> None:
        super().__init__(str(attempt.error))
        self.attempt = attempt


class Asking:
    """Asks accounts for one job, also several things at once."""

    __slots__ = ("_job", "_number")

    def __init__(self, job: Job) -> None:
        self._job = job
        self._number = 0

    async def ask(
        self,
        request_of: RequestOf,
        pinned: str | None,
        *,
        incoming: Incoming | None = None,
        more: Mapping[str, str] = {},
        kind: type[DownloadAttempt] | None = None,
    ) -> FileAttempt:
        """Return the attempt that was answered well.

        ``pinned``: the one account to ask, None for any that can keep a file. ``more``: headers for
        the body that is ``incoming``. Raises SaidNo, Refused when no account can be asked, and as
        ``FileAttempt.run``. Cancelling settles what was begun.
        """
        wish: Wish | None = self._wish(pinned)
        last: FileAttempt | None = None
        none = NoneLeft(Shortage.TRIED)
        while wish is not None:
            choice = self._job.parts.pool.choose(wish, time.monotonic(), jitter=random.random())
            if isinstance(choice, NoneLeft):
                none = choice
                break
            account = self._job.parts.accounts[choice.account]
            request = request_of(account)
            request = msgspec.structs.replace(request, headers={**request.headers, **more})
            last = self._attempt(account, request, incoming, kind)
            signal, ending = await self._tried(choice, last, names_file=pinned is not None)
            if ending is Ending.DELIVERED:
                return last
            is_final = ending is Ending.BROKEN or (incoming is not None and incoming.is_touched)
            wish = None if is_final else wish.after(choice.account, signal)
        if last is not None:
            raise SaidNo(last)
        is_gone = pinned is not None and none.reason is Shortage.NO_ACCOUNT
        raise Refused(_NOT_HERE if is_gone else shortage_refusal(none, time.monotonic()))

    def _wish(self, pinned: str | None) -> Wish:
        key = self._job.key
        return Wish(
            model="",
            kinds=kinds_of(Dialect.GEMINI),
            accounts=key.accounts,
            groups=key.groups,
            # Files that are named together must be in one place.
            session="" if pinned else f"files of {key.id}",
            pinned=pinned,
        )

    def _attempt(
        self,
        account: Account,
        request: HTTPRequest,
        incoming: Incoming | None,
        kind: type[DownloadAttempt] | None,
    ) -> FileAttempt:
        self._number += 1
        downstream = Downstream(self._job.exchange, self._head(), None)
        if kind is not None:
            return kind(self._job, account, self._number, downstream, request)
        return FileAttempt(self._job, account, self._number, downstream, request, incoming)

    def _head(self) -> tuple[tuple[bytes, bytes], ...]:
        return ((b"x-request-id", self._job.exchange.request_id.encode()),)

    async def _tried(
        self, choice: Choice, attempt: FileAttempt, *, names_file: bool
    ) -> tuple[Signal, Ending]:
        pool = self._job.parts.pool
        signal: Signal | None = None
        change: Change | None = None
        try:
            ending = await attempt.run()
            signal = _signal(attempt, names_file=names_file)
            change = pool.receive(choice, signal, time.monotonic(), jitter=random.random())
        finally:
            pool.finished(choice)
            self._job.trail.attempted(attempt, signal, change)
        if change is not None:
            log_change(change, attempt.account, time.monotonic())
        return signal, ending


def refusal_of_answer(attempt: FileAttempt) -> Refusal:
    """Return what the caller is told of an attempt that failed, without the account's secrets."""
    assert attempt.error is not None, "what failed says why"
    refusal = refusal_of(attempt.error)
    message = attempt.account.redact(refusal.message.encode("utf-8", "replace"))
    return msgspec.structs.replace(refusal, message=message.decode("utf-8", "replace"))


def is_sayable(refusal: Refusal) -> bool:
    """Return True when the service's own words may go down."""
    return refusal.fault not in _UNSAYABLE and not refusal.message.startswith(NO_ENVELOPE)


def _signal(attempt: FileAttempt, *, names_file: bool) -> Signal:
    """Return what an answer says of the account: that a file is not there says nothing."""
    error = attempt.error
    if isinstance(error, NotFound):
        return Signal(SignalKind.CALLER_FAULT, cause=str(error.code))
    return read_signal(error, wall=time.time(), headers=attempt.headers, names_resource=names_file)
