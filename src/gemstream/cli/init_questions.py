"""What ``gemstream init`` asks on a terminal; questions go to stderr, and a key is not shown."""

from __future__ import annotations

import getpass
import sys

from ..errors import InvalidRequest

__all__ = ("ask_for_key", "ask_for_text", "can_ask")


def can_ask() -> bool:
    """Return whether somebody is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_for_key(known_from: str) -> str:
    """Return the key that is typed, ``""`` to keep that of ``known_from``.

    Raises InvalidRequest when the terminal is closed instead.
    """
    keep = f", empty keeps that of {known_from}" if known_from else ""
    try:
        key = getpass.getpass(f"API key (not shown{keep}): ", stream=sys.stderr)
    except EOFError:
        raise _closed() from None
    return key.strip()


def ask_for_text(question: str, usual: str) -> str:
    """Return what is typed, ``usual`` for an empty line; raises InvalidRequest as above."""
    sys.stderr.write(f"{question} [{usual}]: ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\n")
        raise _closed()
    return line.strip() or usual


def _closed() -> InvalidRequest:
    return InvalidRequest("the terminal was closed before all was answered; nothing was stored")
