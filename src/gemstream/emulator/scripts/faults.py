"""What can go wrong with an answer, as plain values.

A new fault is a struct here with its sentence, a line in ``FAULTS``, and either a player (it
happens at its place among the steps) or an alteration (it changes the whole answer).
"""

from __future__ import annotations

import base64 as base64_
import binascii
import builtins
import random
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import msgspec

from ...errors import ConfigError
from ...wire.codec import JSONObject

__all__ = (
    "FAULTS",
    "Alteration",
    "ContentType",
    "Cut",
    "Drip",
    "Duplicate",
    "End",
    "ErrorFault",
    "ErrorInStream",
    "Fault",
    "Garbage",
    "GzipBomb",
    "Headers",
    "Html",
    "Huge",
    "NakedError",
    "NoFinish",
    "Slice",
    "Stall",
    "Status",
    "Usage",
)

_MIB = 1024 * 1024


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what goes wrong; raises ConfigError for numbers that make no sense.

    ``least`` has the smallest value of the fields that cannot be 0.
    """

    least: ClassVar[Mapping[str, int]] = {}

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            for number in value if isinstance(value, list | tuple) else (value,):
                if isinstance(number, int | float) and number < self.least.get(name, 0):
                    raise ConfigError(
                        f"{name} should be {self.least.get(name, 0)} or more, not {number!r}"
                    )

    @property
    def ends(self) -> bool:
        """True when the answer ends where the fault stands."""
        return True

    @property
    def tells(self) -> bool:
        """True when it stands for an answer, so that the built-in one does not follow."""
        return self.ends


class Alteration(Fault, frozen=True, kw_only=True):
    """Base of the faults that change the whole answer, wherever they stand among the steps."""

    @property
    def ends(self) -> bool:
        """False: the answer goes on."""
        return False


class ErrorFault(Fault, frozen=True, kw_only=True):
    """Base of the faults that are an error of the service.

    ``status`` and ``message`` default to the service's own for ``code``. ``retry_delay`` adds a
    RetryInfo, ``quota`` (a quota id) a QuotaFailure of ``quota_value``; ``details`` come last.
    """

    code: int = 500
    message: str | None = None
    status: str | None = None
    retry_delay: float | None = None
    quota: str | None = None
    quota_value: str = "20"
    details: Sequence[JSONObject] = ()


class Status(ErrorFault, frozen=True, kw_only=True):
    """The answer is an HTTP error; after the head has gone out, a naked error in the stream.

    ``body`` replaces the error envelope: a text or a table.
    """

    body: str | JSONObject | None = None


class ErrorInStream(ErrorFault, frozen=True, kw_only=True):
    """An event of the stream holds an error, and the stream ends."""


class NakedError(ErrorFault, frozen=True, kw_only=True):
    """The stream breaks off with an error object that is no event; ``pretty`` over many lines."""

    pretty: bool = False


class Html(Fault, frozen=True, kw_only=True):
    """The answer is a proxy's error page in HTML; after the head, the page stands in the stream.

    ``body`` replaces the page.
    """

    code: int = 502
    body: str | None = None


class Cut(Fault, frozen=True, kw_only=True):
    """The connection breaks at byte ``at_byte`` of the whole body, or here without it."""

    at_byte: int | None = None

    @property
    def ends(self) -> bool:
        """True when it stands at its place and not at a byte."""
        return self.at_byte is None


class End(Fault, frozen=True, kw_only=True):
    """The answer ends cleanly at byte ``at_byte`` of the whole body, or here without it.

    Here it has no finish reason; a byte may lie in the middle of the JSON.
    """

    at_byte: int | None = None

    @property
    def ends(self) -> bool:
        """True when it stands at its place and not at a byte."""
        return self.at_byte is None


class Stall(Fault, frozen=True, kw_only=True):
    """Nothing more comes until the client leaves."""


class Garbage(Fault, frozen=True, kw_only=True):
    """Bytes stand here that are neither JSON nor an event: ``text``, ``base64`` or random ones.

    Without ``text`` and ``base64`` it is ``bytes`` random bytes from the emulator's seed. The
    answer goes on; an unstreamed one has them in front. Raises ConfigError for bad base64.
    """

    text: str | None = None
    base64: str | None = None
    bytes: int = 64

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        if self.text is not None and self.base64 is not None:
            raise ConfigError("garbage has either a text or base64, not both")
        try:
            base64_.b64decode(self.base64 or "", validate=True)
        except (binascii.Error, ValueError) as error:
            raise ConfigError(
                f"base64 should be base64, not {self.base64!r:.80}: {error}"
            ) from None

    def content(self, seed: str) -> builtins.bytes:
        """Return the bytes; ``seed`` tells random ones apart."""
        if self.text is not None:
            return self.text.encode()
        if self.base64 is not None:
            return base64_.b64decode(self.base64)
        return random.Random(seed).randbytes(self.bytes)

    @property
    def ends(self) -> bool:
        """False: the answer goes on."""
        return False


class Huge(Fault, frozen=True, kw_only=True):
    """A chunk of ``bytes`` size, as text or as the inline data of an image.

    It is a chunk like any other: as the last one it carries the finish reason. Never more than
    64 KiB of it are in memory.
    """

    bytes: int = 16 * _MIB + 1024
    data: Literal["text", "inline"] = "text"

    @property
    def ends(self) -> bool:
        """False: the answer goes on."""
        return False

    @property
    def tells(self) -> bool:
        """True: it is a chunk."""
        return True


class GzipBomb(Huge, frozen=True, kw_only=True):
    """A chunk that comes compressed and inflates to ``bytes``.

    The whole answer is Content-Encoding gzip, whatever the request accepts.
    """

    bytes: int = 128 * _MIB


class ContentType(Alteration, frozen=True, kw_only=True):
    """The answer goes out under another content type.

    Raises ConfigError for a ``value`` that no header can carry.
    """

    value: str = "text/plain; charset=UTF-8"

    def __post_init__(self) -> None:
        if not (self.value.isascii() and self.value.isprintable()):
            raise ConfigError(f"value should be printable ASCII, not {self.value!r:.80}")


class Headers(Alteration, frozen=True, kw_only=True):
    """The head has ``bytes`` more of headers, spread over so many ``lines``."""

    least: ClassVar[Mapping[str, int]] = {"lines": 1}
    bytes: int = 64 * 1024
    lines: int = 16


class Slice(Alteration, frozen=True, kw_only=True):
    """The body goes out in writes of these ``sizes``, the last one again and again.

    Without sizes they are 1 to 64 bytes, by the emulator's seed. Slices fall anywhere: in a
    character, a line end, a field name. What comes later is never waited for to fill one.
    """

    least: ClassVar[Mapping[str, int]] = {"sizes": 1}
    sizes: Sequence[int] = ()


class Drip(Alteration, frozen=True, kw_only=True):
    """The body goes out ``bytes`` at a time with a ``pause`` of so many seconds between them."""

    least: ClassVar[Mapping[str, int]] = {"bytes": 1}
    bytes: int = 1
    pause: float = 0.01


class Duplicate(Alteration, frozen=True, kw_only=True):
    """The chunk number ``chunk``, from 1, is sent twice; it is billed once."""

    least: ClassVar[Mapping[str, int]] = {"chunk": 1}
    chunk: int = 1


class NoFinish(Alteration, frozen=True, kw_only=True):
    """The answer is whole and ends cleanly, but no chunk has a finish reason."""


class Usage(Alteration, frozen=True, kw_only=True):
    """The token counts are missing, decrease, or come with the first chunk only.

    The journal has what was used.
    """

    mode: Literal["missing", "decreasing", "first_only"] = "missing"


FAULTS: Mapping[str, type[Fault]] = {
    "status": Status,
    "html": Html,
    "error_in_stream": ErrorInStream,
    "naked_error": NakedError,
    "cut": Cut,
    "end": End,
    "stall": Stall,
    "garbage": Garbage,
    "huge": Huge,
    "gzip_bomb": GzipBomb,
    "content_type": ContentType,
    "headers": Headers,
    "slice": Slice,
    "drip": Drip,
    "duplicate": Duplicate,
    "no_finish": NoFinish,
    "usage": Usage,
}
