"""A relay's file walked key by key; what is wrong is noted with its place, and all of it told."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..toml_file import Key, TOMLFile, dotted
from .rows import Row

__all__ = ("Reading", "nearest")

# What stands in the environment instead of the file.
_FROM_ENVIRON = "env:"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class Reading:
    """One file on its way into options; problems are noted, and nothing is raised before the end.

    A value ``env:NAME`` is that of the variable NAME of ``environ``.
    """

    __slots__ = ("_environ", "_problems", "file")

    def __init__(self, file: TOMLFile, environ: Mapping[str, str]) -> None:
        self.file = file
        self._problems: list[tuple[int, str]] = []
        self._environ = environ

    @property
    def problems(self) -> list[str]:
        """What is wrong, with its place, from the top of the file to its end."""
        return [said for _, said in sorted(self._problems, key=lambda problem: problem[0])]

    def note(self, key: Key, said: str, *, of: str | None = None) -> None:
        """Note that ``key`` is wrong; ``said`` goes on from ``of``, else from its name."""
        place = self.file.place(key)
        line = place.rpartition(":")[2]
        name = self.shown(key) if of is None else of
        told = f"{place}: {name} {said}" if name else f"{place}: {said}"
        self._problems.append((int(line) if line.isdigit() else 0, told))

    def shown(self, key: Key) -> str:
        """Return ``key`` as a user finds it: an element of an array by its name."""
        if len(key) < 2 or not key[1].isdigit():
            return dotted(key)
        elements = self.file.tables.get(key[0])
        element = elements[int(key[1])] if isinstance(elements, list) else None
        name = element.get("name") if isinstance(element, Mapping) else None
        which = f'"{name}"' if isinstance(name, str) else f"number {int(key[1]) + 1}"
        return " ".join(filter(None, (f"{key[0]} {which}", dotted(key[2:]))))

    def values(
        self, key: Key, table: Mapping[str, Any], rows: Mapping[str, Row], also: Iterable[str] = ()
    ) -> dict[str, Any]:
        """Return the options that ``table`` gives, without those that are wrong."""
        found: dict[str, Any] = {}
        others = set(also)
        for name, written in table.items():
            here = (*key, name)
            row = rows.get(name)
            if row is not None:
                self._take(here, written, row, found)
            elif name not in others:
                self.note_unknown(here, [*rows, *others])
        return found

    def table(self, key: Key, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the table ``key`` of ``given``, empty when there is none."""
        value = given.get(key[-1], {})
        if isinstance(value, Mapping):
            return value
        self.note(key, f"must be a table: write [{dotted(key)}] and its keys below")
        return {}

    def tables(self, key: Key) -> list[tuple[Key, Mapping[str, Any]]]:
        """Return the tables of the array ``key`` with the key of each."""
        value = self.file.tables.get(key[-1], [])
        if isinstance(value, list) and all(isinstance(element, Mapping) for element in value):
            return [((*key, str(at)), element) for at, element in enumerate(value)]
        self.note(key, f"must be an array of tables: write [[{dotted(key)}]] above each")
        return []

    def note_unknown(self, key: Key, known: Iterable[str]) -> None:
        """Note that there is no such key, with the nearest of ``known``."""
        self.note(key, f"does not exist; {nearest(key[-1], known)}")

    def _take(self, key: Key, written: Any, row: Row, found: dict[str, Any]) -> None:
        try:
            found[row.field] = row.check(self._settled(written))
        except LookupError as error:
            self.note(key, str(error.args[0]))
        except ValueError as error:
            shown = "cannot be used" if row.is_secret else f"is {_written(written):.80}"
            self.note(key, f"{shown}; {error}")

    def _settled(self, written: Any) -> Any:
        """Return a value, or that of the variable it names; raises LookupError without one."""
        if not isinstance(written, str) or not written.startswith(_FROM_ENVIRON):
            return written
        variable = written.removeprefix(_FROM_ENVIRON)
        if not _VARIABLE.fullmatch(variable):
            raise LookupError('names no variable; write it as "env:GEMINI_API_KEY"')
        value = self._environ.get(variable, "")
        if not value.strip():
            state = "is empty" if variable in self._environ else "is not set"
            raise LookupError(f"is that of the variable {variable}, which {state}; set it")
        return value.strip()


def _written(value: Any) -> str:
    """Return a value as TOML writes it, or nearly."""
    return str(value) if isinstance(value, datetime.date | datetime.time) else repr(value)


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint that leads from a wrong ``name`` to one of ``known``."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]}?"
    return f"there are {', '.join(names)}" if names else "there are none"
