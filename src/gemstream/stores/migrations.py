"""Numbered steps of SQL that bring a database to the shape its programs need.

Each component ships a folder of files ``0001_what.sql``, ``0002_…`` of its own, so two that share a
database do not wait for each other's numbers. A step that was released is never changed: what a
database has run is compared by checksum. Columns that hold bytes are ``<blob>``, keys that number
themselves ``<serial>``; a step ends its statements with semicolons and has neither these nor
``--`` within a text.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from importlib.abc import Traversable

import msgspec

from ..errors import InvalidState, StoreUnavailable
from .statement import Rows, Statement

__all__ = ("BOOK", "DONE", "Migrations", "Step", "due", "noted", "read_migrations")

BOOK = """CREATE TABLE IF NOT EXISTS migrations (
    component TEXT NOT NULL,
    number BIGINT NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    PRIMARY KEY (component, number)
)"""
"""The table of the steps that a database has run."""
DONE = "SELECT component, number, name, checksum FROM migrations"
"""The query for them, as ``due`` takes it."""
_COMMENT = re.compile(r"--[^\n]*")
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step: its file's name and SQL."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """The SHA-256 of the SQL; blank space at the ends of lines does not count."""
        lines = "\n".join(line.rstrip() for line in self.sql.strip().splitlines())
        return hashlib.sha256(lines.encode()).hexdigest()

    def statements(self) -> list[str]:
        """Return its statements, one by one, without comments."""
        return [part for part in _COMMENT.sub("", self.sql).split(";") if part.strip()]


class Migrations(msgspec.Struct, frozen=True, kw_only=True):
    """The steps of one component, the first is number 1."""

    component: str
    steps: tuple[Step, ...]


def read_migrations(component: str, folder: Traversable) -> Migrations:
    """Return the steps in ``folder``; raises InvalidState when a number is missing or twice."""
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    for number, file in enumerate(files, start=1):
        found = _NAME.fullmatch(file.name)
        if found is None or int(found[1]) != number:
            raise InvalidState(
                f"{component} has the migration {file.name}; the next one is {number:04}_what.sql"
            )
    steps = tuple(Step(name=file.name, sql=file.read_text("utf-8")) for file in files)
    return Migrations(component=component, steps=steps)


def due(done: Rows, migrations: Sequence[Migrations], place: str) -> list[tuple[str, int, Step]]:
    """Return the steps still to be run, by component and number.

    ``done``: the table's ``component, number, name, checksum``. Raises StoreUnavailable when the
    database at ``place`` has run a step that is not known here, or another of the same number.
    """
    known = {m.component: m.steps for m in migrations}
    for component, number, name, checksum in done:
        # Components of other programs in the same database are no concern of ours.
        steps = known.get(component)
        if steps is None:
            continue
        if number > len(steps):
            raise StoreUnavailable(
                f"{place} was written by a newer gemstream (it has {component} step {name}); "
                "upgrade this one, or name another database"
            )
        if steps[number - 1].checksum != checksum:
            raise StoreUnavailable(
                f"{place} has run another {component} step {number} ({name}) than this gemstream "
                "has; upgrade this one, or name another database"
            )
    last = {component: 0 for component in known}
    for component, number, *_ in done:
        last[component] = max(last.get(component, 0), number)
    return list(_after(last, known.items()))


def noted(component: str, number: int, step: Step) -> Statement:
    """Return the statement that notes a step as run."""
    return Statement(
        "INSERT INTO migrations (component, number, name, checksum) VALUES (?, ?, ?, ?)",
        (component, number, step.name, step.checksum),
    )


def _after(
    last: dict[str, int], known: Iterable[tuple[str, tuple[Step, ...]]]
) -> Iterable[tuple[str, int, Step]]:
    for component, steps in known:
        for number, step in enumerate(steps, start=1):
            if number > last[component]:
                yield component, number, step
