"""An outcome as JSON: the one object of ``--json`` and the last line of ``--jsonl``; pure.

The names are stable within one version of ``schema``; a later version of gemstream may add some.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import GemstreamError, RateLimited
from ..policy.answer import Answer
from ..policy.cost import Cost
from ..policy.usage import usage_fields
from .outcome import Outcome

__all__ = ("chunk_fields", "error_fields", "summary")

_SCHEMA = "gemstream.ask/1"
_CHUNK_SCHEMA = "gemstream.chunk/1"


def summary(outcome: Outcome) -> dict[str, Any]:
    """Return the object that tells of ``outcome``; a failure has ``error`` beside the rest."""
    response = outcome.response
    fields: dict[str, Any] = {
        "schema": _SCHEMA,
        "text": response.text if response else "",
        "model": outcome.model,
        "finish_reason": response.finish_reason if response else None,
        "complete": outcome.complete,
        "usage": usage_fields(outcome.usage),
        "cost": _cost_fields(outcome.cost),
        "timing": outcome.timing,
        "attempts": response.attempts if response else None,
        "response_id": response.response_id if response else None,
        "model_version": response.model_version if response else None,
    }
    if response is not None and response.thoughts:
        fields["thoughts"] = response.thoughts
    if response is not None and response.block_reason is not None:
        fields["block_reason"] = response.block_reason
    if outcome.error is not None:
        fields["error"] = error_fields(outcome.error)
    return fields


def chunk_fields(at_ms: float, chunk: Answer) -> dict[str, Any]:
    """Return the object that tells of one chunk; what the chunk does not bring is left out."""
    fields: dict[str, Any] = {"schema": _CHUNK_SCHEMA, "at_ms": at_ms, "text": chunk.text}
    optional: dict[str, Any] = {
        "thoughts": chunk.thoughts or None,
        "finish_reason": chunk.finish_reason,
        "block_reason": chunk.block_reason,
        "usage": usage_fields(chunk.message.usage_metadata),
    }
    if chunk.message.usage_metadata is not None and (cost := chunk.cost) is not None:
        optional["cost_micros"] = cost.micros
    return fields | {name: value for name, value in optional.items() if value is not None}


def _cost_fields(cost: Cost | None) -> dict[str, Any] | None:
    """Return the sum and its parts in micro-dollars; a part of 0 is left out."""
    if cost is None:
        return None
    parts = {name: part for name, part in msgspec.structs.asdict(cost).items() if part}
    return {"currency": cost.currency, "micros": cost.micros, "parts": parts}


def error_fields(error: GemstreamError) -> dict[str, Any]:
    """Return what a program may know of ``error``."""
    fields = {
        "type": type(error).__name__,
        "message": str(error),
        "code": getattr(error, "code", None),
        "status": getattr(error, "status", None),
        "retry_delay": getattr(error, "retry_delay", None),
        "delivered": error.delivered,
        "partial": getattr(error, "partial", ""),
    }
    if isinstance(error, RateLimited):
        fields |= {"quota": error.quota or None, "limit": error.limit}
    return fields
