"""``gemstream demo``: three acts that show what the library promises, and check it.

Everything is real but the model: client, transport, stream and errors are those of a program, and
the emulator answers in this process. What an act claims, it has looked at.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from .exit_codes import ExitCode
from .options import Debug
from .session import EMULATED_RATE, run_command, run_loop
from .terminal import Printer, stderr, stdout

if TYPE_CHECKING:
    from ..emulator.app import Emulator
    from ..policy.answer import Answer
    from .forms import Form
    from .outcome import Outcome

__all__ = ("Act", "Check", "Played", "Watch", "acts", "demo", "in_time", "perform")

_PATIENCE = 30.0
_RETRY_DELAY = 2.0  # as long as our own first backoff can be, so that it is the longer one
_COUNT = 20
_PIECES = ("The tide comes in, ", "fills the harbour, ", "lifts the boats, ")


class Check(msgspec.Struct, frozen=True):
    """One promise of an act, and whether it was kept."""

    kept: bool
    promise: str


class Played(msgspec.Struct, frozen=True):
    """What came of an act.

    ``was_live``: the first chunk was shown before the service had finished its answer.
    """

    outcome: Outcome
    was_live: bool


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, of which service, and what must come of it."""

    headline: str
    prompt: str
    service: Emulator
    judge: Callable[[Played], Iterator[Check]]
    has_report: bool = False


def demo(debug: Debug = False) -> None:
    """Show a stream, a cut that is caught and a quota that is waited out; needs no key."""
    run_command(lambda: run_loop(perform(acts(), stdout())), debug=debug)


async def perform(program: Sequence[Act], out: Printer, *, patience: float = _PATIENCE) -> ExitCode:
    """Play the acts; OK when every promise was kept, else FAILURE.

    UPSTREAM when nothing happened for ``patience`` seconds.
    """
    kept = True
    for number, act in enumerate(program, start=1):
        out.line(out.bold(f"{number}. {act.headline}"))
        played = await in_time(patience, functools.partial(_play, act, out))
        if played is None:
            stderr().error(f"gave up: nothing happened for {patience:g} s")
            return ExitCode.UPSTREAM
        if played.outcome.interrupted:
            return ExitCode.INTERRUPTED
        for check in act.judge(played):
            kept = kept and check.kept
            _write_check(check, out)
        out.line()
    out.line("Every promise was kept." if kept else "Not every promise was kept.")
    return ExitCode.OK if kept else ExitCode.FAILURE


def acts() -> list[Act]:
    """Return the program of the demo."""
    from ..emulator.app import Emulator
    from ..emulator.scripts.faults import Cut, Status
    from ..emulator.scripts.script import Rule, Script
    from ..emulator.scripts.steps import Pause, Step

    cut: list[Step] = [step for piece in _PIECES for step in (Pause(0.2), piece)]
    limited = Status(code=429, message="Quota exceeded.", retry_delay=_RETRY_DELAY)
    return [
        Act(
            headline="An answer is shown as it is generated",
            prompt=f"Count to {_COUNT}",
            service=Emulator(rate=EMULATED_RATE),
            judge=_judge_stream,
            has_report=True,
        ),
        Act(
            headline="A stream that is cut never passes for a whole answer",
            prompt="Tell me of the tide",
            service=Emulator(Script([Rule(steps=[*cut, Pause(0.2), Cut()])])),
            judge=_judge_cut,
        ),
        Act(
            headline="A quota is waited out for as long as the service asks",
            prompt="Count to 5",
            service=Emulator(Script([Rule(request=1, steps=[limited])]), rate=EMULATED_RATE),
            judge=_judge_retry,
        ),
    ]


async def in_time(patience: float, play: Callable[[Watch], Awaitable[Played]]) -> Played | None:
    """Return what ``play`` returns, None when nothing happened for ``patience`` seconds."""
    limit = asyncio.timeout(patience)
    try:
        async with limit:
            played = await play(Watch(limit, patience))
    except TimeoutError:
        if limit.expired():  # outside a call, which would have made an outcome of it
            return None
        raise
    return None if limit.expired() else played


