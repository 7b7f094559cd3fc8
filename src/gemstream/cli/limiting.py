"""The limits that a command keeps, as options of its client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from ..client.settings import options_of, timeouts_of
from ..config.loading import load_config
from ..config.options import resolve_backend
from ..errors import InvalidRequest
from ..limits.stores import check_store
from ..telemetry.events import combined
from .limit_choice import LimitChoice
from .waiting import WaitNotes

if TYPE_CHECKING:
    from .session import Connection

__all__ = ("STORE", "limit_options", "store_of", "store_shown")

# What counts when neither the command line nor a file says where.
STORE = "machine"


def limit_options(connection: Connection, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what else a client with the options ``given`` takes; raises InvalidRequest.

    The emulator in this process is nobody's account, so limits are kept there only for a tier that
    the command line names, and in books of their own.
    """
    choice = connection.limits
    _check(choice)
    if choice.is_off and connection.tier is not None:
        raise InvalidRequest("--tier and --no-rate-limit exclude each other; choose one")
    if choice.is_off or (connection.emulate and connection.tier is None):
        return {"limits": None}
    hooks = filter(None, (given.get("on_event"), WaitNotes()))
    options: dict[str, Any] = {"limit_store": store_of(connection), "on_event": combined(*hooks)}
    if choice.wait is not None:
        usual = timeouts_of(given.get("timeouts"), load_config().timeouts)
        options["timeouts"] = msgspec.structs.replace(usual, limit_wait=choice.wait)
    if connection.recording is not None and not connection.emulate:
        # What records stands before the usual way: it is not a service of its own.
        options["tier"] = _tier(given)
    return options


def store_of(connection: Connection) -> str | None:
    """Return where the command counts; None is in books of its own."""
    if connection.limits.store is not None or connection.emulate:
        return connection.limits.store
    return load_config().limits.store or STORE


def store_shown(store: str) -> str:
    """Return ``store`` without the user and the password that a URL may have."""
    parts = urlsplit(store)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _check(choice: LimitChoice) -> None:
    """Raise for what no limits could be kept by, also where none are kept."""
    if choice.wait is not None and not 0 <= choice.wait < float("inf"):
        raise InvalidRequest(f"--limit-wait is {choice.wait:g}; it takes seconds, from 0 on")
    if choice.store is not None:
        check_store(choice.store)


def _tier(given: Mapping[str, Any]) -> object:
    return options_of(given, os.environ, resolve_backend({}, os.environ), key_origin="none").tier
