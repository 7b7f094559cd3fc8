"""``gemstream relay``: one address in front of all accounts."""

from __future__ import annotations

import typer

from ..exit_codes import ExitCode
from ..terminal import stderr
from .check import check
from .serve import serve

__all__ = ("relay",)

_EXAMPLES = """\b
Examples:
  gemstream relay serve --emulate
  gemstream relay serve --config relay.toml
  gemstream relay check relay.toml
"""

relay = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
relay.command(epilog=_EXAMPLES, short_help="Serve callers until Ctrl-C or SIGTERM.")(serve)
relay.command(short_help="Tell what is wrong with a file, without serving.")(check)


@relay.callback()
def _options(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        stderr().line(context.get_help())
        raise typer.Exit(ExitCode.USAGE)
