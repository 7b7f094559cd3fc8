"""What is told of one call to whoever listens; nothing, and at no cost, when nobody does."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import GemstreamError
from ..policy.answer import Answer
from ..policy.usage import usage_fields
from ..telemetry.decision import Decision, Told
from ..telemetry.events import (
    AttemptFailed,
    AttemptStarted,
    CallEnded,
    CallStarted,
    ChunkReceived,
    Event,
    Hook,
    HopStarted,
    LimitDecided,
    Outcome,
    guarded,
)
from ..wire.codec import decode_plain, from_plain, to_plain
from ..wire.generation_config import GenerationConfig
from ..wire.usage import UsageMetadata
from .headers import is_header_name, is_header_value

__all__ = ("SILENT", "Observation", "Subject", "sampling_of", "told_to")

_log = logging.getLogger("gemstream.telemetry")
_numbers = itertools.count(1)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a call is about: the API's method, the bare model, and who answers where."""

    operation: str
    model: str
    provider: str
    server_address: str
    server_port: int
    streams: bool = False


class Observation:
    """Tells the events of one call; silent without a hook, and from its end on."""

    __slots__ = ("_call", "_chunks", "_first", "_hook", "_sent", "_started", "is_heard")

    def __init__(self, hook: Hook | None = None) -> None:
        self._hook = hook
        self.is_heard = hook is not None
        self._call = 0
        self._started = 0.0
        self._first: float | None = None
        self._chunks = 0
        self._sent = 0

    def started(self, subject: Subject, body: bytes) -> None:
        """Tell that the call begins."""
        if self._hook is None:
            return
        self._call = next(_numbers)
        self._started = time.monotonic()
        fields = msgspec.structs.asdict(subject)
        self._hook(
            CallStarted(
                call=self._call,
                at=self._started,
                parameters=sampling_of(body),
                content=lambda: decode_plain(body),
                **fields,
            )
        )

    def begin(self) -> None:
        """Take a number for what is told by ``tell``, as of a Live session."""
        self._call = next(_numbers)

    def tell(self, kind: type[Event], **facts: Any) -> None:
        """Tell an event with these fields."""
        if self._hook is not None and self.is_heard:
            self._hook(kind(call=self._call, at=time.monotonic(), **facts))

    def attempt_started(self, number: int) -> Mapping[str, str]:
        """Tell that a request is about to be sent; return the headers that hooks add to it."""
        self._sent += 1
        if self._hook is None or not self.is_heard:
            return {}
        headers: dict[str, str] = {}
        self._hook(
            AttemptStarted(call=self._call, at=time.monotonic(), attempt=number, headers=headers)
        )
        return _sendable(headers)

    def attempt_failed(self, number: int, error: GemstreamError, retry_in: float | None) -> None:
        """Tell that a try failed, and when the next one is."""
        self.tell(AttemptFailed, attempt=number, error=error, retry_in=retry_in)

    def decided(self, decision: Decision) -> None:
        """Tell what the limiter decided."""
        self.tell(LimitDecided, decision=decision)

    def chunk_received(self) -> None:
        """Tell that the caller takes a chunk."""
        if self._hook is None or not self.is_heard:
            return
        now = time.monotonic()
        if self._first is None:
            self._first = now - self._started
        self._chunks += 1
        self._hook(ChunkReceived(call=self._call, at=now, number=self._chunks))

    def hop_started(self, hop: int) -> None:
        """Tell that the answer goes on."""
        self.tell(HopStarted, hop=hop)

    def ended(
        self,
        outcome: Outcome,
        *,
        answer: Answer | None = None,
        usage: UsageMetadata | None = None,
        error: GemstreamError | None = None,
    ) -> None:
        """Tell that the call is over; heard once."""
        if self._hook is None or not self.is_heard or not self._call:
            return
        self.is_heard = False
        now = time.monotonic()
        self._hook(
            CallEnded(
                call=self._call,
                at=now,
                outcome=outcome,
                error=error,
                attempts=self._sent,
                chunks=self._chunks,
                seconds=now - self._started,
                first_chunk_seconds=self._first,
                cost_micros=_cost(answer, error),
                **_told_of(answer, usage),
            )
        )

    def failed(self, error: BaseException, answer: Answer | None = None) -> None:
        """Tell that the call ended with ``error``; anything but ours is a cancellation."""
        if isinstance(error, GemstreamError):
            self.ended(Outcome.FAILED, answer=answer, usage=error.usage, error=error)
        else:
            self.ended(Outcome.CANCELLED, answer=answer)


SILENT = Observation()


def told_to(hook: Hook) -> Told:
    """Return what tells ``hook`` the decisions that are about no call, from whatever thread."""
    hook = guarded(hook)

    def told(decision: Decision) -> None:
        hook(LimitDecided(call=0, at=time.monotonic(), decision=decision))

    return told


def _sendable(headers: Mapping[Any, Any]) -> dict[str, str]:
    """Return the headers of hooks in lower case, without those that would break the request."""
    sendable: dict[str, str] = {}
    for name, value in headers.items():
        if is_header_name(name) and is_header_value(value):
            sendable[name.lower()] = value
        else:
            _log.error(
                "a hook added header %.80r with a value that cannot be sent; it is not", name
            )
    return sendable


def sampling_of(body: bytes) -> dict[str, Any]:
    """Return the settings that a request's JSON asks for, under their names in Python.

    Those that no setting could be, which ``extra_body`` may hold, stay as they are: to listen must
    not change what is sent.
    """
    plain = decode_plain(body)
    if not isinstance(plain, dict):
        return {}
    config = plain.get("generationConfig")
    if not isinstance(config, dict):
        size = _dimensionality(plain)
        return {} if size is None else {"output_dimensionality": size}
    try:
        settings = msgspec.structs.asdict(from_plain(config, GenerationConfig))
    except GemstreamError:
        return config
    extra = settings.pop("extra") or {}
    return {name: to_plain(value) for name, value in settings.items() if _is_given(value)} | extra


def _dimensionality(plain: Mapping[str, Any]) -> Any:
    """Return how long the embeddings of a request are to be, wherever its form says it."""
    requests = plain.get("requests")
    first = requests[0] if isinstance(requests, list) and requests else plain
    places = (first, plain.get("parameters"), plain.get("embedContentConfig"))
    asked = (place.get("outputDimensionality") for place in places if isinstance(place, Mapping))
    return next((size for size in asked if size is not None), None)


def _is_given(value: Any) -> bool:
    return value is not None and value != ()


def _cost(answer: Answer | None, error: GemstreamError | None) -> int | None:
    """Return what the call cost: an error knows of what the answer does not hold."""
    cost = None if error is None else error.cost
    if cost is None and answer is not None:
        cost = answer.cost
    return None if cost is None else cost.micros


def _told_of(answer: Answer | None, usage: UsageMetadata | None) -> dict[str, Any]:
    if answer is None:
        return {"usage": usage_fields(usage) or {}}
    message = answer.message
    reasons = [candidate.finish_reason for candidate in message.candidates]
    return {
        "usage": usage_fields(answer.usage or usage) or {},
        "finish_reasons": tuple(str(reason) for reason in reasons if reason is not None),
        "response_id": answer.response_id,
        "response_model": answer.model_version,
        "content": lambda: to_plain(message),
    }
