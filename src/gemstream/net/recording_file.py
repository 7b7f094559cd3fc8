"""Recorded exchanges and their file: lines of JSON that any editor opens.

Each recording is a head line, a line for each network read and a line for its end; a file holds any
number of them, one after another. Nothing here knows what the bytes mean.
"""

from __future__ import annotations

import base64
import binascii
import enum
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from ..errors import ConfigError

__all__ = ("Read", "Recording", "RecordingEnd", "RecordingFile", "decode", "encode", "load")


class RecordingEnd(enum.Enum):
    """How a recorded answer ended.

    ``CLEAN``: with the end of its body. ``BROKEN``: the connection broke. ``ABORTED``: its reader
    left, so what would have followed is not known.
    """

    CLEAN = "clean"
    BROKEN = "broken"
    ABORTED = "aborted"


class Read(msgspec.Struct, frozen=True):
    """The bytes of one network read, ``at_ms`` milliseconds after the request was sent."""

    at_ms: int
    data: bytes


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One request with its answer.

    ``path`` has the query and no host. ``at_ms`` is when the head arrived, ``end_ms`` when the
    answer ended, both in milliseconds after the request was sent; None: with the last read.
    """

    method: str = "POST"
    path: str = "/"
    request_headers: Mapping[str, str] = {}
    request_body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}
    reads: Sequence[Read] = ()
    end: RecordingEnd = RecordingEnd.CLEAN
    at_ms: int = 0
    end_ms: int | None = None

    @property
    def body(self) -> bytes:
        """The answer's body as far as it arrived."""
        return b"".join(read.data for read in self.reads)

    def __repr__(self) -> str:
        # Bodies are private.
        return (
            f"Recording({self.method} {self.path}, {self.status}, {len(self.reads)} reads, "
            f"{self.end.value})"
        )


def encode(recording: Recording) -> bytes:
    """Return the lines of ``recording``."""
    request = _Request(
        recording.method,
        recording.path,
        recording.request_headers,
        *_text_or_base64(recording.request_body),
    )
    lines: list[msgspec.Struct] = [
        _Head(request, recording.status, recording.headers, recording.at_ms)
    ]
    lines += [
        _Bytes(read.at_ms, base64.b64encode(read.data).decode("ascii")) for read in recording.reads
    ]
    lines.append(_End(recording.end, recording.end_ms))
    return b"".join(_encoder.encode(line) + b"\n" for line in lines)


def decode(data: bytes, source: str = "the recording") -> list[Recording]:
    """Return the recordings in ``data``, at least one.

    Raises ConfigError with ``source``, the line and what is wrong there. A recording without an end
    line ended cleanly; blank lines are skipped.
    """
    reader = _Reader(source)
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            reader.receive_line(number, line)
    recordings = reader.recordings()
    if not recordings:
        raise ConfigError(f"{source} holds no recording: its first line should be a head line")
    return recordings


def load(path: Path) -> list[Recording]:
    """Return the recordings in the file at ``path``; raises ConfigError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the recording {path} cannot be read: {error.strerror}") from error
    return decode(data, str(path))


class RecordingFile:
    """A file that recordings are added to, each in one write; safe to share between threads.

    Made readable for its owner only; one that exists is kept and added to. Raises ConfigError when
    it cannot be written.
    """

    __slots__ = ("_lock", "path")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._append(b"")

    def add(self, recording: Recording) -> None:
        """Write ``recording`` behind the others; raises ConfigError."""
        self._append(encode(recording))

    def _append(self, data: bytes) -> None:
        try:
            with self._lock, open(self.path, "ab", opener=_private) as file:
                file.write(data)
        except OSError as error:
            raise ConfigError(
                f"the recording {self.path} cannot be written: {error.strerror}"
            ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


# --- the lines -------------------------------------------------------------------------------


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the lines."""


class _Request(_Line, frozen=True):
    method: str
    path: str
    headers: Mapping[str, str] = {}
    body: str | None = None  # of UTF-8, which can be read and edited
    body_b64: str | None = None  # of anything else


class _Head(_Line, frozen=True):
    request: _Request
    status: int
    headers: Mapping[str, str]
    at_ms: int = 0


class _Bytes(_Line, frozen=True):
    at_ms: int
    bytes_b64: str


class _End(_Line, frozen=True):
    end: RecordingEnd
    at_ms: int | None = None


L = TypeVar("L", bound=_Line)
_encoder = msgspec.json.Encoder()


class _Reader:
    """Lines in, recordings out."""

    __slots__ = ("_heads", "_is_open", "_source")

    def __init__(self, source: str) -> None:
        self._source = source
        self._heads: list[tuple[Recording, list[Read]]] = []
        self._is_open = False  # read lines may follow

    def receive_line(self, number: int, line: bytes) -> None:
        where = f"{self._source}:{number}"
        fields = _fields(line, where)
        if "request" in fields:
            self._begin(_convert(line, _Head, where), where)
        elif not self._is_open:
            raise ConfigError(f"{where}: a recording begins with a head line, which has 'request'")
        elif "end" in fields:
            self._finish(_convert(line, _End, where))
        else:
            self._read(_convert(line, _Bytes, where), where)

    def recordings(self) -> list[Recording]:
        return [msgspec.structs.replace(recording, reads=reads) for recording, reads in self._heads]

    def _begin(self, head: _Head, where: str) -> None:
        if not 200 <= head.status <= 599:
            raise ConfigError(f"{where}: status should be an HTTP status, not {head.status}")
        request = head.request
        recording = Recording(
            method=request.method,
            path=request.path,
            request_headers=request.headers,
            request_body=_body_of(request, where),
            status=head.status,
            headers=head.headers,
            at_ms=head.at_ms,
        )
        self._heads.append((recording, []))
        self._is_open = True

    def _read(self, line: _Bytes, where: str) -> None:
        recording, reads = self._heads[-1]
        before = reads[-1].at_ms if reads else recording.at_ms
        if line.at_ms < before:
            raise ConfigError(f"{where}: at_ms {line.at_ms} is before the line above, at {before}")
        reads.append(Read(line.at_ms, _from_base64(line.bytes_b64, f"{where}: bytes_b64")))

    def _finish(self, line: _End) -> None:
        recording, reads = self._heads[-1]
        ended = msgspec.structs.replace(recording, end=line.end, end_ms=line.at_ms)
        self._heads[-1] = (ended, reads)
        self._is_open = False


def _fields(line: bytes, where: str) -> Iterable[str]:
    try:
        return msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: should be an object of JSON: {error}") from None


def _convert(line: bytes, kind: type[L], where: str) -> L:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: {error}") from None


def _text_or_base64(body: bytes) -> tuple[str | None, str | None]:
    try:
        return body.decode("utf-8") or None, None
    except UnicodeDecodeError:
        return None, base64.b64encode(body).decode("ascii")


def _body_of(request: _Request, where: str) -> bytes:
    if request.body is not None and request.body_b64 is not None:
        raise ConfigError(f"{where}: request has both body and body_b64; give one")
    if request.body_b64 is not None:
        return _from_base64(request.body_b64, f"{where}: request.body_b64")
    return (request.body or "").encode("utf-8")


def _from_base64(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(f"{where} is not base64: {error}") from None
