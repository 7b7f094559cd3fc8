"""``gemstream relay secrets``: what is stored sealed, sealed anew."""

from __future__ import annotations

from ..session import say
from .command import operators_command, operators_group
from .reach import Operator
from .tables import Output

__all__ = ("secrets",)

secrets = operators_group()


@operators_command(
    secrets, "rotate", "Seal with the newest master secret.", "gemstream.relay-secrets/1"
)
async def _rotate(operator: Operator, output: Output) -> None:
    """Seal every stored API key with the newest master secret, and tell what needs the old one."""
    done = await operator.ask("POST", "/admin/secrets/rotate")

    def for_people() -> None:
        say(f"{done['rewrapped']} API keys are sealed anew, with version {done['version']}")
        if done["older_keys"]:
            ids = ", ".join(done["older_keys"])
            say(f"these keys need the older secret until they are rotated: {ids}")

    output.show(done, for_people)
