"""The relay's file read again while it runs: on SIGHUP, when it changes, or when somebody asks.

A file that cannot be used changes nothing: the options stay, and the reason is logged and raised.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from ...config.relay.changes import Changes, changes
from ...config.relay.options import RelayOptions
from ...errors import ConfigError, GemstreamError

__all__ = ("Reloader",)

_log = logging.getLogger("gemstream.relay.server")

_EVERY = 1.0

# What tells one version of a file from the next; a replaced file is another inode.
_Stamp = tuple[int, int, int] | None


class Reloader:
    """Keeps ``options`` as they hold now; ``load`` reads the file, None when there is none.

    ``followers`` are given each new set of options, one after the other.
    """

    __slots__ = ("_load", "_lock", "_path", "_stamp", "followers", "options")

    def __init__(
        self,
        options: RelayOptions,
        *,
        path: Path | None,
        load: Callable[[], RelayOptions] | None,
    ) -> None:
        self.options = options
        self.followers: Sequence[Callable[[RelayOptions], Awaitable[None]]] = ()
        self._path = path
        self._load = load
        self._lock = asyncio.Lock()
        self._stamp = _stamp(path)

    async def reload(self) -> Changes:
        """Read the file, go by it, and return what that changed; safe to cancel.

        Raises ConfigError for a file that cannot be used, and for a relay that has none.
        """
        if self._load is None:
            raise ConfigError("this relay has no file that could be read again; start it with one")
        async with self._lock:
            self._stamp = _stamp(self._path)
            try:
                # In a thread: a thousand keys take longer to read than a chunk may wait.
                found = changes(self.options, await asyncio.to_thread(self._load))
                for follow in self.followers:
                    await follow(found.applied)
            except GemstreamError as error:
                _log.error("the configuration stays as it was: %s", error)
                raise
            self.options = found.applied
            _tell(found)
            return found

    async def watch(self) -> None:
        """Reload whenever the file has changed, until cancelled."""
        while self._path is not None:
            await asyncio.sleep(_EVERY)
            stamp = _stamp(self._path)
            if stamp is not None and stamp != self._stamp:
                await self.try_reload()

    async def try_reload(self) -> None:
        """Reload; what is wrong is only logged."""
        try:
            await self.reload()
        except GemstreamError:
            return  # told where it was met


def _stamp(path: Path | None) -> _Stamp:
    if path is None:
        return None
    try:
        status = os.stat(path)
    except OSError:
        return None  # between two versions; a file that stays away changes nothing
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def _tell(found: Changes) -> None:
    if not found:
        _log.info("the configuration was read again and is the same")
    if found.live:
        _log.warning("the configuration changed: %s", ", ".join(found.live))
    if found.restart:
        _log.warning("these hold after a restart only: %s", ", ".join(found.restart))
