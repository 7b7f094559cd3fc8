"""One line of the log for each request, at its end.

What may stand in it is a list: names that the operator gave, words of ours, counts and times. Not a
word of what a caller or a service wrote is on it, not even the name of a model that nobody knows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import msgspec

from ...wire.usage import UsageMetadata
from ..observer import AttemptEnded, End, RequestBegan, RequestEnded
from .cleaning import clean
from .known_models import KnownModels
from .log_form import moment
from .trace_context import trace_of

__all__ = ("LOGGER", "Line", "RequestLog")

LOGGER = "gemstream.relay.requests"

_LEVELS = {End.INTERNAL: logging.ERROR, End.UPSTREAM_ERROR: logging.WARNING}
_WORDS = {logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}


class Line(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All that can stand on a line; times in milliseconds, cost in millionths of a US dollar."""

    ts: str
    level: str
    request_id: str
    trace_id: str | None
    key_id: str | None
    surface: str
    operation: str | None
    model: str | None
    account_hash: str | None
    stream: bool
    status: int
    end: str
    fault: str | None
    limit: str | None
    attempts: int
    ttfb_ms: float | None
    overhead_ms: float | None
    dur_ms: float
    prompt_tokens: int | None
    output_tokens: int | None
    thought_tokens: int | None
    cached_tokens: int | None
    cost_micros: int | None
    bytes: int
    chunks: int


_NO_USAGE = UsageMetadata()
_encode = msgspec.json.Encoder().encode


class RequestLog:
    """Writes to the logger ``gemstream.relay.requests``; nothing when it is not set up for INFO.

    ``models``: what may be named. ``trace_id``: of a request's own span, where spans are made.
    """

    __slots__ = ("_json", "_logger", "_models", "_trace_id", "_traces")

    def __init__(
        self,
        models: Callable[[], KnownModels],
        *,
        json: bool = True,
        trace_id: Callable[[str], str] | None = None,
    ) -> None:
        self._logger = logging.getLogger(LOGGER)
        self._models = models
        self._json = json
        self._trace_id = trace_id
        self._traces: dict[str, str] = {}  # of requests under way that are part of one

    def request_began(self, fact: RequestBegan) -> None:
        """Remember the trace that the request is part of."""
        if self._trace_id is None and (trace := trace_of(fact.headers)) is not None:
            self._traces[fact.request_id] = trace.trace_id

    def attempt_ended(self, fact: AttemptEnded) -> None:
        """Do nothing: the line of the request counts its attempts."""

    def request_ended(self, fact: RequestEnded) -> None:
        """Write the line."""
        trace_id = self._traces.pop(fact.request_id, "")
        level = _LEVELS.get(fact.end, logging.INFO)
        if not self._logger.isEnabledFor(level):
            return
        if self._trace_id is not None:
            trace_id = self._trace_id(fact.request_id)
        line = self._line(fact, _WORDS[level], trace_id)
        text = _encode(line).decode() if self._json else _plain(line)
        # Made by hand: looking for the caller of ``info`` costs more than all the rest.
        record = logging.LogRecord(LOGGER, level, "", 0, text, None, None)
        record.is_ready = True
        self._logger.handle(record)

    def _line(self, fact: RequestEnded, level: str, trace_id: str) -> Line:
        usage = fact.usage or _NO_USAGE
        return Line(
            ts=moment(time.time()),
            level=level,
            request_id=fact.request_id,
            trace_id=trace_id or None,
            key_id=clean(fact.key_id) or None,
            surface=fact.surface,
            operation=fact.operation or None,
            model=clean(self._models().label(fact.model)) or None,
            account_hash=fact.account_hash or None,
            stream=fact.is_stream,
            status=fact.status,
            end=fact.end.value,
            fault=fact.fault or None,
            limit=fact.limit or None,
            attempts=fact.attempts,
            ttfb_ms=_ms(fact.first_chunk),
            overhead_ms=_ms(fact.overhead),
            dur_ms=_ms(fact.duration) or 0.0,
            prompt_tokens=usage.prompt_token_count,
            output_tokens=usage.candidates_token_count,
            thought_tokens=usage.thoughts_token_count,
            cached_tokens=usage.cached_content_token_count,
            cost_micros=fact.cost,
            bytes=fact.sent,
            chunks=fact.chunks,
        )


_SHOWN = ("key_id", "surface", "operation", "model", "account_hash", "fault", "limit", "request_id")


def _plain(line: Line) -> str:
    """Return the line for a person: the rarer fields only where they say something."""
    shown = " ".join(str(value) for name in _SHOWN if (value := getattr(line, name)) is not None)
    first = "" if line.ttfb_ms is None else f" first {line.ttfb_ms:g} ms"
    tokens = line.output_tokens
    used = "" if tokens is None else f" {line.prompt_tokens or 0}+{tokens} tokens"
    again = f" {line.attempts} attempts" if line.attempts > 1 else ""
    return (
        f"{line.ts} {line.level:<7} {line.status} {line.end:<14} "
        f"{shown}{first} in {line.dur_ms:g} ms{used}{again}"
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
