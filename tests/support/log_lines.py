"""What a logger was given, as its lines."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

from gemstream.config.relay.options import LogForm
from gemstream.relay.telemetry.log_setup import logged

__all__ = ("LogLines", "log_lines")


class LogLines(io.StringIO):
    """A stream that the relay's log is written to."""

    @property
    def lines(self) -> list[str]:
        """The lines so far; whole once the log is closed."""
        return self.getvalue().splitlines()


@contextlib.contextmanager
def log_lines(form: LogForm = LogForm.JSON) -> Iterator[LogLines]:
    """Set the relay's log up as ``serve`` does; behind the block all of it is there."""
    stream = LogLines()
    with logged(form, stream):
        yield stream
