"""One try at one account for a file: a row in the books as for any other, without tokens."""

from __future__ import annotations

import asyncio
import time

import msgspec

from ...errors import GemstreamError, IdleTimeout, StreamInterrupted
from ...net.transport import Deadlines, HTTPRequest
from ...net.transport import Exchange as Upstream
from ...wire.dialect.refusal import Fault, Refusal
from ..accounts.account import Account
from ..attempt import Attempt
from ..downstream import Downstream
from ..job import Job
from ..pump import read_body
from ..refused import Refused
from .incoming import Incoming

__all__ = ("DownloadAttempt", "FileAttempt")

_STALLED = Refusal(Fault.TIMEOUT, "the body did not go on; ask how much came, and go on there")
# What is said of a file is small; a file itself goes another way.
_MOST_ANSWER = 1024 * 1024


class FileAttempt(Attempt):
    """One request about a file; ``answered``: the status of the answer, whose body is ``whole``.

    ``request`` has no credentials yet. ``incoming``: its body, where that comes in pieces: then
    ``run`` may also raise CallerGone, BodyTooLarge and Refused.
    """

    __slots__ = ("_incoming", "_request", "answered")

    def __init__(
        self,
        job: Job,
        account: Account,
        number: int,
        downstream: Downstream,
        request: HTTPRequest,
        incoming: Incoming | None = None,
    ) -> None:
        super().__init__(job, account, number, downstream)
        self._request = request
        self._incoming = incoming
        self.answered = 0

    def note(self) -> None:
        """Nothing is counted on the way."""

    async def _ask(self) -> None:
        request = await self.account.authorized(self._request)
        job = self._job
        self.was_sent = job.was_sent = job.is_asking = True
        self._asked = time.monotonic()
        self._upstream = upstream = await self._opened(request)
        self.headers = {name.lower(): value for name, value in upstream.headers.items()}
        self.answered = upstream.status
        if not 200 <= upstream.status < 300:
            await self._read_refusal(upstream)
        await self._take(upstream)

    async def _take(self, upstream: Upstream) -> None:
        self.whole = await read_body(upstream, _MOST_ANSWER)
        self.downstream.arrived = time.monotonic()

    async def _opened(self, request: HTTPRequest) -> Upstream:
        transport = self._job.parts.transport
        incoming = self._incoming
        if incoming is None:
            return await transport.open(request, self._deadlines)
        try:
            return await self._sent_up(msgspec.structs.replace(request, stream=incoming), incoming)
        except GemstreamError:
            if incoming.failure is not None:
                self.status = self._job.cancelled_as
                raise incoming.failure from None
            raise

    async def _sent_up(self, request: HTTPRequest, incoming: Incoming) -> Upstream:
        """Open with a body whose length nobody can tell the time of: it must only move on.

        A piece that is not taken, or does not come, for as long as a stream may be idle ends it;
        once all is sent the answer has the time of a first chunk.
        """
        timeouts = self._job.parts.options.server.timeouts
        time_of = asyncio.get_running_loop().time

        def moved(is_over: bool) -> None:
            seconds = timeouts.first_chunk if is_over else timeouts.idle
            if not limit.expired():
                limit.reschedule(None if seconds is None else time_of() + seconds)

        try:
            async with asyncio.timeout(timeouts.idle) as limit:
                incoming.on_progress = moved
                try:
                    deadlines = Deadlines(connect=timeouts.connect, idle=timeouts.idle)
                    upstream = await self._job.parts.transport.open(request, deadlines)
                finally:
                    incoming.on_progress = _nothing
        except TimeoutError as error:
            if isinstance(error, GemstreamError):
                raise
        else:
            upstream.began()
            return upstream
        if incoming.is_waiting:
            self.status = self._job.cancelled_as
            raise Refused(_STALLED)
        raise IdleTimeout("the service did not take the upload", timeout=timeouts.idle)


class DownloadAttempt(FileAttempt):
    """One request for the bytes of a file, which go down as they come."""

    __slots__ = ()

    def __init__(
        self, job: Job, account: Account, number: int, downstream: Downstream, request: HTTPRequest
    ) -> None:
        super().__init__(job, account, number, downstream, request)
        # A file may be large and its caller slow: only silence is too long.
        self._deadlines = msgspec.structs.replace(self._deadlines, total=None, total_seconds=None)

    async def _take(self, upstream: Upstream) -> None:
        content_type = self.headers.get("content-type", "application/octet-stream")
        self.downstream.attach(content_type.encode("latin-1", "replace"), bytes)
        upstream.began()
        while data := await upstream.receive():
            if not self.downstream.is_committed:
                self.downstream.arrived = time.monotonic()
            await self.downstream.send(data)
        if "content-length" in self.headers and self.headers["content-length"] != str(
            self.downstream.exchange.sent
        ):
            raise StreamInterrupted("the file broke off before its end")
        await self.downstream.end()


def _nothing(is_over: bool) -> None:
    pass
