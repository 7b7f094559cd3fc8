"""A sound card of paper, under the name of the library that talks to real ones.

It says what stands in the file GEMSTREAM_CARD_SAYS, then silence, and writes down in
GEMSTREAM_CARD_HEARD what it is given to play. A second of sound takes it a tenth of one. Without
the first it is a machine that has no card. A program finds it by PYTHONPATH.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

_HURRY = 10
_BLOCK = 1200  # frames that are played at once

Callback = Callable[[Any, int, Any, Any], None]


class PortAudioError(Exception):
    """What the library raises for all that the card cannot do."""


class _Stream:
    """A thread that calls back, block after block."""

    def __init__(self, rate: int, frames: int, **form: Any) -> None:
        assert form == {"channels": 1, "dtype": "int16"}
        if "GEMSTREAM_CARD_SAYS" not in os.environ:
            raise PortAudioError("Error querying device -1")
        self._seconds = frames / rate / _HURRY
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> _Stream:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._seconds):
            self.call_back()

    def call_back(self) -> None:
        raise NotImplementedError


class RawInputStream(_Stream):
    """The microphone."""

    def __init__(self, samplerate: int, blocksize: int, callback: Callback, **form: Any) -> None:
        super().__init__(samplerate, blocksize, **form)
        self._said = _blocks(Path(os.environ["GEMSTREAM_CARD_SAYS"]).read_bytes(), 2 * blocksize)
        self._frames, self._callback = blocksize, callback

    def call_back(self) -> None:
        self._callback(memoryview(next(self._said)), self._frames, None, None)


class RawOutputStream(_Stream):
    """The loudspeaker."""

    def __init__(self, samplerate: int, callback: Callback, **form: Any) -> None:
        super().__init__(samplerate, _BLOCK, **form)
        self._callback = callback

    def call_back(self) -> None:
        block = memoryview(bytearray(2 * _BLOCK))
        self._callback(block, _BLOCK, None, None)
        with open(os.environ["GEMSTREAM_CARD_HEARD"], "ab") as file:
            file.write(block)


def _blocks(pcm: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size].ljust(size, b"\0")
    while True:
        yield bytes(size)
