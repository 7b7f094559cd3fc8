"""The emulator's own endpoints, under /emulator/ and for this machine only."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from ..errors import ConfigError
from .exchange import Exchange
from .journal import JournalEntry
from .number import whole_number
from .refusal import invalid, not_loopback, not_served
from .scripts.script import Script

__all__ = ("PREFIX", "Controlled", "answer_control")

PREFIX = "/emulator/"


class _Advance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /emulator/clock."""

    advance: float


class Controlled(Protocol):
    """What the controls act on."""

    script: Script

    @property
    def journal(self) -> list[JournalEntry]:
        """The newest entries."""
        ...

    def ack(self) -> None:
        """Release one step that waits for an ack."""
        ...

    def advance(self, seconds: float) -> None:
        """Set the clock forward."""
        ...

    def reset(self) -> None:
        """Forget script, journal, counts, used quota and acks."""
        ...


async def answer_control(emulator: Controlled, exchange: Exchange) -> None:
    """Answer one control request; raises PermissionDenied, NotFound, InvalidArgument."""
    if not _is_loopback(exchange):
        raise not_loopback()
    name = exchange.path.removeprefix(PREFIX)
    control = _CONTROLS.get((exchange.method, name))
    if control is None:
        raise not_served(exchange.method, exchange.path)
    if exchange.body_error is not None:
        raise exchange.body_error
    await control(emulator, exchange)


async def _ack(emulator: Controlled, exchange: Exchange) -> None:
    emulator.ack()
    await exchange.answer_json({})


async def _replace_script(emulator: Controlled, exchange: Exchange) -> None:
    is_json = exchange.headers.get("content-type", "").partition(";")[0] == "application/json"
    try:
        emulator.script = Script.decode(exchange.body, is_json=is_json)
    except ConfigError as error:
        raise invalid(str(error)) from None
    await exchange.answer_json({"rules": len(emulator.script.rules)})


async def _show_journal(emulator: Controlled, exchange: Exchange) -> None:
    entries = emulator.journal
    if (given := exchange.query.get("tail")) is not None:
        tail = whole_number(given)
        if tail is None:
            raise invalid(f"tail is {given!r:.80}; it must be a whole number of entries, 0 or more")
        entries = entries[max(0, len(entries) - tail) :]
    await exchange.answer_json({"entries": [entry.plain() for entry in entries]})


async def _advance(emulator: Controlled, exchange: Exchange) -> None:
    try:
        order = msgspec.json.decode(exchange.body, type=_Advance, strict=True)
        emulator.advance(order.advance)
    except (msgspec.DecodeError, ConfigError) as error:
        raise invalid(f'the clock takes {{"advance": seconds}}: {error}') from None
    await exchange.answer_json({})


async def _reset(emulator: Controlled, exchange: Exchange) -> None:
    emulator.reset()
    await exchange.answer_json({})


_CONTROLS: Mapping[tuple[str, str], Callable[[Controlled, Exchange], Awaitable[None]]] = {
    ("POST", "ack"): _ack,
    ("POST", "clock"): _advance,
    ("POST", "script"): _replace_script,
    ("GET", "journal"): _show_journal,
    ("POST", "reset"): _reset,
}


def _is_loopback(exchange: Exchange) -> bool:
    try:
        return ipaddress.ip_address(exchange.client[0] if exchange.client else "").is_loopback
    except ValueError:  # a socket file, or a name: not told to be this machine
        return False
