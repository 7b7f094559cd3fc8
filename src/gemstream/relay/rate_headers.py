"""What is left of a key's limits, in the heads of answers, as each dialect's own service tells it.

The numbers are those of the caller's key here; what the upstream says of its own is never handed
on. Gemini's callers get none, for their service tells none. Of a key without limits nothing is
asked. Where others count too (a file, a Redis) the books are read while the upstream thinks, and
when they are slower than it, the head goes without.

Sources: https://platform.openai.com/docs/guides/rate-limits;
https://docs.anthropic.com/en/api/rate-limits#response-headers.
"""

from __future__ import annotations

import asyncio
import datetime
import logging
import math
import re
import time
from collections.abc import Callable, Iterator

from ..errors import StoreUnavailable
from ..wire.dialect.dialect import Dialect
from .exchange import Header
from .keys.admission import KeyAdmission
from .keys.remaining import Left, Remaining

__all__ = ("RateHeaders", "model_header", "rate_headers")

_log = logging.getLogger("gemstream.relay")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:/-]{0,127}")


class RateHeaders:
    """The headers of one answer; ``told`` is called when they are known after ``read`` returned."""

    __slots__ = ("_dialect", "_reading", "_told", "headers")

    def __init__(self, dialect: Dialect, told: Callable[[], None]) -> None:
        self._dialect = dialect
        self._told = told
        self._reading: asyncio.Task[None] | None = None
        self.headers: tuple[Header, ...] = ()

    async def read(self, admission: KeyAdmission) -> None:
        """Begin to read what is left; waits for nobody but books in this process."""
        if self._dialect is Dialect.GEMINI or not admission.has_limits:
            return
        if admission.is_shared:
            self._reading = asyncio.create_task(self._read(admission), name="relay rate headers")
            self._reading.add_done_callback(lambda _: self._told())
        else:
            await self._read(admission)

    def close(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self, admission: KeyAdmission) -> None:
        try:
            remaining = await admission.remaining()
        except StoreUnavailable as error:
            _log.debug("an answer goes without its rate headers: %s", error)
            return
        self.headers = rate_headers(self._dialect, remaining, time.time())


def rate_headers(dialect: Dialect, remaining: Remaining, now: float) -> tuple[Header, ...]:
    """Return the headers that tell ``remaining``; ``now`` in seconds since 1970.

    ``requests`` are those a minute, or those a day where there is no other limit.
    """
    requests = remaining.requests or remaining.day
    match dialect:
        case Dialect.GEMINI:
            return ()
        case Dialect.OPENAI:
            return (
                *_of_openai(b"requests", requests),
                *_of_openai(b"tokens", remaining.tokens),
            )
        case Dialect.ANTHROPIC:
            return (
                *_of_anthropic(b"requests", requests, now),
                *_of_anthropic(b"tokens", remaining.tokens, now),
            )


def model_header(model: str) -> tuple[Header, ...]:
    """Return the header that names the model that answers; none for what is no name of a model."""
    if not _MODEL.fullmatch(model):
        return ()
    return ((b"x-gemstream-model", model.encode()),)


def _of_openai(what: bytes, left: Left | None) -> Iterator[Header]:
    if left is not None:
        yield b"x-ratelimit-limit-" + what, b"%d" % left.limit
        yield b"x-ratelimit-remaining-" + what, b"%d" % left.remaining
        yield b"x-ratelimit-reset-" + what, _span(left.reset)


def _of_anthropic(what: bytes, left: Left | None, now: float) -> Iterator[Header]:
    if left is not None:
        name = b"anthropic-ratelimit-" + what
        reset = datetime.datetime.fromtimestamp(math.ceil(now + left.reset), datetime.UTC)
        yield name + b"-limit", b"%d" % left.limit
        yield name + b"-remaining", b"%d" % left.remaining
        yield name + b"-reset", reset.strftime("%Y-%m-%dT%H:%M:%SZ").encode()


def _span(seconds: float) -> bytes:
    """Return a time as ``120ms``, ``1s`` or ``6m0s``."""
    if seconds < 1:
        return b"%dms" % math.ceil(seconds * 1000)
    whole = math.ceil(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return b"%dh%dm%ds" % (hours, minutes, whole % 60)
    return b"%dm%ds" % (minutes, whole % 60) if minutes else b"%ds" % whole
