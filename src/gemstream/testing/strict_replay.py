"""Recordings replayed to a test: each request gets the answer that was given to the same request.

What does not fit is refused and told, and never answered by something near.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from ..emulator.exchange import Exchange
from ..emulator.replay import CHOICE_HEADER, Replay
from ..net.recording import KEPT_PARAMETERS, Recording, load
from ..net.redaction import Redaction
from ..wire.status import api_error

__all__ = ("StrictReplay",)

_SHOWN = 60


class StrictReplay(Replay):
    """Answers from the file at ``path``, at once; ``redact`` as it was recorded with.

    A request gets the first unused recording of the same method, path, query and body. JSON is
    compared by its values. Requests that differ may come in another order than they were recorded
    in, because recordings stand in the order of their ends. Raises ConfigError for a file that
    cannot be read.
    """

    def __init__(self, path: Path, redact: Sequence[str] = ()) -> None:
        recordings = load(path)
        super().__init__(recordings, pace=0)
        self._redaction = Redaction(redact)
        self._recordings = recordings
        self._left = list(range(len(recordings)))
        self._misfits: list[str] = []

    @property
    def misfits(self) -> Sequence[str]:
        """A line for each request that did not fit."""
        return tuple(self._misfits)

    def complaints(self) -> list[str]:
        """Return a line for each request that did not fit, and for each answer not asked for."""
        unasked = [
            f"not asked: recording {index + 1}, {_said(self._recordings[index])}"
            for index in self._left
        ]
        return self._misfits or unasked

    def reset(self) -> None:
        """Make every recording unused."""
        super().reset()
        self._left = list(range(len(self._recordings)))

    async def answer(self, exchange: Exchange, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Answer as it was recorded; raises NotFound for a request that does not fit."""
        index = next((one for one in self._left if not self._difference(exchange, one)), None)
        if index is None:
            misfit = self._misfit(exchange)
            self._misfits.append(misfit)
            raise api_error(404, f"the test's recording does not fit; {misfit}")
        self._left.remove(index)
        exchange.headers = {**exchange.headers, CHOICE_HEADER: str(index + 1)}
        await super().answer(exchange, sleep)

    def _misfit(self, exchange: Exchange) -> str:
        asked = f"{exchange.method} {exchange.path}"
        near = [one for one in self._left if _is_to_same_path(self._recordings[one], exchange)]
        if near:
            return f"{asked}: {self._difference(exchange, near[0])} (recording {near[0] + 1})"
        known = sum(_is_to_same_path(one, exchange) for one in self._recordings)
        if known:
            return f"{asked}: asked more often than it was recorded, {known} in all"
        return f"{asked}: nothing of the kind was recorded"

    def _difference(self, exchange: Exchange, index: int) -> str | None:
        recording = self._recordings[index]
        if not _is_to_same_path(recording, exchange):
            return "another path"
        query, recorded = _kept(exchange.query), _kept(dict(parse_qsl(_query(recording))))
        if query != recorded:
            return f"its query is {query}, recorded was {recorded}"
        body = self._redaction.body(exchange.body)
        return _first_difference("", _plain(body), _plain(recording.request_body))


def _is_to_same_path(recording: Recording, exchange: Exchange) -> bool:
    # The service may have been behind an address with a path of its own.
    path = unquote(recording.path.partition("?")[0])
    return recording.method == exchange.method and path.endswith(exchange.path)


def _query(recording: Recording) -> str:
    return recording.path.partition("?")[2]


def _kept(query: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name.lower() in KEPT_PARAMETERS}


def _said(recording: Recording) -> str:
    return f"{recording.method} {recording.path}"


def _plain(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:  # no JSON: compared as it is
        return body


def _first_difference(path: str, asked: Any, recorded: Any) -> str | None:
    if isinstance(asked, dict) and isinstance(recorded, dict):
        for key in dict.fromkeys([*asked, *recorded]):
            there = f"{path}.{key}".lstrip(".")
            if key not in asked or key not in recorded:
                where = "only there" if key in asked else "missing, though it was recorded"
                return f"{there} is {where}"
            if found := _first_difference(there, asked[key], recorded[key]):
                return found
        return None
    if isinstance(asked, list) and isinstance(recorded, list) and len(asked) == len(recorded):
        pairs = enumerate(zip(asked, recorded, strict=True))
        differences = (_first_difference(f"{path}[{i}]", *pair) for i, pair in pairs)
        return next(filter(None, differences), None)
    if asked == recorded:
        return None
    return f"{path or 'the body'} is {_shown(asked)}, recorded was {_shown(recorded)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
