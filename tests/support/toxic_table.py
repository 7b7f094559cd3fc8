"""What each toxic of the wire does to a call; see ``fault_table``.

Every toxic but ``refuse`` is one of the first connection, so that the next is as good as new.
"""

from __future__ import annotations

from collections.abc import Mapping

from gemstream import Timeouts
from gemstream.emulator.tcp.toxics import (
    Bandwidth,
    Cut,
    Direction,
    Latency,
    Place,
    Refuse,
    Reset,
    SlowClose,
    Swallow,
    Toxic,
)
from gemstream.errors import ConnectFailed, FirstChunkTimeout, StreamInterrupted
from support.fault_table import Row
from support.ways import CALLS, Answer, Counted, Fails

__all__ = ("TOXIC_ROWS",)

_SOCKETS = ("aiohttp", "http2")  # in process there is no wire
# An HTTP/2 server speaks first: broken at its first byte, the client has sent its request or has
# not, and its error is StreamInterrupted or ConnectFailed accordingly.
_WHERE_CLIENTS_SPEAK_FIRST = ("aiohttp",)
_IN_HTTP1 = ("aiohttp",)
_IN_THE_HEAD = 120  # of the answer, in HTTP/1.1 as behind the settings of HTTP/2
_SHORT = dict.fromkeys(CALLS, Timeouts(first_chunk=0.05))


def _broken(toxic: Toxic, kind: type, *, partial: str = "", **more: object) -> Row:
    """Return a row of one error, met by a stream after ``partial``."""
    options = {"toxics": [toxic], "only_on": _SOCKETS, "steps": ["a", "b"], **more}
    return Row(generate=Fails(kind), stream=Fails(kind, partial), count=Fails(kind), **options)  # type: ignore[arg-type]


def _whole(toxic: Toxic) -> Row:
    """Return a row of an answer that is read as if nothing were wrong."""
    return Row(
        steps=["a", "b"],
        toxics=[toxic],
        only_on=_SOCKETS,
        generate=Answer("ab"),
        stream=Answer("ab"),
        count=Counted(2),
    )


TOXIC_ROWS: Mapping[str, Mapping[str, Row]] = {
    "reset": {
        "": _broken(Reset(connection=1), StreamInterrupted, only_on=_WHERE_CLIENTS_SPEAK_FIRST),
        "in the request": _broken(
            Reset(at=100, direction=Direction.UP, connection=1), StreamInterrupted
        ),
        "in the answer": _broken(Reset(at=_IN_THE_HEAD, connection=1), StreamInterrupted),
    },
    "cut": {
        "at once": _broken(
            Cut(at=0, connection=1), StreamInterrupted, only_on=_WHERE_CLIENTS_SPEAK_FIRST
        ),
        "in the request": _broken(
            Cut(at=100, direction=Direction.UP, connection=1), StreamInterrupted
        ),
        "in the answer": _broken(Cut(at=_IN_THE_HEAD, connection=1), StreamInterrupted),
        "in the head": _broken(
            Cut(place=Place.HEAD, connection=1), StreamInterrupted, only_on=_IN_HTTP1
        ),
    },
    "latency": {"": _whole(Latency(ms=1, jitter=1, connection=1))},
    "bandwidth": {"": _whole(Bandwidth(rate=1_000_000, connection=1))},
    "slow_close": {"": _whole(SlowClose(ms=1, connection=1))},
    "swallow": {"": _broken(Swallow(connection=1), FirstChunkTimeout, timeouts=_SHORT)},
    "refuse": {"": _broken(Refuse(), ConnectFailed)},
}
