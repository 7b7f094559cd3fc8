"""The relay's log on a stream, for the program that serves; who embeds a relay sets up his own."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TextIO

from ...config.relay.options import LogForm
from .line_writer import LineWriter
from .log_form import LineFormatter

__all__ = ("dropped_lines", "logged")

_LOGGER = "gemstream.relay"


@contextlib.contextmanager
def logged(form: LogForm, stream: TextIO) -> Iterator[None]:
    """Write what the relay logs to ``stream`` within the block, requests included.

    Within another such block it changes nothing. With ``OFF`` nothing is set up, and warnings go
    where Python sends them.
    """
    logger = logging.getLogger(_LOGGER)
    if form is LogForm.OFF or _writers():
        yield
        return
    writer = LineWriter(stream)
    writer.setFormatter(LineFormatter(json=form is LogForm.JSON))
    before = logger.level, logger.propagate
    logger.addHandler(writer)
    logger.setLevel(min(logging.INFO, logger.getEffectiveLevel()))
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(writer)
        logger.setLevel(before[0])
        logger.propagate = before[1]
        writer.close()


def dropped_lines() -> int:
    """Return how many lines nobody read in time."""
    return sum(writer.dropped for writer in _writers())


def _writers() -> list[LineWriter]:
    handlers = logging.getLogger(_LOGGER).handlers
    return [handler for handler in handlers if isinstance(handler, LineWriter)]
