"""The events of a Live session, in the order they happen, told to the hook of its client.

``LiveStarted``, then for each try to open it ``AttemptStarted`` and perhaps ``AttemptFailed``,
``LiveOpened``, a ``LiveTurnEnded`` for each turn of the model, ``LiveDisconnected`` and
``LiveResumed`` around each change of connections, and always one ``LiveEnded``. They hold nothing
that was said, and no handle. Nothing is told of single messages: they are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import GemstreamError
from .events import Event, Outcome

__all__ = (
    "LiveDisconnected",
    "LiveEnded",
    "LiveOpened",
    "LiveResumed",
    "LiveStarted",
    "LiveStats",
    "LiveTurnEnded",
)


class LiveStats(msgspec.Struct, frozen=True, kw_only=True):
    """What a Live session has done so far, over all its connections.

    ``messages_sent`` and ``messages_received``: WebSocket messages, setups and repeated ones too;
    ``bytes_sent`` and ``bytes_received``: their payloads, as the JSON they are. ``turns``: turns of
    the model that came to their end. ``interruptions``: those that the user cut short.
    ``tool_calls``: functions that the model called. ``reconnects``: connections after the first.
    ``seconds_lost``: without a connection. ``errors``: how often what went wrong, by kind: the
    service's code as ``429``, the code of a WebSocket's close as ``1011``, or the full name of the
    error's class.
    """

    messages_sent: int = 0
    messages_received: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    turns: int = 0
    interruptions: int = 0
    tool_calls: int = 0
    reconnects: int = 0
    seconds_lost: float = 0.0
    errors: Mapping[str, int] = {}


class LiveStarted(Event, frozen=True, kw_only=True):
    """A session is about to be opened; nothing was sent yet.

    The fields are those of ``CallStarted``. ``resumed``: it goes on from a handle.
    """

    operation: str
    model: str
    provider: str
    server_address: str
    server_port: int
    resumed: bool


class LiveOpened(Event, frozen=True, kw_only=True):
    """The session is set up, after ``seconds`` and so many ``attempts``."""

    attempts: int
    seconds: float


class LiveTurnEnded(Event, frozen=True, kw_only=True):
    """A turn of the model is over; ``number`` counts from 1.

    ``outcome``: FINISHED, STOPPED when the session was closed here before, FAILED when it was lost
    with a connection or with the session; ``error_type`` is then the kind of what it was lost to.
    ``asked``: the moment of its question is known, as it is not of speech whose end the service
    finds. ``seconds``: from the last question to the end, else from the first output.
    ``first_output_seconds``: from that question to the first output; None without one of them.
    ``reason``: why the service ended it otherwise than by all being said. ``usage``: token counts
    under their names in Python. ``stats``: of the session, up to here.
    """

    number: int
    outcome: Outcome
    asked: bool
    seconds: float
    first_output_seconds: float | None
    interrupted: bool
    tool_calls: int
    reason: str | None
    error_type: str | None
    usage: Mapping[str, Any]
    stats: LiveStats


class LiveDisconnected(Event, frozen=True, kw_only=True):
    """A connection is over and another one is sought; ``code`` of its close, 1006 for none.

    ``is_planned``: we left it ourselves, before the service did.
    """

    code: int
    is_planned: bool


class LiveResumed(Event, frozen=True, kw_only=True):
    """The session goes on in another connection, after ``gap`` seconds and so many ``attempts``.

    The fields are those of the session's own ``Resumed``; ``may_be_lost`` is how many messages.
    """

    state_restored: bool
    turn_is_lost: bool
    may_be_lost: int
    forgotten: int
    repeated: int
    history_turns: int
    gap: float
    attempts: int


class LiveEnded(Event, frozen=True, kw_only=True):
    """A session is over; exactly one for each ``LiveStarted``.

    ``outcome``: STOPPED when it was closed here, FINISHED when the service closed it and owed
    nothing, CANCELLED while it was opened, FAILED with ``error``. ``seconds``: since its start.
    """

    outcome: Outcome
    error: GemstreamError | None
    seconds: float
    stats: LiveStats
