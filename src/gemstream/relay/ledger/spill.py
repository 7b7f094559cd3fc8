"""The file that keeps records while the database stays away, in case this process dies meanwhile.

Each process has a file of its own, ``ledger-<replica>.spill.jsonl``; what a dead one left is taken
over by the next to look, under its own name. A line is written, synced, and only then counted on.
"""

from __future__ import annotations

import logging
import os
import urllib.parse
from collections.abc import Collection, Sequence
from pathlib import Path

from .record import Record

__all__ = ("Spill",)

_HEAD = "ledger-"
_TAIL = ".spill.jsonl"
_log = logging.getLogger("gemstream.relay.ledger")


class Spill:
    """The file of ``replica`` in ``folder``; it blocks, so it is called in a thread."""

    __slots__ = ("_folder", "path")

    def __init__(self, folder: Path, replica: str) -> None:
        self._folder = folder
        self.path = folder / f"{_HEAD}{urllib.parse.quote(replica, safe='')}{_TAIL}"

    def append(self, records: Sequence[Record]) -> None:
        """Write records and see them on disk; raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not self.path.exists()
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            data = memoryview(b"".join(record.line() for record in records))
            while data:
                data = data[os.write(file, data) :]
            os.fsync(file)
        finally:
            os.close(file)
        if is_new:
            _sync_folder(self._folder)

    def clear(self) -> None:
        """Forget what was written: it is in the database. Raises OSError."""
        self.path.unlink(missing_ok=True)

    def take_over(self, living: Collection[str]) -> list[Record]:
        """Return what is in files of replicas that do not live, and in our own of an earlier run.

        The records stay on disk, in our file, until ``clear``. Raises OSError.
        """
        found = _records(self.path)
        for path in sorted(self._folder.glob(f"{_HEAD}*{_TAIL}")):
            replica = urllib.parse.unquote(path.name[len(_HEAD) : -len(_TAIL)])
            if path == self.path or replica in living:
                continue
            records = _records(path)
            if records:
                self.append(records)
            path.unlink(missing_ok=True)
            found += records
        return found


def _records(path: Path) -> list[Record]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    records = list[Record]()
    for number, line in enumerate(lines, start=1):
        try:
            records.append(Record.from_line(line))
        except ValueError as error:
            # The process died or the disk was full while it wrote: it was never counted on.
            _log.warning("%s, line %d: %s", path, number, error)
    return records


def _sync_folder(folder: Path) -> None:
    """See that the new file's name is on disk too; Windows does that by itself."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
