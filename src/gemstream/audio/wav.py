"""WAV files: read as one sound of 16 bits and one channel, written while the sound comes.

Format: https://www.mmsp.ece.mcgill.ca/Documents/AudioFormats/WAVE/WAVE.html.
"""

from __future__ import annotations

import array
import contextlib
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple

from ..errors import GemstreamError, InvalidRequest, InvalidState
from .pcm import (
    BYTES_A_SAMPLE,
    OUTPUT_RATE,
    check_rate,
    check_whole,
    mime_type,
    samples_of,
    seconds,
)

__all__ = ("Sound", "WavWriter", "decode_wav", "read_wav", "write_wav")

_PCM, _FLOAT, _EXTENSIBLE = 0x0001, 0x0003, 0xFFFE
_NAMES = {0x0002: "ADPCM", _FLOAT: "floating-point", 0x0006: "A-law", 0x0007: "µ-law"}
# What a writer puts who could not go back, as one into a pipe.
_UNKNOWN = 0xFFFFFFFF
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_FORMAT = struct.Struct("<HHIIHH")
_SUBFORMAT_AT = 24  # of an extensible format: the format in earnest
# More than two hours at 16 kHz, which no session lasts; a file is held in memory whole.
_MOST_BYTES = 256 * 1024 * 1024
_REMEDY = "convert it, as by: ffmpeg -i IN -ac 1 -c:a pcm_s16le OUT.wav"


class Sound(NamedTuple):
    """PCM of 16 bits, little-endian, mono, and its samples a second."""

    pcm: bytes
    rate: int

    @property
    def mime_type(self) -> str:
        """The type to send it as; the service resamples."""
        return mime_type(self.rate)

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return seconds(self.pcm, self.rate)


def read_wav(source: str | Path | BinaryIO) -> Sound:
    """Return the sound in a WAV file; two channels are mixed into one.

    Raises InvalidRequest, with the way out, for a file that cannot be read, that is cut off or no
    WAV, that has other than 16 bits or more than two channels.
    """
    name = str(getattr(source, "name", source)) if not isinstance(source, Path) else str(source)
    try:
        if isinstance(source, str | Path):
            with open(source, "rb") as file:
                data = file.read(_MOST_BYTES + 1)
        else:
            data = source.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InvalidRequest(
            f"cannot read the sound in {name}: {error.strerror or error}"
        ) from None
    if len(data) > _MOST_BYTES:
        raise InvalidRequest(f"{name} has more than {_MOST_BYTES:,} bytes; cut it into pieces")
    try:
        return decode_wav(data)
    except InvalidRequest as error:
        raise InvalidRequest(f"{name}: {error}") from None


