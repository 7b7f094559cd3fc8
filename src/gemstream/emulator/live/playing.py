"""The steps of a script that are the same wherever they stand in a Live session."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ...wire.live.server_message import GoAway as GoAwayMessage
from ...wire.live.server_message import ServerMessage
from ...wire.scalar import encode_duration
from ..exchange import Cut as CutConnection
from ..scripts.faults import Cut, Stall
from ..scripts.live_faults import Close, GoAway
from ..scripts.steps import Pause, Step, WaitForAck
from .connection import LiveConnection
from .ending import SessionEnd
from .house import House

__all__ = ("play_event",)


async def play_event(step: Step, connection: LiveConnection, house: House) -> None:
    """Play a step that says nothing; raises SessionEnd and Cut where it ends the session.

    A step that a Live session does not have ends it with a reason that says so.
    """
    player = _PLAYERS.get(type(step))
    if player is None or (isinstance(step, Cut) and step.at_byte is not None):
        kind = "text" if isinstance(step, str) else type(step).__name__
        raise SessionEnd(1011, f"the script's step {kind} cannot be played here in a Live session")
    await player(step, connection, house)


async def _pause(step: Pause, connection: LiveConnection, house: House) -> None:
    await house.clock.sleep(step.seconds)


async def _wait(step: WaitForAck, connection: LiveConnection, house: House) -> None:
    await house.take_ack()


async def _go_away(step: GoAway, connection: LiveConnection, house: House) -> None:
    farewell = GoAwayMessage(time_left=encode_duration(step.time_left))
    connection.post(ServerMessage(go_away=farewell))
    await connection.flushed()


async def _close(step: Close, connection: LiveConnection, house: House) -> None:
    await connection.flushed()
    raise SessionEnd(step.code, step.reason)


async def _cut(step: Cut, connection: LiveConnection, house: House) -> None:
    await connection.flushed()
    raise CutConnection


async def _stall(step: Stall, connection: LiveConnection, house: House) -> None:
    await asyncio.Event().wait()  # until the session ends


_PLAYERS: Mapping[type, Callable[[Any, LiveConnection, House], Awaitable[None]]] = {
    Pause: _pause,
    WaitForAck: _wait,
    GoAway: _go_away,
    Close: _close,
    Cut: _cut,
    Stall: _stall,
}
