"""One try at one account: a row in the books, the upstream opened, its answer handed down.

Promises: the row is on disk before anything is sent, and settled once, whatever happens, also when
the task is cancelled; the upstream is closed when the try is over.
"""

from __future__ import annotations

import asyncio
import enum
import re
import time
from typing import NamedTuple

from ..errors import (
    APIError,
    BudgetExceeded,
    ConnectFailed,
    ConnectTimeout,
    GemstreamError,
    StreamTruncated,
)
from ..net.transport import Deadlines
from ..net.transport import Exchange as Upstream
from ..wire.endpoint import Operation
from ..wire.status import decode_error
from .accounts.account import Account
from .accounts.kind import Call as UpstreamCall
from .answers.answer import Tally
from .attempt_count import counted
from .downstream import Downstream
from .job import Job
from .ledger.attempt import Attempt as Row
from .ledger.attempt import AttemptStatus, Settlement
from .pump import pump, read_body

__all__ = ("Attempt", "Ending", "UpstreamRefusal")

# A refusal is small; what is longer is a page of some proxy.
_MOST_REFUSAL = 256 * 1024
_MOST_WHOLE = 256 * 1024 * 1024
_STATUS = re.compile(r"[A-Z]{1,20}(?:_[A-Z]{1,20}){0,3}")


class Ending(enum.Enum):
    """How a try went, as far as the caller is concerned."""

    DELIVERED = "delivered"
    """The answer went down whole."""
    BROKEN = "broken"
    """Part of it went down, then it broke."""
    FAILED = "failed"
    """Nothing of it went down: another account may be asked."""


class UpstreamRefusal(NamedTuple):
    """An error as the upstream wrote it."""

    status: int
    body: bytes


