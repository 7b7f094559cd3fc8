"""Attempts as rows: the SQL that writes them, and the line that keeps what waits to be written.

Whatever a caller or a service made up is fitted to what both engines hold: no NUL, no lone
surrogate, bounded lengths, counts within 63 bits. A settlement must never be refused.
"""

from __future__ import annotations

import enum
from typing import Any, NamedTuple

import msgspec

from ...errors import InvalidRequest
from ...stores.statement import Statement
from ...wire.codec import encode
from ...wire.usage import ModalityTokenCount, UsageMetadata
from .attempt import Attempt, AttemptStatus, Settlement

__all__ = ("COUNTS", "Record", "RecordKind", "note_statement", "opening", "settling", "withdrawing")

COUNTS = (
    "prompt_tokens",
    "cached_tokens",
    "cache_creation_tokens",
    "candidates_tokens",
    "thoughts_tokens",
    "tool_use_tokens",
    "total_tokens",
)
"""The columns of token counts."""
_LARGEST = 2**53 - 1  # what JSON readers hold exactly, and sums of a thousand such fit in 63 bits
_LONGEST = 500

_OPENED = (
    "request_id",
    "attempt_no",
    "status",
    "replica",
    "key_id",
    "account",
    "surface",
    "operation",
    "model",
    "started",
    "reserved_tokens",
    "reserved_micros",
)
# Set where they are told; what was noted on the way stays where they are not.
_TOLD = (*COUNTS, "modalities", "usage", "cost")
_SETTLED = (
    "status",
    "http_status",
    "price_version",
    "is_estimated",
    "first_chunk",
    "duration",
    "bytes",
    "chunks",
    "finish_reason",
    "upstream_id",
    "error",
)
_ROW = ("request_id", "attempt_no")
_WHICH = "request_id = ? AND attempt_no = ?"
_TELL = ", ".join(f"{column} = COALESCE(?, {column})" for column in _TOLD)
_SET = ", ".join(f"{column} = ?" for column in _SETTLED)

# The same insert again, after a commit whose outcome nobody knows, answers as the first did;
# another attempt under the same number answers nothing.
_OPEN = (
    f"INSERT INTO attempts ({', '.join(_OPENED)}) VALUES ({', '.join('?' * len(_OPENED))}) "
    "ON CONFLICT (request_id, attempt_no) DO UPDATE SET status = excluded.status "
    "WHERE attempts.status = 'open' AND attempts.replica = excluded.replica "
    "AND attempts.started = excluded.started RETURNING attempt_no"
)
_NOTE = f"UPDATE attempts SET {_TELL}, bytes = ?, noted = <now> WHERE {_WHICH} AND status = 'open'"


class RecordKind(enum.Enum):
    """What a record does to a row that was opened."""

    SETTLE = "settle"
    WITHDRAW = "withdraw"
    """The row was written and its attempt was not sent."""


# Not "is_rolled = 0": a Postgres that does not know the table yet would plan to walk the index of
# those rows, and keep to that plan as the table grows.
# A sweeper may have closed the row of a process that was only thought dead: what that process
# knows is the truth, and is taken once.
_SQL = {
    RecordKind.SETTLE: (
        f"UPDATE attempts SET {_TELL}, {_SET} WHERE {_WHICH} "
        "AND status IN ('open', 'unknown') AND is_rolled <> 1"
    ),
    RecordKind.WITHDRAW: f"DELETE FROM attempts WHERE {_WHICH} AND status IN ('open', 'unknown')",
}
_COLUMNS = {
    RecordKind.SETTLE: (*_TOLD, *_SETTLED, *_ROW),
    RecordKind.WITHDRAW: _ROW,
}