def decode_wav(data: bytes) -> Sound:
    """Return the sound in the bytes of a WAV file; raises as ``read_wav`` does."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise InvalidRequest(f"this is no WAV file; {_REMEDY}")
    form: _Format | None = None
    for kind, start, size in _pieces(data):
        if kind == b"fmt ":
            form = _format(data[start : start + size])
        elif kind == b"data":
            if form is None:
                raise InvalidRequest("the WAV file does not tell its format before the sound")
            return Sound(_mono(_sound(data, start, size, form), form), form.rate)
    missing = "no sound" if form else "neither format nor sound"
    raise InvalidRequest(f"the WAV file is cut off or empty: it has {missing}")


def write_wav(target: str | Path | BinaryIO, pcm: bytes, rate: int = OUTPUT_RATE) -> None:
    """Write ``pcm``, of 16 bits and one channel, as a WAV file; raises InvalidRequest."""
    with WavWriter(target, rate) as writer:
        writer.write(pcm)


class WavWriter:
    """A WAV file that grows; ``with`` closes it. Used by one thread.

    ``target``: a path, opened and closed here, or an open binary file, which is left open. The
    length is written at the end. Until then, and for good in a pipe, where nobody can go back, the
    header says that it is not known, which readers take for all that comes: what a program wrote
    that died can be played. Raises InvalidRequest when it cannot be written.
    """

    __slots__ = ("_file", "_is_ours", "_name", "_odd", "_rate", "_size", "_start")

    def __init__(self, target: str | Path | BinaryIO, rate: int = OUTPUT_RATE) -> None:
        check_rate(rate)
        self._name = str(target if isinstance(target, str | Path) else getattr(target, "name", ""))
        self._is_ours = isinstance(target, str | Path)
        self._rate = rate
        self._size = 0
        self._odd = b""
        self._start: int | None = None  # where the header stands; None where nobody can go back
        try:
            file = open(target, "wb") if isinstance(target, str | Path) else target  # noqa: SIM115
        except OSError as error:
            raise self._failed(error) from None
        self._file: BinaryIO | None = file
        try:
            self._start = file.tell() if file.seekable() else None
            file.write(self._header(_UNKNOWN))
        except OSError as error:
            self._let_go(file)
            raise self._failed(error) from None

    @property
    def seconds(self) -> float:
        """How long the sound is so far."""
        return self._size / (BYTES_A_SAMPLE * self._rate)

    def write(self, pcm: bytes) -> None:
        """Add sound, of any number of bytes; half a sample waits for its other half.

        Raises InvalidState when it is closed.
        """
        if self._file is None:
            raise InvalidState("the WAV file is closed; open another one")
        pcm = self._odd + pcm
        whole = len(pcm) - len(pcm) % BYTES_A_SAMPLE
        self._odd = pcm[whole:]
        try:
            self._file.write(pcm[:whole])
        except OSError as error:
            raise self._failed(error) from None
        self._size += whole

    def close(self) -> None:
        """Write the length and close the file; again is harmless."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            if self._start is not None:
                file.seek(self._start)
                file.write(self._header(self._size))
                file.seek(0, 2)
            file.flush()  # a disk may be full only now
        except OSError as error:
            raise self._failed(error) from None
        finally:
            self._let_go(file)

    def __enter__(self) -> WavWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _header(self, size: int) -> bytes:
        whole = min(size + _HEADER.size - 8, _UNKNOWN)  # all but the first eight bytes
        bytes_a_second = min(self._rate * BYTES_A_SAMPLE, _UNKNOWN)
        form = (16, _PCM, 1, self._rate, bytes_a_second, BYTES_A_SAMPLE, 8 * BYTES_A_SAMPLE)
        return _HEADER.pack(b"RIFF", whole, b"WAVE", b"fmt ", *form, b"data", min(size, _UNKNOWN))

    def _let_go(self, file: BinaryIO) -> None:
        if self._is_ours:
            with contextlib.suppress(OSError):  # it tries again to write what it could not
                file.close()

    def _failed(self, error: OSError) -> GemstreamError:
        return InvalidRequest(
            f"cannot write the sound into {self._name or 'the file'}: {error.strerror or error}"
        )


class _Format(NamedTuple):
    channels: int
    rate: int


def _pieces(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and told size of each chunk; a chunk of odd size has a byte behind it."""
    start = 12
    while start + 8 <= len(data):
        kind, size = data[start : start + 4], int.from_bytes(data[start + 4 : start + 8], "little")
        yield kind, start + 8, size
        start += 8 + size + size % 2


def _format(piece: bytes) -> _Format:
    if len(piece) < _FORMAT.size:
        raise InvalidRequest("the WAV file is cut off within its format")
    kind, channels, rate, _, _, bits = _FORMAT.unpack_from(piece)
    if kind == _EXTENSIBLE and len(piece) >= _SUBFORMAT_AT + 2:
        kind = int.from_bytes(piece[_SUBFORMAT_AT : _SUBFORMAT_AT + 2], "little")
    if kind != _PCM:
        named = _NAMES.get(kind, f"format {kind:#06x}")
        raise InvalidRequest(f"the sound is {named}, not PCM of 16 bits; {_REMEDY}")
    if bits != 8 * BYTES_A_SAMPLE:
        raise InvalidRequest(f"the sound has {bits} bits a sample, not 16; {_REMEDY}")
    if channels not in (1, 2):
        raise InvalidRequest(f"the sound has {channels} channels, not one or two; {_REMEDY}")
    if rate == 0:
        raise InvalidRequest("the WAV file has a rate of 0 samples a second")
    return _Format(channels, rate)


def _sound(data: bytes, start: int, size: int, form: _Format) -> bytes:
    there = len(data) - start
    if size == _UNKNOWN:
        frame = BYTES_A_SAMPLE * form.channels
        size = there - there % frame  # its writer may have died between two halves
    if there < size:
        raise InvalidRequest(
            f"the WAV file is cut off: {there:,} of {size:,} bytes of sound are there"
        )
    return data[start : start + size]


def _mono(pcm: bytes, form: _Format) -> bytes:
    if form.channels == 1:
        check_whole(pcm)
        return pcm
    samples = samples_of(pcm)
    if len(samples) % 2:
        raise InvalidRequest("the sound ends with the sample of one of its two channels")
    mixed = array.array(
        "h", (left + right >> 1 for left, right in zip(samples[::2], samples[1::2], strict=True))
    )
    if sys.byteorder == "big":
        mixed.byteswap()
    return mixed.tobytes()
