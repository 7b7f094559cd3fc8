"""Attempts as the books hold them: those of one request, or all of a time, a line each."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec

from ...stores.database import Database
from .sums import DAY

__all__ = ("AttemptRow", "Export", "attempts_of")

_PAGE = 500
_EPOCH = datetime.date(1970, 1, 1)


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row; times in µs (``started`` since 1970), ``cost`` in micro-dollars.

    ``status`` as ``AttemptStatus``; ``modalities``: tokens per modality of each count; ``usage``:
    what the service reported, whole. None is what is not known.
    """

    request_id: str
    attempt_no: int
    status: str
    replica: str
    key_id: str
    account: str
    surface: str
    operation: str
    model: str
    started: int
    http_status: int | None
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
    upstream_id: str
    error: str


_FIELDS = AttemptRow.__struct_fields__
_SELECT = f"SELECT {', '.join(_FIELDS)} FROM attempts"
_ORDER = "started, request_id, attempt_no"
_JSON = ("modalities", "usage")


async def attempts_of(
    database: Database, request_id: str, key_id: str | None = None
) -> tuple[AttemptRow, ...]:
    """Return the attempts of one request in their order; none for a request that is not known.

    ``key_id``: whose request it must be, for a key may read its own alone; None for an operator.
    Raises StoreUnavailable.
    """
    mine = "" if key_id is None else " AND key_id = ?"
    args = (request_id,) if key_id is None else (request_id, key_id)
    rows = await database.fetch(f"{_SELECT} WHERE request_id = ?{mine} ORDER BY attempt_no", *args)
    return tuple(map(_row, rows))


class Export:
    """Iterates over the rows of a time as lines of JSON, the oldest first, a page at a time.

    ``since`` and ``until`` are UTC days, both included; None is all that is kept. Raises
    StoreUnavailable. Stopping in the middle leaves nothing behind.
    """

    __slots__ = ("_after", "_before", "_database", "_is_last", "_page")

    def __init__(
        self,
        database: Database,
        since: datetime.date | None = None,
        until: datetime.date | None = None,
    ) -> None:
        self._database = database
        first = 0 if since is None else (since - _EPOCH).days * DAY
        self._after: tuple[int, str, int] = (first, "", 0)
        self._before = 2**62 if until is None else ((until - _EPOCH).days + 1) * DAY
        self._page: list[AttemptRow] = []
        self._is_last = False

    def __aiter__(self) -> Export:
        return self

    async def __anext__(self) -> bytes:
        if not self._page and not self._is_last:
            await self._turn()
        if not self._page:
            raise StopAsyncIteration
        return msgspec.json.encode(self._page.pop()) + b"\n"

    async def _turn(self) -> None:
        rows = await self._database.fetch(
            f"{_SELECT} WHERE started >= ? AND started < ? AND ({_ORDER}) > (?, ?, ?) "
            f"ORDER BY {_ORDER} LIMIT {_PAGE}",
            self._after[0],
            self._before,
            *self._after,
        )
        self._is_last = len(rows) < _PAGE
        self._page = [_row(row) for row in reversed(rows)]
        if rows:
            last = self._page[0]
            self._after = (last.started, last.request_id, last.attempt_no)


def _row(values: tuple[Any, ...]) -> AttemptRow:
    fields = dict(zip(_FIELDS, values, strict=True))
    for name in _JSON:
        if fields[name] is not None:
            fields[name] = msgspec.json.decode(fields[name])
    return AttemptRow(**(fields | {"is_estimated": bool(fields["is_estimated"])}))
