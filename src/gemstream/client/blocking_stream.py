"""GenerateStream for callers without an event loop.

Strategy. A pump task on the background loop pulls chunks and puts them into a queue; the reader
returns credit in batches, so at most ``_CREDIT`` chunks are ahead of it, backpressure still reaches
the socket, and no chunk pays for a hop between threads of its own.
"""

from __future__ import annotations

import asyncio
import inspect
import queue
import threading
from types import TracebackType

from ..errors import InvalidState
from ..policy.answer import Chunk, Completeness, Response
from ..policy.fold import SETTLE_EVERY, Fold
from ..wire.response import GenerateContentResponse
from .loop_thread import SIGNAL_CHECK, LoopThread
from .stream import GenerateStream, OnChunk, StreamControl

__all__ = ("BlockingStream", "BlockingTextStream")

# As many chunks as a burst brings in one read; credit goes back at half of it.
_CREDIT = 64


class BlockingStream:
    """One answer in motion, iterable once; the blocking face of ``GenerateStream``."""

    def __init__(self, stream: GenerateStream, thread: LoopThread) -> None:
        self._stream = stream
        self._thread = thread
        self._pump = _Pump(stream, thread)

    def __iter__(self) -> BlockingStream:
        return self

    def __next__(self) -> Chunk:
        return self._pump.next()

    @property
    def response(self) -> Response:
        """The fold of the chunks you were given; ``complete`` tells whether that is all.

        Raises InvalidState before the first chunk.
        """
        return self._pump.response()

    @property
    def attempts(self) -> int:
        """How many times the request was sent, once the first chunk is here; 0 before."""
        return self._stream.attempts

    @property
    def text_stream(self) -> BlockingTextStream:
        """The same stream as pieces of text; chunks without text are passed over."""
        return BlockingTextStream(self)

    def finish(self, on_chunk: OnChunk | None = None) -> Response:
        """Read to the end and return the response; ``on_chunk`` sees each chunk as it comes.

        The callback runs in this thread and ends the stream by returning ``StreamControl.STOP``;
        ``complete`` is then ``stopped``. Raises what the iteration raises.
        """
        for chunk in self:
            if on_chunk is not None and _called(on_chunk, chunk) is StreamControl.STOP:
                self.close()
        return self.response

    def cancel(self) -> None:
        """End the stream now, from any thread; its reader sees a plain end."""
        self._pump.end()
        self._thread.notify(self._stream.cancel)

    def close(self) -> None:
        """End the stream and wait until its connection is gone; harmless when it has ended."""
        self._pump.end()
        self._thread.run_closing(self._stream.aclose())

    def __enter__(self) -> BlockingStream:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A reader that left its loop early must not leave the pump waiting for credit.
        if self._pump.is_running:
            self.cancel()

    def __repr__(self) -> str:
        return repr(self._stream).replace("GenerateStream", "BlockingStream")


class BlockingTextStream:
    """A stream as pieces of text; ends, fails and closes as the stream does."""

    def __init__(self, stream: BlockingStream) -> None:
        self._stream = stream

    def __iter__(self) -> BlockingTextStream:
        return self

    def __next__(self) -> str:
        while True:
            if text := next(self._stream).text:
                return text

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


class _Pump:
    """Moves chunks from the loop's thread to the reader's."""

    def __init__(self, stream: GenerateStream, thread: LoopThread) -> None:
        self._stream = stream
        self._thread = thread
        self._reading = threading.Lock()
        self._fold = Fold()  # in the reader's thread, of the reader's chunks
        self._folding = threading.Lock()  # for whoever asks for the response meanwhile
        self._last: Chunk | None = None
        self._queue: queue.SimpleQueue[Chunk | BaseException] = queue.SimpleQueue()
        self._credit = _CREDIT
        self._unreturned = 0  # chunks taken since credit was last returned
        self._end: BaseException | None = None
        self._credited: asyncio.Future[None] | None = None
        self._started = False

    @property
    def is_running(self) -> bool:
        """True while the reader has not seen the end of a stream that it began."""
        return self._started and self._end is None

    def next(self) -> Chunk:
        """Return the next chunk; raises StopIteration at the end, or what ended the stream."""
        if not self._reading.acquire(blocking=False):
            raise InvalidState("the stream is already being read by another thread")
        try:
            return self._next()
        finally:
            self._reading.release()

    def _next(self) -> Chunk:
        if self._end is not None:
            raise self._end
        if not self._started:
            self._thread.submit(self._run())
            self._started = True
        item = self._take()
        if isinstance(item, BaseException):
            self._end = item
            raise item
        self._unreturned += 1
        with self._folding:
            self._receive(item)
        if self._unreturned >= _CREDIT // 2:
            self._thread.notify(self._return_credit, self._unreturned)
            self._unreturned = 0
        return item

    def _receive(self, chunk: Chunk) -> None:
        if self._last is not None and chunk.hop != self._last.hop:
            self._fold.begin_hop(self._last.usage)
        self._last = chunk
        self._fold.receive(chunk.message)
        if not self._unreturned % SETTLE_EVERY:
            self._fold.settle()

    def _take(self) -> Chunk | BaseException:
        while True:
            try:
                return self._queue.get(timeout=SIGNAL_CHECK)
            except queue.Empty:
                self._thread.check()  # the child of a fork would wait for ever

    def response(self) -> Response:
        """Return the fold of what the reader was given; the stream's own is ahead of it."""
        with self._folding:
            last, message = self._last, self._fold.message()
        if last is None:
            return self._before_the_first()
        return Response(
            message=message,
            usage=last.usage,
            tariff=last.tariff,
            complete=self._complete(),
            attempts=self._stream.attempts,
            hops=last.hop,
        )

    def _before_the_first(self) -> Response:
        if not isinstance(self._end, StopIteration):
            raise InvalidState("the stream has not brought a chunk yet; iterate over it first")
        return Response(
            message=GenerateContentResponse(),
            complete=Completeness.STOPPED,
            attempts=self._stream.attempts,
        )

    def _complete(self) -> Completeness:
        if isinstance(self._end, _Stopped):
            return Completeness.STOPPED
        ended = isinstance(self._end, StopIteration)
        return self._stream.response.complete if ended else Completeness.PARTIAL

    def end(self) -> None:
        """Give the reader no more chunks and let the pump run out; callable from any thread."""
        if self._end is None:
            self._end = _Stopped()
        self._thread.notify(self._return_credit, _CREDIT)

    async def _run(self) -> None:
        try:
            async for chunk in self._stream:
                self._queue.put(chunk)
                self._credit -= 1
                if self._credit <= 0 and self._end is None:
                    self._credited = asyncio.get_running_loop().create_future()
                    await self._credited
                if self._end is not None:
                    break
        except BaseException as error:
            self._queue.put(error)
            if not isinstance(error, Exception):
                raise
        else:
            self._queue.put(StopIteration())

    def _return_credit(self, amount: int) -> None:
        self._credit += amount
        if self._credited is not None and not self._credited.done():
            self._credited.set_result(None)


class _Stopped(StopIteration):
    """The end that the reader itself asked for."""


def _called(on_chunk: OnChunk, chunk: Chunk) -> object:
    verdict = on_chunk(chunk)
    if inspect.iscoroutine(verdict):
        verdict.close()
    if inspect.isawaitable(verdict):
        raise InvalidState(
            "the blocking client takes a plain function as on_chunk, not a coroutine function"
        )
    return verdict
