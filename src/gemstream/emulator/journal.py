"""The emulator's books: one entry for every answer, also for those the client left.

In memory the newest entries, on disk (when asked) all of them: one line of JSON each, written
and synced before the answer's end is sent, so what a client saw finished is in the file.
"""

from __future__ import annotations

import asyncio
import enum
import hashlib
import os
import threading
from collections import deque
from pathlib import Path

import msgspec

from ..errors import ConfigError
from ..wire.codec import JSONObject, encode, to_plain
from ..wire.usage import UsageMetadata
from .number import whole_number

__all__ = ("End", "Journal", "JournalEntry", "attempt_of", "key_hash_of")

# A day's tests; older entries are on disk.
MEMORY_ENTRIES = 10_000
_HASH_DIGITS = 16
_LONGEST_ATTEMPT = 100


class End(enum.Enum):
    """How an answer ended: in full, given up by the client, or as an error."""

    FINISHED = "finished"
    ABORTED = "aborted"
    ERROR = "error"


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One answer. ``usage`` is what would be billed: the newest that was sent, none for errors.

    ``attempt`` echoes the header x-gemstream-attempt, a number as one and a name as it is;
    ``bytes`` counts the body; ``at`` is the time of the end in seconds since 1970.
    """

    request_id: str
    attempt: int | str | None
    key_hash: str | None
    model: str | None
    method: str
    status: int
    end: End
    usage: UsageMetadata | None
    bytes: int
    at: float

    def plain(self) -> JSONObject:
        """Return the entry as it stands in the file."""
        plain = {name: getattr(self, name) for name in self.__struct_fields__}
        return {**plain, "end": self.end.value, "usage": to_plain(self.usage)}


class Journal:
    """Entries in memory, and in a file when there is a path; raises ConfigError for a bad one."""

    __slots__ = ("_entries", "_lock", "_path")

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries: deque[JournalEntry] = deque(maxlen=MEMORY_ENTRIES)
        self._lock = threading.Lock()
        if path is not None:
            try:
                path.open("ab").close()
            except OSError as error:
                raise ConfigError(
                    f"the journal {path} cannot be written: {error.strerror}"
                ) from error

    @property
    def entries(self) -> list[JournalEntry]:
        """The newest entries, oldest first."""
        return list(self._entries)

    async def record(self, entry: JournalEntry) -> None:
        """Add ``entry``: to memory at once, then to the file, synced; cancelled no sooner."""
        self._entries.append(entry)
        if self._path is None:
            return
        # In a thread: a sync takes milliseconds, and other streams must not feel it.
        writing = asyncio.ensure_future(
            asyncio.to_thread(self._write, encode(entry.plain()) + b"\n")
        )
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            # The client left just now. What waits for a thread would be dropped with its task.
            await asyncio.wait([writing])
            raise

    def clear(self) -> None:
        """Forget the entries in memory; the file keeps them."""
        self._entries.clear()

    def _write(self, line: bytes) -> None:
        assert self._path is not None
        with self._lock, self._path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def key_hash_of(key: str) -> str:
    """Return what stands for a key in the journal: the beginning of its SHA-256."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_DIGITS]


def attempt_of(header: str) -> int | str | None:
    """Return what the journal keeps of x-gemstream-attempt, None for nothing and for a scroll.

    Clients number the tries of one call; a relay names the row of its books, ``req_….1``.
    """
    number = whole_number(header)
    if number is not None:
        return number
    return header if header.isprintable() and 0 < len(header) <= _LONGEST_ATTEMPT else None
