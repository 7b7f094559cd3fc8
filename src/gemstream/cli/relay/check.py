"""``gemstream relay check``: every problem of a file, without serving."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...errors import ConfigError
from ..exit_codes import ExitCode
from ..options import AsJSON, Debug
from ..session import run_command
from ..terminal import stderr, stdout, visible

if TYPE_CHECKING:
    from ...config.relay.options import RelayOptions

__all__ = ("FILE_NAME", "check", "check_file")

FILE_NAME = "relay.toml"
_SCHEMA = "gemstream.relay-check/1"


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The relay's file.")] = Path(
        FILE_NAME
    ),
    as_json: AsJSON = False,
    debug: Debug = False,
) -> None:
    """Tell what is wrong with a relay's file: each problem with its line and its remedy."""
    run_command(lambda: check_file(file, as_json=as_json), debug=debug)


def check_file(path: Path, *, as_json: bool, **overrides: Any) -> ExitCode:
    """Print what ``path`` holds, or what is wrong with it, and return the exit code."""
    from ...config.relay.loading import Overrides, load_relay

    try:
        options = load_relay(path, os.environ, overrides=Overrides(**overrides))
    except ConfigError as error:
        problems = str(error).split("\n")
        if as_json:
            _write_json(path, problems, {})
        else:
            for problem in problems:
                stderr().error(problem)
        return ExitCode.USAGE
    counts = _counts(options)
    if as_json:
        _write_json(path, [], counts)
    else:
        held = ", ".join(f"{count} {what}" for what, count in counts.items())
        stdout().line(visible(f"{path} is well-formed: {held}"))
    return ExitCode.OK


def _counts(options: RelayOptions) -> dict[str, int]:
    return {
        "accounts": len(options.accounts),
        "keys": len(options.keys),
        "aliases": len(options.aliases),
        "prices": len(options.prices),
    }


def _write_json(path: Path, problems: list[str], counts: dict[str, int]) -> None:
    from ...wire.codec import encode

    stdout().line(
        encode({"schema": _SCHEMA, "file": str(path), "problems": problems, **counts}).decode()
    )