async def _play(act: Act, out: Printer, watch: Watch) -> Played:
    from ..client.client import AsyncClient
    from ..net.asgi import ASGITransport
    from .call import call
    from .forms import TimedText

    form = _Witness(TimedText(out), watch, act.service)
    transport = ASGITransport(act.service)
    out.line(out.dim(f"> {act.prompt}"))
    async with AsyncClient(
        "demo", base_url="http://emulator.invalid", transport=transport, config=False
    ) as client:
        outcome = await call(client, act.prompt, {}, form)
    if act.has_report:
        form.show_end(outcome)
    return Played(outcome, form.was_live)


class Watch:
    """Puts a limit off each time something happens."""

    __slots__ = ("_limit", "_patience")

    def __init__(self, limit: asyncio.Timeout, patience: float) -> None:
        self._limit = limit
        self._patience = patience

    def receive_event(self) -> None:
        """Put it off."""
        self._limit.reschedule(asyncio.get_running_loop().time() + self._patience)


class _Witness:
    """A form that looks at the service whenever a chunk is shown.

    The emulator writes an answer into its journal when it is over: while the journal is empty, the
    answer is still being given.
    """

    __slots__ = ("_form", "_service", "_watch", "was_live")

    def __init__(self, form: Form, watch: Watch, service: Emulator) -> None:
        self._form = form
        self._watch = watch
        self._service = service
        self.was_live = False

    def show_chunk(self, at: float, chunk: Answer) -> None:
        self._watch.receive_event()
        self.was_live = self.was_live or not self._service.journal
        self._form.show_chunk(at, chunk)

    def show_end(self, outcome: Outcome) -> None:
        self._form.show_end(outcome)


def _judge_stream(played: Played) -> Iterator[Check]:
    outcome, response = played.outcome, played.outcome.response
    text = response.text if response else ""
    yield Check(
        outcome.error is None and outcome.complete == "confirmed" and str(_COUNT) in text,
        f"the answer is whole: finish reason {response.finish_reason if response else None}",
    )
    chunks = len(outcome.arrivals)
    yield Check(
        chunks > 1 and played.was_live,
        f"it streamed: {chunks} chunks, the first shown while the service was at the next",
    )


def _judge_cut(played: Played) -> Iterator[Check]:
    from ..errors import StreamInterrupted, StreamTruncated

    error = played.outcome.error
    is_typed = isinstance(error, StreamInterrupted | StreamTruncated)
    yield Check(is_typed, f"the loop over the stream raised {type(error).__name__}")
    yield Check(
        error is not None and error.delivered == len(_PIECES),
        f"the error counts what was delivered: {error.delivered if error else 0} chunks",
    )
    partial = getattr(error, "partial", "")
    yield Check(partial == "".join(_PIECES), f"it holds the text so far: {partial!r}")


def _judge_retry(played: Played) -> Iterator[Check]:
    outcome = played.outcome
    response, arrivals = outcome.response, outcome.arrivals
    attempts = response.attempts if response else 0
    yield Check(attempts == 2, f"attempt {attempts} succeeded after a 429")
    first = arrivals[0] if arrivals else 0.0
    yield Check(
        first >= _RETRY_DELAY,
        f"it waited the {_RETRY_DELAY:g} s the service asked for: first chunk after {first:.2f} s",
    )
    yield Check(
        outcome.error is None and outcome.complete == "confirmed",
        f"the answer is whole: {response.text if response else ''!r}",
    )


def _write_check(check: Check, out: Printer) -> None:
    good, bad = ("✓", "✗") if out.has_unicode else ("ok", "FAILED")
    out.line(f"{good if check.kept else bad} {check.promise}")
