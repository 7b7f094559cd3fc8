"""What asyncpg and a Postgres server raise, and what it means: the one place that knows.

Source: https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

from __future__ import annotations

import enum
from typing import Any
from urllib.parse import urlsplit

from ..errors import ConfigError, InvalidState, StoreUnavailable

__all__ = (
    "Meaning",
    "address_of",
    "asyncpg_or_refuse",
    "is_verdict",
    "meaning_of",
    "refusal",
    "unavailable",
)

# Of the server or the way to it: connection exceptions, insufficient resources, system errors,
# configuration file errors, internal errors.
_AWAY_CLASSES = ("08", "53", "58", "F0", "XX")
_AWAY_CODES = (
    "25006",  # a write at a server that has become a standby
    "57014",  # cancelled, as by a time limit of the server's
    "57P01",  # administrator's shutdown
    "57P02",  # crash shutdown
    "57P03",  # it is starting
    "57P05",  # idle for too long
)
_DOWN_CLASSES = ("08", "57", "58", "XX")
_AGAIN_CODES = ("40001", "40P01", "55P03")  # serialization, deadlock, a lock not to be had
_CLOSED_CLASSES = ("28", "3D")  # no such user or password, no such database


class Meaning(enum.Enum):
    """What to do about an error."""

    AWAY = "away"
    """The server or the connection is gone: connect anew."""
    AGAIN = "again"
    """Two transactions met: the same again, on the same connection."""
    CLOSED = "closed"
    """The server does not let us in."""
    REFUSED = "refused"
    """The statement is at fault, or what it was given."""


def meaning_of(error: BaseException) -> Meaning | None:
    """Return what ``error`` means; None for one that is neither asyncpg's nor the system's."""
    asyncpg = asyncpg_or_refuse()
    if isinstance(error, asyncpg.PostgresError):
        return _of_code(error.sqlstate or "")
    if isinstance(error, asyncpg.InterfaceError | ValueError | TypeError):
        is_gone = "connection" in str(error) and "closed" in str(error)
        return Meaning.AWAY if is_gone else Meaning.REFUSED
    if isinstance(error, OSError | TimeoutError | EOFError | asyncpg.InternalClientError):
        return Meaning.AWAY
    return None


def is_verdict(error: BaseException) -> bool:
    """Return whether ``error`` is the server's word that a statement was not run.

    A connection that broke says nothing of the sort, nor does a server that goes down meanwhile.
    """
    asyncpg = asyncpg_or_refuse()
    if not isinstance(error, asyncpg.PostgresError):
        return False
    return not (error.sqlstate or "08").startswith(_DOWN_CLASSES)


def unavailable(address: str, error: BaseException | str, *, is_known: bool) -> StoreUnavailable:
    """Return the error for a server that is away; ``is_known``: nothing was committed."""
    said = str(error).strip().removesuffix(".") or type(error).__name__
    doubt = "" if is_known else "; it is not known whether the last transaction was committed"
    away = StoreUnavailable(f"the Postgres server at {address} is out of reach: {said}{doubt}")
    away.is_outcome_known = is_known
    return away


def refusal(error: BaseException) -> InvalidState:
    """Return the error for a statement that the server refuses."""
    return InvalidState(f"the database refuses: {error}")


def address_of(url: str) -> str:
    """Return where ``url`` leads, without user, password and options."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2] or 'localhost'}{parts.path}"


def asyncpg_or_refuse() -> Any:
    """Return asyncpg; raises ConfigError when it is not installed."""
    try:
        import asyncpg  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise ConfigError(
            "a database in Postgres needs the extra: pip install 'gemstream[postgres]'"
        ) from None
    return asyncpg


def _of_code(code: str) -> Meaning:
    if code in _AGAIN_CODES:
        return Meaning.AGAIN
    if code.startswith(_CLOSED_CLASSES):
        return Meaning.CLOSED
    if code in _AWAY_CODES or code.startswith(_AWAY_CLASSES):
        return Meaning.AWAY
    return Meaning.REFUSED
