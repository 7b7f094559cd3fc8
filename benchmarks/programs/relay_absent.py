"""How the program of a rival says that there is no such rival here."""

from __future__ import annotations

import sys
from typing import NoReturn

__all__ = ("ABSENT", "absent")

ABSENT = 69  # EX_UNAVAILABLE of sysexits.h


def absent(install: str) -> NoReturn:
    """End with the status that says so, and on standard error what would install it."""
    print(install, file=sys.stderr)
    sys.exit(ABSENT)
