"""Names of functions: the caller's ↔ such as Gemini takes.

Source: https://ai.google.dev/api/caching#FunctionDeclaration, field ``name``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...errors import InvalidRequest

__all__ = ("ToolNames",)

_VALID = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}", re.ASCII)
_FOREIGN = re.compile(r"[^A-Za-z0-9_.:-]", re.ASCII)
_MAX_LENGTH = 128


class ToolNames:
    """The names of one request, there and back.

    A valid name stays as it is, whatever the others become; so declare all before asking for one.
    """

    __slots__ = ("_callers", "_upstream")

    def __init__(self, declared: Iterable[str] = ()) -> None:
        self._upstream: dict[str, str] = {}
        self._callers: dict[str, str] = {}
        names = list(declared)
        for name in sorted(names, key=lambda name: not _VALID.fullmatch(name)):  # valid ones first
            self.upstream(name)

    def upstream(self, name: str) -> str:
        """Return the name to send for the caller's; one not seen before, as of history, is added.

        Raises InvalidRequest for an empty name.
        """
        if not name:
            raise InvalidRequest("a function has an empty name; give it one")
        known = self._upstream.get(name)
        return known if known is not None else self._add(name)

    def caller(self, name: str) -> str:
        """Return the caller's name of a function that the model calls; an invented one as it is."""
        return self._callers.get(name, name)

    def _add(self, name: str) -> str:
        valid = name if _VALID.fullmatch(name) else _validated(name)
        candidate, number = valid, 1
        while candidate in self._callers:
            number += 1
            suffix = f"_{number}"
            candidate = valid[: _MAX_LENGTH - len(suffix)] + suffix
        self._upstream[name] = candidate
        self._callers[candidate] = name
        return candidate


def _validated(name: str) -> str:
    name = _FOREIGN.sub("_", name)
    start = "" if name[0].isalpha() or name[0] == "_" else "_"
    return (start + name)[:_MAX_LENGTH]
