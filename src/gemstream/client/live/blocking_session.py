"""LiveSession for callers without an event loop, without logic of its own."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from ...errors import GemstreamError
from ...policy.live.resumed import SessionEvent
from ...telemetry.live_events import LiveStats
from ...wire.content import Blob, FunctionCall, FunctionResponse
from ..loop_thread import LoopThread
from ..prompt import Prompt
from .blocking_turn import BlockingLiveText, BlockingLiveTurn
from .pull import Pull, Readers
from .session import LiveSession
from .turn import LiveAnswer

__all__ = ("BlockingLiveSession",)


class BlockingLiveSession:
    """A conversation that goes on: opened by ``with``; the blocking face of ``LiveSession``.

    ``for event in session`` gives everything that happens, and ends and fails as there. One thread
    may read while others send; a second one that reads raises InvalidState. A Ctrl-C while reading
    loses nothing, and the session stays open.
    """

    __slots__ = ("_events", "_readers", "_session", "_thread", "model")

    def __init__(self, session: LiveSession, thread: LoopThread) -> None:
        self.model = session.model
        self._session = session
        self._thread = thread
        self._readers = Readers(thread)
        self._events = Pull(session, self._readers)

    @property
    def handle(self) -> str | None:
        """The newest handle to ``resume`` from, in another process too; None without one.

        The service takes it for two hours after the session's end.
        """
        return self._session.handle

    @property
    def is_in_turn(self) -> bool:
        """True while the model owes an answer or is giving one."""
        return self._session.is_in_turn

    @property
    def open_calls(self) -> tuple[str, ...]:
        """The ids of the function calls that wait for a response, also of those run for you."""
        return self._session.open_calls

    @property
    def stats(self) -> LiveStats:
        """What the session has done so far, in numbers; also once it is over."""
        return self._session.stats

    def left_to_answer(self, calls: Sequence[FunctionCall]) -> list[FunctionCall]:
        """Return those of ``calls`` that wait for your ``send_tool_response``.

        The others call functions that the session was given as tools, and are run for you.
        """
        return self._session.left_to_answer(calls)

    def send_text(self, text: str) -> LiveAnswer:
        """Say ``text`` and return the whole answer, or what came until you must answer calls.

        Raises InvalidState while the model owes another answer, and what the iteration raises.
        Cancelled, the rest of the answer is still to be read.
        """
        with self._readers.alone():
            return self._readers.run(lambda: self._said(text))

    def send_text_stream(self, text: str) -> BlockingLiveText:
        """Return the answer to ``text`` as pieces of text; the session goes on after it.

        The text is sent when the first piece is asked for; raises as ``send_text`` does then.
        """
        pieces = self._session.send_text_stream(text)
        return BlockingLiveText(pieces, self._readers, self._give_back)

    def send_client_content(
        self, turns: Prompt | None = None, *, turn_complete: bool = True
    ) -> None:
        """Add turns to the conversation; this interrupts the model.

        ``turns``: text, parts, contents, or a sequence of these. ``turn_complete``: the model is to
        answer now. Raises InvalidRequest and InvalidState before anything is sent.
        """
        self._thread.run(self._session.send_client_content(turns, turn_complete=turn_complete))

    def send_realtime_input(
        self,
        *,
        audio: bytes | Blob | None = None,
        video: bytes | Blob | None = None,
        text: str | None = None,
        activity_start: bool = False,
        activity_end: bool = False,
        audio_stream_end: bool = False,
    ) -> None:
        """Send exactly one piece of what happens at this moment.

        ``audio``: bytes are PCM of 16 bits, little-endian, mono, 16 kHz. ``video``: bytes are one
        JPEG picture. Raises InvalidRequest, UnsupportedMedia and InvalidState before anything is
        sent.
        """
        self._thread.run(
            self._session.send_realtime_input(
                audio=audio,
                video=video,
                text=text,
                activity_start=activity_start,
                activity_end=activity_end,
                audio_stream_end=audio_stream_end,
            )
        )

    def send_tool_response(self, responses: FunctionResponse | Sequence[FunctionResponse]) -> None:
        """Send what functions returned, each with the id of its call.

        A response may set its ``scheduling`` and ``will_continue``. Raises InvalidRequest for an id
        that no call has, InvalidState for a call that was answered or cancelled already.
        """
        self._thread.run(self._session.send_tool_response(responses))

    def turn(self) -> BlockingLiveTurn:
        """Return the events up to the end of the turn; the session goes on after it."""
        return BlockingLiveTurn(self._events, self._session)

    def __iter__(self) -> BlockingLiveSession:
        return self

    def __next__(self) -> SessionEvent:
        return self._events.next()

    def close(self) -> None:
        """End the session and wait, for a bounded moment, until it is gone; again is harmless.

        Functions that run are cancelled. Whoever reads meanwhile sees a plain end. Cancelling
        breaks the connection off.
        """
        self._thread.run_closing(self._session.aclose())

    def __enter__(self) -> BlockingLiveSession:
        self._enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return repr(self._session).replace("LiveSession", "BlockingLiveSession")

    def _enter(self) -> None:
        try:
            self._thread.run(self._session.__aenter__())
        except GemstreamError:
            raise
        except BaseException:
            self.close()  # a Ctrl-C may come when it is open already
            raise

    async def _said(self, text: str) -> LiveAnswer:
        self._give_back()
        return await self._session.send_text(text)

    def _give_back(self) -> None:
        """Put the event that an interrupted reader left back to where the session reads on."""
        self._session._opened().ready[:0] = self._events.left()
