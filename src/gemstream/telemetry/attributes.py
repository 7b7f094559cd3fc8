"""What the events of a call say, as attributes of OpenTelemetry; never what anybody said.

An error gives its kind and its code, not its words: the service may quote a request in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import APIError, GemstreamError, SessionClosed
from . import semconv
from .decision import Decision
from .events import AttemptFailed, CallEnded, CallStarted
from .live_events import LiveStarted
from .tokens import Tokens

__all__ = (
    "ATTEMPTS",
    "CHUNKS",
    "LIMIT_QUOTA",
    "LIMIT_VERDICT",
    "OUTCOME",
    "Attributes",
    "ended_attributes",
    "error_sentence",
    "error_type",
    "identity",
    "limit_attributes",
    "operation_of",
    "request_attributes",
    "retry_attributes",
    "usage_attributes",
)

Attributes = dict[str, Any]

# Ours, where the conventions have no name.
ATTEMPTS = "gemstream.attempts"
CHUNKS = "gemstream.chunks"
OUTCOME = "gemstream.outcome"
LIMIT_VERDICT = "gemstream.limit.verdict"
LIMIT_QUOTA = "gemstream.limit.quota"

_OUTPUT_TYPES = {"application/json": "json", "text/plain": "text"}
_MODALITIES = {"IMAGE": "image", "AUDIO": "speech", "TEXT": "text"}


def operation_of(start: CallStarted | LiveStarted) -> str:
    """Return the operation's name in the conventions; a method that is new keeps its own."""
    return semconv.OPERATION_NAMES.get(start.operation, start.operation)


def identity(start: CallStarted | LiveStarted) -> Attributes:
    """Return what tells calls apart: on every span and every measurement."""
    return {
        semconv.OPERATION_NAME: operation_of(start),
        semconv.PROVIDER_NAME: start.provider,
        semconv.REQUEST_MODEL: start.model,
        semconv.SERVER_ADDRESS: start.server_address,
        semconv.SERVER_PORT: start.server_port,
    }


def request_attributes(start: CallStarted) -> Attributes:
    """Return the settings of the request."""
    asked = start.parameters
    told: Attributes = {
        name: _sequence(asked[setting])
        for setting, name in semconv.REQUEST_PARAMETERS.items()
        if asked.get(setting) is not None
    }
    if start.streams:  # the conventions want it set for streams alone
        told[semconv.REQUEST_STREAM] = True
    if asked.get("candidate_count") not in (None, 1):  # likewise
        told[semconv.REQUEST_CHOICE_COUNT] = asked["candidate_count"]
    if output_type := _output_type(asked):
        told[semconv.OUTPUT_TYPE] = output_type
    return told


def ended_attributes(end: CallEnded, operation: str) -> Attributes:
    """Return what came of the call; ``operation`` is its name in the conventions."""
    is_generation = operation == semconv.GENERATE_CONTENT  # embeddings have a total only
    told = usage_attributes(Tokens.of(end.usage), breakdown=is_generation) | {
        ATTEMPTS: end.attempts,
        CHUNKS: end.chunks,
        OUTCOME: end.outcome.value,
        semconv.RESPONSE_ID: end.response_id,
        semconv.RESPONSE_MODEL: end.response_model,
        semconv.RESPONSE_FINISH_REASONS: tuple(one.lower() for one in end.finish_reasons) or None,
        semconv.RESPONSE_TIME_TO_FIRST_CHUNK: end.first_chunk_seconds,
        semconv.ERROR_TYPE: end.error and error_type(end.error),
    }
    return {name: value for name, value in told.items() if value is not None}


def usage_attributes(tokens: Tokens, *, breakdown: bool) -> Attributes:
    """Return the token counts, with ``breakdown`` by modality too."""
    return tokens.totals() | (tokens.breakdown() if breakdown else {})


def retry_attributes(failure: AttemptFailed) -> Attributes:
    """Return why a try failed and when the next is."""
    told: Attributes = {
        "gemstream.attempt": failure.attempt,
        semconv.ERROR_TYPE: error_type(failure.error),
    }
    if failure.retry_in is not None:
        told["gemstream.retry_in"] = failure.retry_in
    return told


def limit_attributes(decision: Decision) -> Attributes:
    """Return what was decided about a limit; neither the account nor where a number stands."""
    told: Attributes = {
        LIMIT_VERDICT: decision.verdict.value,
        LIMIT_QUOTA: decision.quota or None,
        "gemstream.limit.amount": decision.amount,
        "gemstream.limit.delay": decision.delay,
        "gemstream.limit.ahead": decision.ahead or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def error_type(error: GemstreamError) -> str:
    """Return the service's code, as ``429``, or the full name of the exception's class.

    The code of a Live session that was closed is the WebSocket's, as ``1011``.
    """
    if isinstance(error, APIError | SessionClosed):
        return str(error.code)
    return f"{type(error).__module__}.{type(error).__qualname__}"


def error_sentence(error: GemstreamError) -> str:
    """Return what may be said of an error without its words."""
    if isinstance(error, APIError):
        return f"{error.code} {error.status}"
    return type(error).__qualname__


def _output_type(asked: Mapping[str, Any]) -> str | None:
    if mime_type := asked.get("response_mime_type"):
        return _OUTPUT_TYPES.get(mime_type, str(mime_type))
    modalities = [str(one).upper() for one in asked.get("response_modalities") or ()]
    return next((told for name, told in _MODALITIES.items() if name in modalities), None)


def _sequence(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
