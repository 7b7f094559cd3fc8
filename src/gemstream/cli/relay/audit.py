"""``gemstream relay audit``: who did what."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .command import operators_command
from .reach import Operator
from .tables import Output, moment, print_table

__all__ = ("add_audit",)

_HEAD = ("AT", "WHO", "DID", "TO", "FIELDS", "GENUINE")
_GENUINE = {True: "yes", False: "NO", None: "unknown"}


def add_audit(group: typer.Typer) -> None:
    """Put the command into ``group``."""
    operators_command(group, "audit", "Show who did what.", "gemstream.relay-audit/1")(_audit)


async def _audit(
    operator: Operator,
    output: Output,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="How many.")
    ] = 100,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="ID", help="Only this key.", show_default=False),
    ] = None,
) -> None:
    """Show what operators did, the newest first; one that is not genuine is not ours."""
    found = await operator.ask("GET", "/admin/audit", query={"limit": limit, "key": key})
    output.show(found, lambda: print_table(_HEAD, map(_row, found["entries"])))


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    return (
        moment(entry["at"]),
        entry["actor"],
        entry["action"],
        entry["subject"],
        ", ".join(entry["fields"]),
        _GENUINE[entry["is_genuine"]],
    )
