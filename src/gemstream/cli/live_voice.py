"""Where what the model says goes: into a WAV file, to a loudspeaker, or both."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from ..audio.pcm import OUTPUT_RATE
from ..audio.playback import PlaybackBuffer
from ..audio.wav import WavWriter
from ..errors import InvalidRequest, ProtocolError

__all__ = ("Loudspeaker", "SpeechFile", "Voice", "speech_file")


class Voice(Protocol):
    """Takes in the speech of the model."""

    @property
    def is_heard(self) -> bool:
        """True while there is something that an interruption would silence."""
        ...

    def write(self, pcm: bytes, rate: int) -> None:
        """Take in a piece, at ``rate`` samples a second."""
        ...

    def clear(self) -> None:
        """Drop what was not heard yet: the user interrupted."""
        ...


class SpeechFile:
    """A WAV file of all that the model says, also of what an interruption kept from being heard.

    Its rate is that of the first piece, 24,000 when none comes.
    """

    __slots__ = ("_file", "_path", "_rate", "_writer")

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._writer: WavWriter | None = None
        self._rate = OUTPUT_RATE

    @property
    def is_heard(self) -> bool:
        """False: nobody listens to a file while it is written."""
        return False

    def write(self, pcm: bytes, rate: int) -> None:
        """Add a piece.

        Raises ProtocolError when the rate changes, which a file cannot tell, and InvalidRequest
        when it cannot be written.
        """
        if self._writer is None:
            self._rate = rate
            self._writer = WavWriter(self._file, rate)
        _check_rate(rate, self._rate)
        try:
            self._writer.write(pcm)
        except OSError as error:
            raise _unwritable(self._path, error) from None

    def clear(self) -> None:
        """Keep all: what was said was said."""

    def close(self) -> None:
        """Write the length; a file without sound is a WAV file, too. Raises InvalidRequest."""
        try:
            with self._file:
                writer = self._writer or WavWriter(self._file, self._rate)
                writer.close()
        except OSError as error:
            raise _unwritable(self._path, error) from None


@contextlib.contextmanager
def speech_file(path: Path | None) -> Iterator[SpeechFile | None]:
    """Open the file at once, so that a wrong path is told before anything is said."""
    if path is None:
        yield None
        return
    try:
        file = open(path, "wb")  # noqa: SIM115
    except OSError as error:
        raise _unwritable(path, error) from None
    speech = SpeechFile(file, path)
    try:
        yield speech
    finally:
        speech.close()


class Loudspeaker:
    """What a sound card plays, from its own buffer."""

    __slots__ = ("_buffer",)

    def __init__(self, buffer: PlaybackBuffer) -> None:
        self._buffer = buffer

    @property
    def is_heard(self) -> bool:
        """True while sound waits to be played."""
        return self._buffer.queued > 0

    def write(self, pcm: bytes, rate: int) -> None:
        """Queue a piece; raises ProtocolError for another rate than the card was opened with."""
        _check_rate(rate, OUTPUT_RATE)
        self._buffer.write(pcm)

    def clear(self) -> None:
        """Fall silent."""
        self._buffer.clear()


def _unwritable(path: Path, error: OSError) -> InvalidRequest:
    return InvalidRequest(f"cannot write the sound into {path}: {error.strerror or error}")


def _check_rate(rate: int, ours: int) -> None:
    if rate != ours:
        raise ProtocolError(f"the model speaks at {rate:,} Hz, not at {ours:,} as before")
