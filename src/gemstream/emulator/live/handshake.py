"""What a script does to the request to upgrade, before there is a connection to speak of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from ...errors import APIError
from ...wire.codec import encode
from ...wire.status import api_error, encode_error
from ..exchange import Cut as CutConnection
from ..exchange import Left, Receive, Send
from ..output import JSON_TYPE, pretty
from ..refusal import scripted_error
from ..scripts.faults import Cut, Html, Stall, Status
from ..scripts.page import HTML_TYPE, page_of
from ..scripts.steps import Pause, Step, WaitForAck
from .house import House
from .wire_access import WireAccess

__all__ = ("Refusal", "play_handshake", "refusal_of", "refuse")


class Refusal(msgspec.Struct, frozen=True):
    """An answer of HTTP in the place of the upgrade."""

    status: int
    content_type: str
    body: bytes


def refusal_of(error: APIError) -> Refusal:
    """Return the error envelope as HTTP has it."""
    return Refusal(error.code, JSON_TYPE, pretty(encode_error(error)))


async def refuse(refusal: Refusal, extensions: Mapping[str, Any], send: Send) -> None:
    """Answer the handshake with ``refusal``; 403 without a body where the server cannot."""
    if "websocket.http.response" not in extensions:
        await send({"type": "websocket.close"})  # a server makes 403 of it
        return
    headers = [(b"content-type", refusal.content_type.encode())]
    start = {"type": "websocket.http.response.start", "status": refusal.status}
    await send({**start, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": refusal.body})


async def play_handshake(
    steps: Sequence[Step], receive: Receive, wire: WireAccess, house: House
) -> Refusal | None:
    """Play ``steps`` and return what refuses the handshake; None lets it through.

    Raises Left when the client goes away meanwhile, Cut where the connection is to break.
    """
    if not steps:
        return None
    playing = asyncio.ensure_future(_play(steps, wire, house))
    # Before the upgrade nothing can come but the end.
    leaving = asyncio.ensure_future(receive())
    try:
        await asyncio.wait((playing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            raise Left
        return playing.result()
    finally:
        playing.cancel()
        leaving.cancel()
        await asyncio.gather(playing, leaving, return_exceptions=True)


async def _play(steps: Sequence[Step], wire: WireAccess, house: House) -> Refusal | None:
    for step in steps:
        refusal = await _PLAYERS.get(type(step), _unknown)(step, wire, house)
        if refusal is not None:
            return refusal
    return None


async def _pause(step: Pause, wire: WireAccess, house: House) -> None:
    await house.clock.sleep(step.seconds)


async def _wait(step: WaitForAck, wire: WireAccess, house: House) -> None:
    await house.take_ack()


async def _stall(step: Stall, wire: WireAccess, house: House) -> None:
    await asyncio.Event().wait()  # until the client leaves


async def _cut(step: Cut, wire: WireAccess, house: House) -> None:
    wire.abort()
    raise CutConnection


async def _status(step: Status, wire: WireAccess, house: House) -> Refusal:
    if step.body is None:
        return refusal_of(scripted_error(step, ""))
    if isinstance(step.body, str):
        return Refusal(step.code, HTML_TYPE, step.body.encode())
    return Refusal(step.code, JSON_TYPE, encode(step.body))


async def _html(step: Html, wire: WireAccess, house: House) -> Refusal:
    return Refusal(step.code, HTML_TYPE, page_of(step))


async def _unknown(step: Step, wire: WireAccess, house: House) -> Refusal:
    kind = "text" if isinstance(step, str) else type(step).__name__
    return refusal_of(api_error(500, f"the script's step {kind} cannot be played in a handshake"))


_PLAYERS: Mapping[type, Callable[[Any, WireAccess, House], Awaitable[Refusal | None]]] = {
    Pause: _pause,
    WaitForAck: _wait,
    Stall: _stall,
    Cut: _cut,
    Status: _status,
    Html: _html,
}
