"""Recorded answers given again: the same bytes in the same reads, at the recorded pace.

In order, or chosen by the request's header ``x-emulator-replay``. When they are used up the
emulator says so and makes nothing up.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NoReturn

import msgspec

from ..errors import APIError, ConfigError
from ..net.recording import Read, Recording, RecordingEnd, decode
from ..wire.status import api_error
from .exchange import Cut, Exchange
from .journal import End
from .number import whole_number
from .recorded_body import UsageReader, content_type_of, status_of
from .recorded_head import message_headers

__all__ = ("Replay",)

CHOICE_HEADER = "x-emulator-replay"


class _Entry(msgspec.Struct, frozen=True):
    """A recording and what it may be chosen by."""

    recording: Recording
    name: str | None  # of its file, without the ending
    place: int  # in its file, from 1


class Replay:
    """Answers from ``recordings``: recordings, or files of them, or files of a bare body.

    A request without the header gets the first unused recording of its method, so that requests of
    different methods may overlap; a bare body suits every method. With ``again`` all are unused
    again when a method's are used up. The header names a recording by its number from 1, or by its
    file's name without the ending, with ``#2`` for the second in it; such a choice uses nothing up.
    ``pace`` multiplies the recorded waits: 0 gives everything at once.

    Raises ConfigError for a file that cannot be read and a pace below 0.
    """

    def __init__(
        self,
        recordings: Sequence[Recording | Path | str],
        *,
        pace: float = 1.0,
        again: bool = False,
    ) -> None:
        if not 0 <= pace < float("inf"):
            raise ConfigError(f"the pace of a replay is {pace!r}; it must be a number, 0 or more")
        self._entries = [entry for one in recordings for entry in _entries_of(one)]
        self._pace = pace
        self._again = again
        self._unused = set(range(len(self._entries)))
        self._lock = threading.Lock()

    @property
    def judges(self) -> bool:
        """False: the emulator refuses bad keys as ever."""
        return False

    def reset(self) -> None:
        """Make every recording unused."""
        with self._lock:
            self._unused = set(range(len(self._entries)))

    async def answer(self, exchange: Exchange, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Answer with the next recording or the chosen one; raises NotFound, and Cut at its end."""
        choice = exchange.headers.get(CHOICE_HEADER)
        entry = self._next(exchange) if choice is None else self._chosen(choice)
        await _Performance(entry.recording, exchange, self._pace, sleep).play()

    def _next(self, exchange: Exchange) -> _Entry:
        with self._lock:
            fitting = {
                index
                for index, entry in enumerate(self._entries)
                if _suits(entry.recording, exchange)
            }
            if self._again and not fitting & self._unused:
                self._unused |= fitting
            index = min(fitting & self._unused, default=None)
            if index is None:
                raise self._used_up(exchange, len(fitting))
            self._unused.remove(index)
            return self._entries[index]

    def _used_up(self, exchange: Exchange, count: int) -> APIError:
        asked = f"{exchange.method} {_method_of(exchange.path)}"
        if not count:
            return api_error(404, f"none of the emulator's recordings answers {asked}")
        return api_error(
            404,
            f"the emulator's {count} recordings for {asked} are used up; POST /emulator/reset "
            f"begins anew, --replay-again lets them repeat, {CHOICE_HEADER} chooses one",
        )

    def _chosen(self, choice: str) -> _Entry:
        number = whole_number(choice)
        if number is not None and 1 <= number <= len(self._entries):
            return self._entries[number - 1]
        name, _, place = choice.partition("#")
        named = [entry for entry in self._entries if entry.name == name]
        for entry in named:
            if place == str(entry.place) or (not place and len(named) == 1):
                return entry
        self._refuse(choice, named)

    def _refuse(self, choice: str, named: Sequence[_Entry]) -> NoReturn:
        names = list(dict.fromkeys(entry.name for entry in self._entries if entry.name))
        near = difflib.get_close_matches(choice, names, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near and not named else ""
        if named:
            hint = f"; {named[0].name} holds {len(named)}, chosen by {named[0].name}#1 and so on"
        raise api_error(
            404,
            f"{CHOICE_HEADER} {choice!r:.80} names none of the emulator's {len(self._entries)} "
            f"recordings{hint}",
        )


class _Performance:
    """One recording told to one exchange."""

    __slots__ = ("_at_ms", "_exchange", "_pace", "_recording", "_sleep")

    def __init__(
        self,
        recording: Recording,
        exchange: Exchange,
        pace: float,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._recording = recording
        self._exchange = exchange
        self._pace = pace
        self._sleep = sleep
        self._at_ms = 0

    async def play(self) -> None:
        recording, exchange = self._recording, self._exchange
        headers = message_headers(recording.headers)
        usage = UsageReader(dict(headers).get(b"content-type", b"").decode("utf-8", "replace"))
        await self._wait_until(recording.at_ms)
        await exchange.send_head(recording.status, headers)
        for read in recording.reads:
            await self._wait_until(read.at_ms)
            exchange.usage = usage.receive_data(read.data)
            await exchange.write(read.data)
        if recording.end_ms is not None:
            await self._wait_until(recording.end_ms)
        if recording.end is not RecordingEnd.CLEAN:
            raise Cut
        await exchange.finish(End.ERROR if recording.status >= 400 else End.FINISHED)

    async def _wait_until(self, at_ms: int) -> None:
        seconds = (at_ms - self._at_ms) * self._pace / 1000
        self._at_ms = at_ms
        if seconds > 0:
            await self._sleep(seconds)


def _entries_of(source: Recording | Path | str) -> list[_Entry]:
    if isinstance(source, Recording):
        return [_Entry(source, None, 1)]
    path = Path(source)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the recording {path} cannot be read: {error.strerror}") from error
    recordings = decode(data, str(path)) if path.suffix == ".jsonl" else [_bare(data)]
    return [_Entry(recording, path.stem, place) for place, recording in enumerate(recordings, 1)]


def _bare(body: bytes) -> Recording:
    """Return the recording that a body alone amounts to; its path suits every request."""
    headers = {"content-type": content_type_of(body)}
    return Recording(path="", status=status_of(body), headers=headers, reads=[Read(0, body)])


def _suits(recording: Recording, exchange: Exchange) -> bool:
    if not recording.path:
        return True
    path = recording.path.partition("?")[0]
    return (recording.method, _method_of(path)) == (exchange.method, _method_of(exchange.path))


def _method_of(path: str) -> str:
    """Return the API's method in ``path``, as generateContent; a path without one is its own."""
    last = path.rpartition("/")[2]
    return last.rpartition(":")[2] if ":" in last else path
