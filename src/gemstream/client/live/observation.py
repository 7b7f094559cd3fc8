"""What is counted of a Live session, and told of it to whoever listens.

Single messages are counted in plain numbers and told of nobody: a session hears fifty in a second.
What there is to tell is told when a turn, a connection or the session is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ...errors import GemstreamError
from ...policy.live.resumed import Disconnected, Resumed, SessionEvent
from ...policy.live.server_event import (
    Audio,
    Interrupted,
    OtherPart,
    OutputTranscribed,
    Text,
    Thought,
    ToolCalled,
    TurnCompleted,
    UsageReported,
)
from ...policy.live.turn_record import TurnRecord, TurnRecorder, is_question
from ...policy.usage import usage_fields
from ...telemetry.attributes import error_type
from ...telemetry.events import Outcome
from ...telemetry.live_events import (
    LiveDisconnected,
    LiveEnded,
    LiveOpened,
    LiveResumed,
    LiveStarted,
    LiveStats,
    LiveTurnEnded,
)
from ...wire.live.client_message import ClientMessage
from ..observation import Observation, Subject
from .tally import Tally

__all__ = ("Ended", "LiveObservation", "Told")

Told = Callable[[SessionEvent], None]
"""Is told of each event of a session, as it happens."""
Ended = Callable[[GemstreamError | None], None]
"""Is told once that a session is over, and why; None for a plain end."""


class LiveObservation:
    """Counts what one session does, and tells it; silent when nobody listens.

    ``tally``: the numbers, which its connections count up. ``tries``: tells the tries to open it.
    """

    __slots__ = (
        "_closed_with",
        "_is_running",
        "_last_error",
        "_notes",
        "_now",
        "_resumed",
        "_started_at",
        "_subject",
        "_turn",
        "_turns_told",
        "tally",
        "tries",
    )

    def __init__(self, tries: Observation, subject: Subject, *, resumed: bool) -> None:
        self.tries = tries
        self.tally = Tally()
        self._subject = subject
        self._resumed = resumed
        self._now: Callable[[], float] = _never
        self._started_at = 0.0
        self._is_running = False
        self._closed_with = 0  # the code of the last close
        self._last_error: GemstreamError | None = None
        self._turn = TurnRecorder()
        self._turns_told = 0
        self._notes = _BEFORE_OUTPUT

    @property
    def stats(self) -> LiveStats:
        """What was counted so far."""
        return self.tally.stats(self._now())

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Tell that the session is to be opened, and its end when that fails."""
        self._now = asyncio.get_running_loop().time
        self._started_at = self._now()
        self._is_running = True
        self.tries.begin()
        about, resumed = self._subject, self._resumed
        self.tries.tell(
            LiveStarted,
            operation=about.operation,
            model=about.model,
            provider=about.provider,
            server_address=about.server_address,
            server_port=about.server_port,
            resumed=resumed,
        )
        try:
            yield
        except GemstreamError as error:
            self._end(Outcome.FAILED, error)
            raise
        except BaseException:
            self._end(Outcome.CANCELLED)
            raise

    def opened(self, attempts: int) -> None:
        """Tell that the session is set up."""
        self.tries.tell(LiveOpened, attempts=attempts, seconds=self._now() - self._started_at)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the error that a try for a connection fails with."""
        try:
            yield
        except GemstreamError as error:
            self._fail(error)
            raise

    def sent(self, message: ClientMessage) -> None:
        """Note a message on its way; those that go out again were noted before."""
        if is_question(message) and self.tally.away_since is None:
            self._turn.ask(self._now())

    def receive(self, event: SessionEvent) -> None:
        """Take note of what happens in the session."""
        note = self._notes.get(type(event))
        if note is not None:
            note(self, event)

    def ended(self, error: GemstreamError | None) -> None:
        """Tell that the session is over; None is a plain end."""
        self._end(Outcome.FINISHED if error is None else Outcome.FAILED, error)

    def closed(self) -> None:
        """Tell that the session was closed here, unless it was over before."""
        self._end(Outcome.STOPPED)

    def _fail(self, error: GemstreamError) -> None:
        self._last_error = error
        self.tally.errors[error_type(error)] += 1

    def _begin_output(self, event: SessionEvent) -> None:
        self._turn.begin_output(self._now())
        self._notes = _IN_OUTPUT

    def _receive_calls(self, event: ToolCalled) -> None:
        if not self._turn.has_output:
            self._begin_output(event)
        self._turn.call(len(event.calls))
        self.tally.tool_calls += len(event.calls)

    def _receive_interruption(self, event: Interrupted) -> None:
        self._turn.interrupt()
        self.tally.interruptions += 1

    def _receive_usage(self, event: UsageReported) -> None:
        self._turn.use(event.usage)

    def _receive_end(self, event: TurnCompleted) -> None:
        self.tally.turns += 1
        reason = None if event.reason is None else str(event.reason)
        self._tell_turn(self._turn.end(self._now()), Outcome.FINISHED, reason=reason)

    def _receive_disconnected(self, event: Disconnected) -> None:
        self.tally.away_since = self._now()
        self._closed_with = event.code
        if not event.is_planned:
            self.tally.errors[str(event.code)] += 1
        self.tries.tell(LiveDisconnected, code=event.code, is_planned=event.is_planned)

    def _receive_resumed(self, event: Resumed) -> None:
        self.tally.end_outage(event.gap)
        self.tally.reconnects += 1
        self._break_off(Outcome.FAILED, str(self._closed_with), is_lost=event.turn_is_lost)
        self.tries.tell(
            LiveResumed,
            state_restored=event.state_restored,
            turn_is_lost=event.turn_is_lost,
            may_be_lost=len(event.may_be_lost),
            forgotten=event.forgotten,
            repeated=event.repeated,
            history_turns=event.history_turns,
            gap=event.gap,
            attempts=event.attempts,
        )

    def _break_off(self, outcome: Outcome, error: str | None, *, is_lost: bool) -> None:
        """Tell of a turn that will not come to its end, if one is open."""
        record = self._turn.break_off(self._now(), is_lost=is_lost)
        if record is not None:
            self._tell_turn(record, outcome, error=error)

    def _tell_turn(
        self,
        record: TurnRecord,
        outcome: Outcome,
        *,
        reason: str | None = None,
        error: str | None = None,
    ) -> None:
        self._notes = _BEFORE_OUTPUT
        self._turns_told += 1
        if not self.tries.is_heard:
            return
        self.tries.tell(
            LiveTurnEnded,
            number=self._turns_told,
            outcome=outcome,
            asked=record.asked,
            seconds=record.seconds,
            first_output_seconds=record.first_output_seconds,
            interrupted=record.interrupted,
            tool_calls=record.tool_calls,
            reason=reason,
            error_type=error,
            usage=usage_fields(record.usage) or {},
            stats=self.stats,
        )

    def _end(self, outcome: Outcome, error: GemstreamError | None = None) -> None:
        if not self._is_running:
            return
        self._is_running = False
        kind = None if error is None else error_type(error)
        if error is not None and not self._is_counted(error):
            self._fail(error)
        now = self._now()
        if self.tally.away_since is not None:
            self.tally.end_outage(now - self.tally.away_since)
        lost = Outcome.STOPPED if error is None else Outcome.FAILED
        self._break_off(lost, kind, is_lost=True)
        seconds = now - self._started_at
        self.tries.tell(LiveEnded, outcome=outcome, error=error, seconds=seconds, stats=self.stats)

    def _is_counted(self, error: GemstreamError) -> bool:
        """True for the error of a try that was counted; a close in the setup is told anew."""
        if error is self._last_error:
            return True
        return self.tally.away_since is not None and error_type(error) in self.tally.errors


def _never() -> float:
    return 0.0


_Note = Callable[[LiveObservation, Any], None]
_IN_OUTPUT: Mapping[type, _Note] = {
    ToolCalled: LiveObservation._receive_calls,
    Interrupted: LiveObservation._receive_interruption,
    UsageReported: LiveObservation._receive_usage,
    TurnCompleted: LiveObservation._receive_end,
    Disconnected: LiveObservation._receive_disconnected,
    Resumed: LiveObservation._receive_resumed,
}
_OUTPUT: tuple[type, ...] = (Text, Thought, Audio, OtherPart, OutputTranscribed)
# Two tables, so that all output but the first of a turn costs no more than a look.
_BEFORE_OUTPUT: Mapping[type, _Note] = {
    **_IN_OUTPUT,
    **dict.fromkeys(_OUTPUT, LiveObservation._begin_output),
}
