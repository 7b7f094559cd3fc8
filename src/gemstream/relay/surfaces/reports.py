"""What a translation left out or changed, told in the head of the answer."""

from __future__ import annotations

from collections.abc import Iterable

from ..exchange import Header

__all__ = ("report_headers",)

_LONGEST = 1024


def report_headers(dropped: Iterable[str], warnings: Iterable[str]) -> tuple[Header, ...]:
    """Return the headers that name the fields without counterpart, and what was changed."""
    told = (
        (b"x-relay-dropped", ", ".join(dropped)),
        (b"x-relay-warn", "; ".join(warnings)),
    )
    return tuple((name, _safe(text)) for name, text in told if text)


def _safe(text: str) -> bytes:
    """Return ``text`` as a header's value: the names of fields are the caller's own bytes."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in text[:_LONGEST])
    return printable.encode("ascii", "replace")
