"""A row of the matrix, and what the rows have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec

from gemstream.emulator import (
    Chunk,
    Close,
    Emulator,
    Rule,
    WaitForAck,
)
from gemstream.emulator.scripts.steps import Step
from gemstream.emulator.tcp.toxics import Toxic
from support.live_talk import (
    Back,
    Deed,
    Done,
    Said,
    Seen,
)

__all__ = (
    "ANSWER",
    "CALL",
    "CONNECTION",
    "HANDSHAKE",
    "INVALID",
    "LOST",
    "NOT_FOUND",
    "PLACES",
    "RESUME",
    "SETUP",
    "TURN",
    "UNAVAILABLE",
    "Row",
    "acked",
    "at",
    "runs_for_ever",
)

PLACES = ("sockets", "in process")
# The methods that a rule can name.
TURN = "bidiGenerateContent"
HANDSHAKE, RESUME = f"{TURN}/handshake", f"{TURN}/resume"
SETUP, CONNECTION = f"{TURN}/setup", f"{TURN}/connection"

# How the service was seen to refuse.
UNAVAILABLE = Close(code=1011, reason="The service is currently unavailable.")
INVALID = Close(code=1007, reason="Request contains an invalid argument.")
NOT_FOUND = Close(code=1008, reason="BidiGenerateContent session not found")
_WEATHER = {"functionCall": {"name": "get_weather", "args": {}}}
CALL = Chunk({"candidates": [{"content": {"parts": [_WEATHER]}}]})

# What the user sees.
ANSWER = (Said("You said: Hi"), Done())
LOST = Back(turn_is_lost=True, lost=("Hi",))


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One case: ``line`` is what it shows of ``DISCONNECTS`` or ``BESIDES``.

    ``sees``: what the user is told, in order. ``ends``: how each connection ended, as the service
    saw it, the last one that of the turn that shows that all is well again. ``options``: of the
    session, ``tools``: its functions. ``toxics``: what is on the wire besides.
    """

    line: str
    does: Deed
    sees: Sequence[Seen]
    ends: Sequence[int]
    rules: Sequence[Rule] = ()
    options: Mapping[str, Any] = {}
    tools: Callable[[Emulator], Sequence[Callable[..., Any]]] | None = None
    toxics: Sequence[Toxic] = ()
    only_in: Collection[str] = PLACES


def at(method: str, *steps: Step, number: int | None = 1) -> Rule:
    """Return the rule for the how-manieth of its method; None for all of them."""
    return Rule(method=method, request=number, steps=steps)


def acked(*steps: Step) -> Rule:
    """Return the rule that lets ``steps`` befall the first connection when the user says so."""
    return at(CONNECTION, WaitForAck(), *steps)


def runs_for_ever(emulator: Emulator) -> Sequence[Callable[..., Any]]:
    """Return a function that lets the script go on and does not end by itself."""

    async def get_weather() -> None:
        emulator.ack()
        await asyncio.Event().wait()

    return [get_weather]
