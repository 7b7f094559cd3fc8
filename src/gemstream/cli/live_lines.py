"""Lines of stdin, one when it is asked for, while the event loop goes on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading

from ..errors import InvalidRequest

__all__ = ("Lines",)

_READ = 65_536
# As much text as a message of a session may hold, roughly.
_LONGEST = 4 * 1024 * 1024


class Lines:
    """The lines of an open file; read by one task.

    A thread waits in the read, for no event loop can wait for a file on a disk. It is a daemon and
    uses no buffer of Python's, so that a program can end while nobody types.
    """

    __slots__ = ("_ended", "_file", "_held")

    def __init__(self, file: int) -> None:
        self._file = file
        self._held = bytearray()
        self._ended = False

    async def next(self) -> str | None:
        """Return the next line without its end, None behind the last.

        Raises InvalidRequest for what is not UTF-8 and for a line without end. Cancelled, it is
        not to be asked again.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bytes | None] = loop.create_future()

        def settle(line: bytes | None, error: Exception | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(line)
            else:
                future.set_exception(error)

        def read() -> None:
            line: bytes | None = None
            failed: Exception | None = None
            try:
                line = self._line()
            except (OSError, InvalidRequest) as error:
                failed = error
            with contextlib.suppress(RuntimeError):  # the loop is over, and nobody waits
                loop.call_soon_threadsafe(settle, line, failed)

        threading.Thread(target=read, name="gemstream stdin", daemon=True).start()
        line = await future
        return None if line is None else _text(line)

    def _line(self) -> bytes | None:
        searched = 0
        while (end := self._held.find(b"\n", searched)) < 0:
            searched = len(self._held)
            if searched > _LONGEST:
                raise InvalidRequest(f"a line of stdin has more than {_LONGEST:,} bytes; cut it")
            if self._ended or not self._fill():
                rest = bytes(self._held)
                self._held.clear()
                return rest or None
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        return line

    def _fill(self) -> bool:
        data = os.read(self._file, _READ)
        self._ended = not data
        self._held += data
        return bool(data)


def _text(line: bytes) -> str:
    try:
        return line.decode().removesuffix("\r")
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"a line of stdin is not UTF-8 at its byte {error.start}") from None
