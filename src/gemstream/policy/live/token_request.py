"""What an ephemeral token may be asked for: its moments and its locked fields, judged beforehand.

Source: https://ai.google.dev/api/live#ephemeral-auth-tokens.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Any, get_args, get_origin

import msgspec

from ...errors import InvalidRequest
from ...wire.codec import Message
from ...wire.live.auth_token import MAX_TOKEN_SECONDS
from ...wire.live.setup import LiveSetup

__all__ = ("TOO_LATE", "Lock", "Moment", "check_uses", "moment_of")

TOO_LATE = timedelta(seconds=MAX_TOKEN_SECONDS)
_MOST_USES = 2**31 - 1  # an int32
Moment = float | timedelta | datetime
_HOUR = timedelta(hours=1)
_HUMP = re.compile("[A-Z]")


def check_uses(uses: object) -> None:
    """Raise InvalidRequest for a number of sessions that cannot be."""
    if not isinstance(uses, int) or isinstance(uses, bool) or not 0 <= uses <= _MOST_USES:
        raise InvalidRequest(
            f"uses is {uses!r:.80}; it takes a whole number of sessions, 0 for no limit"
        )


def moment_of(name: str, given: Moment | None, now: datetime) -> str | None:
    """Return the moment that option ``name`` gives, in RFC 3339; None stays the service's choice.

    A number is seconds from ``now``, as is a timedelta. Raises InvalidRequest for a moment that has
    passed, for one 20 hours ahead or more, and for a datetime without its time zone.
    """
    if given is None:
        return None
    ahead = _ahead(name, given, now)
    if ahead <= timedelta():
        raise InvalidRequest(f"{name} is {given!r:.80}, which has passed; it takes a later moment")
    if ahead >= TOO_LATE:
        raise InvalidRequest(
            f"{name} is {given!r:.80}; a token ends less than {TOO_LATE // _HOUR} hours from now"
        )
    at = (now + ahead).astimezone(UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ahead(name: str, given: object, now: datetime) -> timedelta:
    """Return how far ahead ``given`` is, of what can be told at all."""
    if isinstance(given, timedelta):
        return given
    if isinstance(given, datetime):
        if given.utcoffset() is None:
            raise InvalidRequest(
                f"{name} is a datetime without time zone; make it aware, as datetime.now(UTC) is"
            )
        return given - now
    if isinstance(given, int | float) and not isinstance(given, bool) and not math.isnan(given):
        bound = 2 * TOO_LATE.total_seconds()  # no timedelta holds infinity
        return timedelta(seconds=max(-bound, min(given, bound)))
    raise InvalidRequest(
        f"{name} is {given!r:.80}; it takes seconds, a timedelta or an aware datetime"
    )


class Lock:
    """Which fields of a setup its client cannot change.

    ``paths`` are attributes of ``LiveSetup`` joined by dots, as ``generation_config.temperature``;
    a field locks all that is inside it. Raises InvalidRequest for one that does not exist.
    """

    __slots__ = ("_keys", "mask")

    def __init__(self, paths: Sequence[str]) -> None:
        if isinstance(paths, str) or not isinstance(paths, Sequence):
            raise InvalidRequest(f"lock is {paths!r:.80}; it takes a list of fields, as ['model']")
        if not paths:
            raise InvalidRequest(
                "lock names no field; leave it out to lock the whole setup, or leave out the "
                "constraints to lock nothing"
            )
        self._keys = tuple(dict.fromkeys(map(_keys_of, paths)))
        self.mask = ",".join(map(".".join, self._keys))

    def covers(self, keys: tuple[str, ...]) -> bool:
        """Return whether the value under ``keys``, as JSON names them, is locked."""
        return any(keys[: len(locked)] == locked for locked in self._keys)

    def check(self, setup: Mapping[str, Any]) -> None:
        """Raise InvalidRequest for a setup, as JSON, with values that the lock leaves aside."""
        loose = [_path_of(keys) for keys in _leaves(setup) if not self.covers(keys)]
        if loose:
            raise InvalidRequest(
                f"{', '.join(loose)}: given but not locked, so no session would have it; lock it "
                "as well, or leave it out"
            )
        if self.covers(("model",)) and "model" not in setup:
            raise InvalidRequest("the model is locked but not given, so no session could be opened")


def _keys_of(path: object) -> tuple[str, ...]:
    """Return how JSON names the attributes of ``path``."""
    if not isinstance(path, str):
        raise InvalidRequest(f"lock has {path!r:.80}; it takes attributes joined by dots")
    keys: list[str] = []
    kind: type[Message] | None = LiveSetup
    for name in path.split("."):
        field = None if kind is None else _fields(kind).get(name)
        if field is None:
            raise _unknown(path)
        keys.append(field.encode_name)
        kind = _message_in(field)
    return tuple(keys)


def _path_of(keys: tuple[str, ...]) -> str:
    """Return the attributes that JSON names so."""
    return ".".join(_HUMP.sub(r"_\g<0>", key).lower() for key in keys)


def _unknown(path: str) -> InvalidRequest:
    known = list(_paths(LiveSetup))
    last = path.rpartition(".")[2]
    same = [one for one in known if one.rpartition(".")[2] == last]
    near = same or difflib.get_close_matches(path, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(_fields(LiveSetup))}"
    return InvalidRequest(f"lock has {path!r:.80}, which is no field of a Live setup; {hint}")


def _paths(kind: type[Message], depth: int = 3) -> Iterator[str]:
    """Yield the paths of a message's fields, outer ones first, to a depth where all are named."""
    inner = []
    for name, field in _fields(kind).items():
        yield name
        message = _message_in(field) if depth > 1 else None
        if message is not None:
            inner += [f"{name}.{path}" for path in _paths(message, depth - 1)]
    yield from inner


def _fields(kind: type[Message]) -> dict[str, msgspec.structs.FieldInfo]:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    del fields["extra"]
    return fields


def _message_in(field: msgspec.structs.FieldInfo) -> type[Message] | None:
    """Return the message that an optional field holds; lists and dicts are locked whole."""
    if get_origin(field.type) is not UnionType:
        return None
    kinds = [kind for kind in get_args(field.type) if isinstance(kind, type)]
    return next((kind for kind in kinds if issubclass(kind, Message)), None)


def _leaves(value: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the keys of every value that holds no others."""
    if not isinstance(value, Mapping) or not value:
        yield keys
        return
    for key, item in value.items():
        yield from _leaves(item, (*keys, key))
