"""The caller's side of one answer: its head held back until there is content, its silences filled.

The head that goes down with the first content is the commit point: before it another account may be
asked, behind it nothing can be taken back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from .exchange import Exchange, Header

__all__ = ("Downstream",)

_STREAM_HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)


class Downstream:
    """Writes one answer to its caller.

    ``is_committed``: content went down; ``on_commit`` is called just before. ``heartbeat``:
    seconds of silence after which ``beat`` is asked for something to send, None for never; the
    first one sends the head, so that errors from then on are told within the stream, but commits
    nothing. What is sent and what fills silences go down in the order in which they were made. A
    caller who left is written to no more, and nobody is told: who wants to know asks
    ``exchange.is_gone``. ``arrived`` and ``first_sent``: when the upstream's first content came and
    when it went down, of ``time.monotonic``.
    """

    __slots__ = (
        "_beat",
        "_beating",
        "_content_type",
        "_head",
        "_heartbeat",
        "_is_sending",
        "_loop",
        "_sent_at",
        "_timer",
        "arrived",
        "exchange",
        "first_sent",
        "is_committed",
        "more_headers",
        "on_commit",
    )

    def __init__(
        self, exchange: Exchange, head: tuple[Header, ...], heartbeat: float | None
    ) -> None:
        self.exchange = exchange
        self.is_committed = False
        self.arrived = 0.0
        self.first_sent: float | None = None
        self.more_headers: tuple[Header, ...] = ()  # of the attempt that answers
        self.on_commit: Callable[[], None] = _nothing
        self._head = head
        self._heartbeat = heartbeat
        self._content_type = b""
        self._beat: Callable[[], bytes] | None = None
        self._loop = asyncio.get_running_loop()
        self._sent_at = self._loop.time()
        self._is_sending = False
        self._timer: asyncio.Handle | None = None
        self._beating: asyncio.Task[None] | None = None

    @property
    def is_begun(self) -> bool:
        """True once a head has been sent: what goes wrong then is told within the body."""
        return self.exchange.status != 0

    def attach(self, content_type: bytes, beat: Callable[[], bytes]) -> None:
        """Answer as ``content_type`` from now on; ``beat`` returns what fills a silence."""
        self._content_type = content_type
        self._beat = beat
        if self._heartbeat is not None and self._timer is None:
            self._arm(self._heartbeat)

    async def send(self, data: bytes) -> None:
        """Send content; returns when the caller's socket takes more."""
        if self._beating is not None:
            await self._beaten()
        exchange = self.exchange
        self._is_sending = True
        if not self.is_committed:
            await self._commit()
        if not exchange.is_gone:
            if self._heartbeat is not None:
                self._sent_at = self._loop.time()
            await exchange.send(data)
        self._is_sending = False

    def sender(self) -> Callable[[bytes], Awaitable[None]]:
        """Return what sends content from now on, by the shortest way there is."""
        is_plain = self.is_committed and self._heartbeat is None
        return self.exchange.send if is_plain else self.send

    @property
    def is_spliceable(self) -> bool:
        """True when content may go down by ``write``, behind what was sent before."""
        direct = self.exchange.direct
        return self.is_committed and direct is not None and direct.is_possible

    def write(self, data: bytes) -> bool:
        """Write content at once; return False when the next should wait for ``drain``."""
        exchange = self.exchange
        if exchange.is_gone or exchange.direct is None:
            return True
        exchange.sent += len(data)
        if self._heartbeat is not None:
            self._sent_at = self._loop.time()
        return exchange.direct.write(data)

    async def drain(self) -> None:
        """Return once the caller's socket takes more; its silence is filled by nobody."""
        self._is_sending = True
        if self.exchange.direct is not None:
            await self.exchange.direct.drain()
        self._is_sending = False

    async def end(self, data: bytes = b"") -> None:
        """Send the last of the content."""
        if data and not self.is_committed:
            await self._commit()
        await self.break_off(data)

    async def break_off(self, data: bytes) -> None:
        """Send the last bytes, which are no content: that nothing more comes, and why."""
        self._stop()
        if self._beating is not None:
            await self._beaten()
        await self._begin()
        if not self.exchange.is_gone:
            await self.exchange.end(data)

    def close(self) -> None:
        """Fill no more silences."""
        self._stop()
        if self._beating is not None:
            self._beating.cancel()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._heartbeat = None

    async def _commit(self) -> None:
        self.is_committed = True
        self.on_commit()
        self.first_sent = time.monotonic()
        await self._begin()

    async def _begin(self) -> None:
        if not self.is_begun and not self.exchange.is_gone:
            await self.exchange.start(
                200,
                (
                    (b"content-type", self._content_type),
                    *_STREAM_HEADERS,
                    *self._head,
                    *self.more_headers,
                ),
            )

    def _arm(self, seconds: float) -> None:
        self._timer = self._loop.call_later(seconds, self._fire)

    def _fire(self) -> None:
        """Fill the silence if there was one for long enough; else wait for what is left of it."""
        if self._heartbeat is None or self._beat is None:
            return
        left = self._sent_at + self._heartbeat - self._loop.time()
        if left > 0.001:
            self._arm(left)
            return
        self._arm(self._heartbeat)
        if self._is_sending or self._beating is not None:
            return  # it is the caller who is silent, and takes nothing
        self._sent_at = self._loop.time()
        if data := self._beat():
            self._beating = self._loop.create_task(self._send_beat(data), name="relay heartbeat")

    async def _send_beat(self, data: bytes) -> None:
        try:
            await self._begin()
            if not self.exchange.is_gone:
                await self.exchange.send(data)
        finally:
            self._beating = None

    async def _beaten(self) -> None:
        """Wait for the heartbeat under way: it was made before what is to be sent now."""
        if self._beating is not None:
            await asyncio.wait([self._beating])


def _nothing() -> None:
    pass
