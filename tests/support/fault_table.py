"""What each fault does to a call: the one table, read by the matrix and by the soak run.

A row has the steps that provoke its fault and what generate, stream and count come to. Where a
way differs by right, the row says from which, to what and why.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from gemstream import Timeouts
from gemstream.emulator import (
    ContentType,
    Cut,
    Drip,
    Duplicate,
    End,
    ErrorInStream,
    Garbage,
    GzipBomb,
    Headers,
    Html,
    Huge,
    NakedError,
    NoFinish,
    Slice,
    Stall,
    Status,
    Usage,
)
from gemstream.emulator.scripts.steps import Step
from gemstream.emulator.tcp.toxics import Toxic
from gemstream.errors import (
    DecodeError,
    FirstChunkTimeout,
    IdleTimeout,
    Internal,
    ProtocolError,
    ResourceExhausted,
    StreamInterrupted,
    StreamTruncated,
    TotalTimeout,
    Unavailable,
)
from support.ways import LARGEST, WAYS, Answer, Counted, Fails, Met, brief

__all__ = ("FAULT_ROWS", "PATIENT", "ROWS_BY_NAME", "Differs", "Row")

PATIENT = Timeouts(total=60)
_KIB = 1024


class Differs(msgspec.Struct, frozen=True, kw_only=True):
    """What a way comes to instead; a call that is not named comes to the same there.

    ``breaks_others``: the calls that share the connection come to the same.
    """

    why: str
    breaks_others: bool = False
    generate: Met | None = None
    stream: Met | None = None
    count: Met | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One appearance of a fault, and what comes of it.

    ``steps``: those of an answer; a count has no text, so the texts among them are left out there.
    ``toxics``: what is on the wire besides. ``timeouts``: of the calls that are named, where time
    has to pass. ``only_on``: the ways on which the fault exists.
    """

    steps: Sequence[Step]
    generate: Met
    stream: Met
    count: Met
    toxics: Sequence[Toxic] = ()
    timeouts: Mapping[str, Timeouts] = {}
    only_on: Collection[str] = tuple(WAYS)
    ways: Mapping[str, Differs] = {}

    def steps_of(self, call: str) -> Sequence[Step]:
        """Return the steps that provoke the fault in a call."""
        return [step for step in self.steps if call != "count" or not isinstance(step, str)]

    def met(self, call: str, way: str) -> Met:
        """Return what a call comes to that goes one of the ``WAYS``."""
        differs = self.ways.get(way)
        other: Met | None = differs and getattr(differs, call)
        same: Met = getattr(self, call)
        return same if other is None else other

    def breaks_others(self, way: str) -> bool:
        """True when calls on the same connection come to the same."""
        return way in self.ways and self.ways[way].breaks_others

    def timeouts_of(self, call: str) -> Timeouts:
        """Return the timeouts of a call."""
        return self.timeouts.get(call, PATIENT)


_COUNT = Counted(2)
_NO_COUNT = Counted(0)  # a message without a number, which in JSON is one of 0
_FITTING = 200 * _KIB
_LARGE = Answer(brief("A" * _FITTING))
_REFUSED = Fails(ProtocolError)


def _all(met: Fails, *steps: Step, partial: str = "") -> Row:
    """Return a row of one error, met by a stream after ``partial``."""
    return Row(steps=steps, generate=met, stream=Fails(met.kind, partial), count=met)


def _read(text: str, *steps: Step) -> Row:
    """Return a row of an answer that is read as if nothing were wrong."""
    return Row(steps=steps, generate=Answer(text), stream=Answer(text), count=_COUNT)


_NOT_PACKED = "it asks for nothing packed and unpacks nothing"
_NO_HEAD = "an ASGI application hands its headers over, and no parser limits them"

