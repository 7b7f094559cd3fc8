"""``gemstream relay reload``: a running relay reads its file again."""

from __future__ import annotations

import typer

from ..session import say
from .command import operators_command
from .reach import Operator
from .tables import Output

__all__ = ("add_reload",)


def add_reload(group: typer.Typer) -> None:
    """Put the command into ``group``."""
    told = "Let a running relay read its file again."
    operators_command(group, "reload", told, "gemstream.relay-reload/1", needs_relay=True)(_reload)


async def _reload(operator: Operator, output: Output) -> None:
    """Let a running relay read its file again; a file that cannot be used changes nothing.

    With --config the relay is looked for where that file says it listens to operators.
    """
    done = await operator.ask("POST", "/admin/reload")

    def for_people() -> None:
        for change in done["live"]:
            say(change)
        if done["restart"]:
            say(f"these hold after a restart only: {', '.join(done['restart'])}")
        if not done["live"] and not done["restart"]:
            say("nothing has changed")

    output.show(done, for_people)