class Record(NamedTuple):
    """A change that must be made, now or later; making it again changes nothing."""

    kind: RecordKind
    values: tuple[Any, ...]

    def statement(self) -> Statement:
        """Return the statement that makes it."""
        return Statement(_SQL[self.kind], self.values, is_repeatable=True)

    def line(self) -> bytes:
        """Return it as one line of JSON."""
        columns = zip(_COLUMNS[self.kind], self.values, strict=True)
        return msgspec.json.encode({"kind": self.kind, **dict(columns)}) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Record:
        """Return the record of a line; raises ValueError when it is none."""
        try:
            fields = msgspec.json.decode(line, type=dict[str, str | int | None])
            kind = RecordKind(fields.pop("kind"))
            return cls(kind, tuple(fields[column] for column in _COLUMNS[kind]))
        except (msgspec.MsgspecError, ValueError, KeyError) as error:
            raise ValueError(f"no record of the ledger: {line[:80]!r}") from error


def opening(attempt: Attempt, replica: str) -> Statement:
    """Return the statement that opens a row; it returns one row, none when there was another."""
    return Statement(
        _OPEN,
        (
            attempt.request_id,
            attempt.number,
            AttemptStatus.OPEN.value,
            replica,
            attempt.key_id,
            attempt.account,
            _text(attempt.surface),
            _text(attempt.operation),
            _text(attempt.model),
            attempt.started,
            _count(attempt.reserved_tokens),
            _count(attempt.reserved_micros),
        ),
        is_repeatable=True,
    )


def settling(settlement: Settlement) -> Record:
    """Return the record that closes a row."""
    return Record(
        RecordKind.SETTLE,
        (
            *_told(settlement.usage, settlement.cache_creation, settlement.cost),
            settlement.status.value,
            settlement.http_status,
            _text(settlement.price_version),
            int(settlement.is_estimated),
            _count(settlement.first_chunk),
            _count(settlement.duration),
            _count(settlement.bytes),
            _count(settlement.chunks),
            _text(settlement.finish_reason),
            _text(settlement.upstream_id),
            _text(settlement.error),
            settlement.request_id,
            settlement.number,
        ),
    )


def withdrawing(attempt: Attempt) -> Record:
    """Return the record that takes back a row whose attempt was not sent."""
    return Record(RecordKind.WITHDRAW, (attempt.request_id, attempt.number))


def note_statement(
    row: tuple[str, int], usage: UsageMetadata | None, count: int, cost: int | None
) -> Statement:
    """Return the statement that notes in an open row what was counted so far."""
    values = (*_told(usage, None, cost), _count(count), *row)
    return Statement(_NOTE, values, is_repeatable=True)


def _told(usage: UsageMetadata | None, created: int | None, cost: int | None) -> tuple[Any, ...]:
    if usage is None:
        return (None, None, _count(created), None, None, None, None, None, None, _count(cost))
    return (
        _count(usage.prompt_token_count),
        _count(usage.cached_content_token_count),
        _count(created),
        _count(usage.candidates_token_count),
        _count(usage.thoughts_token_count),
        _count(usage.tool_use_prompt_token_count),
        _count(usage.total_token_count),
        _modalities(usage),
        _json(usage),
        _count(cost),
    )


def _modalities(usage: UsageMetadata) -> str | None:
    """Return the counts per modality as JSON: ``{"prompt": {"TEXT": 5}}``."""
    details = {
        "prompt": usage.prompt_tokens_details,
        "cached": usage.cache_tokens_details,
        "candidates": usage.candidates_tokens_details,
        "tool_use": usage.tool_use_prompt_tokens_details,
    }
    counts = {name: _by_modality(counted) for name, counted in details.items() if counted}
    return _json(counts) if counts else None


def _by_modality(counted: Any) -> dict[str, int]:
    counts = dict[str, int]()
    one: ModalityTokenCount
    for one in counted:
        name = one.modality or "UNSPECIFIED"
        counts[name] = counts.get(name, 0) + one.token_count
    return counts


def _json(value: object) -> str | None:
    """Return ``value`` as JSON; None for what JSON cannot say, for the counts stand beside it."""
    try:
        return encode(value).decode()
    except InvalidRequest:
        return None


def _count(value: int | None) -> int | None:
    if value is None or 0 <= value <= _LARGEST:
        return value
    return 0 if value < 0 else _LARGEST


def _text(value: str) -> str:
    if value.isascii() and len(value) <= _LONGEST and "\0" not in value:
        return value
    cut = value[:_LONGEST].replace("\0", "\ufffd")
    return cut.encode("utf-8", "replace").decode()