FAULT_ROWS: Mapping[str, Mapping[str, Row]] = {
    "status": {
        "503": _all(Fails(Unavailable), Status(code=503)),
        "429": _all(Fails(ResourceExhausted), Status(code=429)),
        "late": _all(Fails(Unavailable), "a", Status(code=503), partial="a"),
    },
    "html": {
        "": _all(Fails(Unavailable), Html()),
        "late": Row(
            steps=["a", Html()],
            generate=Fails(Unavailable),
            stream=Fails(StreamTruncated, "a"),
            count=Fails(Unavailable),
        ),
    },
    "error_in_stream": {"": _all(Fails(Internal), "a", ErrorInStream(), partial="a")},
    "naked_error": {
        "": _all(Fails(Internal), "a", NakedError(), partial="a"),
        "pretty": _all(Fails(Internal), "a", NakedError(pretty=True), partial="a"),
    },
    "cut": {
        "at once": _all(Fails(StreamInterrupted), Cut()),
        "": _all(Fails(StreamInterrupted), "a", Cut(), partial="a"),
        "at a byte": _all(Fails(StreamInterrupted), "a", "b", Cut(at_byte=20)),
        "behind the answer": Row(
            steps=["a", "b", Cut(at_byte=10**6)],
            generate=Fails(StreamInterrupted),
            stream=Answer("ab", "unconfirmed"),
            count=Fails(StreamInterrupted),
            ways={
                "aiohttp": Differs(
                    why="in HTTP/1.1 a body ends at its content-length (RFC 9112, 6.3), and with it"
                    " the answer",
                    generate=Answer("ab"),
                    count=_COUNT,
                )
            },
        ),
    },
    "end": {
        "": Row(
            steps=["a", End()],
            generate=Answer("a"),
            stream=Fails(StreamTruncated, "a"),
            count=_NO_COUNT,
        ),
        "at once": Row(
            steps=[End()],
            generate=Answer(""),
            stream=Fails(StreamTruncated),
            count=_NO_COUNT,
        ),
        "in the JSON": Row(
            steps=["a", End(at_byte=20)],
            generate=Fails(StreamTruncated),
            stream=Fails(StreamTruncated),
            count=Fails(StreamTruncated),
        ),
    },
    "stall": {
        "": Row(
            steps=["a", Stall()],
            generate=Fails(FirstChunkTimeout),
            stream=Fails(IdleTimeout, "a"),
            count=Fails(FirstChunkTimeout),
            timeouts={
                "generate": Timeouts(first_chunk=0.05),
                "stream": Timeouts(idle=0.05),
                "count": Timeouts(first_chunk=0.05),
            },
        ),
        "at once": Row(
            steps=[Stall()],
            generate=Fails(FirstChunkTimeout),
            stream=Fails(FirstChunkTimeout),
            count=Fails(FirstChunkTimeout),
            timeouts=dict.fromkeys(("generate", "stream", "count"), Timeouts(first_chunk=0.05)),
        ),
        "total": Row(
            steps=[Stall()],
            generate=Fails(TotalTimeout),
            stream=Fails(TotalTimeout),
            count=Fails(TotalTimeout),
            timeouts=dict.fromkeys(("generate", "stream", "count"), Timeouts(total=0.05)),
        ),
    },
    "garbage": {
        "a line": Row(
            steps=["a", Garbage(text="<oops>\n"), "b"],
            generate=Fails(DecodeError),
            stream=Answer("ab"),  # a line without a known field is ignored (HTML, 9.2.6)
            count=Fails(DecodeError),
        ),
        "before an event": Row(
            steps=["a", Garbage(text="<oops>"), "b"],
            generate=Fails(DecodeError),
            stream=Fails(ProtocolError, "a"),  # an event is the rest of that line, and lost
            count=Fails(DecodeError),
        ),
    },
    "huge": {
        "that fits": Row(
            steps=[Huge(bytes=_FITTING)], generate=_LARGE, stream=_LARGE, count=_NO_COUNT
        ),
        "": _all(_REFUSED, Huge(bytes=LARGEST + 1)),
        "inline, that fits": Row(
            steps=[Huge(bytes=_FITTING, data="inline")],
            generate=Answer(""),
            stream=Answer(""),
            count=_NO_COUNT,
        ),
    },
    "gzip_bomb": {
        "that fits": Row(
            steps=[GzipBomb(bytes=_FITTING)],
            generate=_LARGE,
            stream=_LARGE,
            count=_NO_COUNT,
            ways=dict.fromkeys(
                ("http2", "in process"),
                Differs(why=_NOT_PACKED, generate=_REFUSED, stream=_REFUSED, count=_REFUSED),
            ),
        ),
        "": _all(_REFUSED, GzipBomb(bytes=16 * LARGEST)),
    },
    "content_type": {"": _all(Fails(DecodeError), "a", ContentType())},
    "headers": {
        "few": _read("a", "a", Headers(bytes=8 * _KIB, lines=4)),
        "many": Row(
            steps=["a", Headers()],
            generate=Answer("a"),
            stream=Answer("a"),
            count=_COUNT,
            ways={
                "http2": Differs(
                    why="over HTTP/2 a client limits the whole head (RFC 9113, 10.5.1); a head that"
                    " it does not read to its end takes the connection's compression context along",
                    breaks_others=True,
                    generate=_REFUSED,
                    stream=_REFUSED,
                    count=_REFUSED,
                )
            },
        ),
        "in one line": Row(
            steps=["a", Headers(lines=1)],
            generate=_REFUSED,
            stream=_REFUSED,
            count=_REFUSED,
            ways={
                "in process": Differs(
                    why=_NO_HEAD, generate=Answer("a"), stream=Answer("a"), count=_COUNT
                ),
                "http2": Differs(why="as with many lines", breaks_others=True),
            },
        ),
    },
    "slice": {
        "": _read("é 😀b", "é 😀", "b", Slice()),
        "of one": _read("é 😀b", "é 😀", "b", Slice(sizes=[1])),
    },
    "drip": {"": _read("ab", "a", "b", Drip(bytes=32, pause=0.001))},
    "duplicate": {"": _read("aab", "a", "b", Duplicate())},
    "no_finish": {
        "": Row(
            steps=["a", "b", NoFinish()],
            generate=Answer("ab"),
            stream=Fails(StreamTruncated, "ab"),
            count=_COUNT,
        )
    },
    "usage": {
        "missing": _read("ab", "a", "b", Usage()),
        "decreasing": _read("ab", "a", "b", Usage(mode="decreasing")),
        "first only": _read("ab", "a", "b", Usage(mode="first_only")),
    },
}

ROWS_BY_NAME: Mapping[str, Row] = {
    f"{kind} {look}".strip(): row for kind, rows in FAULT_ROWS.items() for look, row in rows.items()
}
