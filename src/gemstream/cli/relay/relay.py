"""``gemstream relay``: one address in front of all accounts."""

from __future__ import annotations

import typer

from ..exit_codes import ExitCode
from ..terminal import stderr
from .accounts import accounts
from .audit import add_audit
from .check import check
from .keys import keys
from .reload import add_reload
from .secrets import secrets
from .serve import serve
from .top import add_top
from .usage import add_usage

__all__ = ("relay",)

_EXAMPLES = """\b
Examples:
  gemstream relay serve --emulate
  gemstream relay serve --config relay.toml
  gemstream relay check relay.toml
  gemstream relay keys create team-a --set rpm=60 --set budget_day=5.00
  gemstream relay usage --by model --since 2027-01-01
"""

relay = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
relay.command(epilog=_EXAMPLES, short_help="Serve callers until Ctrl-C or SIGTERM.")(serve)
relay.command(short_help="Tell what is wrong with a file, without serving.")(check)
relay.add_typer(keys, name="keys", help="Mint, change and revoke callers' keys.")
relay.add_typer(accounts, name="accounts", help="Make, change, test and reset accounts.")
add_usage(relay)
add_audit(relay)
add_reload(relay)
add_top(relay)
relay.add_typer(secrets, name="secrets", help="What is stored sealed.")


@relay.callback()
def _options(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        stderr().line(context.get_help())
        raise typer.Exit(ExitCode.USAGE)
