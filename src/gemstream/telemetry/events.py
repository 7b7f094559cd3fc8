"""The events of a call, in the order they happen, told to a hook.

``CallStarted``, then for each try what the limits decided (``LimitDecided``), ``AttemptStarted``
and perhaps ``AttemptFailed``, a
``ChunkReceived`` for each chunk the caller takes, ``HopStarted`` before each continuation, and
always one ``CallEnded``. Events hold no prompt, no answer and no key; ``content`` gives the JSON of
request or answer to a hook that asks for it.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ..errors import GemstreamError
from .decision import Decision

__all__ = (
    "AttemptFailed",
    "AttemptStarted",
    "CallEnded",
    "CallStarted",
    "ChunkReceived",
    "Event",
    "Hook",
    "HopStarted",
    "LimitDecided",
    "Outcome",
    "combined",
    "guarded",
)

_log = logging.getLogger("gemstream.telemetry")


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What all events have.

    ``call``: the number of the call in this process, from 1. ``at``: seconds, monotonic clock.
    """

    call: int
    at: float


class CallStarted(Event, frozen=True, kw_only=True):
    """A call begins; nothing was sent yet.

    ``operation``: the API's name of the method, as ``streamGenerateContent``. ``model``: the bare
    name. ``provider``: ``gcp.gemini`` or ``gcp.vertex_ai``. ``parameters``: the settings of the
    request under their names in Python, as ``max_output_tokens``. ``content``: returns the
    request's body as plain JSON; None when the operation has none.
    """

    operation: str
    model: str
    provider: str
    server_address: str
    server_port: int
    streams: bool
    parameters: Mapping[str, Any]
    content: Callable[[], Any] | None = None


class AttemptStarted(Event, frozen=True, kw_only=True):
    """A request is about to be sent; ``attempt`` counts from 1 in each hop.

    ``headers`` is empty: what a hook puts into it goes along with the request, as ``traceparent``.
    """

    attempt: int
    headers: dict[str, str]


class AttemptFailed(Event, frozen=True, kw_only=True):
    """A try failed; ``retry_in`` is the wait before the next in seconds, None for no next."""

    attempt: int
    error: GemstreamError
    retry_in: float | None


class ChunkReceived(Event, frozen=True, kw_only=True):
    """The caller takes a chunk of a stream; ``number`` counts from 1 over all hops."""

    number: int


class HopStarted(Event, frozen=True, kw_only=True):
    """The answer goes on with a continuation token; ``hop`` counts from 2."""

    hop: int


class LimitDecided(Event, frozen=True, kw_only=True):
    """The limiter decided something about the call: see ``gemstream.telemetry.decision``.

    ``call`` is 0 for what is about no call, as when shared limits are out of reach; such an event
    may come from any thread.
    """

    decision: Decision


class Outcome(enum.Enum):
    """How a call ended, or a Live session, or a turn of one."""

    FINISHED = "finished"
    """The caller has the whole answer."""
    STOPPED = "stopped"
    """The caller ended the stream, or closed the session."""
    CANCELLED = "cancelled"
    """The caller's task was cancelled."""
    FAILED = "failed"


class CallEnded(Event, frozen=True, kw_only=True):
    """A call is over; exactly one for each ``CallStarted``.

    ``attempts``: how many requests were sent. ``chunks``: how many the caller took.
    ``first_chunk_seconds``: until the first of them. ``usage``: the token counts under their names
    in Python, as ``prompt_token_count``; empty when none is known. ``cost_micros``: what they cost
    in millionths of a US dollar; None when the price is not known. ``content``: returns the answer
    as plain JSON; None when there is none.
    """

    outcome: Outcome
    error: GemstreamError | None = None
    attempts: int = 0
    chunks: int = 0
    seconds: float = 0.0
    first_chunk_seconds: float | None = None
    usage: Mapping[str, Any] = {}
    cost_micros: int | None = None
    finish_reasons: tuple[str, ...] = ()
    response_id: str | None = None
    response_model: str | None = None
    content: Callable[[], Any] | None = None


Hook = Callable[[Event], None]
"""Called in the task that makes the call, so that context variables (as the current span) are the
caller's; it must not block. What it raises is logged once and never reaches the call."""


def guarded(hook: Hook) -> Hook:
    """Return ``hook`` so that what it raises never harms a call; the first error is logged."""
    has_failed = False

    def call(event: Event) -> None:
        nonlocal has_failed
        try:
            hook(event)
        except Exception:
            if not has_failed:
                _log.exception("the hook %r failed; later failures are not logged", hook)
            has_failed = True

    return call


def combined(*hooks: Hook) -> Hook | None:
    """Return one hook that calls all of them in turn, each guarded; None for no hooks."""
    if not hooks:
        return None
    ours = [guarded(hook) for hook in hooks]

    def call(event: Event) -> None:
        for hook in ours:
            hook(event)

    return call
