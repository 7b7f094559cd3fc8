"""Options of keys and accounts on a command line: ``--set NAME=VALUE``, as a file writes them."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Collection, Sequence
from typing import Annotated, Any

import typer

from ...errors import InvalidRequest

__all__ = ("Settings", "Unsettings", "settings")

Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="An option as the relay's file has it, as rpm=60; may be repeated.",
        show_default=False,
    ),
]
Unsettings = Annotated[
    list[str] | None,
    typer.Option(
        "--unset",
        metavar="NAME",
        help="Back to its default; may be repeated.",
        show_default=False,
    ),
]

_LISTS = ("models", "surfaces", "cidrs", "accounts", "groups")


def settings(
    given: Sequence[str] | None, unset: Sequence[str] | None, known: Collection[str]
) -> dict[str, Any]:
    """Return the fields that the options name.

    A value is TOML; a bare word is text, and words between commas are an array where one belongs.
    Raises InvalidRequest for a name that is not ``known``, and for one that is there twice.
    """
    fields: dict[str, Any] = {}
    for one in given or ():
        name, equals, value = one.partition("=")
        if not equals:
            raise InvalidRequest(f"--set {name!r:.60} has no value; write it as rpm=60")
        _check(name, fields, known)
        fields[name] = _value(name, value)
    for name in unset or ():
        _check(name, fields, known)
        fields[name] = [] if name in _LISTS else None
    return fields


def _check(name: str, fields: dict[str, Any], known: Collection[str]) -> None:
    from ...config.relay.reading import nearest

    if name not in known:
        raise InvalidRequest(f"there is no option {name!r:.60}; {nearest(name, known)}")
    if name in fields:
        raise InvalidRequest(f"the option {name} is given twice")


def _value(name: str, written: str) -> Any:
    try:
        value = tomllib.loads(f"value = {written}")
    except tomllib.TOMLDecodeError:
        value = {}
    found = value.get("value", written) if len(value) == 1 else written
    if isinstance(found, datetime.datetime):
        return found.isoformat()
    if isinstance(found, datetime.date):
        return f"{found.isoformat()}T00:00:00Z"
    if name in _LISTS and isinstance(found, str):
        return [word.strip() for word in found.split(",")]
    return found
