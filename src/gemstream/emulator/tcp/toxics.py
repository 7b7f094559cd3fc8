"""What can go wrong on the wire itself: the toxics of the TCP fault proxy.

Plain values; ``fault_proxy`` plays them. A new toxic is a struct here and a line in ``TOXICS``.
Every choice left open is made by ``schedule`` from the seed and the connection's number.
"""

from __future__ import annotations

import difflib
import enum
import random
from collections.abc import Iterable, Mapping
from typing import NoReturn

import msgspec

from ...errors import ConfigError

__all__ = (
    "TOXICS",
    "Bandwidth",
    "Break",
    "Cut",
    "Direction",
    "Latency",
    "OnConnection",
    "Place",
    "Refuse",
    "Reset",
    "SlowClose",
    "Swallow",
    "Toxic",
    "decode_toxic",
    "schedule",
)


class Direction(enum.Enum):
    """Which way the bytes go: ``DOWN`` to the client, ``UP`` to the emulator."""

    DOWN = "down"
    UP = "up"


class Place(enum.Enum):
    """Where in a response over HTTP/1.1 a cut is: behind the first byte of the named piece."""

    HEAD = "head"
    CHUNK_SIZE = "chunk_size"
    CHUNK_DATA = "chunk_data"
    CHUNK_END = "chunk_end"
    LAST_CHUNK = "last_chunk"


class Toxic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the toxics. Raises ConfigError for a value out of range."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, int | float) and not 0 <= value < float("inf"):
                raise ConfigError(f"{name} should be a number, 0 or more, not {value!r}")
            if isinstance(value, str):
                raise ConfigError(f"{name} should be a {name.capitalize()}, not {value!r}")


class OnConnection(Toxic, frozen=True, kw_only=True):
    """Base of the toxics of a connection.

    ``probability``: of each connection to have it. ``connection``: only the how-manieth, from 1.
    """

    probability: float = 1.0
    connection: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.probability > 1:
            raise ConfigError(f"probability should be between 0 and 1, not {self.probability!r}")
        if self.connection == 0:
            raise ConfigError("connection should be 1 or more: connections are counted from 1")


class Break(OnConnection, frozen=True, kw_only=True):
    """Base of what breaks the connection once ``at`` bytes have passed.

    Bytes are counted from the connection's beginning, in one ``direction``. With ``to`` it is a
    byte between ``at`` and ``to``, which the seed chooses. A place that is never reached breaks
    nothing.
    """

    at: int | None = None
    to: int | None = None
    direction: Direction = Direction.DOWN

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.to is not None and (self.at is None or self.to < self.at):
            raise ConfigError("to is the end of a range that begins with at; give at, not above to")


class Reset(Break, frozen=True, kw_only=True):
    """The connection is reset (RST) after byte ``at``; what was on its way may be lost."""

    at: int | None = 0


class Cut(Break, frozen=True, kw_only=True):
    """The connection is closed (FIN) after byte ``at``, or at a ``place`` of a response.

    ``chunk``: the how-manieth chunk a place in a chunk means, from 1. A place needs plain HTTP.
    """

    place: Place | None = None
    chunk: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.at is None) == (self.place is None):
            raise ConfigError("cut needs either at or place")
        if self.place is not None and self.direction is Direction.UP:
            raise ConfigError("a place is one of a response: its direction is down")
        if self.chunk == 0:
            raise ConfigError("chunk should be 1 or more: chunks are counted from 1")


class Latency(OnConnection, frozen=True, kw_only=True):
    """Every network read is held for ``ms`` milliseconds, more or less by up to ``jitter``.

    ``reads``: only the first so many of the connection.
    """

    ms: float
    jitter: float = 0.0
    reads: int | None = None
    direction: Direction = Direction.DOWN


class Bandwidth(OnConnection, frozen=True, kw_only=True):
    """No more than ``rate`` bytes a second pass."""

    rate: int
    direction: Direction = Direction.DOWN

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rate == 0:
            raise ConfigError("rate should be 1 byte a second or more; swallow lets nothing pass")


class SlowClose(OnConnection, frozen=True, kw_only=True):
    """The end of the connection (FIN) comes ``ms`` milliseconds late."""

    ms: float
    direction: Direction = Direction.DOWN


class Swallow(OnConnection, frozen=True, kw_only=True):
    """The connection is accepted, its request read, and nothing is ever answered."""


class Refuse(Toxic, frozen=True, kw_only=True):
    """No connection is accepted: the port is held and nobody listens."""


TOXICS: Mapping[str, type[Toxic]] = {
    "reset": Reset,
    "cut": Cut,
    "latency": Latency,
    "bandwidth": Bandwidth,
    "slow_close": SlowClose,
    "swallow": Swallow,
    "refuse": Refuse,
}


def schedule(toxics: Iterable[Toxic], seed: int, connection: int) -> list[Toxic]:
    """Return the toxics that connection number ``connection`` has, their open choices made.

    The same seed and number give the same list; what one toxic draws does not change another's.
    """
    scheduled = []
    for index, toxic in enumerate(toxics):
        chance = random.Random(f"{seed}|{connection}|{index}")
        if isinstance(toxic, OnConnection):
            is_drawn = chance.random() < toxic.probability
            if not is_drawn or toxic.connection not in (None, connection):
                continue
        if isinstance(toxic, Break) and toxic.at is not None and toxic.to is not None:
            at = chance.randint(toxic.at, toxic.to)
            toxic = msgspec.structs.replace(toxic, at=at, to=None)
        scheduled.append(toxic)
    return scheduled


def decode_toxic(text: str) -> Toxic:
    """Return the toxic in ``text``, as ``reset:at=120`` or ``latency:ms=50,jitter=20``.

    Raises ConfigError with the nearest name that exists.
    """
    kind, _, rest = text.partition(":")
    if kind not in TOXICS:
        _refuse(text, f"there is no toxic {kind!r}", kind, TOXICS)
    fields = {}
    for pair in rest.split(",") if rest else ():
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"chaos {text!r}: {pair!r} should be as field=value")
        if name not in TOXICS[kind].__struct_fields__:
            _refuse(text, f"{kind} has no field {name!r}", name, TOXICS[kind].__struct_fields__)
        fields[name] = value
    try:
        return msgspec.convert(fields, TOXICS[kind], strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"chaos {text!r}: {error}") from None


def _refuse(text: str, wrong: str, name: str, names: Iterable[str]) -> NoReturn:
    known = list(names)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ConfigError(f"chaos {text!r}: {wrong}; there are {', '.join(known) or 'none'}{hint}")
