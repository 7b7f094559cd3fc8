"""The ``gemstream`` command: what there is, and how a wrong command line is answered."""

from __future__ import annotations

from typing import Annotated

import typer

from ..config.version import VERSION
from .ask import ask
from .completion import completion
from .config import config
from .demo import demo
from .doctor import doctor
from .emulate import emulate
from .exit_codes import MEANINGS, ExitCode
from .init import init
from .limits import limits
from .live import live
from .models import models
from .relay.relay import relay
from .terminal import open_closed_streams, stderr, stdout

__all__ = ("app", "run")

_EXIT_CODES = "Exit codes: " + "; ".join(
    f"{code.value} {meaning}" for code, meaning in MEANINGS.items()
)
_EXAMPLES = """\b
Examples:
  gemstream ask "Why is the sky blue?"
  gemstream ask "Count to 5" --emulate --timing
  gemstream ask "What is this?" -f picture.png -m gemini-2.5-pro
  git diff | gemstream ask - --system "Write a commit message"
"""
_LIVE_EXAMPLES = """\b
Examples:
  gemstream live --emulate
  gemstream live --mic
  gemstream live --audio-in question.wav --audio-out answer.wav < /dev/null
"""

app = typer.Typer(
    name="gemstream",
    help="Streaming-first Gemini: ask, watch, and build against a local one.",
    epilog=_EXIT_CODES,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=f"{_EXAMPLES}\n\n{_EXIT_CODES}")(ask)
app.command(epilog=f"{_LIVE_EXAMPLES}\n\n{_EXIT_CODES}", short_help="Hold a conversation.")(live)
app.command(epilog=_EXIT_CODES, short_help="Show a stream, a cut and a quota, without a key.")(demo)
app.command(epilog=_EXIT_CODES)(emulate)
app.command(epilog=_EXIT_CODES, short_help="List models with their limits and methods.")(models)
app.command(epilog=_EXIT_CODES, short_help="Show how much of each limit is used.")(limits)
app.command(epilog=_EXIT_CODES)(doctor)
app.command(epilog=_EXIT_CODES, short_help="Store a key, choose a tier and a model.")(init)
app.add_typer(config, name="config", epilog=_EXIT_CODES, help="Show the settings, and the files.")
app.add_typer(relay, name="relay", epilog=_EXIT_CODES, help="One address before all accounts.")
app.command(epilog=_EXIT_CODES)(completion)


def run(args: list[str] | None = None) -> int:
    """Run the command in ``args``, else in ``sys.argv``; return its exit code."""
    open_closed_streams()
    try:
        code = app(args, prog_name="gemstream", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    except Exception as error:
        return _refuse(error)
    return int(code or ExitCode.OK)


def _print_version(asked: bool) -> None:
    if asked:
        stdout().line(f"gemstream {VERSION}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        stderr().line(context.get_help())
        raise typer.Exit(ExitCode.USAGE)


def _refuse(error: Exception) -> int:
    """Answer a wrong command line in one line, as every other error."""
    # Typer's own exceptions and Click's share this much, whichever of the two an installed
    # version raises.
    if not hasattr(error, "format_message"):
        raise error
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "gemstream"
    said = error.format_message().strip().removesuffix(".")
    more = " See" if said.endswith("?") else "; see"
    stderr().error(f"{said[:1].lower()}{said[1:]}{more} {command} --help")
    return int(getattr(error, "exit_code", ExitCode.USAGE))
