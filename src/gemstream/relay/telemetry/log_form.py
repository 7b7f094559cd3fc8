"""How lines of the log are written: as JSON for programs, or plain for people."""

from __future__ import annotations

import datetime
import functools
import logging
import traceback

from ...wire.codec import encode
from .cleaning import clean, redacted

__all__ = ("LineFormatter", "moment")

_MOST_WORDS = 4000


class LineFormatter(logging.Formatter):
    """Writes each record on one line, without keys, whatever stands in it.

    A line of the request log is ready made and passes as it is. Of an exception its class and the
    places it went through are told, never its words: they may quote a body.
    """

    def __init__(self, *, json: bool) -> None:
        super().__init__()
        self._json = json

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        if getattr(record, "is_ready", False):
            return str(record.msg)
        words = _one_line(record.getMessage())
        places = "" if record.exc_info is None else _places(record.exc_info[1])
        if not self._json:
            more = f" ({places})" if places else ""
            return f"{moment(record.created)} {record.levelname.lower():<7} {words}{more}"
        told = {
            "ts": moment(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": words,
        }
        if places:
            told["exception"] = places
        return encode(told).decode()


def moment(seconds: float) -> str:
    """Return a moment, in seconds since 1970, as RFC 3339 writes it, in UTC."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03}Z"


@functools.lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    """Kept for the lines of the same second: a third of what one costs."""
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%dT%H:%M:%S}"


def _one_line(words: str) -> str:
    # In pieces, for each is cut at what a field may have.
    words = redacted(words)[:_MOST_WORDS]
    return "".join(clean(words[start : start + 100]) for start in range(0, len(words), 100))


def _places(error: BaseException | None) -> str:
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    steps = ", ".join(
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames
    )
    return clean(f"{type(error).__qualname__} at {steps}")
