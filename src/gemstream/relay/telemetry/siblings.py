"""The numbers of all workers in one answer: each writes a file, and who is asked adds them up.

A scrape reaches one worker. Files, and not sockets between them, for a worker that hangs is no
reason to wait, and the counts of one that died remain, so that no counter falls. They are written
each second, so the numbers of the others are at most that old.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import multiprocessing
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from .counts import Snapshot, merged
from .metric import METRICS, Kind

__all__ = ("Siblings", "siblings_folder")

_EVERY = 1.0
_ABANDONED = 86_400.0
_log = logging.getLogger("gemstream.relay.telemetry")


def siblings_folder(state: Path) -> Path | None:
    """Return the folder of this supervisor's workers in the state folder; None without one."""
    if multiprocessing.parent_process() is None:
        return None
    # Each supervisor has a random key that its workers inherit; a process id comes again.
    shared = hashlib.sha256(multiprocessing.current_process().authkey).hexdigest()[:16]
    return state / "relay-workers" / shared


class Siblings:
    """The files of the workers in ``folder``; this one's holds what ``own`` returns.

    ``name``: of this worker's file, its process id. Raises OSError when the folder cannot be made.
    """

    def __init__(self, folder: Path, own: Callable[[], Snapshot], *, name: str = "") -> None:
        self._folder = folder
        self._own = own
        self._name = name or str(os.getpid())
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._forget_abandoned()
        self._inherited = merged(self._adopt())

    def all(self) -> Snapshot:
        """Return the numbers of all of them."""
        return merged([self._mine(), *self._others()])

    def write(self) -> None:
        """Put this worker's numbers into its file. Raises OSError."""
        self._write(msgspec.json.encode(self._mine()))

    async def follow(self) -> None:
        """Write each second, until cancelled."""
        has_failed = False
        while True:
            try:
                await asyncio.to_thread(self._write, msgspec.json.encode(self._mine()))
                has_failed = False
            except OSError as error:
                if not has_failed:
                    _log.warning("the other workers do not see this one's numbers: %s", error)
                has_failed = True
            await asyncio.sleep(_EVERY)

    def leave(self) -> None:
        """Remove this worker's file, and the folder behind the last."""
        with contextlib.suppress(OSError):
            (self._folder / f"{self._name}.json").unlink(missing_ok=True)
            self._folder.rmdir()

    def _mine(self) -> Snapshot:
        return merged([self._own(), self._inherited])

    def _write(self, data: bytes) -> None:
        beside = self._folder / f"{self._name}.new"
        beside.write_bytes(data)
        beside.replace(self._folder / f"{self._name}.json")

    def _others(self) -> Iterator[Snapshot]:
        for path in self._folder.glob("*.json"):
            if path.stem != self._name and (found := _read(path)) is not None:
                yield found if _lives(path.stem) else _counted(found)

    def _adopt(self) -> Iterator[Snapshot]:
        """Take over what the dead counted; a rename tells which of several takes it."""
        for path in self._folder.glob("*.json"):
            if path.stem == self._name or _lives(path.stem):
                continue
            taken = path.with_suffix(f".{self._name}")
            with contextlib.suppress(FileNotFoundError):
                path.rename(taken)
                found = _read(taken)
                taken.unlink()
                if found is not None:
                    yield _counted(found)

    def _forget_abandoned(self) -> None:
        """Remove what supervisors left that did not end well."""
        before = time.time() - _ABANDONED
        for folder in self._folder.parent.iterdir():
            with contextlib.suppress(OSError):
                if folder != self._folder and folder.stat().st_mtime < before:
                    shutil.rmtree(folder)


def _read(path: Path) -> Snapshot | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Snapshot)
    except FileNotFoundError:  # its worker has just left
        return None
    except (OSError, msgspec.DecodeError) as error:
        _log.warning("the numbers in %s cannot be read: %s", path.name, error)
        return None


def _lives(name: str) -> bool:
    try:
        os.kill(int(name), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _counted(snapshot: Snapshot) -> Snapshot:
    """Return what stays true of a process that is gone: its counts."""
    kept = {
        name: found
        for name, found in snapshot.samples.items()
        if name in METRICS and METRICS[name].kind is Kind.COUNTER
    }
    return Snapshot(kept, snapshot.distributions)
