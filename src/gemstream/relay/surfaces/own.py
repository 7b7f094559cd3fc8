"""What a caller may read of its own key: ``/key-info``, ``/usage`` and ``/usage/{x-request-id}``.

Everything is asked of the books for the key that made the request, so what belongs to another key
is not there (404), and no answer names an account, a replica, or what an upstream said of them.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

import msgspec

from ...wire.dialect.refusal import Fault, Refusal
from ..keys.key import Key
from ..keys.key_info import key_info
from ..ledger.attempt_row import attempts_of
from ..ledger.day import utc_day
from ..ledger.report import UsageBy, UsageQuery, usage_json, usage_report
from ..parts import Parts
from ..refused import Refused
from ..route import Action, Route

__all__ = ("OWN_ACTIONS", "OwnAttempt", "OwnRequest", "own_answer")

OWN_ACTIONS = (Action.KEY_INFO, Action.USAGE)

# By account is the operator's: which accounts there are is no caller's business.
_BY = {"model": UsageBy.MODEL, "day": UsageBy.DAY}
# The caller's key may stand in the query too; it has been read by now.
_KEY = "key"


class OwnAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a request as its caller sees it; the fields are those of ``AttemptRow``."""

    attempt_no: int
    status: str
    surface: str
    operation: str
    model: str
    started: int
    prompt_tokens: int | None
    cached_tokens: int | None
    cache_creation_tokens: int | None
    candidates_tokens: int | None
    thoughts_tokens: int | None
    tool_use_tokens: int | None
    total_tokens: int | None
    modalities: dict[str, dict[str, int]] | None
    usage: dict[str, Any] | None
    cost: int | None
    price_version: str | None
    is_estimated: bool
    first_chunk: int | None
    duration: int | None
    bytes: int
    chunks: int
    finish_reason: str


class OwnRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What one request came to: its attempts in their order."""

    request_id: str
    attempts: tuple[OwnAttempt, ...]


async def own_answer(
    parts: Parts, key: Key, found: Route, query: Iterable[tuple[str, str]]
) -> bytes:
    """Return the JSON that answers ``found``, one of ``OWN_ACTIONS``, for ``key``.

    Raises Refused, and StoreUnavailable when the books are out of reach. Safe to cancel.
    """
    given = _given(query)
    if found.action is Action.USAGE and not found.rest:
        return await _usage(parts, key, given)
    _check(given, ())
    if found.action is Action.KEY_INFO:
        return msgspec.json.encode(await key_info(key, parts.limits))
    rows = await attempts_of(parts.database, found.rest, key.id)
    if not rows:
        raise Refused(Refusal(Fault.NOT_FOUND, "there is no request of this id and this key"))
    attempts = msgspec.convert(rows, tuple[OwnAttempt, ...], from_attributes=True)
    return msgspec.json.encode(OwnRequest(request_id=found.rest, attempts=attempts))


async def _usage(parts: Parts, key: Key, given: dict[str, str]) -> bytes:
    _check(given, ("by", "since", "until"))
    by = _BY.get(given.get("by", "day"))
    if by is None:
        raise _invalid(f"by must be {' or '.join(_BY)}", "by")
    query = UsageQuery(since=_day(given, "since"), until=_day(given, "until"), key_id=key.id)
    return usage_json(await usage_report(parts.database, by, query))


def _given(query: Iterable[tuple[str, str]]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in query:
        if name == _KEY:
            continue
        if name in given:
            raise _invalid(f"the query has {name:.40} twice", name[:40])
        given[name] = value
    return given


def _check(given: dict[str, str], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "there is none here"
            raise _invalid(f"the query parameter {name:.40} does not exist; {there}", name[:40])


def _day(given: dict[str, str], name: str) -> datetime.date | None:
    if name not in given:
        return None
    try:
        return utc_day(given[name])
    except ValueError:
        raise _invalid(f"{name} must be a day of UTC, as 2027-01-31", name) from None


def _invalid(message: str, param: str) -> Refused:
    return Refused(Refusal(Fault.INVALID, message, param=param))
