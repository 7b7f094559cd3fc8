"""``gemstream completion``: what a shell sources to complete our commands, and the words it offers.

Options complete from the command itself, files are left to the shell, models come from the bundled
list: nothing is sent and no key is needed.
"""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from .exit_codes import ExitCode
from .session import run_command
from .terminal import stdout

__all__ = (
    "Shell",
    "completion",
    "live_models",
    "model_names",
    "streaming_models",
    "thinking_words",
    "tier_names",
)

# The words that --thinking takes beside a number.
_THINKING = ("minimal", "low", "medium", "high", "xhigh", "on", "off")


class Shell(enum.StrEnum):
    """The shells that can be told."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"
    POWERSHELL = "powershell"
    PWSH = "pwsh"


def completion(
    shell: Annotated[
        Shell, typer.Argument(metavar="SHELL", help=f"{', '.join(Shell)}.", show_default=False)
    ],
) -> None:
    """Print the script that completes gemstream in a shell."""

    def main() -> ExitCode:
        # Handed on there by every version, though not named as an export.
        from typer.completion import get_completion_script  # type: ignore[attr-defined]

        script = get_completion_script(
            prog_name="gemstream", complete_var="_GEMSTREAM_COMPLETE", shell=shell.value
        )
        stdout().line(script)
        return ExitCode.OK

    run_command(main)


def model_names(incomplete: str) -> list[str]:
    """Return the models of the bundled list that begin so, with their prefix when that is there."""
    from ..config.models import bundled_models

    return _beginning(incomplete, [model.name for model in bundled_models().models])


def streaming_models(incomplete: str) -> list[str]:
    """Return those of ``model_names`` that can be asked."""
    from ..config.models import bundled_models
    from ..policy.capability import supports_streaming

    catalog = bundled_models()
    names = [model.name for model in catalog.models if supports_streaming(model.name, catalog)]
    return _beginning(incomplete, names)


def live_models(incomplete: str) -> list[str]:
    """Return those of ``model_names`` that have Live sessions."""
    from ..config.models import bundled_models
    from ..policy.capability import supports_live

    catalog = bundled_models()
    names = [model.name for model in catalog.models if supports_live(model.name, catalog)]
    return _beginning(incomplete, names)


def thinking_words(incomplete: str) -> list[str]:
    """Return the words of ``--thinking`` that begin so."""
    return [word for word in _THINKING if word.startswith(incomplete)]


def tier_names(incomplete: str) -> list[str]:
    """Return the tiers of a Gemini account that begin so."""
    from ..config.tiers import bundled_tiers

    return [name for name in bundled_tiers()["gemini"].tiers if name.startswith(incomplete)]


def _beginning(incomplete: str, names: list[str]) -> list[str]:
    prefix = "models/" if incomplete.startswith("models/") else ""
    return [f"{prefix}{name}" for name in names if f"{prefix}{name}".startswith(incomplete)]
