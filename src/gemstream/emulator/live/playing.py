"""The steps of a script that are the same wherever they stand in a Live session."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ...wire.codec import encode
from ...wire.content import Blob, Content, Part
from ...wire.live.server_message import GoAway as GoAwayMessage
from ...wire.live.server_message import ServerContent, ServerMessage
from ...wire.scalar import encode_duration
from ..exchange import Cut as CutConnection
from ..scripts.faults import Cut, Garbage, Huge, Stall
from ..scripts.filler import expanded, marker
from ..scripts.live_faults import Close, GoAway, HalfFrame, Lifetime
from ..scripts.steps import Pause, Step, WaitForAck
from .connection import LiveConnection
from .ending import SessionEnd
from .house import House
from .speech import MIME_TYPE

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
    await _say_farewell(step.time_left, connection)


async def _live_out(step: Lifetime, connection: LiveConnection, house: House) -> None:
    end = connection.opened_at + step.seconds
    if step.farewell:
        await house.clock.sleep(end - step.farewell - house.clock.now())
        await _say_farewell(step.farewell, connection)
    await house.clock.sleep(end - house.clock.now())
    await connection.flushed()
    raise SessionEnd(step.code, step.reason)


async def _say_farewell(seconds: float, connection: LiveConnection) -> None:
    farewell = GoAwayMessage(time_left=encode_duration(seconds))
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


async def _half_frame(step: HalfFrame, connection: LiveConnection, house: House) -> None:
    await connection.flushed()
    connection.wire.write_half_frame(step.bytes)
    raise CutConnection


async def _garbage(step: Garbage, connection: LiveConnection, house: House) -> None:
    # Of the emulator's seed; the place in the session tells two of them apart.
    content = step.content(f"{house.seed}|{connection.bytes}")
    connection.post_raw(content if step.text is None else step.text)
    await connection.flushed()


async def _huge(step: Huge, connection: LiveConnection, house: House) -> None:
    filler = marker(step.bytes)
    blob = Blob(mime_type=MIME_TYPE, data=filler)
    part = Part(text=filler) if step.data == "text" else Part(inline_data=blob)
    content = ServerContent(model_turn=Content(role="model", parts=[part]))
    message = encode(ServerMessage(server_content=content))
    # Past the protocol, which would not send as much at once.
    connection.post_raw(b"".join(expanded(message)))
    await connection.flushed()


_PLAYERS: Mapping[type, Callable[[Any, LiveConnection, House], Awaitable[None]]] = {
    Pause: _pause,
    WaitForAck: _wait,
    GoAway: _go_away,
    Close: _close,
    Lifetime: _live_out,
    HalfFrame: _half_frame,
    Garbage: _garbage,
    Huge: _huge,
    Cut: _cut,
    Stall: _stall,
}
