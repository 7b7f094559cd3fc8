"""One line of the log for each request, at its end.

What may stand in it is a list: names that the operator gave, words of ours, counts and times. Not a
word of what a caller or a service wrote is on it, not even the name of a model that nobody knows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from ...wire.codec import encode
from ..observer import AttemptEnded, End, RequestBegan, RequestEnded
from .cleaning import clean
from .known_models import KnownModels
from .log_form import moment
from .trace_context import trace_of

__all__ = ("LOGGER", "RequestLog")

LOGGER = "gemstream.relay.requests"

_LEVELS = {End.INTERNAL: logging.ERROR, End.UPSTREAM_ERROR: logging.WARNING}
_WORDS = {logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}


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
        fields = self._fields(fact, _WORDS[level], trace_id)
        line = encode(fields).decode() if self._json else _plain(fields)
        # Made by hand: looking for the caller of ``info`` costs more than all the rest.
        record = logging.LogRecord(LOGGER, level, "", 0, line, None, None)
        record.is_ready = True
        self._logger.handle(record)

    def _fields(self, fact: RequestEnded, level: str, trace_id: str) -> dict[str, Any]:
        usage = fact.usage
        return {
            "ts": moment(time.time()),
            "level": level,
            "request_id": fact.request_id,
            "trace_id": trace_id or None,
            "key_id": clean(fact.key_id) or None,
            "surface": fact.surface,
            "operation": fact.operation or None,
            "model": clean(self._models().label(fact.model)) or None,
            "account_hash": fact.account_hash or None,
            "stream": fact.is_stream,
            "status": fact.status,
            "end": fact.end.value,
            "fault": fact.fault or None,
            "limit": fact.limit or None,
            "attempts": fact.attempts,
            "ttfb_ms": _ms(fact.first_chunk),
            "overhead_ms": _ms(fact.overhead),
            "dur_ms": _ms(fact.duration),
            "prompt_tokens": None if usage is None else usage.prompt_token_count,
            "output_tokens": None if usage is None else usage.candidates_token_count,
            "thought_tokens": None if usage is None else usage.thoughts_token_count,
            "cached_tokens": None if usage is None else usage.cached_content_token_count,
            "cost_micros": fact.cost,
            "bytes": fact.sent,
            "chunks": fact.chunks,
        }


_SHOWN = ("key_id", "surface", "operation", "model", "account_hash", "fault", "limit", "request_id")


def _plain(fields: dict[str, Any]) -> str:
    """Return the line for a person: the rarer fields only where they say something."""
    shown = " ".join(str(fields[name]) for name in _SHOWN if fields[name] is not None)
    first = "" if fields["ttfb_ms"] is None else f" first {fields['ttfb_ms']:g} ms"
    tokens = fields["output_tokens"]
    used = "" if tokens is None else f" {fields['prompt_tokens'] or 0}+{tokens} tokens"
    again = f" {fields['attempts']} attempts" if fields["attempts"] > 1 else ""
    return (
        f"{fields['ts']} {fields['level']:<7} {fields['status']} {fields['end']:<14} "
        f"{shown}{first} in {fields['dur_ms']:g} ms{used}{again}"
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
