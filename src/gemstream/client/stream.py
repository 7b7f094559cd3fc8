"""A stream of chunks: pulled by the caller's own await, closed whenever the caller wants.

There is no reader task: cancelling is an exception in the caller's await, and a caller that does
not ask holds the service back through the socket.
"""

from __future__ import annotations

import asyncio
import enum
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, NoReturn

from ..errors import GemstreamError, InvalidState, TransportError
from ..policy.answer import Chunk, Completeness, Response
from ..policy.fold import SETTLE_EVERY
from ..policy.generation import GenerationState
from ..wire.response import GenerateContentResponse
from .channel import OpenStream

__all__ = ("GenerateStream", "OnChunk", "StreamControl", "TextStream")


class StreamControl(enum.Enum):
    """What a callback may return to steer its stream."""

    CONTINUE = "continue"
    STOP = "stop"


Opener = Callable[[], Coroutine[Any, Any, tuple[OpenStream, int]]]
OnChunk = Callable[[Chunk], "StreamControl | Awaitable[StreamControl | None] | None"]


class _State(enum.Enum):
    NEW = "new"  # nothing was sent
    OPENING = "opening"  # no chunk has arrived
    OPEN = "open"
    ENDED = "ended"  # the answer is whole
    FAILED = "failed"
    CLOSED = "closed"  # the caller ended it


_OVER = frozenset({_State.ENDED, _State.FAILED, _State.CLOSED})


class GenerateStream:
    """One answer in motion: iterable once, by one reader.

    The request is sent at the first chunk asked for. Errors of the stream are raised by the
    iteration, with ``delivered`` chunks noted on them. Cancelling the reader closes the connection.
    ``async with`` closes it at the end of the block; without it, dropping the stream does.
    """

    __slots__ = (
        "__weakref__",
        "_attempts",
        "_delivered",
        "_failure",
        "_open",
        "_opener",
        "_opening",
        "_reading",
        "_ready",
        "_state",
    )

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._opening: asyncio.Task[None] | None = None
        self._open: OpenStream | None = None
        self._ready: deque[Chunk] = deque()  # decoded, not yet asked for; one read's worth
        self._state = _State.NEW
        self._reading = False
        self._delivered = 0
        self._attempts = 0
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
                if self._state is _State.NEW:
                    await self._start()
                stream = self._open
                while not ready and self._state is _State.OPEN and stream is not None:
                    try:
                        data = await stream.exchange.receive()
                    except TransportError as error:
                        self._receive_interruption(stream, error)
                    else:
                        self._receive_data(stream, data)
            except GemstreamError as error:
                self._fail(error)
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
        return ready.popleft()

    @property
    def response(self) -> Response:
        """The fold of the chunks you were given; ``complete`` tells whether that is all.

        Raises InvalidState before the first chunk.
        """
        if self._open is not None:
            undelivered = len(self._ready)
            return self._open.generation.response(attempts=self._attempts, undelivered=undelivered)
        if self._state is _State.CLOSED:
            return Response(message=GenerateContentResponse(), complete=Completeness.STOPPED)
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
            return
        self._state = _State.CLOSED
        self._failure = None  # what stood behind the chunks that nobody wants any more
        if self._opening is not None:
            self._opening.cancel()
        if self._open is not None:
            self._open.generation.stop(undelivered=len(self._ready))
            self._open.exchange.abort()
        self._ready.clear()

    async def aclose(self) -> None:
        """End the stream and wait until its connection is gone; harmless when it has ended."""
        self.cancel()
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
        # A reader that left its loop early (`break`) must not leave the service generating.
        if self._state is _State.OPEN and self._open is not None:
            self._open.exchange.abort()

    def __repr__(self) -> str:
        return f"<GenerateStream {self._state.value}, {self._delivered} chunks delivered>"

    def _settle(self) -> None:
        """Let the delivered chunks be added up while they are still in the cache."""
        if self._open is not None:
            self._open.generation.settle(undelivered=len(self._ready))

    def _fail_cancelled(self) -> None:
        self.cancel()
        self._failure = InvalidState("the stream was closed when its last read was cancelled")

    def _raise_end(self) -> NoReturn:
        if self._failure is None:
            raise StopAsyncIteration
        self._failure.delivered = self._delivered
        raise self._failure

    async def _start(self) -> None:
        self._state = _State.OPENING
        # A task of its own, so that cancel() can end the wait without cancelling the reader.
        self._opening = asyncio.create_task(self._opened(), name="gemstream opens a stream")
        try:
            await self._opening
        except asyncio.CancelledError:
            if self._state is not _State.CLOSED or _is_cancelled():
                raise
        finally:
            self._opening = None
        if self._open is None:
            return
        if self._state is _State.CLOSED:  # cancelled in the very moment it opened
            self._open.exchange.abort()
            return
        self._state = _State.OPEN
        self._ready.extend(self._open.chunks)
        self._open.chunks.clear()  # else the first read would live as long as the stream
        if self._open.generation.state is not GenerationState.OPEN:
            self._follow(self._open)

    async def _opened(self) -> None:
        # Noted here and not by the reader: a reader cancelled in this moment would lose it, open.
        self._open, self._attempts = await self._opener()

    def _receive_data(self, stream: OpenStream, data: bytes) -> None:
        generation = stream.generation
        self._ready.extend(generation.receive_data(data) if data else generation.receive_eof())
        if generation.state is not GenerationState.OPEN:
            self._follow(stream)

    def _receive_interruption(self, stream: OpenStream, error: TransportError) -> None:
        if self._state is not _State.CLOSED:  # else it was us who broke it off
            stream.generation.receive_interruption(error)
            self._follow(stream)

    def _follow(self, stream: OpenStream) -> None:
        """Take over the end of the generation; a fault behind ready chunks waits for them."""
        ended = stream.generation.state is GenerationState.ENDED
        self._state = _State.ENDED if ended else _State.FAILED
        self._failure = stream.generation.failure
        stream.exchange.abort()

    def _fail(self, error: GemstreamError) -> None:
        if self._state is not _State.CLOSED:  # else its failure matters to nobody any more
            self._state = _State.FAILED
            self._failure = error
        if self._open is not None:
            self._open.exchange.abort()


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


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
