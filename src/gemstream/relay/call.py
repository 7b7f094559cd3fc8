"""What a request asks of an upstream, whatever dialect it came in."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping

import msgspec

from ..policy.limit.tokens import Tokens
from ..wire.dialect.dialect import Dialect
from ..wire.endpoint import Operation
from .answers.answer import StreamAnswer, WholeAnswer
from .exchange import Header

__all__ = ("Call", "FileOperation")


class FileOperation(enum.Enum):
    """What can be asked about files, as the books call it."""

    START = "files.start"
    """An upload in parts begins: its name and size go up, an address comes back."""
    UPLOAD = "files.upload"
    """Bytes of one, or another command to it; or a whole file in one request."""
    CREATE = "files.create"
    GET = "files.get"
    LIST = "files.list"
    DELETE = "files.delete"
    DOWNLOAD = "files.download"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One question, ready to be sent to any account that has the model.

    ``asked``: the model as the caller named it, ``model``: as the account knows it. ``body``: for
    the upstream. ``query`` and ``passed``: what of the caller's query and headers goes up with it.
    ``stream`` makes what a streamed answer goes down through, None when the caller wants it whole;
    ``whole`` likewise for one at once. Either is made anew for each attempt. ``headers``: what the
    answer's head says beyond the usual. ``session``: what later questions of the same conversation
    have too, None when nothing tells. ``pinned``: the one account that may answer.
    """

    surface: Dialect
    operation: Operation | FileOperation
    asked: str
    model: str
    body: bytes = b""
    version: str = "v1beta"
    query: Mapping[str, str] = {}
    passed: Mapping[str, str] = {}
    estimate: Tokens = Tokens()
    stream: Callable[[], StreamAnswer] | None = None
    whole: Callable[[], WholeAnswer] | None = None
    headers: tuple[Header, ...] = ()
    session: str | None = None
    pinned: str | None = None
    heartbeat: float | None = None
    """Seconds of silence after which the dialect keeps a stream alive; None for never."""

    @property
    def is_stream(self) -> bool:
        """True when the answer goes down piece by piece."""
        return self.stream is not None
