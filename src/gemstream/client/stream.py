"""A stream of chunks: pulled by the caller's own await, closed whenever the caller wants.

There is no reader task: cancelling is an exception in the caller's await, and a caller that does
not ask holds the service back through the socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import inspect
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, NoReturn

from ..errors import GemstreamError, InvalidState
from ..policy.answer import Chunk, Completeness, Response
from ..policy.continuation import chunks_behind_token
from ..policy.fold import SETTLE_EVERY
from ..policy.generation import GenerationState
from ..telemetry.events import Outcome
from ..wire.response import GenerateContentResponse
from .channel import OpenStream
from .hops import Hops
from .observation import Observation

__all__ = ("GenerateStream", "OnChunk", "StreamControl", "TextStream")


class StreamControl(enum.Enum):
    """What a callback may return to steer its stream."""

    CONTINUE = "continue"
    STOP = "stop"


OnChunk = Callable[[Chunk], "StreamControl | Awaitable[StreamControl | None] | None"]


class _State(enum.Enum):
    UNSENT = "unsent"  # the request of the first, or of the next, hop was not sent yet
    OPENING = "opening"  # no chunk of this hop has arrived
    OPEN = "open"
    ENDED = "ended"  # the answer is whole
    FAILED = "failed"
    CLOSED = "closed"  # the caller ended it


_OVER = frozenset({_State.ENDED, _State.FAILED, _State.CLOSED})
_AFTER = {
    GenerationState.CONTINUED: _State.UNSENT,
    GenerationState.ENDED: _State.ENDED,
    GenerationState.FAILED: _State.FAILED,
}


class GenerateStream:
    """One answer in motion: iterable once, by one reader.

    The request is sent at the first chunk asked for. Errors of the stream are raised by the
    iteration, with ``delivered`` chunks noted on them. Cancelling the reader closes the connection.
    ``async with`` closes it at the end of the block; without it, dropping the stream does.

    With ``max_cost`` it ends in BudgetExceeded before its next chunk could cost more.
    An answer that the service wants continued goes on by itself, and so does one that broke at a
    continuation token behind which you were given nothing; ``chunk.hop`` counts.
    """

    __slots__ = (
        "__weakref__",
        "_attempts",
        "_broken",
        "_budget",
        "_check_at",
        "_check_every",
        "_delivered",
        "_failure",
        "_hops",
        "_last",
        "_open",
        "_reading",
        "_ready",
        "_state",
        "_waiting",
        "_watch",
    )

    def __init__(self, hops: Hops, check_every: int | None = None) -> None:
        self._hops = hops
        self._check_every = check_every
        self._check_at = check_every or sys.maxsize  # so many delivered
        self._budget = hops.budget
        self._waiting: asyncio.Task[None] | None = None
        self._open: OpenStream | None = None  # the newest hop's
        self._ready: deque[Chunk] = deque()  # decoded, not yet asked for; one read's worth
        self._last: Chunk | None = None  # the newest delivered
        self._state = _State.UNSENT
        self._watch: Observation | None = None  # when somebody listens
        self._reading = False
        self._delivered = 0
        self._attempts = 0
        self._broken: GemstreamError | None = None  # what broke the hop that the next goes on from
        self._failure: GemstreamError | None = None

    def __aiter__(self) -> GenerateStream:
        return self

    async def __anext__(self) -> Chunk:
        # One coroutine and no helper that awaits: each costs 0.4 µs of a paced chunk's 20.
        ready = self._ready
        if not ready:
            if self._reading:
                raise InvalidState("the stream is already being read by another task")
            self._reading = True
            try:
                while not ready:
                    stream = self._open
                    try:
                        if self._state is _State.OPEN and stream is not None:
                            if self._delivered >= self._check_at:
                                await self._keep_up(stream)
                                continue  # perhaps it was ended meanwhile
                            self._receive_data(stream, await stream.exchange.receive())
                        elif self._state is _State.UNSENT:
                            await self._start()
                        else:
                            break
                    except GemstreamError as error:
                        self._receive_failure(error)
            except BaseException:  # what was in flight is lost, and with it the stream
                self._fail_cancelled()
                raise
            finally:
                self._reading = False
            if not ready:
                self._raise_end()
        self._delivered += 1
        if not self._delivered % SETTLE_EVERY:
            self._settle()
        if self._watch is not None:
            self._watch.chunk_received()
        self._last = chunk = ready.popleft()
        return chunk

    @property
    def response(self) -> Response:
        """The fold of the chunks you were given; ``complete`` tells whether that is all.

        Raises InvalidState before the first chunk.
        """
        if self._open is not None:
            return self._open.generation.response(
                attempts=self._attempts, undelivered=len(self._ready), newest=self._last
            )
        if self._state is _State.CLOSED:
            return Response(
                message=GenerateContentResponse(), complete=Completeness.STOPPED, attempts=0
            )
        raise InvalidState("the stream has not brought a chunk yet; iterate over it first")

    @property
    def attempts(self) -> int:
        """How many times the request was sent, once the first chunk is here; 0 before."""
        return self._attempts

    @property
    def text_stream(self) -> TextStream:
        """The same stream as pieces of text; chunks without text are passed over."""
        return TextStream(self)

    async def finish(self, on_chunk: OnChunk | None = None) -> Response:
        """Read to the end and return the response; ``on_chunk`` sees each chunk as it comes.

        The callback may be a coroutine function, and ends the stream by returning
        ``StreamControl.STOP``; ``complete`` is then ``stopped``. Raises what the iteration raises.
        """
        async for chunk in self:
            verdict = None if on_chunk is None else on_chunk(chunk)
            if inspect.isawaitable(verdict):
                verdict = await verdict
            if verdict is StreamControl.STOP:
                await self.aclose()
        return self.response

    def cancel(self) -> None:
        """End the stream now, from any task of its loop; its reader sees a plain end."""
        if self._state in _OVER and not self._ready:
            self._tell_end()
            return
        self._state = _State.CLOSED
        self._failure = None  # what stood behind the chunks that nobody wants any more
        if self._waiting is not None:
            self._waiting.cancel()
        self._break_off()
        self._tell_end()

    async def aclose(self) -> None:
        """End the stream and wait until its connection is gone; harmless when it has ended."""
        waiting = self._waiting
        self.cancel()
        if waiting is not None:
            await asyncio.wait([waiting])
        if self._open is not None:
            await self._open.exchange.aclose()

    async def __aenter__(self) -> GenerateStream:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        # A reader that left its loop early (`break`) must not leave the service generating, nor
        # whoever listens waiting: it may have left between hops, or before the end it would see.
        self.cancel()

    def __repr__(self) -> str:
        return f"<GenerateStream {self._state.value}, {self._delivered} chunks delivered>"

    async def _keep_up(self, stream: OpenStream) -> None:
        """Wait until the limits bear what was used so far; what is not read waits at the service"""
        self._check_at = self._delivered + (self._check_every or sys.maxsize)
        await self._wait_apart(stream.admission.keep_up(stream.used))

    def _settle(self) -> None:
        """Let the delivered chunks be added up while they are still in the cache."""
        if self._open is not None:
            self._open.generation.settle(undelivered=len(self._ready))

    def _break_off(self) -> None:
        """Leave what was not delivered, and the connection."""
        if self._open is not None:
            self._open.generation.stop(undelivered=len(self._ready))
            self._open.close()
        self._ready.clear()

    def _fail_cancelled(self) -> None:
        self._hops.watch.ended(Outcome.CANCELLED, answer=self._answer())
        self.cancel()
        self._failure = InvalidState("the stream was closed when its last read was cancelled")

    def _raise_end(self) -> NoReturn:
        if self._failure is not None:
            self._failure.delivered = self._delivered
            if self._open is not None:
                self._open.generation.told(self._failure)
        self._tell_end()
        raise self._failure or StopAsyncIteration

    def _tell_end(self) -> None:
        """Let go of the request, and tell whoever listens how the stream ended."""
        self._hops.close()
        watch = self._hops.watch
        if not watch.is_heard:
            return
        if self._failure is not None:
            watch.failed(self._failure, self._answer())
        else:
            is_closed = self._state is _State.CLOSED
            outcome = Outcome.STOPPED if is_closed else Outcome.FINISHED
            watch.ended(outcome, answer=self._answer())

    def _answer(self) -> Response | None:
        return None if self._open is None else self.response

    async def _start(self) -> None:
        self._state = _State.OPENING
        await self._wait_apart(self._opened())
        if self._state is _State.CLOSED:  # perhaps in the very moment it opened
            self._break_off()
        if self._open is None or self._state is _State.CLOSED:
            return
        self._state = _State.OPEN
        if self._open.generation.state is not GenerationState.OPEN:
            self._follow(self._open)
        self._hold_budget(self._open)

    async def _wait_apart(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait in a task of its own, so that cancel() can end it without cancelling the reader."""
        self._waiting = asyncio.create_task(work, name="gemstream waits for a stream")
        cancelled = _times_cancelled()
        try:
            await self._waiting
        except asyncio.CancelledError:
            if self._state is not _State.CLOSED or _times_cancelled() > cancelled:
                raise
        finally:
            self._waiting = None

    async def _opened(self) -> None:
        # Noted here and not by the reader: a reader cancelled in this moment would lose it, open,
        # and its chunks would pass for delivered.
        before = self._open.generation if self._open is not None else None
        broken, self._broken = self._broken, None
        self._open, sent = await self._hops.open(before, broken)
        self._attempts += sent
        self._ready.extend(self._open.chunks)
        if self._budget is not None:
            self._budget.receive(self._open.chunks)
        self._open.chunks.clear()  # else the first read would live as long as the stream
        self._watch = self._hops.watch if self._hops.watch.is_heard else None

    def _receive_data(self, stream: OpenStream, data: bytes) -> None:
        generation = stream.generation
        chunks = generation.receive_data(data) if data else generation.receive_eof()
        self._ready.extend(chunks)
        if generation.state is not GenerationState.OPEN:
            self._follow(stream)
        if self._budget is not None:
            self._budget.receive(chunks)
            self._hold_budget(stream)

    def _hold_budget(self, stream: OpenStream) -> None:
        """Break the stream off when its next chunk could pass the budget, unless it is whole."""
        budget = self._budget
        if budget is None:
            return
        if budget.has_cut and self._state is _State.ENDED:
            self._state = _State.FAILED
            self._failure = budget.exceeded()
        elif budget.is_spent and self._state is _State.OPEN and not stream.generation.is_finished:
            self._receive_broken(stream, budget.exceeded())

    def _receive_failure(self, error: GemstreamError) -> None:
        stream = self._open
        if self._state is _State.CLOSED:  # it was us who broke it off
            if stream is not None:
                stream.close()
        elif self._state is _State.OPEN and stream is not None:
            self._receive_broken(stream, error)
        else:
            self._state = _State.FAILED
            self._failure = error

    def _receive_broken(self, stream: OpenStream, error: GemstreamError) -> None:
        """Let the generation judge an error of its exchange; one of its own it knows."""
        with contextlib.suppress(GemstreamError):
            stream.generation.receive_interruption(error)
        self._follow(stream)

    def _follow(self, stream: OpenStream) -> None:
        """Take over the end of the generation; a fault behind ready chunks waits for them."""
        generation = stream.generation
        stream.close()  # before a failure that can be mended is forgotten: the limits learn of it
        if generation.failure is not None and generation.failure.retryable:
            self._go_back(stream, generation.failure)
        self._state = _AFTER[generation.state]
        self._failure = generation.failure

    def _go_back(self, stream: OpenStream, error: GemstreamError) -> None:
        """Go on from the newest token unless something behind it was delivered."""
        behind = chunks_behind_token(self._last, self._ready)
        if behind is None or not stream.generation.can_go_back:
            return
        for _ in range(behind):
            self._ready.pop()
        newest = self._ready[-1] if self._ready else self._last
        stream.generation.go_back(behind, newest.usage if newest is not None else None)
        self._broken = error.with_traceback(None)  # its frames hold this stream


class TextStream:
    """A stream as pieces of text; ends, fails and closes as the stream does."""

    __slots__ = ("_stream",)

    def __init__(self, stream: GenerateStream) -> None:
        self._stream = stream

    def __aiter__(self) -> TextStream:
        return self

    async def __anext__(self) -> str:
        while True:
            chunk = await self._stream.__anext__()
            if text := chunk.text:
                return text

    async def aclose(self) -> None:
        """Close the stream."""
        await self._stream.aclose()


def _times_cancelled() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()
