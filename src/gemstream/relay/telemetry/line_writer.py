"""Lines on their way to a stream, written by a thread: a reader who stalls must not stall a relay.

A pipe whose other end is not read blocks who writes to it. In the event loop that would stop every
stream at once, so here lines wait, up to a bound, and what comes beyond it is counted and dropped.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from typing import TextIO

__all__ = ("LineWriter",)

# Some 4 MB of lines.
_MOST = 10_000
_TOGETHER = 200
_PAUSE = 0.02


class LineWriter(logging.Handler):
    """A handler that writes to ``stream``, within 20 ms, and not in the caller's thread.

    ``dropped``: how many lines were, because too many waited.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._descriptor = _descriptor(stream)
        self._lines: deque[str] = deque()
        self._there_are = threading.Event()
        self._is_closed = False
        self._is_over = threading.Event()
        self.dropped = 0
        self._thread = threading.Thread(target=self._write_on, name="relay log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Have the record's line written; never waits."""
        if len(self._lines) >= _MOST or self._is_closed:
            self.dropped += 1
            return
        self._lines.append(self.format(record))
        if not self._there_are.is_set():
            self._there_are.set()

    def close(self) -> None:
        """Write what waits, for at most a second, then no more."""
        self._is_closed = True
        self._is_over.set()
        self._there_are.set()
        self._thread.join(1.0)
        super().close()

    def _write_on(self) -> None:
        while not self._is_closed or self._lines:
            self._there_are.wait()
            self._there_are.clear()
            if not self._is_closed:
                # Under load the lines of a moment are one write, and the loop is left alone.
                self._is_over.wait(_PAUSE)
            while self._lines:
                self._write()

    def _write(self) -> None:
        count = min(len(self._lines), _TOGETHER)
        lines = "".join(f"{self._lines.popleft()}\n" for _ in range(count))
        # A stream that is closed has nobody who could be told.
        with contextlib.suppress(OSError, ValueError):
            if self._descriptor is None:
                self._stream.write(lines)
                self._stream.flush()
            else:
                _write_all(self._descriptor, lines.encode("utf-8", "replace"))


def _descriptor(stream: TextIO) -> int | None:
    """Return the stream's own descriptor; None for one in memory."""
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def _write_all(descriptor: int, data: bytes) -> None:
    """Write without Python's buffer: who blocked in it would hold its lock when Python ends."""
    while data:
        data = data[os.write(descriptor, data) :]
