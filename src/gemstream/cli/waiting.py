"""Waits, and what else the limits decide, told on stderr in the moment they begin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..limits.refusal import quota_words, time_words
from ..policy.limit.quota import GATE
from ..telemetry.decision import Decision, Verdict
from ..telemetry.events import CallEnded, ChunkReceived, Event, LimitDecided
from .terminal import stderr

__all__ = ("WaitNotes", "decision_words")

# Shorter waits are nobody's business.
_SHORTEST_TOLD = 1.0
_OF_A_TIER = (
    "; --tier, GEMINI_TIER or [providers.gemini] default_tier names another tier, --limit-wait "
    "SECONDS bounds the wait, --no-rate-limit keeps no limits"
)
# What is said in a session waits as long as it takes.
_OF_MESSAGES = (
    "; --tier, GEMINI_TIER or [providers.gemini] default_tier names another tier, --no-rate-limit "
    "keeps no limits"
)
_OF_A_HOLD = "; --limit-wait SECONDS bounds the wait"
_ADVICE = {GATE: _OF_A_HOLD, "messages": _OF_MESSAGES}


class WaitNotes:
    """A client's hook that says why a call waits, for how long, and which setting changes it.

    A wait that is known to be longer than a second is told as it begins; any other when a second
    has passed, so that none is told which is over by then. The settings are named once.
    """

    __slots__ = ("_advised", "_paused", "_say", "_timers")

    def __init__(self, say: Callable[[str], None] | None = None) -> None:
        self._say = stderr().note if say is None else say
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._paused: set[int] = set()
        self._advised: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, LimitDecided):
            self._decide(event.call, event.decision)
        elif isinstance(event, ChunkReceived):
            self._paused.discard(event.call)
        elif isinstance(event, CallEnded):
            self._paused.discard(event.call)
            self._stop(event.call)

    def _decide(self, call: int, decision: Decision) -> None:
        match decision.verdict:
            case Verdict.WAITING:
                self._wait(call, decision)
            case Verdict.PAUSED:
                if _is_told(decision) and call not in self._paused:
                    self._paused.add(call)
                    self._tell(decision)
            case Verdict.GRANTED | Verdict.REFUSED:  # a refusal is told as the command's error
                self._stop(call)
            case Verdict.AWAY | Verdict.BACK | Verdict.LOST:
                pass  # the books log these, and a command shows the log's warnings
            case _:
                self._say(decision_words(decision))

    def _wait(self, call: int, decision: Decision) -> None:
        self._stop(call)
        if decision.delay is not None and _is_told(decision):
            self._tell(decision)
            return
        loop = asyncio.get_running_loop()
        self._timers[call] = loop.call_later(_SHORTEST_TOLD, self._tell, decision)

    def _tell(self, decision: Decision) -> None:
        advice = _ADVICE.get(decision.quota, _OF_A_TIER)
        is_new = advice not in self._advised
        self._advised.add(advice)
        self._say(decision_words(decision) + (advice if is_new else ""))

    def _stop(self, call: int) -> None:
        timer = self._timers.pop(call, None)
        if timer is not None:
            timer.cancel()


def decision_words(decision: Decision) -> str:
    """Return what was decided as a sentence about the model."""
    model = decision.scope.rpartition("|")[2]
    words = _WORDS[decision.verdict](decision)
    return words if decision.verdict in _OF_THE_BOOKS else f"{model}: {words}"


def _is_told(decision: Decision) -> bool:
    return decision.delay is None or decision.delay > _SHORTEST_TOLD


def _waiting(decision: Decision) -> str:
    others = f" behind {_others(decision.ahead)}" if decision.ahead else ""
    if not decision.quota:
        return f"waiting{others}{_from(decision)}"
    if decision.quota == GATE:
        return f"waiting{_for(decision)}{others}, as the service asked to hold back"
    until = _for(decision) or " until there is room"
    return (
        f"waiting{until}{others}, for the limit of {_limit(decision)} is used up{_from(decision)}"
    )


def _paused(decision: Decision) -> str:
    when = "once there is room" if decision.delay is None else f"in {time_words(decision.delay)}"
    more = f"more than {_limit(decision)} were used{_from(decision)}"
    return f"the answer is read on {when}, for {more}"


def _learned(decision: Decision) -> str:
    instead = f", in place of {decision.setting}" if decision.setting else ""
    return f"from now on {_limit(decision)}, as the answers of the service show{instead}"


def _held(decision: Decision) -> str:
    return f"the service asked to hold back{_for(decision)}; every request to the model waits"


def _away(decision: Decision) -> str:
    return f"the shared books of limits are out of reach; {decision.setting}"


_WORDS: dict[Verdict, Callable[[Decision], str]] = {
    Verdict.GRANTED: lambda decision: f"sent after{_for(decision) or ' no wait'}",
    Verdict.REFUSED: lambda decision: f"not sent{_from(decision)}",
    Verdict.WAITING: _waiting,
    Verdict.PAUSED: _paused,
    Verdict.LEARNED: _learned,
    Verdict.HELD: _held,
    Verdict.AWAY: _away,
    Verdict.BACK: lambda decision: "the shared books of limits are back",
    Verdict.LOST: lambda decision: "the shared books had forgotten an answer that runs",
}
_OF_THE_BOOKS = (Verdict.AWAY, Verdict.BACK, Verdict.LOST)


def _limit(decision: Decision) -> str:
    return quota_words(decision.quota, decision.amount or 0)


def _for(decision: Decision) -> str:
    return "" if decision.delay is None else f" {time_words(decision.delay)}"


def _from(decision: Decision) -> str:
    return f" ({decision.setting})" if decision.setting else ""


def _others(ahead: int) -> str:
    return f"{ahead} other{'s' if ahead > 1 else ''}"
