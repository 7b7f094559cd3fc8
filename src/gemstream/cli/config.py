"""``gemstream config``: what is set, where it comes from, and which files say so."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from .exit_codes import ExitCode
from .options import AsJSON, Debug
from .session import run_command, say
from .terminal import stderr, stdout, visible

__all__ = ("config",)

_SHOWN = "gemstream.config/1"
_PATHS = "gemstream.config-path/1"

config = typer.Typer(
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@config.callback()
def _options(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        stderr().line(context.get_help())
        raise typer.Exit(ExitCode.USAGE)


@config.command("show", short_help="Show every setting as it holds here.")
def _show(
    origin: Annotated[
        bool, typer.Option("--origin", help="Tell where each value comes from.")
    ] = False,
    as_json: AsJSON = False,
    debug: Debug = False,
) -> None:
    """Show every setting as it holds here, in the words of a gemstream.toml."""

    def main() -> ExitCode:
        from .config_rows import rows_of, shown_value
        from .surroundings import options_here

        options = options_here()
        rows = rows_of(options, os.environ)
        for warning in options.warnings:
            say(warning)
        if as_json:
            settings = [{"key": row.key, "value": row.value, "origin": row.origin} for row in rows]
            _write_json(
                {"schema": _SHOWN, "files": list(options.config.files), "settings": settings}
            )
            return ExitCode.OK
        for row in rows:
            aside = "" if row.is_setting else "# "
            comment = f"  # {row.origin}" if origin else ""
            stdout().line(visible(f"{aside}{row.key} = {shown_value(row.value)}{comment}"))
        return ExitCode.OK

    run_command(main, debug=debug)


@config.command("path", short_help="Tell which files are read.")
def _path(as_json: AsJSON = False, debug: Debug = False) -> None:
    """Tell which files are read, the strongest first, and where others would be."""

    def main() -> ExitCode:
        found = _paths()
        if as_json:
            _write_json({"schema": _PATHS, "files": found})
            return ExitCode.OK
        for file in found:
            state = "read" if file["is_there"] else "none"
            stdout().line(visible(f"{state}  {file['path']} ({file['kind']})"))
        return ExitCode.OK

    run_command(main, debug=debug)


def _paths() -> list[dict[str, Any]]:
    from ..config.places import places, user_folder, working_folder
    from ..credentials.stored_key import stored_key_file

    found = [
        (place.path, f"{place.kind}, of botticelli" if place.is_theirs else str(place.kind))
        for place in places(os.environ, working_folder())
    ]
    if folder := user_folder(os.environ):
        found.append((stored_key_file(folder), "stored key"))
    return [
        {"path": str(file), "kind": kind, "is_there": os.path.exists(file)} for file, kind in found
    ]


def _write_json(fields: dict[str, Any]) -> None:
    from ..wire.codec import encode

    stdout().line(encode(fields).decode())