class Attempt:
    """One try; ``run`` it once.

    ``error``: what went wrong, None after DELIVERED. ``refusal``: the upstream's own words when it
    answered with an error. ``status``: how the books have it. ``was_sent``: the account was asked.
    ``began`` (of ``time.monotonic``), ``commit`` and ``waited`` in seconds: until the books had the
    row, and until the upstream's first content was there or its failure known. ``settlement``: what
    the books have of it, None before its end.
    """

    __slots__ = (
        "_asked",
        "_deadlines",
        "_job",
        "_tally",
        "_upstream",
        "_wall",
        "account",
        "began",
        "commit",
        "cost",
        "downstream",
        "error",
        "headers",
        "number",
        "refusal",
        "settlement",
        "status",
        "waited",
        "was_sent",
        "whole",
    )

    def __init__(self, job: Job, account: Account, number: int, downstream: Downstream) -> None:
        self._job = job
        self.account = account
        self.number = number
        self.downstream = downstream
        self._deadlines: Deadlines = job.deadlines
        self._tally: Tally | None = None
        self._upstream: Upstream | None = None
        self._wall = 0
        self._asked: float | None = None
        self.began = 0.0
        self.commit = 0.0
        self.waited = 0.0
        self.settlement: Settlement | None = None
        self.error: GemstreamError | None = None
        self.refusal: UpstreamRefusal | None = None
        self.status = AttemptStatus.UNKNOWN
        self.cost: int | None = None
        self.was_sent = False
        self.whole: bytes | None = None  # the body for the caller of an answer that is no stream
        self.headers: dict[str, str] = {}

    @property
    def tally(self) -> Tally | None:
        """What is known of the answer, None before one began."""
        return self._tally

    async def run(self) -> Ending:
        """Ask the account and hand its answer down.

        Raises StoreUnavailable when the books cannot be written: then nothing was sent. Cancelling
        closes the upstream and settles the row.
        """
        self.began = time.monotonic()
        self._wall = time.time_ns() // 1000
        await self._job.parts.ledger.open(self._row())
        self._job.attempt = self
        self.commit = time.monotonic() - self.began
        try:
            await self._ask()
            self.status = AttemptStatus.OK
            return Ending.DELIVERED
        except GemstreamError as error:
            self.error = error
            self.status = _status_of(error)
            return Ending.BROKEN if self.downstream.is_committed else Ending.FAILED
        except asyncio.CancelledError:
            self.status = self._job.cancelled_as
            raise
        finally:
            self._job.attempt = None
            self._job.is_asking = False
            if self._upstream is not None:
                self._upstream.abort()
            self._settle()

    async def _ask(self) -> None:
        job = self._job
        request = await self.account.request(self._upstream_call())
        answer = None if job.call.stream is None else job.call.stream()
        if answer is not None:
            job.answer = answer
            # Before the head is there: the service sends it with the first chunk.
            self.downstream.attach(answer.content_type, answer.heartbeat)
        self.was_sent = job.was_sent = job.is_asking = True
        self._asked = time.monotonic()
        self._upstream = upstream = await job.parts.transport.open(request, self._deadlines)
        self.headers = {name.lower(): value for name, value in upstream.headers.items()}
        if upstream.status != 200:
            await self._read_refusal(upstream)
        elif answer is not None:
            self._tally = answer.tally
            await pump(upstream, answer, self.downstream, job.watch_for(answer.tally))
        else:
            assert job.call.whole is not None, "an answer goes down in one of the two ways"
            whole = job.call.whole()
            self._tally = whole.tally
            body = await read_body(upstream, _MOST_WHOLE)
            self.downstream.arrived = time.monotonic()
            self.whole = whole.body(body)
            if whole.tally.error is not None:
                raise whole.tally.error

    def _upstream_call(self) -> UpstreamCall:
        call = self._job.call
        total = self._deadlines.total
        now = asyncio.get_running_loop().time()
        assert isinstance(call.operation, Operation), "files are asked for in their own way"
        streams = call.is_stream and call.operation is Operation.GENERATE
        return UpstreamCall(
            operation=Operation.STREAM if streams else call.operation,
            model=call.model or None,
            version=call.version,
            query=call.query,
            headers=call.passed,
            body=call.body,
            total_left=None if total is None else total - now,
            attempt=f"{self._job.exchange.request_id}.{self.number}",
        )

    async def _read_refusal(self, upstream: Upstream) -> None:
        body = await read_body(upstream, _MOST_REFUSAL)
        self.refusal = UpstreamRefusal(upstream.status, body)
        raise decode_error(body, http_status=upstream.status)

    def _row(self) -> Row:
        job = self._job
        return Row(
            request_id=job.exchange.request_id,
            number=self.number,
            key_id=job.key.id,
            account=self.account.name,
            surface=job.call.surface.value,
            operation=job.call.operation.value,
            model=job.call.model,
            started=self._wall,
            reserved_tokens=job.call.estimate.total,
            reserved_micros=job.reserved_micros,
        )

    def note(self) -> None:
        """Note what the answer has come to so far, should this process die."""
        job = self._job
        count = counted(self._tally, job.call, AttemptStatus.OPEN, was_at_work=self._was_at_work)
        version = "" if self._tally is None else self._tally.model_version
        job.noted(self.number, count.usage, job.cost_of(count.usage, version))

    @property
    def _was_at_work(self) -> bool:
        """True unless nothing reached the service or it refused: a silent one may be charging."""
        was_reached = self.was_sent and not isinstance(self.error, ConnectFailed | ConnectTimeout)
        return was_reached and (self._upstream is None or self._upstream.status == 200)

    def _settle(self) -> None:
        job = self._job
        count = counted(self._tally, job.call, self.status, was_at_work=self._was_at_work)
        version = "" if self._tally is None else self._tally.model_version
        self.cost = job.cost_of(count.usage, version)
        now = time.monotonic()
        downstream = self.downstream
        first = downstream.first_sent
        if self._asked is not None:
            has_content = downstream.is_committed or self.whole is not None
            until = downstream.arrived if has_content else now
            self.waited = max(0.0, until - self._asked)
        self.settlement = settlement = Settlement(
            request_id=job.exchange.request_id,
            number=self.number,
            status=self.status,
            http_status=None if self._upstream is None else self._upstream.status,
            usage=count.usage,
            cost=self.cost,
            is_estimated=count.is_estimated,
            first_chunk=None if first is None else round((first - self.began) * 1e6),
            duration=round((now - self.began) * 1e6),
            bytes=self.downstream.exchange.sent,
            chunks=0 if self._tally is None else self._tally.chunks,
            finish_reason="" if self._tally is None else self._tally.finish_reason,
            upstream_id="" if self._tally is None else self._tally.response_id,
            error="" if self.error is None else _named(self.error),
        )
        job.settled(settlement)


def _status_of(error: GemstreamError) -> AttemptStatus:
    if isinstance(error, BudgetExceeded):
        return AttemptStatus.LIMITED
    if isinstance(error, StreamTruncated):
        return AttemptStatus.TRUNCATED
    return AttemptStatus.UPSTREAM_ERROR


def _named(error: GemstreamError) -> str:
    """Return what went wrong in a word: the books hold nobody's sentences.

    A status is the upstream's text, and a word only if it looks like one of google.rpc.Code.
    """
    if isinstance(error, APIError):
        status = error.status or ""
        return f"{error.code} {status if _STATUS.fullmatch(status) else ''}".rstrip()
    return type(error).__name__
