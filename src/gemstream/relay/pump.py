"""From the upstream's socket to the caller's: read gated by write, nothing kept.

Strategy. One task reads, hands on and only then reads again, so a slow caller slows the upstream
and memory stays bounded. Until an answer has content nothing goes down, for another account may
still have to be asked; from then on each read goes down as it comes: by the short way of ``splice``
where upstream and server offer it, else read by read.
"""

from __future__ import annotations

import time
from typing import Protocol

from ..errors import BudgetExceeded, GemstreamError, ProtocolError
from ..net.transport import Exchange as Upstream
from .answers.answer import StreamAnswer, WholeAnswer
from .downstream import Downstream
from .splice import Pouring, Splice

__all__ = ("Watch", "pump", "read_body", "read_whole")

# An event that grows beyond this is no error: what goes wrong is told in less.
_MOST_HELD = 64 * 1024


class Watch(Protocol):
    """Who looks on while an answer passes; may raise to cut it."""

    def passed(self) -> None:
        """Called after each read that was handed on."""


async def pump(
    upstream: Upstream, answer: StreamAnswer, downstream: Downstream, watch: Watch | None = None
) -> None:
    """Hand a streamed answer down to its end.

    Raises what went wrong with the upstream: then the caller is still to be told, and
    ``downstream.is_committed`` tells how. Cancelling is safe; who calls closes the upstream.
    """
    data = await _hold(upstream, answer, downstream)
    tally, take, receive = answer.tally, answer.receive_data, upstream.receive
    if data:
        await downstream.send(data)
    send = downstream.sender()
    try:
        if downstream.is_spliceable and isinstance(upstream, Pouring) and tally.error is None:
            passed = None if watch is None else watch.passed
            await Splice(answer, downstream, passed).run(upstream)
        while tally.error is None and (data := await receive()):
            if down := take(data):
                await send(down)
            if watch is not None:
                watch.passed()
        down = b"" if tally.error is not None else answer.receive_eof()
    except BudgetExceeded:
        raise
    except GemstreamError as error:
        # Behind its finish an answer lacks nothing, however the connection ended.
        down = answer.receive_interruption(error)
    if tally.error is None:
        await downstream.end(down)
        return
    if down:
        await send(down)
    raise tally.error


async def _hold(upstream: Upstream, answer: StreamAnswer, downstream: Downstream) -> bytes:
    """Return what may go down once there is content; raises what is wrong before that."""
    tally = answer.tally
    held = b""
    while not tally.has_content and len(held) <= _MOST_HELD:
        data = await upstream.receive()
        if not data:
            break
        upstream.began()
        downstream.arrived = time.monotonic()
        held += answer.receive_data(data)
        if tally.error is not None and not tally.has_content:
            raise tally.error
    return held


async def read_whole(upstream: Upstream, answer: WholeAnswer, most: int) -> bytes:
    """Return the body for the caller; raises what is wrong with the upstream's.

    ``most``: bytes; an answer that is longer is a ProtocolError.
    """
    return answer.body(await read_body(upstream, most))


async def read_body(upstream: Upstream, most: int) -> bytes:
    """Return the whole body; raises ProtocolError above ``most`` bytes."""
    pieces: list[bytes] = []
    size = 0
    while data := await upstream.receive():
        size += len(data)
        if size > most:
            raise ProtocolError(f"the upstream's answer is longer than {most} bytes")
        pieces.append(data)
    return b"".join(pieces)
