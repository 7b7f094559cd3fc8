"""What a check found, and what all of them together mean; pure."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import Any

import msgspec

from .exit_codes import ExitCode

__all__ = ("Finding", "State", "exit_code", "fail", "note", "ok", "skip", "warn")


class State(enum.StrEnum):
    """What a finding means: ``note`` is worth knowing, ``skip`` was not looked at."""

    OK = "ok"
    NOTE = "note"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``check`` found.

    ``advice``: what to do, ``""`` when nothing is to be done. ``facts``: the same for programs.
    ``code``: what a command ends with that meets this failure.
    """

    check: str
    state: State
    message: str
    advice: str = ""
    facts: dict[str, Any] = {}
    code: ExitCode = ExitCode.OK


def ok(check: str, message: str, **facts: Any) -> Finding:
    """Return that all is well."""
    return Finding(check=check, state=State.OK, message=message, facts=facts)


def note(check: str, message: str, advice: str = "", **facts: Any) -> Finding:
    """Return something that is no fault."""
    return Finding(check=check, state=State.NOTE, message=message, advice=advice, facts=facts)


def warn(check: str, message: str, advice: str, **facts: Any) -> Finding:
    """Return something that may go wrong."""
    return Finding(check=check, state=State.WARN, message=message, advice=advice, facts=facts)


def fail(
    check: str, message: str, advice: str = "", *, code: ExitCode = ExitCode.USAGE, **facts: Any
) -> Finding:
    """Return something that cannot go well."""
    return Finding(
        check=check, state=State.FAIL, message=message, advice=advice, facts=facts, code=code
    )


def skip(check: str, because: str) -> Finding:
    """Return that there was no sense in looking."""
    return Finding(check=check, state=State.SKIP, message=because)


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """Return the code of the first failure, 0 without one."""
    return next((each.code for each in findings if each.state is State.FAIL), ExitCode.OK)
